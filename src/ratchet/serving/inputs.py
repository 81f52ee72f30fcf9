"""Rows as a model takes them: held against the contract of its features, each fault with its row.

What is asked of a row is what the card says the model was built for. A share of nulls makes no
sense in a few rows, so a column may have them or not.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ratchet.artifacts.card import Card
from ratchet.data.contract import Contract, judge_table
from ratchet.data.failure import EXAMPLES, Failure
from ratchet.data.features import feature_frame, kinds_of
from ratchet.data.parse import PLAIN, UnreadableError, is_csv, read_table
from ratchet.data.schema import Format
from ratchet.errors import DataError


class RefusedError(DataError):
    """Rows that a model wasn't built for: `failures` has the reasons, each with its rows."""

    def __init__(self, about: str, failures: Sequence[Failure], hint: str = "") -> None:
        start = " " if len(failures) == 1 else "\n  "
        told = "".join(f"{start}{failure}" for failure in failures)
        super().__init__(f"{about}:{told}" + (f"; {hint}" if hint else ""))
        self.failures = tuple(failures)


def of_file(path: Path, card: Card, about: str) -> tuple[pd.DataFrame, pa.Table]:
    """Return the model's features of a CSV or Parquet file, (rows, features), and all its columns.

    The columns are strings, as they stand in the file. Raises RefusedError, whose message begins
    with `about`, when they break the contract.
    """
    spelling = card.format if is_csv(path) else PLAIN
    try:
        text = read_table(path, spelling)
    except UnreadableError as error:
        raise RefusedError(about, [error.failure]) from None
    return _features(text, card, about, spelling, []), text


def of_rows(rows: Sequence[Mapping[str, Any]], card: Card, about: str) -> pd.DataFrame:
    """Return the model's features of rows as JSON has them, (rows, features).

    Every row must name every feature; null is for no value. Raises RefusedError, whose message
    begins with `about`, when they break the contract.
    """
    if not rows:
        raise RefusedError(about, [Failure("empty", "", "there are no rows")])
    strange = [place for place, row in enumerate(rows) if not isinstance(row, Mapping)]
    if strange:
        message = "isn't an object with a value for each feature"
        raise RefusedError(about, [_named("row", "", message, strange)])
    failures = _shape(rows, card)
    whole = card.features.keys() - {failure.column for failure in failures}
    text = {name: pa.array([_text(row[name]) for row in rows], pa.string()) for name in whole}
    return _features(pa.table(text), card, about, PLAIN, failures)


def _features(
    text: pa.Table, card: Card, about: str, spelling: Format, failures: Sequence[Failure]
) -> pd.DataFrame:
    """Return the features of a table of strings.

    failures: what is wrong with columns that are therefore not in the table. Raises RefusedError
    with all that is wrong.
    """
    told = {failure.column for failure in failures}
    columns = {
        name: column.model_copy(update={"max_null": 1.0})  # `_nulls` tells the rows
        for name, column in card.features.items()
        if name not in told
    }
    table = None
    if columns:
        judged = judge_table(text, Contract(columns), spelling)
        table, failures = judged.table, [*failures, *judged.failures, *_nulls(text, card)]
    if failures or table is None:
        raise RefusedError(about, failures, _hint(failures, card))
    return feature_frame(table, kinds_of(card.features))


def _hint(failures: Sequence[Failure], card: Card) -> str:
    """Say how a model comes to take categories that it doesn't know."""
    told = dict.fromkeys(failure.column for failure in failures if failure.code == "value")
    new = [name for name in told if card.features[name].type == "category"]
    if not new:
        return ""
    return (
        f"where new ones may come, take `categories` of {', '.join(new)} out of schema.yaml and "
        "train anew: the model then takes them for unknown; until then leave those rows out"
    )


def _nulls(text: pa.Table, card: Card) -> list[Failure]:
    """Return which rows lack a value that the model was always given."""
    return [
        _named("null", name, "has no value", np.flatnonzero(pc.is_null(text[name])))
        for name, column in card.features.items()
        if column.max_null == 0 and text.column_names.count(name) == 1 and text[name].null_count
    ]


def _shape(rows: Sequence[Mapping[str, Any]], card: Card) -> list[Failure]:
    """Return which features rows lack, and which aren't single values there."""
    failures = []
    for name in card.features:
        lacking = [place for place, row in enumerate(rows) if name not in row]
        nested = [place for place, row in enumerate(rows) if isinstance(row.get(name), list | dict)]
        if lacking:
            failures.append(_named("missing_column", name, "is not in the row", lacking))
        if nested:
            failures.append(_named("type", name, "holds a list or an object", nested))
    return failures


def _named(code: str, column: str, message: str, places: Sequence[int] | np.ndarray) -> Failure:
    """Return a failure that names the first few of the rows at `places`, from 0."""
    shown = tuple(f"row {place + 1}" for place in places[:EXAMPLES])
    return Failure(code, column, message, len(places), shown)


def _text(value: Any) -> str | None:
    """Return a value as a CSV file would have it: it goes through the same door."""
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else repr(value)
