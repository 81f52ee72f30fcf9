"""How far new batches are from old ones, column by column."""

from collections.abc import Iterable, Sequence

import numpy as np

from ratchet.checks.history import jensen_shannon, limit
from ratchet.checks.profile import ColumnProfile, Profile, Tally

BINS = 10  # so few that a distance is hardly due to chance, also with some dozens of rows


def excesses(
    new: Sequence[Profile], old: Sequence[Profile], columns: Iterable[str]
) -> dict[str, float]:
    """Return by how much each column is farther from the old batches than is usual.

    The figure is the Jensen-Shannon distance of all new rows from all old ones, less the second
    highest of as many old batches in a row: one day holds but one weekday, and always has. Bins
    are such as are equally full in the old batches, or their commonest categories and the rest.
    Above 0 it is unusual; 1 at most.
    """
    return {
        name: _excess([one.columns[name] for one in new], [one.columns[name] for one in old])
        for name in columns
    }


def _excess(new: Sequence[ColumnProfile], old: Sequence[ColumnProfile]) -> float:
    tallies = [_tally(column) for column in [*new, *old]]
    keys = np.unique(np.concatenate([keys for keys, _ in tallies]))
    counts = np.zeros((len(tallies), len(keys)))
    for row, (own, count) in zip(counts, tallies, strict=True):
        row[np.searchsorted(keys, own)] = count
    merged = _merge_bins(counts, counts[len(new) :].sum(axis=0), ordered=keys.dtype != object)
    fresh, past = merged[: len(new)].sum(axis=0), merged[len(new) :]
    total = past.sum(axis=0)
    if not fresh.sum() or not total.sum():
        return 0.0 if fresh.sum() == total.sum() else 1.0  # no value at all, in one or in both
    distance = _distances(fresh[np.newaxis], total)[0]
    sums = np.cumsum(np.vstack([np.zeros(merged.shape[1]), past]), axis=0)
    spans = sums[len(new) :] - sums[: -len(new)]
    spans = spans[spans.sum(axis=1) > 0]
    # With hardly more old batches than new ones there is nothing that could be usual.
    usual = limit(_distances(spans, total)) if len(past) >= 2 * len(new) else 0.0
    return float(distance - usual)


def _merge_bins(counts: np.ndarray, total: np.ndarray, *, ordered: bool) -> np.ndarray:
    """Add neighbouring keys up, or all but the commonest: (batches, keys) to (batches, BINS)."""
    if ordered:
        share = total / max(total.sum(), 1)
        middle = np.cumsum(share) - share / 2
        slot = np.minimum((middle * BINS).astype(np.intp), BINS - 1)
    else:
        rank = np.argsort(np.argsort(-total, kind="stable"), kind="stable")
        slot = np.minimum(rank, BINS - 1)
    return np.stack([np.bincount(slot, row, BINS) for row in counts])


def _distances(counts: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Return the distance of each row of counts from `total`."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    return jensen_shannon(shares, np.broadcast_to(total / total.sum(), shares.shape))


def _tally(column: ColumnProfile) -> Tally:
    """Return the bins of numbers, or the values of categories."""
    if column.values is None or len(column.bins[0]):
        return column.bins
    return column.values
