"""`schema.yaml`, the data contract: what a batch must look like."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from ratchet.config import Section, read_yaml

Kind = Literal["number", "integer", "category", "boolean", "text", "date"]
LEARNABLE = ("number", "integer", "category", "boolean")
_VALUES: dict[Kind, tuple[type, ...]] = {
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "text": (str,),
}


class Rows(Section):
    """How many rows a batch may have."""

    min: int = Field(1, ge=1, description="fewest rows")
    max: int | None = Field(None, ge=1, description="most rows; empty for no limit")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.max is not None and self.min > self.max:
            raise ValueError(f"has min {self.min} above max {self.max}")
        return self


class Column(Section):
    """What one column must hold."""

    type: Kind = Field(description="number, integer, category, boolean, text or date (ISO 8601)")
    feature: bool = Field(True, description="whether the model may learn from it")
    min: float | None = Field(None, description="smallest value, for number and integer")
    max: float | None = Field(None, description="largest value, for number and integer")
    values: list[int | float | bool | str] | None = Field(
        None,
        min_length=1,
        description="the only values allowed, for number, integer, boolean and text",
    )
    categories: list[str] | None = Field(
        None, min_length=1, description="the only values allowed, for category"
    )
    max_null: float = Field(0, ge=0, le=1, description="largest share of missing values in a batch")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.type not in ("number", "integer") and (self.min, self.max) != (None, None):
            raise ValueError(f"can't have min or max: its type is {self.type}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"has min {self.min:g} above max {self.max:g}")
        if self.categories is not None and self.type != "category":
            raise ValueError(f"can't have categories: its type is {self.type}; use values")
        if self.values is not None and self.type == "category":
            raise ValueError("must list its values under categories: its type is category")
        if self.values is not None and self.type not in _VALUES:
            raise ValueError(f"can't have values: its type is {self.type}")
        wrong = [each for each in self.values or () if type(each) not in _VALUES[self.type]]
        if wrong:
            raise ValueError(f"has {wrong[0]!r} among its values, which isn't of type {self.type}")
        return self


Value = int | float | bool | str


class TargetColumn(Section):
    """The column to predict."""

    column: str = Field(description="one of `columns`")
    positive: Value | None = Field(
        None, description="its value that counts as positive; only for `task: binary`"
    )


class Schema(Section):
    """The whole of `schema.yaml`."""

    target: TargetColumn
    time: str | None = Field(None, description="the column that says when a row happened")
    key: list[str] = Field([], description="columns that together are unique within a batch")
    extra_columns: Literal["refuse", "ignore"] = Field(
        "refuse", description="what to do with a column that isn't listed here"
    )
    rows: Rows = Rows.model_construct(min=1, max=None)
    columns: dict[str, Column] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        named = {"target.column": self.target.column, "time": self.time}
        named |= {f"key[{i}]": column for i, column in enumerate(self.key)}
        for where, column in named.items():
            if column is not None and column not in self.columns:
                raise ValueError(f"{where}: {column} is not one of the columns")
        for name in self.columns:
            if name == "batch" or name.startswith("_"):
                raise ValueError(f"columns.{name}: `batch` and names with a leading _ are taken")
        target = self.columns[self.target.column]
        if target.max_null > 0:
            raise ValueError(f"columns.{self.target.column}: the target can't be null")
        allowed = target.categories or target.values
        positive = self.target.positive
        if allowed is not None and positive is not None and positive not in allowed:
            raise ValueError(
                f"target.positive: {self.target.positive!r} is not among the values of "
                f"{self.target.column}"
            )
        for name in self.features:
            if self.columns[name].type not in LEARNABLE:
                raise ValueError(
                    f"columns.{name}: a model can't learn from type {self.columns[name].type}; "
                    "set feature: false"
                )
        if not self.features:
            raise ValueError("columns: none is a feature")
        return self

    @property
    def features(self) -> dict[str, Kind]:
        """The columns that the model learns from, in order, with their types."""
        return {
            name: column.type
            for name, column in self.columns.items()
            if column.feature and name != self.target.column
        }


def load_schema(path: Path) -> Schema:
    """Read and check `schema.yaml`.

    Raises ConfigError, one line for each wrong key: the file, the key, what is allowed.
    """
    return read_yaml(path, Schema)
