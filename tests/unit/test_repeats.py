"""Rows of the holdout that taught as well."""

import datetime
import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.data.repeats import LEAST, Repeats, compared_columns, repeats
from ratchet.data.schema import Schema

NAMES = ["amount", "channel", "outcome"]
KINDS = [pa.float64(), pa.string(), pa.int64()]


def fresh(dice: random.Random, count: int) -> list[tuple[object, ...]]:
    return [
        (
            dice.choice([None, 0.5, dice.random()]),
            dice.choice([None, "web"]),
            dice.choice([None, 0, 1]),
        )
        for _ in range(count)
    ]


def table(batches: list[list[tuple[object, ...]]], start: int = 0) -> pa.Table:
    rows = [row for batch in batches for row in batch]
    names = np.repeat([f"{start + n:03}" for n in range(len(batches))], list(map(len, batches)))
    columns = {
        name: pa.array([row[n] for row in rows], kind)
        for n, (name, kind) in enumerate(zip(NAMES, KINDS, strict=True))
    }
    return pa.table({"batch": pa.array(names.tolist(), pa.string()), **columns})


def found(
    teaching: list[list[tuple[object, ...]]], judging: list[list[tuple[object, ...]]]
) -> Repeats:
    return repeats(table(teaching), table(judging, len(teaching)), NAMES)


def test_a_delivery_of_all_that_was_is_odd_from_the_second_batch_on() -> None:
    dice = random.Random(0)
    history = [(dice.random(), "web", 1) for _ in range(300)]
    whole = found([history[:290]], [history])
    assert (whole.rows, whole.repeated) == (300, 290)
    assert whole.chance < 0.02
    assert whole.is_odd
    assert whole.words.startswith("96.7% of the holdout's rows stand word for word")


@pytest.mark.parametrize(("old", "odd"), [(0.0, False), (0.03, False), (0.1, True), (1.0, True)])
def test_a_part_of_old_rows_is_odd_when_it_matters(old: float, odd: bool) -> None:
    dice = random.Random(0)
    past = [[(dice.random(), "web", 1) for _ in range(200)] for _ in range(20)]
    again = dice.sample([row for batch in past for row in batch], int(200 * old))
    new = [(dice.random(), "web", 1) for _ in range(200 - len(again))]
    made = found(past, [new + again])
    assert made.repeated == len(again)
    assert made.is_odd == odd


@pytest.mark.parametrize("kinds", [2, 20, 200, 2000, 20_000])
def test_few_categories_repeat_by_nature(kinds: int) -> None:
    """Rows that are drawn anew each day aren't odd, however many kinds of them there are."""
    dice = random.Random(kinds)
    weight = [1 / (n + 1) for n in range(kinds)]
    drawn = [
        [(None, "web", kind) for kind in dice.choices(range(kinds), weight, k=80)]
        for _ in range(40)
    ]
    assert not found(drawn[:33], drawn[33:]).is_odd


def test_batches_of_one_row_tell_nothing() -> None:
    assert not found([[(1.0, "web", 1)]] * 5, [[(1.0, "web", 1)]]).is_odd


@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 40))
def test_it_counts_exactly_what_a_set_would(seed: int, taught: int, judged: int) -> None:
    dice = random.Random(seed)
    past, new = fresh(dice, taught), fresh(dice, judged)
    made = found([past], [new])
    assert (made.rows, made.repeated) == (judged, sum(row in set(past) for row in new))
    assert 0 <= made.chance <= 1


def test_a_value_in_another_column_is_another_row() -> None:
    assert found([[(0.0, "a", 1), (1.0, "b", 0)]], [[(1.0, "a", 0), (0.0, "b", 1)]]).repeated == 0


def test_time_and_what_is_no_feature_are_left_aside() -> None:
    schema = Schema.model_validate(
        {
            "target": {"column": "outcome", "positive": 1},
            "time": "at",
            "key": ["order"],
            "rows": {"min": 1, "max": 9},
            "columns": {
                "order": {"type": "integer", "feature": False},
                "at": {"type": "date"},
                "born": {"type": "date"},
                "amount": {"type": "number"},
                "outcome": {"type": "integer", "values": [0, 1]},
            },
        }
    )
    assert compared_columns(schema) == ("born", "amount", "outcome")
    days = [datetime.datetime(2020, 1, day) for day in (1, 2)]
    rows = [
        pa.table({"batch": ["a"], "born": [day], "amount": [1.0], "outcome": [1]}) for day in days
    ]
    assert repeats(rows[0], rows[1], compared_columns(schema)).repeated == 0
    assert repeats(rows[0], rows[0], compared_columns(schema)).repeated == 1


def test_a_share_within_chance_is_none_to_tell() -> None:
    assert not Repeats(1000, 549, 0.5).is_odd
    assert Repeats(1000, 560, 0.5).is_odd
    assert not Repeats(20, 14, 0.5).is_odd
    assert not Repeats(10**6, int(LEAST * 10**6), 0.0).is_odd
    assert not Repeats(0, 0, 1.0).is_odd
