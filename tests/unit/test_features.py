"""Typed rows as the input of a model."""

import math

import numpy as np
import pyarrow as pa

from ratchet.data.features import feature_frame

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


def test_a_column_without_values_stays_a_column() -> None:
    empty = pa.table({"a": pa.nulls(2, pa.string()), "b": pa.nulls(2, pa.float64())})
    frame = feature_frame(empty, {"a": "category", "b": "number"})
    assert frame.isna().to_numpy().all()
    assert frame.shape == (2, 2)
