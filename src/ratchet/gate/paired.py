"""How much worse the challenger is than the champion on the same rows, and how sure that is.

A *loss* is by how much the challenger is worse, in the metric's own unit: positive where it is
worse, whether the metric should be high or low. So every rule reads the same way.

Both models are scored on the same resamples (`ratchet.scoring.bootstrap`): what is hard about
these rows cancels out. A metric can also be asked for as `NAME_within`: with the level of each
batch set right for both models first (`ratchet.gate.within`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from ratchet.errors import ConfigError
from ratchet.gate.within import levelled
from ratchet.scoring.bootstrap import Unit, percentiles, resampled
from ratchet.scoring.metrics import METRICS
from ratchet.scoring.rows import Floats, checked

WITHIN = "_within"
# Ranking metrics and decisions on levelled scores would mostly reward the level, which is given.
WITHIN_METRICS = ("log_loss", "brier")
PAIRED_METRICS = (*METRICS, *(name + WITHIN for name in WITHIN_METRICS))


@dataclass(frozen=True)
class Difference:
    """One metric of both models, and what the challenger loses.

    champion, challenger: the metric on the rows. loss: by how much the challenger is worse.
    low, high: the percentile interval around `loss`. losses: (replicates,) the loss by resample.
    """

    metric: str
    champion: float
    challenger: float
    loss: float
    low: float
    high: float
    losses: Floats = field(repr=False, compare=False)

    @cached_property
    def deviation(self) -> float:
        """Standard deviation of the loss over resamples: its standard error."""
        return float(np.std(self.losses, ddof=1))

    def chance_above(self, margin: float) -> float:
        """Return the share of resamples in which the challenger loses more than `margin`."""
        return float(np.mean(self.losses > margin))


@dataclass(frozen=True)
class Movement:
    """How far the predictions move from champion to challenger; labels play no part.

    mean: the mean absolute difference of the probabilities. level: the mean difference, with its
    sign. flips: the share of rows whose decision changes.
    """

    mean: float
    level: float
    flips: float


def differences(
    y: ArrayLike,
    champion: ArrayLike,
    challenger: ArrayLike,
    batch: ArrayLike,
    *,
    metrics: Iterable[str],
    seed: int,
    confidence: float = 0.95,
    replicates: int = 1000,
    threshold: float = 0.5,
    unit: Unit = "batch",
) -> dict[str, Difference]:
    """Return what the challenger loses in each metric of `PAIRED_METRICS` asked for.

    y: (n,) labels 0 or 1. champion, challenger: (n,) their probabilities of 1. batch: (n,) the
    batch of each row. unit: whether resamples draw whole batches or rows of each batch.

    Raises what `ratchet.scoring.bootstrap.resampled` raises: DataError for scores that aren't
    finite or rows from which no interval can be had, ConfigError for an option out of range.
    """
    wanted = list(metrics)
    unknown = [name for name in wanted if name not in PAIRED_METRICS]
    if unknown or not wanted:
        raise ConfigError(
            f"unknown metric {', '.join(unknown) or '(none given)'}: "
            f"choose among {', '.join(PAIRED_METRICS)}"
        )
    plain = [name for name in wanted if name in METRICS]
    within = [name.removesuffix(WITHIN) for name in wanted if name not in METRICS]
    found: dict[str, Difference] = {}
    for chosen, suffix in ((plain, ""), (within, WITHIN)):
        if not chosen:
            continue
        models = [levelled(y, p, batch) if suffix else p for p in (champion, challenger)]
        drawn = resampled(
            y,
            models,
            batch,
            seed=seed,
            metrics=chosen,
            replicates=replicates,
            threshold=threshold,
            unit=unit,
        )
        for name in chosen:
            sign = -1.0 if METRICS[name].greater_is_better else 1.0
            before, after = drawn.values[name]
            losses = sign * np.diff(drawn.replicates[name])[:, 0]
            ends = percentiles(sign * (after - before), losses, confidence)
            found[name + suffix] = Difference(
                name + suffix, float(before), float(after), ends.value, ends.low, ends.high, losses
            )
    return {name: found[name] for name in wanted}


def movement(champion: ArrayLike, challenger: ArrayLike, *, threshold: float = 0.5) -> Movement:
    """Return how far the predictions (n,) of the two models lie apart.

    Raises DataError for scores that aren't probabilities or aren't of the same rows.
    """
    nobody = np.zeros(np.shape(champion), dtype=np.int8)  # the checks want labels
    one, two = (checked(nobody, p, threshold).p for p in (champion, challenger))
    return Movement(
        mean=float(np.abs(two - one).mean()),
        level=float((two - one).mean()),
        flips=float(((one > threshold) != (two > threshold)).mean()),
    )
