"""What the plots show: each function returns equally long columns, short enough for a report.

Curves of many rows keep at most `POINTS` of their points, chosen by the curve alone, so that the
same scores always give the same file. Labels, scores and errors are those of
`ratchet.scoring.metrics.checked`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ratchet.scoring.metrics import METRICS, require_contrast
from ratchet.scoring.rows import Codes, Floats, Rows, checked
from ratchet.scoring.tallies import by_decision, calibration_bin
from ratchet.task import Task

POINTS = 200
DECILES = 10


@dataclass(frozen=True)
class Roc:
    """False and true positive rate (points,), from (0, 0) to (1, 1)."""

    fpr: Floats
    tpr: Floats


@dataclass(frozen=True)
class PrecisionRecall:
    """Recall (points,), ascending to 1, and the precision at each."""

    recall: Floats
    precision: Floats


@dataclass(frozen=True)
class Calibration:
    """By bin that has rows (bins,): mean of what was said, of what came, number of rows."""

    predicted: Floats
    observed: Floats
    rows: NDArray[np.intp]


def roc_curve(y: ArrayLike, p: ArrayLike) -> Roc:
    """Return the ROC curve; points are kept at even steps along it."""
    rows = checked(y, p)
    require_contrast(rows.y, [METRICS["roc_auc"]])
    negatives, positives = cumulated(rows)
    fpr = np.concatenate([[0.0], negatives / negatives[-1]])
    tpr = np.concatenate([[0.0], positives / positives[-1]])
    keep = spread(fpr + tpr)
    return Roc(fpr[keep], tpr[keep])


def precision_recall_curve(y: ArrayLike, p: ArrayLike) -> PrecisionRecall:
    """Return precision by recall; points are kept at even steps of recall.

    A point stands where one more positive is found, at the score that finds it. There is none at
    recall 0, where precision has no value.
    """
    rows = checked(y, p)
    require_contrast(rows.y, [METRICS["average_precision"]])
    negatives, positives = cumulated(rows)
    found = np.diff(positives, prepend=0) > 0
    recall = positives[found] / positives[-1]
    precision = positives[found] / (negatives + positives)[found]
    keep = spread(recall)
    return PrecisionRecall(recall[keep], precision[keep])


def calibration(y: ArrayLike, p: ArrayLike, task: Task = "binary") -> Calibration:
    """Return the reliability diagram: what was said against what came, by bin.

    For classes over the bins of the metric `calibration_error`; for numbers over tenths of the
    rows, from the lowest predictions to the highest.
    """
    said, came = checked(y, p, task=task).confidence
    if task == "regression":
        edges = np.quantile(said, np.linspace(0, 1, DECILES + 1)[1:-1])
        bins = np.searchsorted(edges, said, side="left")
    else:
        bins = calibration_bin(said)
    count = np.bincount(bins)
    used = count > 0
    predicted = np.bincount(bins, weights=said)[used] / count[used]
    observed = np.bincount(bins, weights=came)[used] / count[used]
    return Calibration(predicted, observed, count[used])


def confusion(
    y: ArrayLike, p: ArrayLike, threshold: float = 0.5, task: Task = "binary"
) -> NDArray[np.intp]:
    """Return the confusion matrix (k, k): numbers of rows by label and by decision."""
    rows = checked(y, p, threshold, task)
    counts = by_decision(rows).sums(np.ones(len(rows.y))).astype(np.intp)
    classes = int(np.sqrt(len(counts)))
    return counts.reshape(classes, classes)


def cumulated(rows: Rows) -> tuple[Codes, Codes]:
    """Count negatives and positives at or above each distinct score, from the highest down."""
    distinct, rank = np.unique(rows.p, return_inverse=True)
    positive = np.bincount(rank[rows.y == 1], minlength=len(distinct))
    negative = np.bincount(rank[rows.y == 0], minlength=len(distinct))
    return np.cumsum(negative[::-1]), np.cumsum(positive[::-1])


def spread(way: Floats) -> Codes:
    """Choose at most `POINTS` places of an ascending sequence, evenly spaced by value.

    The first and the last are always kept.
    """
    if len(way) <= POINTS:
        return np.arange(len(way))
    return np.unique(np.searchsorted(way, np.linspace(way[0], way[-1], POINTS)))
