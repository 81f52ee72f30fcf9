"""Faults of a day's typed rows, each as the drill's catalogue and issue 4 name them.

A fault gets one day, or seven in a row, and returns them spoilt; None where there is nothing to
spoil. Those that no typed row survives, such as a renamed column, are in checks_files.py.
"""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

WEEK = 7
TURNED = 20  # positives that a relabelled slice has at least
OLDER = 21  # days before that a fault may take rows from
HOUR = 60
WEATHER = ("temp", "dewp", "wind_speed", "precip", "pressure", "visib", "late_yesterday")
CATEGORIES = ("carrier", "origin", "dest", "engine")
NUMBERS = ("sched_dep", "sched_arr", "distance", "plane_age", "seats", *WEATHER)
FEATURES = (*CATEGORIES, *NUMBERS)
SWAPPED = (
    ("origin", "dest"),
    ("temp", "dewp"),
    ("sched_dep", "sched_arr"),
    ("plane_age", "seats"),
)


@dataclass(frozen=True)
class Case:
    """The days to spoil, oldest first, and the OLDER days before them, newest last."""

    days: Sequence[pa.Table]
    older: Sequence[pa.Table]
    random: np.random.Generator


Change = Callable[[Case], Sequence[pa.Table] | None]


@dataclass(frozen=True)
class Fault:
    """`group` is the row of the table of targets that it counts for, empty for none."""

    name: str
    change: Change
    group: str = ""
    days: int = 1
    labels: bool = False


def _put(table: pa.Table, column: str, values: object) -> pa.Table:
    place = table.column_names.index(column)
    kind = table.schema.field(column).type
    filled = values if isinstance(values, pa.ChunkedArray) else pa.array(values, from_pandas=True)
    return table.set_column(place, column, filled.cast(kind, safe=False))


def _numbers(table: pa.Table, column: str) -> np.ndarray:
    values: np.ndarray = table.column(column).cast(pa.float64()).to_numpy()
    return values


def each(change: Callable[..., pa.Table], **options: object) -> Change:
    """Return a fault of each day by itself: `change(table, case, **options)` spoils a table."""
    return lambda case: [change(table, case, **options) for table in case.days]


def constant(table: pa.Table, _: Case, column: str) -> pa.Table:
    known = table.column(column).drop_null()
    value = known[len(known) // 2].as_py() if len(known) else None
    return _put(table, column, pa.chunked_array([[value] * len(table)], known.type))


def null(table: pa.Table, _: Case, column: str) -> pa.Table:
    return _put(table, column, pa.chunked_array([pa.nulls(len(table), pa.float64())]))


def unit(table: pa.Table, _: Case, column: str, factor: float, offset: float = 0.0) -> pa.Table:
    digits = 0 if column == "distance" else 2
    return _put(table, column, np.round((_numbers(table, column) + offset) * factor, digits))


def lower(table: pa.Table, _: Case, column: str) -> pa.Table:
    return _put(table, column, pc.utf8_lower(table.column(column)))


def shuffled(table: pa.Table, case: Case, column: str) -> pa.Table:
    order = pa.array(case.random.permutation(len(table)))
    return _put(table, column, table.column(column).take(order))


def swapped(table: pa.Table, _: Case, pair: tuple[str, str]) -> pa.Table:
    one, other = pair
    return _put(_put(table, one, table.column(other)), other, table.column(one))


def clock(table: pa.Table, _: Case, hours: int) -> pa.Table:
    """Shift both clocks."""
    for column in ("sched_dep", "sched_arr"):
        table = _put(table, column, (_numbers(table, column) + hours * HOUR) % (24 * HOUR))
    return table


def tomorrow(table: pa.Table, _: Case) -> pa.Table:
    return _put(table, "date", pc.add(table.column("date"), datetime.timedelta(days=1)))


def first_rows(table: pa.Table, _: Case, share: float) -> pa.Table:
    return table.slice(0, int(share * len(table)))


def some_rows(table: pa.Table, case: Case, share: float) -> pa.Table:
    count = round(share * len(table))
    return table.take(pa.array(np.sort(case.random.choice(len(table), count, replace=False))))


def times(table: pa.Table, _: Case, factor: int) -> pa.Table:
    return pa.concat_tables([table] * factor)


def _dated(rows: pa.Table, as_in: pa.Table) -> pa.Table:
    day = as_in.column("date")[0].as_py()
    return _put(
        rows, "date", pa.chunked_array([[day] * len(rows)], as_in.schema.field("date").type)
    )


def repeated(table: pa.Table, case: Case, back: int) -> pa.Table:
    return _dated(case.older[-back], table)


def old_rows(table: pa.Table, case: Case, share: float) -> pa.Table:
    """Replace a share of the rows by rows of the two weeks before."""
    pool = pa.concat_tables(case.older[-2 * WEEK :])
    count = round(share * len(table))
    old = pool.take(pa.array(case.random.choice(len(pool), count, replace=False)))
    return pa.concat_tables([some_rows(table, case, 1 - share), _dated(old, table)])


def flipped(table: pa.Table, case: Case, share: float) -> pa.Table:
    labels = table.column("late").to_numpy()
    return _put(
        table, "late", np.where(case.random.random(len(labels)) < share, 1 - labels, labels)
    )


def injected(table: pa.Table, case: Case, share: float, rank: int | None) -> pa.Table:
    """Add rows of one carrier in one hour, on time, with today's weather and new flight numbers.

    The cell is the one of this `rank` over the week before, or a random one of the ten commonest.
    """
    random = case.random
    pool = pa.concat_tables(case.older[-WEEK:]).to_pandas()
    cell = pool["carrier"] + (pool["sched_dep"] // HOUR).astype("str")
    wanted = random.integers(10) if rank is None else rank
    count = max(1, round(share * len(table)))
    rows = pool[cell == cell.value_counts(sort=True).index[wanted]]
    rows = rows.iloc[random.choice(len(rows), count, replace=count > len(rows))]
    rows = rows.reset_index(drop=True)
    today = table.to_pandas()
    rows[["date", "day_of_week"]] = today[["date", "day_of_week"]].iloc[0].to_list()
    for origin, there in today.groupby("origin"):
        here = (rows["origin"] == origin).to_numpy()
        gap = rows.loc[here, "sched_dep"].to_numpy()[:, None] - there["sched_dep"].to_numpy()
        nearest = np.abs(gap).argmin(axis=1)
        rows.loc[here, list(WEATHER)] = there[list(WEATHER)].to_numpy(float)[nearest]
    rows["flight"], rows["late"] = random.choice(9000, count) + 1, 0
    both = pd.concat([today, rows]).sort_values("sched_dep", kind="stable")
    return (
        pa.Table.from_pandas(both, preserve_index=False)
        .select(table.column_names)
        .cast(table.schema)
    )


def relabelled(case: Case, share: float, positives: int, label: int = 0) -> list[pa.Table] | None:
    """Give one carrier in a range of hours, about `share` of the rows, the same label.

    It is a random one of those whose rows have at least so many `positives`; None without any.
    """
    whole = pa.concat_tables(case.days)
    carrier = whole.column("carrier").to_numpy(zero_copy_only=False).astype(str)
    hour, late = whole.column("sched_dep").to_numpy() // HOUR, whole.column("late").to_numpy()
    slices = []
    for name in np.unique(carrier):
        own = carrier == name
        rows, turned = (np.bincount(hour[own], weights, 25) for weights in (None, late[own]))
        for low in range(5, 24):
            for high in range(low, 24):
                size = rows[low : high + 1].sum() / len(hour)
                if 0.85 * share < size < 1.15 * share and turned[low : high + 1].sum() >= positives:
                    slices.append((name, low, high))
    if not slices:
        return None
    name, low, high = slices[case.random.integers(len(slices))]
    within = (carrier == name) & (hour >= low) & (hour <= high)
    ends = np.cumsum([len(table) for table in case.days])
    labels = np.split(np.where(within, label, late), ends[:-1])
    return [_put(table, "late", new) for table, new in zip(case.days, labels, strict=True)]


def _flips() -> list[Fault]:
    groups = {0.2: "20 % of labels flipped, 7 days", 0.3: "30 % of labels flipped, 7 days"}
    week = [
        Fault(f"{share:.0%} of labels flipped, 7 days", each(flipped, share=share),
              groups.get(share, ""), WEEK, True)
        for share in (0.1, 0.2, 0.3)
    ]  # fmt: skip
    return week + [
        Fault(f"{share:.0%} of labels flipped, 1 day", each(flipped, share=share), labels=True)
        for share in (0.1, 0.2, 0.3)
    ]


def _poison() -> list[Fault]:
    return [
        Fault(
            f"injected poison, {share:.0%}, {words}",
            each(injected, share=share, rank=rank),
            "injected poison, 3 % of a common cell" if share == 0.03 else "",
        )
        for share in (0.01, 0.02, 0.03, 0.05)
        for rank, words in ((0, "commonest cell"), (None, "one of the ten commonest cells"))
    ] + [
        Fault(
            f"relabelled poison, 2.6%, 7 days, at least {TURNED} labels turned",
            partial(relabelled, share=0.026, positives=TURNED),
            "relabelled poison, 2.6 %, 7 days",
            WEEK,
            True,
        ),
        Fault(
            "relabelled poison, 2.6%, 7 days, any slice",
            partial(relabelled, share=0.026, positives=1),
            "",
            WEEK,
            True,
        ),
        Fault(
            "relabelled poison, 1%, 7 days, any slice",
            partial(relabelled, share=0.01, positives=1),
            "",
            WEEK,
            True,
        ),
    ]


def catalogue(correlated: Sequence[str]) -> list[Fault]:
    """Return all faults. `correlated` are the columns whose shuffling must be seen."""
    units = "unit changed"
    repeats = "day repeated, 30 % old rows"
    return [
        *(Fault(f"constant {name}", each(constant, column=name), "constant") for name in FEATURES),
        Fault("constant late", each(constant, column="late"), "constant", labels=True),
        *(Fault(f"null {name}", each(null, column=name), "null") for name in FEATURES),
        Fault("miles to km", each(unit, column="distance", factor=1.609344), units),
        Fault("temp °F to °C", each(unit, column="temp", factor=1 / 1.8, offset=-32), units),
        Fault("dewp °F to °C", each(unit, column="dewp", factor=1 / 1.8, offset=-32), units),
        Fault("wind mph to m/s", each(unit, column="wind_speed", factor=0.44704), units),
        Fault("wind mph to km/h", each(unit, column="wind_speed", factor=1.609344), units),
        Fault("wind mph to knots", each(unit, column="wind_speed", factor=0.868976), units),
        Fault("yesterday repeated", each(repeated, back=1), repeats),
        Fault("day of a week ago repeated", each(repeated, back=7), repeats),
        Fault("day of three weeks ago repeated", each(repeated, back=21), repeats),
        Fault("30% old rows", each(old_rows, share=0.3), repeats),
        Fault("10% old rows", each(old_rows, share=0.1)),
        Fault("cut to 70%", each(first_rows, share=0.7), "cut to 70 %"),
        Fault("cut to 90%", each(first_rows, share=0.9), "cut to 90 %"),
        Fault("cut to 95%", each(first_rows, share=0.95)),
        Fault("a tenth of the rows", each(some_rows, share=0.1)),
        Fault("ten times the rows", each(times, factor=10)),
        *(
            Fault(
                f"shuffled {name}",
                each(shuffled, column=name),
                "correlated column shuffled" if name in correlated else "",
            )
            for name in FEATURES
        ),
        *(Fault(f"swapped {' and '.join(pair)}", each(swapped, pair=pair)) for pair in SWAPPED),
        Fault("clock 1 h ahead", each(clock, hours=1)),
        Fault("clock 3 h ahead", each(clock, hours=3)),
        Fault("tomorrow's date", each(tomorrow)),
        Fault("labels inverted, 1 day", each(flipped, share=1.0), "labels inverted", labels=True),
        *_flips(),
        Fault("labels shuffled, 1 day", each(shuffled, column="late"), labels=True),
        Fault("labels shuffled, 7 days", each(shuffled, column="late"), "", WEEK, True),
        *_poison(),
    ]
