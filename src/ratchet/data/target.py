"""What is predicted: the task of `params.yaml` and the target of `schema.yaml`, taken together.

A row's label is a number: 1 for the positive value and 0 for any other (binary), the place of its
class among `classes` (multiclass), or the target itself (regression).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ratchet.data.schema import Column, Kind, Schema, Value
from ratchet.errors import ConfigError, DataError
from ratchet.task import Task

MOST_CLASSES = 100  # beyond it a score of each class for each row is the wrong tool

_CLASSES: Sequence[Kind] = ("integer", "category", "boolean", "text")
_FITS: Mapping[Task, Sequence[Kind]] = {
    "binary": (*_CLASSES, "number", "date"),
    "multiclass": _CLASSES,
    "regression": ("number", "integer"),
}
_LABELS: Mapping[Task, pa.DataType] = {
    "binary": pa.int8(),
    "multiclass": pa.int16(),
    "regression": pa.float64(),
}


@dataclass(frozen=True)
class Target:
    """The column to predict, and how.

    positive: the value with label 1; None unless the task is binary. classes: the values as text,
    in the order of their labels; empty unless the task is multiclass. listed: whether the contract
    lists the values that the target may have.
    """

    task: Task
    column: str
    positive: Value | None = None
    classes: tuple[str, ...] = ()
    listed: bool = False

    def encode(self, rows: pa.Table) -> pa.ChunkedArray:
        """Return the labels of typed rows, null where the target is null.

        int8 for binary, int16 for multiclass, float64 for regression. Raises ConfigError when the
        positive value can't be one of the target's.
        """
        values = rows[self.column]
        if self.task == "regression":
            return values.cast(pa.float64())
        if self.task == "multiclass":
            places = pc.index_in(values.cast(pa.string()), pa.array(self.classes))
            return places.cast(pa.int16())
        try:
            positive = pa.scalar(self.positive).cast(values.type)
        except (pa.ArrowException, OverflowError):
            raise ConfigError(
                f"schema.yaml: target.positive: {self.positive!r} can't be a value of "
                f"{self.column}, whose type is {values.type}"
            ) from None
        return pc.equal(values, positive).cast(pa.int8())

    def labels(self, rows: pa.Table) -> np.ndarray:
        """Return the labels (rows,) of typed rows, none of whose targets may be null.

        Raises DataError when one is, or when the values are too many for a class.
        """
        values = rows[self.column]
        if values.null_count:
            raise DataError(f"{self.column}: {values.null_count} rows have no value to learn from")
        if self.task == "binary" and not self.listed:
            self._refuse_numbers(pc.count_distinct(values).as_py())
        encoded = self.encode(rows)
        if encoded.null_count:  # a person accepted a batch with other values than the contract's
            strange = rows.filter(pc.is_null(encoded))[self.column].unique().to_pylist()
            raise DataError(
                f"{self.column}: {', '.join(map(str, strange[:5]))} is none of the classes in "
                "schema.yaml; add it there, or write exclude beside its batch in the manifest"
            )
        labels: np.ndarray = encoded.to_numpy().astype(_LABELS[self.task].to_pandas_dtype())
        return labels

    def only(self, label: float) -> str:
        """Say that all labels are `label`."""
        if self.task == "binary":
            return f"only {'positive' if label else 'negative'} labels"
        one = self.classes[int(label)] if self.classes else f"{label:g}"
        return f"only the value {one}"

    def _refuse_numbers(self, distinct: int) -> None:
        if distinct > 2:
            raise DataError(
                f"{self.column} has {distinct} different values, which makes no yes or no: set "
                "task: regression or multiclass in params.yaml, or list the values that it may "
                "have in schema.yaml, so that target.positive stands against the rest"
            )


def target_of(task: Task, schema: Schema) -> Target:
    """Return what the contract's target is to `task`.

    Raises ConfigError when the two don't fit: a number isn't a class, a name isn't a number.
    """
    name, positive = schema.target.column, schema.target.positive
    column = schema.columns[name]
    if column.type not in _FITS[task]:
        raise ConfigError(
            f"params.yaml: task: {task} needs a target of type {' or '.join(_FITS[task])}, but "
            f"{name} in schema.yaml is of type {column.type}"
        )
    if (positive is None) == (task == "binary"):
        raise ConfigError(
            f"schema.yaml: target.positive: say which value of {name} is the positive one, as the "
            "task is binary"
            if positive is None
            else f"schema.yaml: target.positive: the task is {task}, so no value is the positive "
            "one; take it out, or set task: binary in params.yaml"
        )
    classes = _classes(name, column) if task == "multiclass" else ()
    return Target(task, name, positive, classes, bool(column.categories or column.values))


def _classes(name: str, column: Column) -> tuple[str, ...]:
    """Return the classes as arrow spells them, numbers in their order and words in theirs."""
    if column.type == "boolean":
        return ("false", "true")
    values = column.categories or column.values
    if values is None:
        raise ConfigError(
            f"schema.yaml: columns.{name}: task: multiclass needs the list of classes: write "
            f"{'categories' if column.type == 'category' else 'values'}"
        )
    if len(set(values)) > MOST_CLASSES:
        raise ConfigError(
            f"schema.yaml: columns.{name}: has {len(set(values))} values, and at most "
            f"{MOST_CLASSES} can be classes; set task: regression, or put rare ones together"
        )
    return tuple(map(str, sorted(set(values))))
