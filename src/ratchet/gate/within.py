"""Scores with the level of each batch set right, to judge what a model tells apart within batches.

How high the label rate of a batch is hangs on what happened on that day: on a stormy day every
flight is late, and of two models the one that expects more delays looks better, on a calm one the
other. With the few days of a holdout that luck is by far the largest part of a difference in log
loss. So each batch's scores are moved together until their mean is that of the batch's labels: as
if both models had foreseen the day, and only that. What is left is who within the day is positive
and how sure the model was of it: a fixed-effects (or conditional) comparison, as in matched
case-control studies: Breslow & Day (1980), Statistical Methods in Cancer Research I, chapter 7.

Probabilities are moved on the logit scale, numbers by what their mean misses. With several classes
there is more than one level, and that isn't done.

Such scores use the labels. They are for comparing two models, not for praising one.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from ratchet.scoring.bootstrap import batch_codes
from ratchet.scoring.rows import Floats, checked
from ratchet.task import Task

HALVINGS = 60
WITHIN = "_within"
# Ranking, decisions and R² on levelled scores would mostly reward the level, which is given.
_METRICS: Mapping[Task, tuple[str, ...]] = {
    "binary": ("log_loss", "brier"),
    "regression": ("rmse", "mae"),
}


def within_metrics(task: Task) -> tuple[str, ...]:
    """Return the names of the task's metrics on levelled scores."""
    return tuple(name + WITHIN for name in _METRICS.get(task, ()))


def levelled(y: ArrayLike, p: ArrayLike, batch: ArrayLike, task: Task = "binary") -> Floats:
    """Return the scores `p` (n,) with a shift for each batch, so that means are those of labels.

    y: (n,) labels. batch: (n,) the batch of each row. task: one that has `within_metrics`.

    Raises DataError for what `ratchet.scoring.metrics.checked` refuses.
    """
    rows = checked(y, p, task=task)
    codes = batch_codes(batch, len(rows.y))
    return _LEVELLED[task](rows.y.astype(np.float64), rows.p, codes, rows.epsilon)


def _numbers(y: Floats, p: Floats, codes: np.ndarray, epsilon: float) -> Floats:  # noqa: ARG001
    missed = np.bincount(codes, weights=y - p) / np.bincount(codes)
    moved: Floats = p + missed[codes]
    return moved


def _probabilities(y: Floats, p: Floats, codes: np.ndarray, epsilon: float) -> Floats:
    """Shift logits. A batch of one class has nothing within: its scores become its labels.

    So no model gains or loses there.
    """
    kept = np.clip(p, epsilon, 1 - epsilon)
    logit = np.log(kept) - np.log1p(-kept)
    positives = np.bincount(codes, weights=y)
    # No logit is further than `reach` from 0 (36 for float64); twice that surely turns every
    # sign, and thrice gives rates that no batch of fewer than 10^15 rows can have.
    reach = 3 * float(np.log(1 / epsilon))
    low, high = np.full(len(positives), -reach), np.full(len(positives), reach)
    for _ in range(HALVINGS):  # the sum of scores grows with the shift
        middle = (low + high) / 2
        too_high = np.bincount(codes, weights=_sigmoid(logit + middle[codes])) > positives
        high = np.where(too_high, middle, high)
        low = np.where(too_high, low, middle)
    moved = _sigmoid(logit + ((low + high) / 2)[codes])
    sizes = np.bincount(codes)
    single = (positives == 0) | (positives == sizes)
    scores: Floats = np.where(single[codes], y, moved)
    return scores


_LEVELLED: Mapping[Task, Callable[[Floats, Floats, np.ndarray, float], Floats]] = {
    "binary": _probabilities,
    "regression": _numbers,
}


def _sigmoid(logit: Floats) -> Floats:
    half: Floats = 0.5 * (1 + np.tanh(logit / 2))
    return half
