"""From rows to sums, and from sums to figures: the two halves of a metric.

Nothing is approximated: ranking metrics put scores together only where that changes no figure.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ratchet.scoring.rows import Codes, Floats, Rows

CALIBRATION_BINS = 15


@dataclass(frozen=True)
class Tally:
    """Sums over rows by cell: all that a metric needs to know about the rows.

    cells: number of cells. cell: (n,) each row's cell, or None if all rows bring something to each.
    value: what each row brings: (n,), or (n, cells) if it is to all, or None for a count.
    """

    cells: int
    cell: Codes | None = None
    value: Floats | None = None

    def sums(self, weight: Floats) -> Floats:
        """Sum `weight * value` by cell; `weight` is (n,), the result (cells,).

        Without BLAS, whose last bits depend on the number of threads.
        """
        if self.value is None:
            brought = weight
        elif self.value.ndim == 1:
            brought = weight * self.value
        else:
            brought = weight[:, np.newaxis] * self.value
        if self.cell is None:
            return np.atleast_1d(brought.sum(axis=0))
        sums = np.bincount(self.cell, weights=brought, minlength=self.cells)
        return sums.astype(np.float64, copy=False)  # it is: this tells the type checker


TallyFunction: TypeAlias = Callable[[Rows], Tally]


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
    return by_class(rows.y, level=np.cumsum(starts)[rank], levels=1 + int(starts.sum()))


def by_positive_score(rows: Rows) -> Tally:
    """Count rows by class and level: negatives from the lowest level up, then so the positives.

    A level reaches from one positive's score up to the next higher one's, because precision is
    only looked at where there is a positive. Level 0 lies below them all.
    """
    scores = np.unique(rows.p[rows.y.astype(bool)])
    level = np.searchsorted(scores, rows.p, side="right")
    return by_class(rows.y, level, levels=1 + len(scores))


def by_class(y: NDArray[Any], level: Codes, levels: int, classes: int = 2) -> Tally:
    """Count the rows of the first label by level (n,), then those of the next one, and so on."""
    return Tally(classes * levels, cell=level + levels * y.astype(np.intp))


def by_decision(rows: Rows) -> Tally:
    """Count rows by label and then by decision: the confusion matrix (k, k), line by line.

    With two classes: true negatives, false positives, false negatives, true positives.
    """
    classes = 2 if rows.p.ndim == 1 else rows.p.shape[1]
    return by_class(rows.y, rows.decision, levels=classes, classes=classes)


def by_calibration_bin(rows: Rows) -> Tally:
    """Sum by calibration bin how far the probability lies above what came."""
    p, came = rows.confidence
    return Tally(CALIBRATION_BINS, cell=calibration_bin(p), value=p - came)


def calibration_bin(p: Floats) -> Codes:
    """Return each score's bin (n,): bin m of M holds m/M < p <= (m+1)/M, and bin 0 also p = 0."""
    inner_edges = np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1]
    return np.searchsorted(inner_edges, p, side="left")


def log_losses(rows: Rows) -> Tally:
    """Sum minus the natural logarithm of the probability given to the true label.

    Probabilities are kept `epsilon` away from 0 and 1, as scikit-learn does.
    """
    return Tally(1, value=-np.log(np.clip(rows.given, rows.epsilon, 1 - rows.epsilon)))


def squared_errors(rows: Rows) -> Tally:
    """Sum `(p - y)²`; with several classes that of all of them, the row's own having `y` = 1."""
    if rows.p.ndim == 1:
        return Tally(1, value=(rows.p - rows.y) ** 2)
    wanted = np.arange(rows.p.shape[1]) == rows.y[:, np.newaxis]
    return Tally(1, value=((rows.p - wanted) ** 2).sum(axis=1))


def absolute_errors(rows: Rows) -> Tally:
    """Sum `|p - y|`."""
    return Tally(1, value=np.abs(rows.p - rows.y))


def variation(rows: Rows) -> Tally:
    """Sum squared errors, labels and squared labels; the labels from their mean, for digits."""
    from_middle = rows.y - rows.y.mean()
    return Tally(3, value=np.column_stack([(rows.p - rows.y) ** 2, from_middle, from_middle**2]))


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
    right, actual, predicted = by_each_class(sums)
    f1 = 2 * right / np.maximum(actual + predicted, 1)
    weighted: Floats = (f1 * actual).sum(axis=1) / rows
    return weighted


def accuracy(sums: Floats, rows: Floats) -> Floats:
    """Share of rows that are predicted right."""
    right, _, _ = by_each_class(sums)
    share: Floats = right.sum(axis=1) / rows
    return share


def balanced_accuracy(sums: Floats, rows: Floats) -> Floats:  # noqa: ARG001 (a formula takes both)
    """Mean over the classes that are present of the share of their rows that is predicted right."""
    right, actual, _ = by_each_class(sums)
    present = actual > 0
    recall = np.divide(right, actual, out=np.zeros_like(right), where=present)
    share: Floats = recall.sum(axis=1) / present.sum(axis=1)
    return share


def by_each_class(sums: Floats) -> tuple[Floats, Floats, Floats]:
    """Return rows that are right, actual and predicted by class, (replicates, k) each."""
    classes = int(np.sqrt(sums.shape[1]))
    confusion = sums.reshape(len(sums), classes, classes)
    return np.diagonal(confusion, axis1=1, axis2=2), confusion.sum(axis=2), confusion.sum(axis=1)


def mean(sums: Floats, rows: Floats) -> Floats:
    """Mean of what the rows bring."""
    return sums[:, 0] / rows


def root_mean(sums: Floats, rows: Floats) -> Floats:
    """Square root of the mean of what the rows bring."""
    root: Floats = np.sqrt(mean(sums, rows))
    return root


def r2(sums: Floats, rows: Floats) -> Floats:
    """Share of the labels' variance that is explained: 0 for their own mean, below for worse."""
    errors, labels, squares = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):  # `figures` refuses what isn't finite
        share: Floats = 1 - errors / (squares - labels**2 / rows)
    return share


def calibration_error(sums: Floats, rows: Floats) -> Floats:
    """Mean over rows of the gap between mean score and observed share in the row's bin.

    The expected calibration error of Naeini, Cooper & Hauskrecht (2015), AAAI 29, for the
    probability of 1, with the 15 bins of equal width of Guo et al. (2017), ICML; with several
    classes for the one that is predicted, as there. Fixed edges keep it comparable between models
    and nights. On few rows it is biased upwards.
    """
    error: Floats = np.abs(sums).sum(axis=1) / rows
    return error
