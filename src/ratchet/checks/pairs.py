"""Measure pairs of columns: combinations that can't be, broken ranks, and cells that swell."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.checks.binning import GRID
from ratchet.checks.history import limit
from ratchet.checks.profile import CELLS, Profile
from ratchet.checks.statistic import Statistic

EXPECTED = 5.0  # rows that chance alone would have put into a cell before it counts as avoided


@dataclass(frozen=True)
class _Joint:
    """The cells of several batches end to end: the last one is the batch that is measured.

    `cell`, `count` and `batch` have an entry for each cell of a batch that holds rows; `rows` and
    `total` (over the reference, for each possible cell) say how many.
    """

    cell: np.ndarray
    count: np.ndarray
    batch: np.ndarray
    rows: np.ndarray
    total: np.ndarray


def measure_pairs(batch: Profile, reference: Sequence[Profile]) -> list[Statistic]:
    """Return, for each column, the worst of its pairs by each check."""
    if not batch.pairs:
        return []
    joint = _join(batch, reference)
    found = []
    columns = list(dict.fromkeys(name for pair in batch.pairs for name in pair))
    member = {c: [n for n, pair in enumerate(batch.pairs) if c in pair] for c in columns}
    unseen = _unseen(joint, len(batch.pairs))
    ranks = _rank_gaps(batch, reference)
    swollen, where = _swollen(joint, len(batch.pairs))
    for name in columns:
        found.append(_worst_unseen(name, member[name], batch, unseen))
        if (gap := _worst_gap(name, member[name], batch, ranks)) is not None:
            found.append(gap)
    worst = int(np.argmax(swollen))
    found.append(
        Statistic(
            "cell_count",
            ",".join(batch.pairs[worst]),
            float(swollen[worst]),
            f"cell {where[worst] % CELLS // GRID},{where[worst] % GRID}",
        )
    )
    return found


def _join(batch: Profile, reference: Sequence[Profile]) -> _Joint:
    every = [*reference, batch]
    cell = np.concatenate([one.cells[0] for one in every])
    count = np.concatenate([one.cells[1] for one in every])
    sizes = [len(one.cells[0]) for one in every]
    past = len(cell) - sizes[-1]
    total = np.bincount(cell[:past], count[:past], len(batch.pairs) * CELLS)
    rows = np.array([one.rows for one in every], dtype=float)
    return _Joint(cell, count, np.repeat(np.arange(len(every)), sizes), rows, total)


def _unseen(joint: _Joint, pairs: int) -> np.ndarray:
    """Return the share of each batch's rows in cells that all the others avoid: (batches, pairs).

    A cell is avoided when nobody has rows in it though chance would put at least EXPECTED there.
    """
    grid = joint.total.reshape(pairs, GRID, GRID)
    first, second = grid.sum(axis=2), grid.sum(axis=1)
    chance = first[:, :, None] * second[:, None, :] / max(joint.rows[:-1].sum(), 1)
    own = np.where(joint.batch < len(joint.rows) - 1, joint.count, 0)
    avoided = (joint.total[joint.cell] - own <= 0) & (chance.ravel()[joint.cell] >= EXPECTED)
    where = joint.batch[avoided] * pairs + joint.cell[avoided] // CELLS
    counts = np.bincount(where, joint.count[avoided], len(joint.rows) * pairs)
    return counts.reshape(-1, pairs) / np.maximum(joint.rows, 1)[:, None]


def _worst_unseen(name: str, pairs: list[int], batch: Profile, unseen: np.ndarray) -> Statistic:
    usual = limit(unseen[:-1, pairs])
    excess = unseen[-1, pairs] - usual
    worst = int(np.argmax(excess))
    share = unseen[-1, pairs[worst]]
    return Statistic(
        "pair",
        name,
        float(excess[worst]),
        f"{share:.1%} of the rows have combinations with {_partner(name, batch, pairs[worst])} "
        f"that never came before, usually at most {usual[worst]:.1%}",
        round(share * batch.rows),
    )


def _rank_gaps(batch: Profile, reference: Sequence[Profile]) -> tuple[np.ndarray, ...]:
    """Return each pair's rank correlation, and its usual lower and upper limit."""
    past = np.array([one.correlations for one in reference])
    return batch.correlations, -limit(-past), limit(past)


def _worst_gap(
    name: str, pairs: list[int], batch: Profile, ranks: tuple[np.ndarray, ...]
) -> Statistic | None:
    now, low, high = (each[pairs] for each in ranks)
    known = np.flatnonzero(np.isfinite(now))
    if not len(known):
        return None
    gap = np.maximum(low - now, now - high)[known]
    worst = known[int(np.argmax(gap))]
    return Statistic(
        "correlation",
        name,
        float(gap.max()),
        f"rank correlation with {_partner(name, batch, pairs[worst])} {now[worst]:.2f}, usually "
        f"{low[worst]:.2f} to {high[worst]:.2f}",
        batch.rows,
    )


def _swollen(joint: _Joint, pairs: int) -> tuple[np.ndarray, np.ndarray]:
    """Return by how much a cell of each pair is fuller than usual, and which: (pairs,) each.

    How full a cell is, is told in roots of its usual count: 3 sd of a count that has no other
    cause than chance. What is usual for a cell is its second highest share among the others.
    """
    share = joint.count / np.maximum(joint.rows, 1)[joint.batch]
    last = len(joint.rows) - 1
    tops = np.zeros((3, len(joint.total)))
    for number in range(last):
        here = joint.batch == number
        cell, own = joint.cell[here], share[here]
        for rank in range(3):
            higher = tops[rank, cell]
            tops[rank, cell] = np.maximum(higher, own)
            own = np.minimum(higher, own)
    mine = joint.batch < last
    base = tops[1, joint.cell]
    base[mine & (share >= base)] = tops[2, joint.cell][mine & (share >= base)]
    n = joint.rows[joint.batch]
    score = SCORE(share, base, n)
    worst = np.full((last + 1) * pairs, -np.inf)
    np.maximum.at(worst, joint.batch * pairs + joint.cell // CELLS, score)
    worst = worst.reshape(last + 1, pairs)
    now = np.flatnonzero(joint.batch == last)
    order = now[np.argsort(score[now], kind="stable")]
    where = np.zeros(pairs, dtype=np.int64)
    where[joint.cell[order] // CELLS] = joint.cell[order]
    return worst[-1] - np.maximum(limit(worst[:-1]), 0), where


def SCORE(s, base, n):
    return (s - base) * n / np.sqrt(base * n + 1)


def _partner(name: str, batch: Profile, pair: int) -> str:
    first, second = batch.pairs[pair]
    return second if name == first else first
