"""Slices of a pool whose labels are nearly all the same, though the model expects both.

That is what relabelling leaves behind: the rows of one carrier on some hours, all of them called
negative. No marginal shows it, and a champion trained on it looks fine on its holdout.

A slice is a category and an interval of a number, an interval of a number alone, or two
categories. Every interval of every pair is looked at, as in a scan statistic (Kulldorff 1997).
Each batch may have its own luck, so the count expected in a slice of a batch, E, is a mean:
the count follows the geometric distribution, which is the Poisson distribution mixed over an
exponential one. Against it stands that only 5 % of E are left. The logarithm of the ratio of the
two likelihoods, with S the count found, is for each batch

    (1 + S) log(1 + E) + S log .05 - .05 E

and the statistic is its sum over batches. The model is a small one: where it expected more of a
slice of the reference than came, E is lowered as much. The statistic grows with the logarithm of E
alone, and a slice must be spread over days to matter: one calm afternoon of a carrier doesn't.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ratchet.checks.coding import Codes, Floats

_LEFT = 0.05  # of what is expected, once a slice has been relabelled
_FEWEST = 6.0  # a slice that expects fewer isn't worth a look
_MOST_LEFT = 0.15  # more than this, and it wasn't relabelled but had a good week
_STEADY = 3.0  # pseudo-counts for the rest of a category


@dataclass(frozen=True)
class Axis:
    """One way to cut the rows: bin numbers, shape (rows,), below `size`.

    `ordered` says that neighbouring bins may be joined. Bin 0 holds missing values. `before` has
    the bins of the reference's rows.
    """

    feature: int
    bins: Codes
    size: int
    ordered: bool
    before: Codes


@dataclass(frozen=True)
class Slice:
    """The most suspicious slice: its features, the bins of the second from `low` to `high`."""

    evidence: float
    first: int | None
    second: int
    value: int
    low: int
    high: int
    positive: bool


def worst(
    axes: Sequence[tuple[Axis | None, Axis]],
    labels: Floats,
    expected: Floats,
    batch: Codes,
    old_labels: Floats,
    old_expected: Floats,
) -> Slice | None:
    """Return the slice with the strongest evidence that it lost its positives or its negatives.

    `expected` is each row's probability of being positive, given its batch; all of shape (rows,).
    The old ones are of the reference.
    None when no slice is large enough to tell.
    """
    best: Slice | None = None
    for first, second in axes:
        for positive in (True, False):
            found = labels if positive else 1 - labels
            chance = expected if positive else 1 - expected
            old = old_labels if positive else 1 - old_labels
            old_chance = old_expected if positive else 1 - old_expected
            floor = best.evidence if best else 0.0
            usual = partial(_cells, old, old_chance)
            for candidate in _scan(first, second, found, chance, batch, usual, floor, positive):
                best = candidate
    return best


def _scan(
    first: Axis | None,
    second: Axis,
    found: Floats,
    chance: Floats,
    batch: Codes,
    usual: Callable[[Axis | None, Axis], tuple[Floats, Floats]],
    floor: float,
    positive: bool,
) -> Iterator[Slice]:
    """Yield the best slice of one pair of axes if its evidence is above `floor`."""
    batches = int(batch.max()) + 1
    rows = first.size if first else 1
    shape = (batches, rows, second.size)
    key = (batch * rows + (first.bins if first else 0)) * second.size + second.bins
    size = batches * rows * second.size
    got: Floats = np.bincount(key, found, size).astype(float).reshape(shape)
    due: Floats = np.bincount(key, chance, size).astype(float).reshape(shape)
    # A batch's evidence is at most log(1 + E), so that a slice with too small an E can't win.
    fewest = max(_FEWEST, batches * np.expm1(floor / batches))
    value = np.flatnonzero(due.sum(axis=(0, 2)) > fewest)
    if not len(value):
        return
    all_got: Floats = got.sum(axis=(0, 1))
    all_due: Floats = due.sum(axis=(0, 1))
    got, due = got[:, value], due[:, value]
    if second.ordered:
        got, due, all_got, all_due = (_running(each) for each in (got, due, all_got, all_due))
        g, d = got.sum(axis=0), due.sum(axis=0)
        gap = d[:, None, :] - d[:, :, None]
        left = g[:, None, :] - g[:, :, None]
        row, low, high = np.nonzero((gap > fewest) & (left < _MOST_LEFT * gap))
        s, e = (each[:, row, high] - each[:, row, low] for each in (got, due))
        other_got, other_due = (each[high] - each[low] for each in (all_got, all_due))
        whole_got, whole_due = g[:, -1], d[:, -1]
    else:
        g, d = got.sum(axis=0), due.sum(axis=0)
        row, low = np.nonzero((d > fewest) & (g < _MOST_LEFT * d))
        high = low + 1
        s, e = got[:, row, low], due[:, row, low]
        other_got, other_due = all_got[low], all_due[low]
        whole_got, whole_due = g.sum(axis=1), d.sum(axis=1)
    if not len(row):
        return
    # The rest of the category, and the rest of the interval, may have had a good week as well.
    s_all, e_all = s.sum(axis=0), e.sum(axis=0)
    e = e * _share(whole_got[row] - s_all, whole_due[row] - e_all)
    if first:
        e = e * _share(other_got - s_all, other_due - e_all)
    e = e * _share(
        *(each[value[row], high] - each[value[row], low] for each in usual(first, second))
    )
    evidence = ((1 + s) * np.log1p(e) + s * np.log(_LEFT) - _LEFT * e).sum(axis=0)
    top = int(evidence.argmax())
    if evidence[top] > floor:
        yield Slice(
            float(evidence[top]),
            first.feature if first else None,
            second.feature,
            int(value[row[top]]),
            int(low[top]),
            int(high[top]) - 1,
            positive,
        )


def _cells(
    found: Floats, chance: Floats, first: Axis | None, second: Axis
) -> tuple[Floats, Floats]:
    """Return running counts over the reference, found and due: (values, bins of the second + 1)."""
    rows = first.size if first else 1
    key = (first.before if first else 0) * second.size + second.before
    got, due = (np.bincount(key, each, rows * second.size) for each in (found, chance))
    shape = (rows, second.size)
    return _running(got.astype(float).reshape(shape)), _running(due.astype(float).reshape(shape))


def _running(counts: Floats) -> Floats:
    """Return cumulative counts along the last axis, with a leading 0."""
    result = np.zeros((*counts.shape[:-1], counts.shape[-1] + 1))
    np.cumsum(counts, axis=-1, out=result[..., 1:])
    return result


def _share(found: Floats, expected: Floats) -> Floats:
    share: Floats = np.minimum(1.0, (found + _STEADY) / (np.maximum(expected, 0) + _STEADY))
    return share
