"""`schema.yaml`, the data contract: what a batch must look like."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from ratchet.sections import Section, read_yaml

Kind = Literal["number", "integer", "category", "boolean", "text", "date"]
LEARNABLE = ("number", "integer", "category", "boolean", "date")
CALENDAR = ("month", "weekday", "hour")  # what a model is told of a date, as NAME.month and so on
NULLS = ("NA", "N/A", "NaN", "nan", "null", "NULL", "None")
_VALUES: dict[Kind, tuple[type, ...]] = {
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "text": (str,),
}


def _spelt(values: Any) -> Any:
    """Take what YAML reads as a number, a truth value or nothing for the text that stands there."""
    if not isinstance(values, list):
        return values
    words = {None: "null", True: "true", False: "false"}
    return [
        words[each] if each is None or isinstance(each, bool)
        else str(each) if isinstance(each, int | float)
        else each
        for each in values
    ]  # fmt: skip


Spellings = Annotated[list[str], BeforeValidator(_spelt)]


class Format(Section):
    """How the producer's CSV files spell things. Parquet files have types and don't need it."""

    encoding: str = Field(default="utf-8", description="as Python names it: utf-8, cp1252, utf-16")
    delimiter: str = Field(default=",", description="the character between two fields")
    decimal: Literal[".", ","] = Field(
        default=".", description="the character before a number's fraction"
    )
    thousands: str | None = Field(
        default=None, description="the character between groups of three digits; empty for none"
    )
    nulls: Spellings = Field(
        default=list(NULLS), description="what stands for a missing value, besides an empty field"
    )
    true: Spellings = Field(
        default=["true", "1"], min_length=1, description="what booleans say for yes, in any case"
    )
    false: Spellings = Field(
        default=["false", "0"], min_length=1, description="what booleans say for no, in any case"
    )
    date: str | None = Field(
        default=None,
        min_length=2,
        description="how dates are written, e.g. %d.%m.%Y %H:%M; empty for ISO 8601",
    )

    @model_validator(mode="before")
    @classmethod
    def _names(cls, content: Any) -> Any:
        """Take the keys `true:` and `false:` for words, which YAML reads as truth values."""
        if not isinstance(content, dict):
            return content
        words = {True: "true", False: "false"}
        return {words[k] if isinstance(k, bool) else k: v for k, v in content.items()}

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            "a".encode(self.encoding)
        except (LookupError, UnicodeError, ValueError):
            raise ValueError(
                f"has the encoding {self.encoding!r}, which Python doesn't know; e.g. utf-8, cp1252"
            ) from None
        if len(self.delimiter) != 1 or not self.delimiter.isascii() or self.delimiter in '"\r\n':
            raise ValueError(
                f"has the delimiter {self.delimiter!r}, which must be one character of ASCII"
            )
        if self.thousands is not None and (
            len(self.thousands) != 1 or self.thousands in "+-eE0123456789"
        ):
            raise ValueError(f"has thousands {self.thousands!r}, which must be one character")
        if self.thousands == self.decimal:
            raise ValueError(f"has {self.decimal!r} for both decimal and thousands")
        if self.date is not None and "%" not in self.date:
            raise ValueError(f"has the date {self.date!r} without a directive such as %Y")
        yes, no = ({each.lower() for each in words} for words in (self.true, self.false))
        twice = sorted(yes & no | (yes | no) & {each.lower() for each in self.nulls})
        if twice:
            raise ValueError(f"has {twice[0]!r} in two of nulls, true and false")
        return self


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
    feature: bool = Field(
        True, description="whether the model may learn from it; from a date, its calendar"
    )
    encoding: Literal["target", "ordinal"] | None = Field(
        None,
        description="what the model sees of a category: `target`, how the target went with each "
        "value, for many values; `ordinal`, its place in the order of the names, for few rows; "
        "empty for the learner's own way",
    )
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
        if self.encoding is not None:
            self._check_encoding()
        if self.values is not None and self.type == "category":
            raise ValueError("must list its values under categories: its type is category")
        if self.values is not None and self.type not in _VALUES:
            raise ValueError(f"can't have values: its type is {self.type}")
        wrong = [each for each in self.values or () if type(each) not in _VALUES[self.type]]
        if wrong:
            raise ValueError(f"has {wrong[0]!r} among its values, which isn't of type {self.type}")
        return self

    def _check_encoding(self) -> None:
        if self.type != "category":
            raise ValueError(f"can't have encoding: its type is {self.type}, not category")
        if not self.feature:
            raise ValueError("can't have encoding: it isn't a feature")


Value = int | float | bool | str


class TargetColumn(Section):
    """The column to predict."""

    column: str = Field(description="the column to predict, one of `columns`")
    positive: Value | None = Field(
        None, description="its value that counts as positive; only for `task: binary`"
    )


class Schema(Section):
    """The whole of `schema.yaml`."""

    target: TargetColumn
    time: str | None = Field(None, description="the column that says when a row happened")
    key: list[str] = Field([], description="columns that together are unique within a batch")
    weight: str | None = Field(
        None,
        description="the column that says how much a row counts in training; never a feature. "
        "Metrics count each row once",
    )
    format: Format = Format()
    extra_columns: Literal["refuse", "ignore"] = Field(
        "refuse", description="what to do with a column that isn't listed here"
    )
    rows: Rows = Rows.model_construct(min=1, max=None)
    columns: dict[str, Column] = Field(
        min_length=1, description="every column of a batch's file that matters, by its name"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        named = {"target.column": self.target.column, "time": self.time, "weight": self.weight}
        named |= {f"key[{i}]": column for i, column in enumerate(self.key)}
        for where, column in named.items():
            if column is not None and column not in self.columns:
                raise ValueError(f"{where}: {column} is not one of the columns")
        for name in self.columns:
            if name == "batch" or name.startswith("_"):
                raise ValueError(f"columns.{name}: `batch` and names with a leading _ are taken")
        if self.weight is not None:
            self._check_weight(self.weight)
        target = self.columns[self.target.column]
        if target.max_null > 0:
            raise ValueError(f"columns.{self.target.column}: the target can't be null")
        allowed = target.categories or target.values
        positive = self.target.positive
        if allowed is not None and positive is not None and positive not in allowed:
            raise ValueError(
                f"target.positive: {self.target.positive!r} is not among the values of "
                f"{self.target.column}; listed are {', '.join(map(repr, allowed[:10]))}"
            )
        for name in self.features:
            if self.columns[name].type not in LEARNABLE:
                raise ValueError(
                    f"columns.{name}: a model can't learn from type {self.columns[name].type}; "
                    "set feature: false"
                )
            for part in CALENDAR if self.features[name] == "date" else ():
                if f"{name}.{part}" in self.columns:
                    raise ValueError(f"columns.{name}.{part}: is taken by the calendar of {name}")
        if not self.compared:
            but = " but dates" * bool(self.features)
            raise ValueError(f"columns: none{but} is a feature")
        return self

    def _check_weight(self, name: str) -> None:
        column = self.columns[name]
        if name in (self.target.column, self.time, *self.key):
            raise ValueError(f"weight: {name} is the target, the time or part of the key")
        if column.type not in ("number", "integer") or column.min is None or column.min < 0:
            raise ValueError(f"columns.{name}: a weight is a number; say so, and `min: 0` or more")
        if column.max_null > 0:
            raise ValueError(f"columns.{name}: a weight can't be null")

    @property
    def features(self) -> dict[str, Kind]:
        """The columns that the model learns from, in order, with their types."""
        return {
            name: column.type
            for name, column in self.columns.items()
            if column.feature and name not in (self.target.column, self.weight)
        }

    @property
    def compared(self) -> dict[str, Kind]:
        """The features whose values are compared between batches: a date is always new."""
        return {name: kind for name, kind in self.features.items() if kind != "date"}


def load_schema(path: Path) -> Schema:
    """Read and check `schema.yaml`.

    Raises ConfigError, one line for each wrong key: the file, the key, what is allowed.
    """
    return read_yaml(path, Schema)
