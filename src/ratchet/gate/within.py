"""Scores with the level of each batch set right, to judge what a model tells apart within batches.

How high the label rate of a batch is hangs on what happened on that day: on a stormy day every
flight is late, and of two models the one that expects more delays looks better, on a calm one the
other. With the few days of a holdout that luck is by far the largest part of a difference in log
loss. So each batch's scores are moved together, on the logit scale, until their mean is the
batch's label rate: as if both models had foreseen the day, and only that. What is left is who
within the day is positive and how sure the model was of it: a fixed-effects (or conditional)
comparison, as in matched case-control studies: Breslow & Day (1980), Statistical Methods in Cancer
Research I, chapter 7.

Such scores use the labels. They are for comparing two models, not for praising one.
"""

import numpy as np
from numpy.typing import ArrayLike

from ratchet.scoring.bootstrap import batch_codes
from ratchet.scoring.rows import Floats, checked

HALVINGS = 60


def levelled(y: ArrayLike, p: ArrayLike, batch: ArrayLike) -> Floats:
    """Return `p` with a shift of the logit for each batch, so that batch means are label rates.

    y: (n,) labels 0 or 1. p: (n,) probabilities of 1. batch: (n,) the batch of each row. A batch
    of one class has nothing within: its scores become its labels. So no model gains or loses there.

    Raises DataError for what `ratchet.scoring.metrics.checked` refuses.
    """
    rows = checked(y, p)
    codes = batch_codes(batch, len(rows.y))
    kept = np.clip(rows.p, rows.epsilon, 1 - rows.epsilon)
    logit = np.log(kept) - np.log1p(-kept)
    positives = np.bincount(codes, weights=rows.y)
    # No logit is further than `reach` from 0 (36 for float64); twice that surely turns every
    # sign, and thrice gives rates that no batch of fewer than 10^15 rows can have.
    reach = 3 * float(np.log(1 / rows.epsilon))
    low, high = np.full(len(positives), -reach), np.full(len(positives), reach)
    for _ in range(HALVINGS):  # the sum of scores grows with the shift
        middle = (low + high) / 2
        too_high = np.bincount(codes, weights=_sigmoid(logit + middle[codes])) > positives
        high = np.where(too_high, middle, high)
        low = np.where(too_high, low, middle)
    moved = _sigmoid(logit + ((low + high) / 2)[codes])
    sizes = np.bincount(codes)
    single = (positives == 0) | (positives == sizes)
    scores: Floats = np.where(single[codes], rows.y, moved)
    return scores


def _sigmoid(logit: Floats) -> Floats:
    half: Floats = 0.5 * (1 + np.tanh(logit / 2))
    return half
