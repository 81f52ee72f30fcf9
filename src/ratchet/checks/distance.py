"""How far new data are from old data, column by column."""

from collections.abc import Iterable

import numpy as np

from ratchet.checks.history import jensen_shannon
from ratchet.checks.profile import ColumnProfile, Profile, Tally

BINS = 10  # so few that the distance is hardly due to chance, also with some dozens of rows


def distances(new: Profile, old: Profile, columns: Iterable[str]) -> dict[str, float]:
    """Return the Jensen-Shannon distance of each column, between 0 and 1.

    In BINS bins: of numbers such as are equally full in the old data, of categories the commonest
    ones there, and one for all others.
    """
    return {name: _distance(new.columns[name], old.columns[name]) for name in columns}


def _distance(new: ColumnProfile, old: ColumnProfile) -> float:
    one, other = _tally(new), _tally(old)
    if not len(one[0]) or not len(other[0]):
        return 0.0 if len(one[0]) == len(other[0]) else 1.0  # no value at all, in one or in both
    keys = np.unique(np.concatenate([one[0], other[0]]))
    counts = np.zeros((2, len(keys)))
    for row, (own, count) in zip(counts, (one, other), strict=True):
        row[np.searchsorted(keys, own)] = count
    shares = counts / counts.sum(axis=1, keepdims=True)
    if keys.dtype == object:
        rank = np.argsort(np.argsort(-shares[1], kind="stable"), kind="stable")
        slot = np.minimum(rank, BINS - 1)
    else:
        middle = np.cumsum(shares[1]) - shares[1] / 2
        slot = np.minimum((middle * BINS).astype(np.intp), BINS - 1)
    merged = np.stack([np.bincount(slot, row, BINS) for row in shares])
    return float(jensen_shannon(merged[0], merged[1]))


def _tally(column: ColumnProfile) -> Tally:
    """Return the bins of numbers, or the values of categories."""
    if column.values is None or len(column.bins[0]):
        return column.bins
    return column.values
