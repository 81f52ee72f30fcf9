"""What the plots show: each function returns equally long columns, short enough for a report.

Curves of many rows keep at most `POINTS` of their points, chosen by the curve alone, so that the
same scores always give the same file. Labels, scores and errors are those of
`ratchet.scoring.metrics.checked`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ratchet.scoring.metrics import (
    CALIBRATION_BINS,
    METRICS,
    Codes,
    Floats,
    Rows,
    by_decision,
    calibration_bin,
    checked,
    require_classes,
)

POINTS = 200


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
    """By bin that has rows (bins,): mean score, share of 1 among labels, number of rows."""

    predicted: Floats
    observed: Floats
    rows: NDArray[np.intp]


@dataclass(frozen=True)
class Confusion:
    """Numbers of rows by label and prediction."""

    true_negatives: int
    false_positives: int
    false_negatives: int
    true_positives: int


def roc_curve(y: ArrayLike, p: ArrayLike) -> Roc:
    """Return the ROC curve; points are kept at even steps along it."""
    rows = checked(y, p)
    require_classes(rows.y, [METRICS["roc_auc"]])
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
    require_classes(rows.y, [METRICS["average_precision"]])
    negatives, positives = cumulated(rows)
    found = np.diff(positives, prepend=0) > 0
    recall = positives[found] / positives[-1]
    precision = positives[found] / (negatives + positives)[found]
    keep = spread(recall)
    return PrecisionRecall(recall[keep], precision[keep])


def calibration(y: ArrayLike, p: ArrayLike) -> Calibration:
    """Return the reliability diagram over the bins of the metric `calibration_error`."""
    rows = checked(y, p)
    bins = calibration_bin(rows.p)
    count = np.bincount(bins, minlength=CALIBRATION_BINS)
    used = count > 0
    predicted = np.bincount(bins, weights=rows.p, minlength=CALIBRATION_BINS)[used] / count[used]
    observed = np.bincount(bins, weights=rows.y, minlength=CALIBRATION_BINS)[used] / count[used]
    return Calibration(predicted, observed, count[used])


def confusion(y: ArrayLike, p: ArrayLike, threshold: float = 0.5) -> Confusion:
    """Return the confusion matrix; a row is predicted 1 if `p > threshold`."""
    rows = checked(y, p, threshold)
    return Confusion(*by_decision(rows).sums(np.ones(len(rows.y))).astype(int).tolist())


def cumulated(rows: Rows) -> tuple[Codes, Codes]:
    """Count negatives and positives at or above each distinct score, from the highest down."""
    distinct, rank = np.unique(rows.p, return_inverse=True)
    positive = np.bincount(rank[rows.y], minlength=len(distinct))
    negative = np.bincount(rank[~rows.y], minlength=len(distinct))
    return np.cumsum(negative[::-1]), np.cumsum(positive[::-1])


def spread(way: Floats) -> Codes:
    """Choose at most `POINTS` places of an ascending sequence, evenly spaced by value.

    The first and the last are always kept.
    """
    if len(way) <= POINTS:
        return np.arange(len(way))
    return np.unique(np.searchsorted(way, np.linspace(way[0], way[-1], POINTS)))
