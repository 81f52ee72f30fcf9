"""From a target column to labels, by task."""

import numpy as np
import pyarrow as pa
import pytest
from shop import SCHEMA

from ratchet.data.schema import Schema
from ratchet.data.target import MOST_CLASSES, target_of
from ratchet.errors import ConfigError, DataError
from ratchet.task import Task


def schema(column: dict[str, object], positive: object = None) -> Schema:
    target = {"column": "y"} if positive is None else {"column": "y", "positive": positive}
    return Schema.model_validate(
        {"target": target, "columns": {"y": column, "x": {"type": "number"}}}
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
    target = target_of("binary", schema({"type": kind}, positive))
    assert target.encode(pa.table({"y": values})).to_pylist() == [1, 0, 0, None]


def test_a_positive_value_of_another_type_is_told() -> None:
    target = target_of("binary", Schema.model_validate(SCHEMA))
    with pytest.raises(ConfigError, match=r"schema\.yaml: target\.positive: 'returned' can't be"):
        target.encode(pa.table({"outcome": [1, 0]}))


def test_classes_are_numbered_in_their_order() -> None:
    words = target_of("multiclass", schema({"type": "category", "categories": ["sun", "fog"]}))
    assert words.classes == ("fog", "sun")
    labels = words.labels(pa.table({"y": ["sun", "fog", "sun"]}))
    assert labels.tolist() == [1, 0, 1]
    assert labels.dtype == np.int16
    numbers = target_of("multiclass", schema({"type": "integer", "values": [10, 9, -1]}))
    assert numbers.classes == ("-1", "9", "10")
    assert numbers.labels(pa.table({"y": [10, -1]})).tolist() == [2, 0]


def test_the_label_of_a_regression_is_the_target() -> None:
    target = target_of("regression", schema({"type": "integer"}))
    assert target.labels(pa.table({"y": [3, -2]})).tolist() == [3.0, -2.0]
    assert target.encode(pa.table({"y": [3, None]})).to_pylist() == [3.0, None]


@pytest.mark.parametrize(
    ("task", "column", "positive", "said"),
    [
        ("multiclass", {"type": "number"}, None, "task: multiclass needs a target of type integer"),
        ("regression", {"type": "category"}, None, "needs a target of type number or integer"),
        ("binary", {"type": "integer"}, None, "say which value of y is the positive one"),
        ("regression", {"type": "integer"}, 1, "no value is the positive one"),
        ("multiclass", {"type": "category"}, None, "write categories"),
        (
            "multiclass",
            {"type": "integer", "values": list(range(MOST_CLASSES + 1))},
            None,
            "at most 100 can be classes",
        ),
    ],
)
def test_a_task_that_does_not_fit_the_target_is_told(
    task: Task, column: dict[str, object], positive: object, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        target_of(task, schema(column, positive))


def test_five_thousand_values_are_no_yes_or_no() -> None:
    rows = pa.table({"y": range(5000)})
    target = target_of("binary", schema({"type": "integer"}, 1))
    with pytest.raises(DataError, match="5000 different values, which makes no yes or no"):
        target.labels(rows)
    one_against_the_rest = schema({"type": "integer", "values": list(range(5000))}, 1)
    assert target_of("binary", one_against_the_rest).labels(rows).sum() == 1


def test_a_value_that_is_no_class_is_told() -> None:
    target = target_of("multiclass", schema({"type": "category", "categories": ["sun", "fog"]}))
    with pytest.raises(DataError, match="y: hail is none of the classes"):
        target.labels(pa.table({"y": ["sun", "hail"]}))
