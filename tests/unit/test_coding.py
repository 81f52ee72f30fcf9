"""Numbers as codes, and back in words."""

import pyarrow as pa
import pytest

from ratchet.checks.coding import code, describe
from ratchet.data.schema import Column, Schema
from ratchet.data.target import target_of

SCHEMA = Schema.model_validate(
    {
        "target": {"column": "y", "positive": 1},
        "columns": {"y": {"type": "integer"}, "x": {"type": "number", "max_null": 1}},
    }
)
MOST = 2**16 - 1  # the highest code


def test_numbers_without_a_range_ascend_with_their_codes() -> None:
    values = [-1e30, -3.5, -0.0, 0.0, 1e-3, 7.0, 1e30, None]
    rows = pa.table({"y": [0, 1] * 4, "x": pa.array(values, pa.float64())})
    [codes] = code(rows, SCHEMA, target_of("binary", SCHEMA)).codes
    assert codes[-1] == 0
    assert codes[:-1].tolist() == sorted(codes[:-1].tolist())


@pytest.mark.parametrize("contract", [{}, {"min": 0}, {"max": 9}])
def test_the_last_code_of_numbers_without_a_range_has_no_end(contract: dict[str, float]) -> None:
    column = Column(type="number", **contract)
    assert describe(MOST, MOST, column, {}).endswith(" to inf")
    assert describe(0, MOST, column, {}).endswith(" to inf or missing")
