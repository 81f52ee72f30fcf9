"""The one table of metrics, and the arithmetic that all of them share.

A metric is written once, in two steps:

1. a *tally* of the rows: each row falls into a cell and brings a value; the tally sums the values
   by cell, each row counted `weight` times;
2. a formula from those sums to the figure.

The figure on the data is the formula with every weight 1. A bootstrap replicate is the same
formula with the number of times that each row was drawn (`ratchet.scoring.bootstrap`). So a
figure and its interval cannot come from two implementations. Nothing is approximated: ranking
metrics put scores together only where that changes no figure.

Figures agree with `sklearn.metrics`, which is the yardstick in the tests only: importing it takes
longer than most stages run.

Labels `y` are 0 or 1; scores `p` are probabilities of 1. A row is predicted 1 if `p > threshold`:
strictly, because scikit-learn's classifiers answer 0 at a probability of exactly .5.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ratchet.errors import ConfigError, DataError

Floats: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.intp]

CALIBRATION_BINS = 15


@dataclass(frozen=True)
class Rows:
    """Scored rows that passed the checks of `checked`.

    y: (n,) bool, the labels. p: (n,) float64 in [0, 1], the probability of 1.
    epsilon: machine epsilon of the type in which `p` was given.
    """

    y: NDArray[np.bool_]
    p: Floats
    threshold: float
    epsilon: float

    def take(self, order: Codes) -> "Rows":
        """Return the rows in another order."""
        return replace(self, y=self.y[order], p=self.p[order])


@dataclass(frozen=True)
class Tally:
    """Sums over rows by cell: all that a metric needs to know about the rows.

    cells: number of cells. cell: (n,) each row's cell, or None if there is but one.
    value: (n,) what each row brings, or None for a count.
    """

    cells: int
    cell: Codes | None = None
    value: Floats | None = None

    def sums(self, weight: Floats) -> Floats:
        """Sum `weight * value` by cell; `weight` is (n,), the result (cells,).

        Without BLAS, whose last bits depend on the number of threads.
        """
        brought = weight if self.value is None else weight * self.value
        if self.cell is None:
            return np.array([brought.sum()])
        sums = np.bincount(self.cell, weights=brought, minlength=self.cells)
        return sums.astype(np.float64, copy=False)  # it is: this tells the type checker


TallyFunction: TypeAlias = Callable[[Rows], Tally]


@dataclass(frozen=True)
class Metric:
    """One line of the table.

    tally: from rows to their tally. Metrics with the same function share its sums.
    formula: from sums (replicates, cells) and numbers of rows (replicates,) to figures
    (replicates,). needs_both_classes: has no value where all labels are equal.
    """

    name: str
    title: str
    tally: TallyFunction
    formula: Callable[[Floats, Floats], Floats]
    greater_is_better: bool
    needs_both_classes: bool = False

    def figures(self, sums: Floats, rows: Floats) -> Floats:
        """Apply the formula; DataError unless every figure is finite."""
        figures = self.formula(sums, rows)
        if not np.isfinite(figures).all():
            raise DataError(
                f"{self.name} has no finite value on these rows: leave it out of the metrics, "
                "or widen the holdout or the slice"
            )
        return figures


def by_run(rows: Rows) -> Tally:
    """Count rows by class and run of scores: negatives from the lowest run up, then positives.

    Neighbouring scores form one run if all their rows are of one class. The ROC curve only asks
    how rows of different classes are ordered, so nothing is lost. Without ties there are at most
    twice as many runs as rows of the rarer class, plus one.
    """
    _, rank, ties = np.unique(rows.p, return_inverse=True, return_counts=True)
    share = np.bincount(rank, weights=rows.y) / ties
    mixed = (share > 0) & (share < 1)
    starts = np.concatenate([[False], (share[1:] != share[:-1]) | mixed[1:]])
    return by_class(rows, level=np.cumsum(starts)[rank], levels=1 + int(starts.sum()))


def by_positive_score(rows: Rows) -> Tally:
    """Count rows by class and level: negatives from the lowest level up, then so the positives.

    A level reaches from one positive's score up to the next higher one's, because precision is
    only looked at where there is a positive. Level 0 lies below them all.
    """
    scores = np.unique(rows.p[rows.y])
    level = np.searchsorted(scores, rows.p, side="right")
    return by_class(rows, level, levels=1 + len(scores))


def by_class(rows: Rows, level: Codes, levels: int) -> Tally:
    """Count negatives by level (n,), then positives by level."""
    return Tally(2 * levels, cell=level + levels * rows.y)


def by_decision(rows: Rows) -> Tally:
    """Count true negatives, false positives, false negatives and true positives, in this order."""
    return by_class(rows, level=(rows.p > rows.threshold).astype(np.intp), levels=2)


def by_calibration_bin(rows: Rows) -> Tally:
    """Sum `p - y` by calibration bin."""
    return Tally(CALIBRATION_BINS, cell=calibration_bin(rows.p), value=rows.p - rows.y)


def calibration_bin(p: Floats) -> Codes:
    """Return each score's bin (n,): bin m of M holds m/M < p <= (m+1)/M, and bin 0 also p = 0."""
    inner_edges = np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1]
    return np.searchsorted(inner_edges, p, side="left")


def log_losses(rows: Rows) -> Tally:
    """Sum minus the natural logarithm of the probability given to the true label.

    Probabilities are kept `epsilon` away from 0 and 1, as scikit-learn does.
    """
    given = np.where(rows.y, rows.p, 1 - rows.p)
    return Tally(1, value=-np.log(np.clip(given, rows.epsilon, 1 - rows.epsilon)))


def squared_errors(rows: Rows) -> Tally:
    """Sum `(p - y)²`."""
    return Tally(1, value=(rows.p - rows.y) ** 2)


def roc_auc(sums: Floats, rows: Floats) -> Floats:
    """Chance that a positive scores above a negative, ties counting half.

    The Mann-Whitney form of the area: Hanley & McNeil (1982), Radiology 143(1), 29-36.
    """
    negative, positive = np.split(sums, 2, axis=1)
    up_to_here = np.cumsum(negative, axis=1)
    negatives = up_to_here[:, -1]
    pairs_won = (positive * (up_to_here - negative / 2)).sum(axis=1)
    area: Floats = pairs_won / (negatives * (rows - negatives))
    return area


def average_precision(sums: Floats, rows: Floats) -> Floats:  # noqa: ARG001 (a formula takes both)
    """Mean over positives of the precision at their score; not interpolated, as in scikit-learn."""
    positive, negative = np.split(sums[:, ::-1], 2, axis=1)  # now from the highest score down
    hits = np.cumsum(positive, axis=1)
    predicted = np.cumsum(negative, axis=1) + hits
    # Above the highest score that was drawn nothing is predicted, and no positive asks.
    precision = np.divide(hits, predicted, out=np.zeros_like(hits), where=predicted > 0)
    area: Floats = (positive * precision).sum(axis=1) / hits[:, -1]
    return area


def f1_weighted(sums: Floats, rows: Floats) -> Floats:
    """F1 of each class, weighted by its rows; a class neither present nor predicted brings 0."""
    tn, fp, fn, tp = sums.T
    wrong = fp + fn
    f1_of_0 = 2 * tn / np.maximum(2 * tn + wrong, 1)
    f1_of_1 = 2 * tp / np.maximum(2 * tp + wrong, 1)
    f1: Floats = (f1_of_0 * (tn + fp) + f1_of_1 * (fn + tp)) / rows
    return f1


def accuracy(sums: Floats, rows: Floats) -> Floats:
    """Share of rows that are predicted right."""
    share: Floats = (sums[:, 0] + sums[:, 3]) / rows
    return share


def mean(sums: Floats, rows: Floats) -> Floats:
    """Mean of what the rows bring."""
    return sums[:, 0] / rows


def calibration_error(sums: Floats, rows: Floats) -> Floats:
    """Mean over rows of the gap between mean score and observed share in the row's bin.

    The expected calibration error of Naeini, Cooper & Hauskrecht (2015), AAAI 29, for the
    probability of 1, with the 15 bins of equal width of Guo et al. (2017), ICML. Fixed edges keep
    it comparable between models and nights. On few rows it is biased upwards.
    """
    error: Floats = np.abs(sums).sum(axis=1) / rows
    return error


def table(*metrics: Metric) -> Mapping[str, Metric]:
    """Return the metrics by name, read-only."""
    return MappingProxyType({metric.name: metric for metric in metrics})


METRICS = table(
    Metric("roc_auc", "ROC AUC", by_run, roc_auc, True, needs_both_classes=True),
    Metric(
        "average_precision",
        "average precision",
        by_positive_score,
        average_precision,
        True,
        needs_both_classes=True,
    ),
    Metric("log_loss", "log loss", log_losses, mean, False),
    Metric("brier", "Brier score", squared_errors, mean, False),
    Metric("f1_weighted", "F1, weighted", by_decision, f1_weighted, True),
    Metric("accuracy", "accuracy", by_decision, accuracy, True),
    Metric("calibration_error", "calibration error", by_calibration_bin, calibration_error, False),
)


def score(
    y: ArrayLike, p: ArrayLike, *, metrics: Iterable[str] = METRICS, threshold: float = 0.5
) -> dict[str, float]:
    """Return the figures of one model for labels `y` (n,) and scores `p` (n,), in the order asked.

    Raises DataError if rows are unusable, or have one class and a metric needs both; ConfigError
    for an unknown metric.
    """
    chosen = choose(metrics)
    rows = checked(y, p, threshold)
    require_classes(rows.y, chosen)
    once = np.ones(len(rows.y))
    return {
        metric.name: float(
            metric.figures(metric.tally(rows).sums(once)[np.newaxis], once.sum(keepdims=True))[0]
        )
        for metric in chosen
    }


def prior_score(
    y: ArrayLike,
    positive_share: float,
    *,
    metrics: Iterable[str] = METRICS,
    threshold: float = 0.5,
) -> dict[str, float]:
    """Return the figures of the trivial model, which gives every row the same probability.

    positive_share: share of 1 among the *training* labels; the holdout's own would be hindsight.
    A model that doesn't beat this has learned nothing.
    """
    p = np.full(np.shape(y), positive_share, dtype=np.float64)
    return score(y, p, metrics=metrics, threshold=threshold)


def applicable(y: ArrayLike, *, rows_of_each: int = 1) -> tuple[str, ...]:
    """Return the metrics that labels `y` (n,) of 0 and 1 allow.

    All, or those that one class is enough for if a class has fewer than `rows_of_each` rows. An
    interval needs 2.
    """
    positives = np.count_nonzero(y)
    both = min(positives, np.size(y) - positives) >= rows_of_each
    return tuple(name for name, metric in METRICS.items() if both or not metric.needs_both_classes)


def choose(names: Iterable[str]) -> list[Metric]:
    """Look metrics up by name; ConfigError for one that isn't in the table."""
    names = list(names)
    unknown = [name for name in names if name not in METRICS]
    if unknown or not names:
        raise ConfigError(
            f"unknown metric {', '.join(unknown) or '(none given)'}: "
            f"choose among {', '.join(METRICS)}"
        )
    return [METRICS[name] for name in names]


def checked(y: ArrayLike, p: ArrayLike, threshold: float = 0.5) -> Rows:
    """Check labels and scores and bring each into one type; DataError says what is wrong."""
    labels, scores = np.asarray(y), np.asarray(p)
    if labels.ndim != 1 or labels.shape != scores.shape:
        raise DataError(
            f"labels {labels.shape} and scores {scores.shape} must be two columns of one length: "
            "score the very rows whose labels are given"
        )
    if not len(labels):
        raise DataError("no rows to score: widen the holdout or the slice")
    if labels.dtype.kind not in "biuf" or not np.isin(labels, (0, 1)).all():
        raise DataError("labels must be 0 or 1, without gaps: map the target to these first")
    if scores.dtype.kind not in "biuf" or not np.isfinite(scores).all():
        raise DataError("scores must be finite numbers: this model must not be used")
    if scores.min() < 0 or scores.max() > 1:
        raise DataError(
            f"scores must be probabilities, but go from {scores.min()} to {scores.max()}: "
            "score with predict_proba"
        )
    if not 0 <= threshold <= 1:
        raise ConfigError(f"threshold must be a probability between 0 and 1 (got {threshold})")
    epsilon = np.finfo(scores.dtype if scores.dtype.kind == "f" else np.float64).eps
    return Rows(labels.astype(bool), scores.astype(np.float64), threshold, float(epsilon))


def require_classes(y: NDArray[np.bool_], metrics: Iterable[Metric]) -> None:
    """Raise DataError if all labels are equal and a metric needs both classes."""
    needy = [metric.name for metric in metrics if metric.needs_both_classes]
    if needy and y.all() == y.any():
        raise DataError(
            f"{', '.join(needy)} need rows of both classes, but all {len(y)} labels are "
            f"{int(y[0])}: widen the holdout or the slice, or ask only for other metrics"
        )
