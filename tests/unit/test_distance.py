"""How far new data are from old data."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.checks.distance import distances
from ratchet.checks.profile import profile
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


def of(amounts: list[float | None], words: list[str | None]) -> dict[str, float]:
    """Return the distances of these rows from a hundred amounts and three words."""
    old = rows([float(i) for i in range(99)], ["a", "b", "c"] * 33)
    return distances(rows(amounts, words), old, ["amount", "word"])


def rows(amounts: list[float | None], words: list[str | None]):  # type: ignore[no-untyped-def]
    columns = {
        "y": pa.array([0] * len(words), pa.int64()),
        "amount": pa.array(amounts, pa.float64()),
        "word": pa.array(words, pa.string()),
    }
    return profile(pa.table(columns), SCHEMA)


def test_the_same_rows_are_at_distance_0_and_other_ones_at_1() -> None:
    same = of([float(i) for i in range(99)], ["c", "b", "a"] * 33)
    assert same == pytest.approx({"amount": 0, "word": 0}, abs=1e-6)
    far = of([99.9] * 9, ["z"] * 9)
    assert far["word"] == pytest.approx(1)
    assert far["amount"] > 0.7  # one tenth of the old amounts are in the same bin


def test_a_column_without_values_is_as_far_as_can_be() -> None:
    assert of([None] * 5, [None] * 5) == {"amount": 1.0, "word": 1.0}


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from("abcd")), min_size=1, max_size=20))
def test_a_distance_is_between_0_and_1(pairs: list[tuple[float, str]]) -> None:
    found = of([amount for amount, _ in pairs], [word for _, word in pairs])
    assert all(0 <= each <= 1 for each in found.values())
