"""Features that alone tell the target: mostly they were written down after it was known.

Told, and no reason to set a batch aside: such a column may be right. numpy alone.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from ratchet.checks.coding import is_ordered
from ratchet.data.failure import Failure
from ratchet.data.schema import Schema
from ratchet.data.target import Target
from ratchet.task import Task

MOST_ROWS = 20_000
CELLS = 4_000_000  # of a wide table, fewer rows
FEWEST = 20  # rows of a class, without which nothing can be told
LIMIT = 0.99
_BINS = 64  # of a number, where classes have no order
FIGURE: Mapping[Task, str] = {
    "binary": "AUC",
    "multiclass": "mean AUC of its classes",
    "regression": "rank correlation",
}


def rows_needed(schema: Schema) -> int:
    """Return how many of the newest rows are looked at."""
    return min(MOST_ROWS, CELLS // len(schema.compared))


def suspects(rows: pa.Table, schema: Schema, target: Target) -> list[Failure]:
    """Return the features by which alone the target of typed rows can be told, worst first."""
    labels = target.encode(rows)
    known = labels.is_valid().to_numpy()
    y = labels.drop_null().to_numpy().astype(float)
    found: dict[str, float] = {}
    for name in schema.compared:
        ordered = is_ordered(schema.columns[name])
        found[name] = power(_numbers(rows[name], ordered)[known], y, target.task, ordered=ordered)
    return [
        Failure(
            "leak",
            name,
            f"alone it tells {target.column}: {FIGURE[target.task]} {found[name]:.4f} in the "
            f"newest {len(y)} rows; is it known before {target.column} is? If not, feature: false",
        )
        for name in sorted(found, key=lambda name: -found[name])
        if found[name] > LIMIT
    ]


def power(values: np.ndarray, y: np.ndarray, task: Task, *, ordered: bool) -> float:
    """Return how well one feature ranks the target: 1 for without a fault.

    values: (rows,) float64, NaN for missing; of categories, any code. y: (rows,) labels as
    `ratchet.data.target` has them. Binary: the AUC, in either direction. Multiclass: the mean AUC
    of each class against the rest. Regression: the size of the rank correlation. Categories, and
    numbers for several classes, are ranked by the target's mean with them in the other half of the
    rows, so that many categories tell nothing by being many. 0 with too few rows to tell.
    """
    if task == "regression":
        if len(y) < FEWEST or np.ptp(y) == 0:
            return 0.0
        return _correlation(_ranks(values if ordered else _other_half(values, y)), _ranks(y))
    classes, counts = np.unique(y, return_counts=True)
    if len(classes) < 2 or counts.min() < FEWEST:
        classes, counts = classes[counts >= FEWEST], counts[counts >= FEWEST]
        if len(classes) < 2:
            return 0.0
    if task == "binary":
        if ordered:
            auc = _auc(values, y)
            return max(auc, 1 - auc)
        return _auc(_other_half(values, y), y)
    if ordered:
        ranks = _ranks(values)
        values = np.floor(ranks / (ranks.max() + 1) * _BINS)
    each = [_auc(_other_half(values, of := (y == one).astype(float)), of) for one in classes]
    return float(np.average(each, weights=counts))


def _numbers(column: pa.ChunkedArray, ordered: bool) -> np.ndarray:
    if ordered:
        numbers: np.ndarray = column.cast(pa.float64()).to_numpy()
        return numbers
    codes = column.cast(pa.string()).combine_chunks().dictionary_encode().indices
    found: np.ndarray = codes.fill_null(-1).to_numpy().astype(float)
    return found


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return mid-ranks from 0; what is missing comes first, as a value of its own."""
    filled = np.where(np.isnan(values), -np.inf, values)
    _, place, counts = np.unique(filled, return_inverse=True, return_counts=True)
    middle: np.ndarray = np.cumsum(counts) - (counts + 1) / 2
    return middle[place]


def _auc(values: np.ndarray, y: np.ndarray) -> float:
    positive = y > 0
    count = int(positive.sum())
    below = _ranks(values)[positive].sum() - count * (count - 1) / 2
    return float(below / (count * (len(y) - count)))


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    a, b = one - one.mean(), other - other.mean()
    length = np.sqrt((a @ a) * (b @ b))
    return float(abs(a @ b) / length) if length > 0 else 0.0


def _other_half(values: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return for each row the mean of `y` with the same value among the rows of the other half."""
    _, place = np.unique(np.where(np.isnan(values), -np.inf, values), return_inverse=True)
    half = np.arange(len(y)) % 2
    size = int(place.max()) + 1
    scores = np.empty(len(y))
    for here in (0, 1):
        there = half != here
        count = np.bincount(place[there], minlength=size)
        sums = np.bincount(place[there], y[there], size)
        means = np.where(count > 0, sums / np.maximum(count, 1), y[there].mean())
        scores[~there] = means[place[~there]]
    return scores
