"""Every check sees its fault in made-up batches, stays quiet on good ones, and says figures."""

import datetime
import random
from collections.abc import Callable

import pyarrow as pa
import pytest

from ratchet.checks.drift import measure
from ratchet.checks.history import beyond
from ratchet.checks.profile import Profile, profile
from ratchet.checks.statistic import Statistic
from ratchet.data.schema import Schema
from ratchet.data.target import target_of

SCHEMA = Schema.model_validate(
    {
        "target": {"column": "late", "positive": 1},
        "time": "day",
        "columns": {
            "day": {"type": "date", "feature": False},
            "route": {"type": "category", "max_null": 1},
            "miles": {"type": "integer", "min": 0, "max": 2400, "max_null": 1},
            "hour": {"type": "number", "min": 0, "max": 24, "max_null": 1},
            "arrival": {"type": "number", "min": 0, "max": 24, "max_null": 1},
            "fare": {"type": "number", "max_null": 1},
            "late": {"type": "integer", "values": [0, 1]},
        },
    }
)
TARGET = target_of("binary", SCHEMA)
ROUTES = {"north": 310, "south": 480, "east": 760, "west": 1190, "sea": 2010}
ROWS = 300
Row = dict[str, object]
Rows = list[Row]


def batch(number: int) -> Rows:
    """Make the rows of a day, in order of their hour."""
    chance = random.Random(number)
    day = datetime.datetime(2024, 1, 1) + datetime.timedelta(days=number)
    found: Rows = []
    for n in range(ROWS):
        route = chance.choice(list(ROUTES))
        hour = 24 * n / ROWS
        found.append(
            {
                "day": day,
                "route": route,
                "miles": ROUTES[route],
                "hour": hour,
                "arrival": (hour + ROUTES[route] / 2000) % 24,
                "fare": chance.lognormvariate(4, 0.5),
                "late": int(chance.random() < 0.25),
            }
        )
    return found


def typed(rows: Rows) -> pa.Table:
    types = [pa.timestamp("us"), pa.string(), pa.int64(), *[pa.float64()] * 3, pa.int64()]
    kinds = dict(zip(SCHEMA.columns, types, strict=True))
    return pa.table(
        {name: pa.array([row[name] for row in rows], kind) for name, kind in kinds.items()}
    )


REFERENCE = [profile(typed(batch(number)), SCHEMA) for number in range(28)]
TODAY = 28
ID = "2024-01-29"


def statistics(rows: Rows, reference: list[Profile] = REFERENCE) -> dict[str, Statistic]:
    table = typed(rows)
    found = measure(ID, table, profile(table, SCHEMA), reference, SCHEMA, TARGET)
    keyed = {f"{each.check}:{each.column}": each for each in found}
    assert len(keyed) == len(found)
    return keyed


GOOD = statistics(batch(TODAY))


def put(column: str, change: Callable[[object], object]) -> Callable[[Rows], Rows]:
    return lambda rows: [row | {column: change(row[column])} for row in rows]


def shuffled(column: str) -> Callable[[Rows], Rows]:
    def edit(rows: Rows) -> Rows:
        values = [row[column] for row in rows]
        random.Random(0).shuffle(values)
        return [row | {column: value} for row, value in zip(rows, values, strict=True)]

    return edit


def injected(rows: Rows) -> Rows:
    extra = [
        row | {"route": "sea", "miles": 2010, "hour": 8.3, "arrival": 9.3} for row in rows[:20]
    ]
    return [*rows, *extra]


def old(share: float) -> Callable[[Rows], Rows]:
    def edit(rows: Rows) -> Rows:
        count = int(share * ROWS)
        again = [row | {"day": rows[0]["day"]} for row in batch(20)[:count]]
        return [*again, *rows[count:]]

    return edit


def repriced(factor: float) -> Callable[[object], object]:
    return lambda fare: factor * float(str(fare))


FAULTS: list[tuple[str, Callable[[Rows], Rows], float]] = [
    ("row_count:", lambda rows: rows[:150], 0.6),
    ("row_count:", lambda rows: rows * 10, 2.0),
    ("null_share:fare", put("fare", lambda _: None), 0.9),
    ("constant:miles", put("miles", lambda _: 760), 0.6),
    ("constant:fare", put("fare", lambda _: 0.0), 0.9),  # of so many that none is tallied
    ("constant:hour", put("hour", lambda _: 8.0), 0.9),
    ("new_category:route", put("route", lambda value: str(value).upper()), 0.9),
    ("new_value:miles", put("miles", lambda value: round(int(str(value)) * 1.609)), 0.9),
    ("lost_category:route", lambda rows: [r for r in rows if r["route"] != "sea"], 0.15),
    ("lost_range:hour", lambda rows: rows[:270], 0.08),
    ("distance:fare", put("fare", repriced(0.1)), 0.5),
    ("level:fare", put("fare", repriced(1.6)), 8),
    ("label_rate:late", put("late", lambda value: 1 - int(str(value))), 0.3),
    ("pair:miles", shuffled("miles"), 0.5),
    ("pair:route", shuffled("miles"), 0.5),
    ("correlation:arrival", shuffled("arrival"), 0.5),
    ("cell_count:", injected, 2.5),
    ("duplicate_rows:", old(0.3), 0.25),
    ("duplicate_batch:", old(1), 0.99),
    ("out_of_day:day", put("day", lambda _: datetime.datetime(2024, 1, 30)), 0.99),
    ("out_of_day:day", put("day", lambda _: None), 0.99),
]


@pytest.mark.parametrize(("key", "fault", "least"), FAULTS, ids=[key for key, _, _ in FAULTS])
def test_a_check_sees_its_fault(key: str, fault: Callable[[Rows], Rows], least: float) -> None:
    found = statistics(fault(batch(TODAY)))
    assert found[key].value > least
    assert GOOD[key].value < least / 4 or (key.startswith("level") and GOOD[key].value < 3)
    assert any(sign.isdigit() for sign in found[key].message)


def test_every_statistic_is_there_for_every_batch() -> None:
    """The heat map and calibration need whole series, so a check can't fall silent."""
    for fault in (lambda rows: rows[:1], put("fare", lambda _: None), put("late", lambda _: 0)):
        assert statistics(fault(batch(TODAY))).keys() >= GOOD.keys()


def test_a_message_says_what_a_person_needs() -> None:
    found = statistics(put("route", lambda value: str(value).upper())(batch(TODAY)))
    new = found["new_category:route"]
    assert new.message == (
        "100.0% of the rows have values never seen in the 28 batches before, usually at most 0.0%"
    )
    assert new.count == ROWS
    assert set(new.examples) <= {repr(route.upper()) for route in ROUTES}
    copy = statistics(old(1)(batch(TODAY)))["duplicate_batch:"]
    assert copy.message == "100.0% of the rows are those of the batch 8 before, but for their time"


def test_one_odd_batch_in_the_reference_does_not_hide_the_next() -> None:
    odd = profile(typed(put("fare", repriced(0.1))(batch(5))), SCHEMA)
    found = statistics(put("fare", repriced(0.1))(batch(TODAY)), [*REFERENCE[1:], odd])
    assert found["distance:fare"].value > 0.4


def test_an_id_that_is_no_date_has_no_day_to_keep() -> None:
    table = typed(batch(TODAY))
    found = measure("batch-7", table, profile(table, SCHEMA), REFERENCE, SCHEMA, TARGET)
    assert "out_of_day" not in {each.check for each in found}


def test_an_empty_batch_is_measured() -> None:
    assert statistics([])["row_count:"].value > 5


def test_a_reference_of_one_batch_is_refused() -> None:
    table = typed(batch(TODAY))
    with pytest.raises(ValueError, match="got 1"):
        measure(ID, table, profile(table, SCHEMA), REFERENCE[:1], SCHEMA, TARGET)


@pytest.mark.parametrize(
    ("share", "usual", "rows", "excess"),
    [
        (0.5, 0.0, 24, 0.5),
        (1 / 24, 0.0, 24, 0.0),  # one row
        (0.05, 0.01, 900, 0.04),
        (0.015, 0.01, 900, 0.0),
        (0.01, 0.05, 24, -0.04),
    ],
)
def test_a_share_is_higher_only_when_chance_would_not_do(
    share: float, usual: float, rows: int, excess: float
) -> None:
    assert beyond(share, usual, rows) == pytest.approx(excess)


def test_a_continuous_column_may_hold_much_of_the_value_that_it_turns_to() -> None:
    def half(number: int) -> Rows:
        rows = batch(number) + batch(number + 100)
        return [row | {"fare": row["fare"] if n % 2 else 0.0} for n, row in enumerate(rows)]

    past = [profile(typed(half(number)), SCHEMA) for number in range(28)]
    assert all(one.columns["fare"].values is None for one in past)  # too many to be tallied
    found = statistics(put("fare", lambda _: 0.0)(batch(TODAY)), past)["constant:fare"]
    assert found.value == pytest.approx(0.5)
    assert found.message == "always 0, which usually has at most 50.0% of the rows"


def test_a_column_of_one_value_a_batch_may_go_on_to_the_next() -> None:
    def on(number: int, route: str) -> Rows:
        return [{**row, "route": route} for row in batch(number)]

    routes = list(ROUTES)
    by_day = [profile(typed(on(number, routes[number % 4])), SCHEMA) for number in range(28)]
    found = statistics(on(28, "sea"), by_day)
    assert found["constant:route"].value == 0
    assert found["new_category:route"].value <= 0
    stuck = statistics(on(28, "sea"))
    assert stuck["constant:route"].value > 0.5
