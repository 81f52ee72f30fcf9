"""Measure each column of a batch by itself: its nulls, values, distribution and level."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.checks.history import HIGH, beyond, jensen_shannon, limit, shares, stability_index
from ratchet.checks.profile import ColumnProfile, Profile, Tally
from ratchet.checks.statistic import Statistic
from ratchet.data.schema import Column, Schema

SHOWN = 3  # values that a statistic quotes
STEADY = 0.15  # median distance of reference batches whose vanished ranges say something
_NEVER = 1000  # standard deviations: a figure beyond says that there is none
_MIN_SPREAD = 0.02  # a level's sd counts as at least this share of the sd within batches


@dataclass(frozen=True)
class _Table:
    """Counts of the same keys in several batches: `counts` is float64, (batches, keys).

    The last row is the batch that is measured; those before are the reference.
    """

    keys: np.ndarray
    counts: np.ndarray

    def others(self) -> np.ndarray:
        """Return, for each batch, the counts of all reference batches but itself."""
        total = self.counts[:-1].sum(axis=0)
        return np.vstack([total - self.counts[:-1], total])


def measure_columns(
    batch: Profile, reference: Sequence[Profile], schema: Schema
) -> list[Statistic]:
    """Return every statistic of every column. `reference` has at least two batches, oldest first.

    `value` is what the batch has beyond the usual limit of the reference batches, each of which
    is measured against the others in the same way; below zero is inside of it.
    """
    rows = np.array([one.rows for one in [*reference, batch]], dtype=float)
    found = []
    for name, column in batch.columns.items():
        history = [one.columns[name] for one in reference]
        found += _measure_column(name, [*history, column], rows, schema.columns[name])
    return found


def _measure_column(
    name: str, columns: Sequence[ColumnProfile], rows: np.ndarray, contract: Column
) -> list[Statistic]:
    found = [_null_share(name, columns, rows)]
    values = _table([one.values for one in columns])
    bins = _table([one.bins for one in columns])
    numeric = contract.type in ("number", "integer", "boolean")
    found.append(_constant(name, columns))
    if values is not None:
        found.append(_new(name, values, rows, numeric, by_batch=_often_constant(columns)))
    spread = bins if numeric or values is None else values
    if spread is not None:
        found += [
            _lost(name, spread, numeric),
            _distance(name, spread, columns if numeric else None, len(rows) - 1),
        ]
    if numeric:
        found.append(_level(name, columns, rows))
    return found


def _null_share(name: str, columns: Sequence[ColumnProfile], rows: np.ndarray) -> Statistic:
    nulls = np.array([one.nulls for one in columns]) / np.maximum(rows, 1)
    usual = float(limit(nulls[:-1]))
    return Statistic(
        "null_share",
        name,
        beyond(float(nulls[-1]), usual, int(rows[-1])),
        f"{nulls[-1]:.1%} null, usually at most {usual:.1%}",
        columns[-1].nulls,
    )


def _constant(name: str, columns: Sequence[ColumnProfile]) -> Statistic:
    values = columns[-1].values
    if values is None or len(values[0]) != 1:
        return Statistic("constant", name, 0.0, "has several values or none")
    if _often_constant(columns):
        return Statistic("constant", name, 0.0, "has often one value, now this one and now that")
    [key], count = values[0], columns[-1].present
    usual = float(limit(np.array([_share_of(key, one) for one in columns[:-1]])))
    only = _quote(key)
    message = f"always {only}, which usually has at most {usual:.1%} of the rows"
    return Statistic("constant", name, beyond(1.0, usual, count), message, count, (only,))


def _share_of(key: object, column: ColumnProfile) -> float:
    """Return the share of a value; of too many to be tallied, that of the commonest, or less."""
    if column.values is None:
        return column.most / max(column.present, 1)
    keys, counts = column.values
    return float(counts[keys == key].sum()) / max(column.present, 1)


def _often_constant(columns: Sequence[ColumnProfile]) -> bool:
    """Tell whether batches of one value, but for the last, differ in it, as those of a weekday."""
    tallies = [one.values for one in columns[:-1] if one.values is not None]
    only = Counter(keys[0] for keys, _ in tallies if len(keys) == 1)
    return only.total() - max(only.values(), default=0) >= HIGH


def _new(
    name: str, values: _Table, rows: np.ndarray, numeric: bool, *, by_batch: bool
) -> Statistic:
    unseen = np.where(values.others() == 0, values.counts, 0)
    share = unseen.sum(axis=1) / np.maximum(rows, 1)
    usual = float(limit(share[:-1]))
    excess = beyond(float(share[-1]), usual, int(rows[-1]))
    order = np.argsort(-unseen[-1], kind="stable")[:SHOWN]
    return Statistic(
        "new_value" if numeric else "new_category",
        name,
        # What belongs to the batch as a whole, such as its month, may go on to the next.
        min(excess, 0.0) if by_batch else excess,
        f"{share[-1]:.1%} of the rows have values never seen in the {len(rows) - 1} batches "
        f"before, usually at most {usual:.1%}",
        int(unseen[-1].sum()),
        tuple(_quote(values.keys[i]) for i in order if unseen[-1, i]),
    )


def _lost(name: str, spread: _Table, numeric: bool) -> Statistic:
    before = shares(spread.others())
    gone = np.where(spread.counts == 0, before, 0)
    share = gone.sum(axis=1)
    usual = float(limit(share[:-1]))
    excess = beyond(float(share[-1]), usual, int(spread.counts[-1].sum()))
    order = np.argsort(-gone[-1], kind="stable")[:SHOWN]
    what = "ranges" if numeric else "values"
    return Statistic(
        "lost_range" if numeric else "lost_category",
        name,
        excess if not numeric or _steady(spread) else min(excess, 0.0),
        f"{what} that held {share[-1]:.1%} of the rows before are gone, usually at most "
        f"{usual:.1%}",
        0,
        () if numeric else tuple(_quote(spread.keys[i]) for i in order if gone[-1, i]),
    )


def _steady(spread: _Table) -> bool:
    """Tell whether the reference batches cover the same ranges, as hours do and weather doesn't.

    Their median distance from one another is small, or no more than twice what chance makes of
    so few rows: the mean of the Jensen-Shannon divergence is then about (keys - 1) / (8 n ln 2).
    """
    past, others = shares(spread.counts)[:-1], shares(spread.others())[:-1]
    rows = float(np.median(spread.counts[:-1].sum(axis=1)))
    chance = np.sqrt(max(len(spread.keys) - 1, 0) / (8 * np.log(2) * max(rows, 1.0)))
    return float(np.median(jensen_shannon(past, others))) <= max(STEADY, 2 * float(chance))


def _distance(
    name: str, spread: _Table, numbers: Sequence[ColumnProfile] | None, batches: int
) -> Statistic:
    own, others = shares(spread.counts), shares(spread.others())
    distances = jensen_shannon(own, others)
    usual = float(limit(distances[:-1]))
    means = ""
    if numbers is not None:
        count, before = spread.counts[-1].sum(), spread.counts[:-1].sum()
        was = sum(one.total for one in numbers[:-1]) / max(before, 1)
        means = f", mean {numbers[-1].total / max(count, 1):.4g}, was {was:.4g}"
    return Statistic(
        "distance",
        name,
        float(distances[-1]) - usual,
        f"Jensen-Shannon distance {distances[-1]:.2f} from the {batches} batches before, usually "
        f"at most {usual:.2f} (PSI {stability_index(own[-1], others[-1]):.2f}{means})",
        int(spread.counts[-1].sum()),
    )


def _level(name: str, columns: Sequence[ColumnProfile], rows: np.ndarray) -> Statistic:
    counts = rows - np.array([one.nulls for one in columns])
    totals = np.array([one.total for one in columns])
    means = totals / np.maximum(counts, 1)
    past = means[:-1][counts[:-1] > 0]
    if counts[-1] <= 0 or len(past) < 2:
        return Statistic("level", name, 0.0, "too few values to compare means")
    centre = past.mean()
    squares = sum(one.squares for one in columns[:-1])
    within = squares / counts[:-1].sum() - (totals[:-1].sum() / counts[:-1].sum()) ** 2
    spread = max(float(past.std(ddof=1)), _MIN_SPREAD * float(np.sqrt(max(within, 0))), 1e-12)
    jump = abs(means[-1] - centre) / spread
    return Statistic(
        "level",
        name,
        float(min(jump, 1e6)),
        f"mean {means[-1]:.4g}, was {centre:.4g} in the {len(past)} batches before: "
        f"{jump:.1f} of their standard deviations away"
        if jump < _NEVER
        else "it has hardly ever moved",
        int(counts[-1]),
    )


def _table(tallies: Sequence[Tally | None]) -> _Table | None:
    """Line the tallies up by key, or return None when one of them was given up."""
    known = [tally for tally in tallies if tally is not None]
    if len(known) < len(tallies):
        return None
    keys = np.concatenate([keys for keys, _ in known])
    distinct, position = np.unique(keys, return_inverse=True)
    row = np.repeat(np.arange(len(known)), [len(keys) for keys, _ in known])
    counts = np.zeros((len(known), len(distinct)))
    counts[row, position] = np.concatenate([counts for _, counts in known])
    return _Table(distinct, counts)


def _quote(value: object) -> str:
    return repr(value) if isinstance(value, str) else f"{value:.6g}"
