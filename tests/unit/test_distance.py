"""How far new data are from old data."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.checks.distance import excesses
from ratchet.checks.profile import Profile, profile
from ratchet.data.schema import Schema

SCHEMA = Schema.model_validate(
    {
        "target": {"column": "y", "positive": 1},
        "columns": {
            "y": {"type": "integer"},
            "amount": {"type": "number", "min": 0, "max": 100, "max_null": 1},
            "word": {"type": "category", "max_null": 1},
        },
    }
)


def of(amounts: list[float | None], words: list[str | None], days: int = 1) -> dict[str, float]:
    """Return by how much these rows are farther than usual from old days.

    Each old day has all of the amounts and the words, or a tenth of the amounts and one word.
    """
    every = [float(i) for i in range(99)]
    old = [rows(every, ["a", "b", "c"] * 33)] * 20
    if days > 1:
        old = [rows(every[n * 9 : n * 9 + 9], ["abc"[n % 3]] * 9) for n in range(11)] * 2
    return excesses([rows(amounts, words)], old, ["amount", "word"])


def rows(amounts: list[float | None], words: list[str | None]) -> Profile:
    columns = {
        "y": pa.array([0] * len(words), pa.int64()),
        "amount": pa.array(amounts, pa.float64()),
        "word": pa.array(words, pa.string()),
    }
    return profile(pa.table(columns), SCHEMA)


def test_the_same_rows_are_at_distance_0_and_other_ones_near_1() -> None:
    same = of([float(i) for i in range(99)], ["c", "b", "a"] * 33)
    assert same == pytest.approx({"amount": 0, "word": 0}, abs=1e-6)
    far = of([99.9] * 9, ["z"] * 9)
    assert far["word"] == pytest.approx(1)
    assert far["amount"] > 0.7  # one tenth of the old amounts are in the same bin


def test_a_day_like_single_days_before_it_is_usual_however_unlike_them_all() -> None:
    usual = of([float(i) for i in range(9, 18)], ["b"] * 9, days=22)
    assert usual["amount"] <= 0.05
    assert usual["word"] <= 0.01
    assert of([99.9] * 9, ["z"] * 9, days=22)["word"] > 0.2


def test_a_column_without_values_is_as_far_as_can_be() -> None:
    assert of([None] * 5, [None] * 5) == {"amount": 1.0, "word": 1.0}


def test_of_few_old_batches_none_is_usual() -> None:
    old = [rows([1.0] * 9, ["a"] * 9)] * 3
    new = [rows([50.0] * 9, ["a"] * 9)] * 2
    assert excesses(new, old, ["amount", "word"]) == pytest.approx({"amount": 1, "word": 0})


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from("abcd")), min_size=1, max_size=20))
def test_a_distance_is_finite_and_at_most_1(pairs: list[tuple[float, str]]) -> None:
    found = of([amount for amount, _ in pairs], [word for _, word in pairs])
    assert all(-1 <= each <= 1 for each in found.values())
