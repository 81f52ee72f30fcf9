"""Measure pairs of columns: combinations that can't be, broken ranks, and cells that swell.

A pair says something only where the reference batches agree with one another: what holds for a
timetable on every day breaks loudly, while two readings of the weather combine as they like. So
each reference batch is measured against the others first, and pairs whose reference is unsteady
are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.checks.binning import GRID
from ratchet.checks.history import beyond, limit
from ratchet.checks.profile import CELLS, Profile
from ratchet.checks.statistic import Statistic

EXPECTED = 5.0  # rows that chance would have put into a cell before it counts as avoided
LAW = 0.01  # a pair is steady when no reference batch has a larger share in avoided cells
STEADY_RANKS = 0.3  # ... or when its rank correlation has moved by no more than this
STEADY_CELLS = 2.0  # ... or when no cell of a reference batch was fuller than this
SPREAD = 1.5  # sd above the mean that a cell's usual share is
_SOFT = 5.0  # rows added to a cell's usual count, so that near-empty cells don't shout


@dataclass(frozen=True)
class _Joint:
    """The cells of several batches end to end; those of the batch that is measured come last.

    `cell`, `count` and `batch` have an entry for each cell of a batch that holds rows, `total` one
    for each possible cell: its rows over the reference. `ends` says where each batch's begin.
    """

    cell: np.ndarray
    count: np.ndarray
    batch: np.ndarray
    ends: np.ndarray
    rows: np.ndarray
    total: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


def measure_pairs(batch: Profile, reference: Sequence[Profile], target: str) -> list[Statistic]:
    """Return, for each column, the worst of its pairs, and the one fullest cell of all.

    Pairs with the target are left out: labels come and go in storms.
    """
    use = np.array([target not in pair for pair in batch.pairs])
    if not use.any():
        return []
    joint = _join(batch, reference)
    unseen = _unseen(joint, len(use))
    law = use & (unseen[:-1].max(axis=0) <= LAW)
    past = np.array([one.correlations for one in reference])
    ranks = use & (past.max(axis=0) - past.min(axis=0) <= STEADY_RANKS)
    found = []
    for name in dict.fromkeys(name for pair in batch.pairs for name in pair if name != target):
        member = np.array([name in pair for pair in batch.pairs])
        found.append(_worst_unseen(name, np.flatnonzero(member & law), batch, unseen))
        found.append(_worst_gap(name, np.flatnonzero(member & ranks), batch, past))
    found.append(_fullest_cell(joint, use, batch))
    return found


def _join(batch: Profile, reference: Sequence[Profile]) -> _Joint:
    every = [*reference, batch]
    cell = np.concatenate([one.cells[0] for one in every])
    count = np.concatenate([one.cells[1] for one in every])
    ends = np.cumsum([0, *(len(one.cells[0]) for one in every)])
    total = np.bincount(cell[: ends[-2]], count[: ends[-2]], len(batch.pairs) * CELLS)
    rows = np.array([max(one.rows, 1) for one in every], dtype=float)
    return _Joint(cell, count, np.repeat(np.arange(len(every)), np.diff(ends)), ends, rows, total)


def _unseen(joint: _Joint, pairs: int) -> np.ndarray:
    """Return the share of each batch's rows in cells that all the others avoid: (batches, pairs).

    A cell is avoided when nobody has rows in it though chance would put at least EXPECTED there.
    """
    grid = joint.total.reshape(pairs, GRID, GRID)
    first, second = grid.sum(axis=2), grid.sum(axis=1)
    chance = first[:, :, None] * second[:, None, :] / joint.rows[:-1].sum()
    own = np.where(joint.batch < len(joint) - 1, joint.count, 0)
    rare = np.flatnonzero(joint.total[joint.cell] <= own)
    avoided = rare[chance.ravel()[joint.cell[rare]] >= EXPECTED]
    where = joint.batch[avoided] * pairs + joint.cell[avoided] // CELLS
    counts = np.bincount(where, joint.count[avoided], len(joint) * pairs)
    shares: np.ndarray = counts.reshape(-1, pairs) / joint.rows[:, None]
    return shares


def _worst_unseen(name: str, pairs: np.ndarray, batch: Profile, unseen: np.ndarray) -> Statistic:
    if not len(pairs):
        return Statistic("pair", name, 0.0, "no steady pair to compare")
    usual = limit(unseen[:-1, pairs])
    excess = unseen[-1, pairs] - usual
    worst = int(np.argmax(excess))
    share, rows = float(unseen[-1, pairs[worst]]), int(batch.rows)
    return Statistic(
        "pair",
        name,
        beyond(share, float(usual[worst]), rows),
        f"{share:.1%} of the rows have combinations with {_partner(name, batch, pairs[worst])} "
        f"that never came before, usually at most {usual[worst]:.1%}",
        round(share * rows),
    )


def _worst_gap(name: str, pairs: np.ndarray, batch: Profile, past: np.ndarray) -> Statistic:
    if not len(pairs):
        return Statistic("correlation", name, 0.0, "no steady pair to compare")
    low, high = -limit(-past[:, pairs]), limit(past[:, pairs])
    now = batch.correlations[pairs]
    gap = np.maximum(low - now, now - high)
    worst = int(np.argmax(gap))
    return Statistic(
        "correlation",
        name,
        float(gap[worst]),
        f"rank correlation with {_partner(name, batch, pairs[worst])} {now[worst]:.2f}, usually "
        f"{low[worst]:.2f} to {high[worst]:.2f}",
        batch.rows,
    )


def _fullest_cell(joint: _Joint, use: np.ndarray, batch: Profile) -> Statistic:
    """Return how much fuller than usual a cell of a steady pair is: injected rows pile up in one.

    Counts are compared in roots of the usual count, as counts that depend on chance vary by it.
    """
    fullness, usual = _fullness(joint)
    block = joint.batch * len(use) + joint.cell // CELLS  # ascending, as cells are in each batch
    starts = np.flatnonzero(np.diff(block, prepend=-1))
    highest = np.zeros(len(joint) * len(use))
    highest[block[starts]] = np.maximum(np.maximum.reduceat(fullness, starts), 0)
    worst = highest.reshape(len(joint), len(use))
    steady = use & (worst[:-1].max(axis=0) <= STEADY_CELLS)
    if not steady.any() or not batch.rows:
        return Statistic("cell_count", "", 0.0, "no steady pair to compare")
    excess = np.where(steady, worst[-1] - limit(worst[:-1]), -np.inf)
    pair = int(np.argmax(excess))
    here = np.arange(joint.ends[-2], joint.ends[-1])
    here = here[joint.cell[here] // CELLS == pair]
    cell = here[int(np.argmax(fullness[here]))]
    names = " and ".join(batch.pairs[pair])
    count, most = int(joint.count[cell]), float(usual[cell])
    return Statistic(
        "cell_count",
        "",
        float(excess[pair]),
        f"{count} rows share one bin of {names}, usually at most {most:.0f}",
        max(count - round(most), 0),
    )


def _fullness(joint: _Joint) -> tuple[np.ndarray, np.ndarray]:
    """Return each entry's count beyond the usual one in roots of it, and the usual count.

    The usual share of a cell is SPREAD sd above its mean over the reference.
    """
    past, batches = joint.ends[-2], len(joint) - 1
    rows = joint.rows[joint.batch]
    share = (joint.count / rows)[:past]
    mean = np.bincount(joint.cell[:past], share, len(joint.total)) / batches
    squares = np.bincount(joint.cell[:past], share * share, len(joint.total)) / batches
    high = mean + SPREAD * np.sqrt(np.maximum(squares - mean * mean, 0))
    usual = high[joint.cell] * rows
    fullness: np.ndarray = (joint.count - usual) / np.sqrt(usual + _SOFT)
    return fullness, usual


def _partner(name: str, batch: Profile, pair: int) -> str:
    first, second = batch.pairs[pair]
    return second if name == first else first
