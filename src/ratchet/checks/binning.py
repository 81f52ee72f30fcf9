"""Bins that are fixed before any data are seen, so that counts of different batches add up."""

import zlib
from collections.abc import Iterable

import numpy as np

from ratchet.data.schema import Column

BINS = 64  # of a histogram
GRID = 25  # codes a side of a pair of columns: 0 for null and 24 bins, the hours of a day
ACCURACY = 0.05  # relative error of a value told by its logarithmic bucket
_SMALLEST = 1e-9  # values nearer to 0 than this count as 0
_GAMMA = np.log((1 + ACCURACY) / (1 - ACCURACY))


def bin_of(values: np.ndarray, column: Column) -> np.ndarray:
    """Return the histogram bin of each of the finite `values`: int64, of the same shape.

    With `min` and `max` in the contract the bins are BINS equal parts of the range, and what lies
    outside goes to the outermost. Otherwise they're the logarithmic buckets of DDSketch (Masson,
    Rim and Lee 2019), negative for negative values, with 0 for zero.
    """
    if column.min is not None and column.max is not None:
        return _equal_parts(values, column.min, column.max, BINS)
    size = np.maximum(np.abs(values), _SMALLEST)
    bucket = 1 + np.ceil(np.log(size / _SMALLEST) / _GAMMA).astype(np.int64)
    return np.where(np.abs(values) <= _SMALLEST, 0, np.sign(values).astype(np.int64) * bucket)


def grid_code(values: np.ndarray, column: Column) -> np.ndarray:
    """Return the coarse code, 1 to GRID - 1, of each of the finite `values`: int64.

    Without a range in the contract it is the power of two, folded into so many codes.
    """
    if column.values is not None and len(column.values) < GRID:
        known = np.sort(np.asarray(column.values, dtype=float))
        return 1 + np.minimum(np.searchsorted(known, values), GRID - 2)
    if column.min is not None and column.max is not None:
        return 1 + _equal_parts(values, column.min, column.max, GRID - 1)
    exponent = np.frexp(values)[1].astype(np.int64)
    code: np.ndarray = 1 + (exponent + (GRID // 2) * (values < 0)) % (GRID - 1)
    return code


def hash_codes(values: Iterable[str], buckets: int) -> np.ndarray:
    """Return a bucket below `buckets` for each of the strings, the same on every machine."""
    return np.array([zlib.crc32(each.encode()) % buckets for each in values], dtype=np.int64)


def category_codes(values: list[str], column: Column) -> np.ndarray:
    """Return the coarse code, 1 to GRID - 1, of each category: its rank if few are declared."""
    if column.categories is not None and len(column.categories) < GRID:
        rank = {name: 1 + number for number, name in enumerate(sorted(column.categories))}
        if all(value in rank for value in values):
            return np.array([rank[value] for value in values], dtype=np.int64)
    return 1 + hash_codes(values, GRID - 1)


def _equal_parts(values: np.ndarray, low: float, high: float, parts: int) -> np.ndarray:
    width = (high - low) / parts or 1.0
    return np.clip(np.floor((values - low) / width), 0, parts - 1).astype(np.int64)
