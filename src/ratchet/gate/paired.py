"""How much worse the challenger is than the champion on the same rows, and how sure that is.

A *loss* is by how much the challenger is worse, in the metric's own unit: positive where it is
worse, whether the metric should be high or low. So every rule reads the same way. (RMSE and mean
absolute error are in the unit of the labels, and so is their loss.)

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
from ratchet.gate.within import WITHIN, levelled, within_metrics
from ratchet.scoring.bootstrap import Unit, percentiles, resampled
from ratchet.scoring.metrics import METRICS, metrics_of
from ratchet.scoring.rows import Floats, Rows, checked
from ratchet.task import Task


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

    mean: the mean absolute difference of the probabilities. With several classes that is, for each
    row, the total variation: half the sum over classes, so 1 at most. Of numbers the mean is a
    share of the labels' standard deviation. level: the mean difference, with its sign; None with
    several classes. flips: the share of rows whose decision changes; None where nothing is decided.
    """

    mean: float
    level: float | None
    flips: float | None


def paired_metrics(task: Task) -> tuple[str, ...]:
    """Return the names of what can be compared: the task's metrics, some of them within batches."""
    return (*metrics_of(task), *within_metrics(task))


def require_paired(names: Iterable[str], task: Task, where: str) -> None:
    """Raise ConfigError, beginning with `where`, for a metric that isn't for the task."""
    unknown = [name for name in names if name not in paired_metrics(task)]
    if unknown:
        raise ConfigError(
            f"{where}: unknown metric {', '.join(unknown)} for task: {task}: choose among "
            f"{', '.join(paired_metrics(task))}"
        )


def differences(
    y: ArrayLike,
    champion: ArrayLike,
    challenger: ArrayLike,
    batch: ArrayLike,
    *,
    task: Task = "binary",
    metrics: Iterable[str],
    seed: int,
    confidence: float = 0.95,
    replicates: int = 1000,
    threshold: float = 0.5,
    unit: Unit = "batch",
) -> dict[str, Difference]:
    """Return what the challenger loses in each metric of `paired_metrics` asked for.

    y: (n,) labels. champion, challenger: their scores, as `ratchet.scoring.rows` has them. batch:
    (n,) the batch of each row. unit: whether resamples draw whole batches or rows of each batch.

    Raises what `ratchet.scoring.bootstrap.resampled` raises: DataError for scores that aren't
    finite or rows from which no interval can be had, ConfigError for an option out of range.
    """
    wanted = list(metrics)
    require_paired(wanted or ["(none given)"], task, "gate")
    plain = [name for name in wanted if name in METRICS]
    within = [name.removesuffix(WITHIN) for name in wanted if name not in METRICS]
    found: dict[str, Difference] = {}
    for chosen, suffix in ((plain, ""), (within, WITHIN)):
        if not chosen:
            continue
        models = [levelled(y, p, batch, task) if suffix else p for p in (champion, challenger)]
        drawn = resampled(
            y,
            models,
            batch,
            seed=seed,
            task=task,
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


def movement(
    y: ArrayLike,
    champion: ArrayLike,
    challenger: ArrayLike,
    *,
    task: Task = "binary",
    threshold: float = 0.5,
) -> Movement:
    """Return how far the predictions of the two models lie apart.

    y: (n,) labels, whose deviation is the measure of numbers. champion, challenger: the scores of
    the same rows.

    Raises DataError for scores that aren't the task's or aren't of the same rows.
    """
    one, two = (checked(y, p, threshold, task) for p in (champion, challenger))
    apart = two.p - one.p
    if task == "multiclass":
        return Movement(float(np.abs(apart).sum(axis=1).mean() / 2), None, _flips(one, two))
    if task == "regression":
        with np.errstate(divide="ignore", invalid="ignore"):  # the rules refuse what isn't finite
            apart = apart / np.std(one.y)
        return Movement(float(np.abs(apart).mean()), float(apart.mean()), None)
    return Movement(float(np.abs(apart).mean()), float(apart.mean()), _flips(one, two))


def _flips(one: Rows, two: Rows) -> float:
    return float((one.decision != two.decision).mean())
