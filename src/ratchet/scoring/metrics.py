"""The one table of metrics, and the arithmetic that all of them share.

A metric is written once, in two steps (`ratchet.scoring.tallies`):

1. a *tally* of the rows: each row falls into a cell and brings a value; the tally sums the values
   by cell, each row counted `weight` times;
2. a formula from those sums to the figure.

The figure on the data is the formula with every weight 1. A bootstrap replicate is the same
formula with the number of times that each row was drawn (`ratchet.scoring.bootstrap`). So a
figure and its interval cannot come from two implementations.

Figures agree with `sklearn.metrics`, which is the yardstick in the tests only: importing it takes
longer than most stages run.

Labels `y` and scores `p` have the shapes that their task has in `ratchet.scoring.rows`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ratchet.errors import ConfigError, DataError
from ratchet.scoring.rows import Floats, checked
from ratchet.scoring.tallies import (
    TallyFunction,
    absolute_errors,
    accuracy,
    average_precision,
    balanced_accuracy,
    by_calibration_bin,
    by_decision,
    by_positive_score,
    by_run,
    calibration_error,
    f1_weighted,
    log_losses,
    mean,
    r2,
    roc_auc,
    root_mean,
    squared_errors,
    variation,
)
from ratchet.task import Task


@dataclass(frozen=True)
class Metric:
    """One line of the table.

    tally: from rows to their tally. Metrics with the same function share its sums.
    formula: from sums (replicates, cells) and numbers of rows (replicates,) to figures
    (replicates,). tasks: those it is for. needs_contrast: has no value where all labels are equal.
    needs_probabilities: looks at how likely each class is, rather than at the decision or number.
    in_labels_unit: a figure in the unit of the labels (dollars, degrees), rather than a share or
    nats. is_loss: the task's own loss, by which a model is held against the baseline, batch by
    batch and slice by slice; each task has one.
    """

    name: str
    title: str
    tally: TallyFunction
    formula: Callable[[Floats, Floats], Floats]
    greater_is_better: bool
    tasks: frozenset[Task]
    needs_contrast: bool = False
    needs_probabilities: bool = False
    in_labels_unit: bool = False
    is_loss: bool = False

    def figures(self, sums: Floats, rows: Floats) -> Floats:
        """Apply the formula; DataError unless every figure is finite."""
        figures = self.formula(sums, rows)
        if not np.isfinite(figures).all():
            raise DataError(
                f"{self.name} has no finite value on these rows: leave it out of the metrics, "
                "or widen the holdout or the slice"
            )
        return figures


def table(*metrics: Metric) -> Mapping[str, Metric]:
    """Return the metrics by name, read-only."""
    return MappingProxyType({metric.name: metric for metric in metrics})


BINARY: frozenset[Task] = frozenset({"binary"})
MULTICLASS: frozenset[Task] = frozenset({"multiclass"})
CLASSES: frozenset[Task] = BINARY | MULTICLASS
REGRESSION: frozenset[Task] = frozenset({"regression"})

METRICS = table(
    Metric(
        "roc_auc",
        "ROC AUC",
        by_run,
        roc_auc,
        True,
        BINARY,
        needs_contrast=True,
        needs_probabilities=True,
    ),
    Metric(
        "average_precision",
        "average precision",
        by_positive_score,
        average_precision,
        True,
        BINARY,
        needs_contrast=True,
        needs_probabilities=True,
    ),
    Metric(
        "log_loss",
        "log loss",
        log_losses,
        mean,
        False,
        CLASSES,
        needs_probabilities=True,
        is_loss=True,
    ),
    Metric("brier", "Brier score", squared_errors, mean, False, CLASSES, needs_probabilities=True),
    Metric("f1_weighted", "F1, weighted", by_decision, f1_weighted, True, CLASSES),
    Metric("accuracy", "accuracy", by_decision, accuracy, True, CLASSES),
    Metric(
        "balanced_accuracy", "balanced accuracy", by_decision, balanced_accuracy, True, MULTICLASS
    ),
    Metric(
        "calibration_error",
        "calibration error",
        by_calibration_bin,
        calibration_error,
        False,
        CLASSES,
        needs_probabilities=True,
    ),
    Metric(
        "rmse",
        "RMSE",
        squared_errors,
        root_mean,
        False,
        REGRESSION,
        in_labels_unit=True,
        is_loss=True,
    ),
    Metric(
        "mae",
        "mean absolute error",
        absolute_errors,
        mean,
        False,
        REGRESSION,
        in_labels_unit=True,
    ),
    Metric("r2", "R²", variation, r2, True, REGRESSION, needs_contrast=True),
)


def metrics_of(task: Task) -> tuple[str, ...]:
    """Return the names of the metrics that are for `task`, in the order of the table."""
    return tuple(name for name, metric in METRICS.items() if task in metric.tasks)


def loss_of(task: Task) -> Metric:
    """Return the task's own loss."""
    [loss] = (metric for metric in METRICS.values() if task in metric.tasks and metric.is_loss)
    return loss


def main_of(task: Task) -> tuple[str, str]:
    """Return the two metrics by which people know a model: one that should be high, the loss."""
    high = next(name for name in metrics_of(task) if METRICS[name].greater_is_better)
    return high, loss_of(task).name


def score(
    y: ArrayLike,
    p: ArrayLike,
    *,
    task: Task = "binary",
    metrics: Iterable[str] | None = None,
    threshold: float = 0.5,
) -> dict[str, float]:
    """Return the figures of one model for labels `y` and scores `p`, in the order asked.

    metrics: names, by default all that are for the task. threshold: only the binary task's.
    Raises DataError if rows are unusable, or labels are all equal and a metric needs contrast;
    ConfigError for an unknown metric or one of another task.
    """
    chosen = choose(metrics, task)
    rows = checked(y, p, threshold, task)
    require_contrast(rows.y, chosen)
    once = np.ones(len(rows.y))
    return {
        metric.name: float(
            metric.figures(metric.tally(rows).sums(once)[np.newaxis], once.sum(keepdims=True))[0]
        )
        for metric in chosen
    }


def prior_score(
    y: ArrayLike,
    prior: ArrayLike,
    *,
    task: Task = "binary",
    metrics: Iterable[str] | None = None,
    threshold: float = 0.5,
) -> dict[str, float]:
    """Return the figures of the trivial model, which gives every row the same score.

    prior: that score, () or (k,): the share of 1, of each class, or the mean among the *training*
    labels; the holdout's own would be hindsight. A model that doesn't beat it has learned nothing.
    """
    return score(y, constant(prior, np.size(y)), task=task, metrics=metrics, threshold=threshold)


def constant(prior: ArrayLike, rows: int) -> Floats:
    """Return the scores of the trivial model: (rows,), or (rows, k) if `prior` is (k,)."""
    one = np.asarray(prior, dtype=np.float64)
    return np.broadcast_to(one, (rows, *one.shape))


def applicable(y: ArrayLike, *, rows_of_each: int = 1, task: Task = "binary") -> tuple[str, ...]:
    """Return the task's metrics that labels `y` (n,) allow.

    All, or those that need no contrast if none but `rows_of_each - 1` rows differ in label from
    the commonest. An interval needs 2.
    """
    _, counts = np.unique(np.asarray(y), return_counts=True)
    contrast = len(counts) > 1 and int(counts.sum() - counts.max()) >= rows_of_each
    if task == "binary":
        contrast = contrast and int(counts.min()) >= rows_of_each
    return tuple(name for name in metrics_of(task) if contrast or not METRICS[name].needs_contrast)


def choose(names: Iterable[str] | None, task: Task = "binary") -> list[Metric]:
    """Look metrics up by name; ConfigError for one that isn't in the table or for the task."""
    allowed = metrics_of(task)
    names = allowed if names is None else list(names)
    unknown = [name for name in names if name not in allowed]
    if unknown or not names:
        raise ConfigError(
            f"unknown metric {', '.join(unknown) or '(none given)'} for task: {task}: "
            f"choose among {', '.join(allowed)}"
        )
    return [METRICS[name] for name in names]


def require_contrast(y: NDArray[Any], metrics: Iterable[Metric]) -> None:
    """Raise DataError if all labels are equal and a metric needs them to differ."""
    needy = [metric.name for metric in metrics if metric.needs_contrast]
    if needy and (y == y[0]).all():
        raise DataError(
            f"{', '.join(needy)} need rows with different labels, but all {len(y)} labels are "
            f"{y[0]:g}: widen the holdout or the slice, or ask only for other metrics"
        )
