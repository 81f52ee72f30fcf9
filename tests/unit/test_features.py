"""Typed rows as the input of a model."""

import math

import numpy as np
import pyarrow as pa

from ratchet.data.features import feature_frame, inputs
from ratchet.data.schema import Column

TABLE = pa.table(
    {
        "channel": pa.chunked_array([["web", None], ["phone", "web"]]),
        "member": [True, None, False, True],
        "items": pa.array([1, None, 3, 4], pa.int64()),
        "amount": [0.5, 1.5, None, math.pi],
        "note": ["a", "b", "c", "d"],
    }
)


def test_the_features_come_in_the_order_asked_for_and_alone() -> None:
    frame = feature_frame(TABLE, {"amount": "number", "channel": "category"})
    assert list(frame.columns) == ["amount", "channel"]
    assert len(frame) == 4


def test_all_but_categories_are_floats_with_nan_for_null() -> None:
    frame = feature_frame(TABLE, {"member": "boolean", "items": "integer", "amount": "number"})
    assert set(map(str, frame.dtypes)) == {"float64"}
    np.testing.assert_array_equal(
        frame.to_numpy(),
        [[1, 1, 0.5], [np.nan, np.nan, 1.5], [0, 3, np.nan], [1, 4, math.pi]],
    )


def test_categories_are_one_vocabulary_over_all_batches() -> None:
    column = feature_frame(TABLE, {"channel": "category"})["channel"]
    assert list(column.cat.categories) == ["web", "phone"]
    assert column.isna().tolist() == [False, True, False, False]
    assert column.dropna().tolist() == ["web", "phone", "web"]


def test_a_date_becomes_its_calendar_without_year_and_day() -> None:
    moments = ["2021-03-01T23:59:59", None, "1960-12-04T00:00:00"]
    table = pa.table({"at": pa.array(moments).cast(pa.timestamp("us")), "n": [1.0, 2.0, 3.0]})
    frame = feature_frame(table, {"at": "date", "n": "number"})
    assert list(frame.columns) == ["at.month", "at.weekday", "at.hour", "n"]
    np.testing.assert_array_equal(
        frame.to_numpy(), [[3, 1, 23, 1], [np.nan, np.nan, np.nan, 2], [12, 7, 0, 3]]
    )


def test_the_inputs_are_the_columns_of_the_frame() -> None:
    columns = {
        "at": Column(type="date"),
        "member": Column(type="boolean"),
        "shop": Column(type="category", encoding="target"),
        "channel": Column(type="category"),
        "items": Column(type="integer"),
    }
    assert inputs(columns) == {
        "at.month": "integer",
        "at.weekday": "integer",
        "at.hour": "integer",
        "member": "boolean",
        "shop": "target",
        "channel": "category",
        "items": "integer",
    }


def test_a_column_without_values_stays_a_column() -> None:
    empty = pa.table({"a": pa.nulls(2, pa.string()), "b": pa.nulls(2, pa.float64())})
    frame = feature_frame(empty, {"a": "category", "b": "number"})
    assert frame.isna().to_numpy().all()
    assert frame.shape == (2, 2)
