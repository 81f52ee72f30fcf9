"""Which rows are positive."""

import pyarrow as pa
import pytest
from shop import SCHEMA

from ratchet.data.labels import count_positive, is_positive
from ratchet.data.schema import Schema
from ratchet.errors import ConfigError


def schema(kind: str, positive: object) -> Schema:
    return Schema.model_validate(
        {
            "target": {"column": "y", "positive": positive},
            "columns": {"y": {"type": kind}, "x": {"type": "number"}},
        }
    )


@pytest.mark.parametrize(
    ("kind", "positive", "values"),
    [
        ("integer", 1, pa.array([1, 0, 2, None])),
        ("boolean", True, pa.array([True, False, False, None])),
        ("category", "yes", pa.array(["yes", "no", "Yes", None])),
        ("number", 1, pa.array([1.0, 0.0, 1.5, None])),
    ],
)
def test_a_row_is_positive_by_the_value_that_the_contract_names(
    kind: str, positive: object, values: pa.Array
) -> None:
    rows = pa.table({"y": values})
    assert is_positive(rows, schema(kind, positive)).to_pylist() == [True, False, False, None]
    assert count_positive(rows, schema(kind, positive)) == 1


def test_a_positive_value_of_another_type_is_told() -> None:
    with pytest.raises(ConfigError, match=r"schema\.yaml: target\.positive: 'returned' can't be"):
        is_positive(pa.table({"outcome": [1, 0]}), Schema.model_validate(SCHEMA))


def test_no_rows_have_no_positive_one() -> None:
    assert count_positive(pa.table({"y": pa.array([], pa.int64())}), schema("integer", 1)) == 0
