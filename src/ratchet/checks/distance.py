"""How far two profiles are apart, column by column."""

from collections.abc import Iterable

import numpy as np

from ratchet.checks.history import jensen_shannon
from ratchet.checks.profile import ColumnProfile, Profile


def distances(one: Profile, other: Profile, columns: Iterable[str]) -> dict[str, float]:
    """Return the Jensen-Shannon distance of each column, between 0 and 1.

    Numbers are compared by the bins of the contract, categories by value.
    """
    return {name: _distance(one.columns[name], other.columns[name]) for name in columns}


def _distance(one: ColumnProfile, other: ColumnProfile) -> float:
    tallies = [(column.bins if len(column.bins[0]) else column.values) for column in (one, other)]
    keys = [keys for keys, _ in filter(None, tallies)]
    if len(keys) < 2 or not all(map(len, keys)):
        return 0.0 if not any(map(len, keys)) else 1.0  # without a value in one, or in both
    distinct = np.unique(np.concatenate(keys))
    shares = np.zeros((2, len(distinct)))
    for row, (own, counts) in zip(shares, filter(None, tallies), strict=True):
        row[np.searchsorted(distinct, own)] = counts / counts.sum()
    return float(jensen_shannon(shares[0], shares[1]))
