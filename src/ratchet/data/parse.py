"""From a batch's file to typed columns. Finds everything that can't be read as its type says."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from ratchet.data.failure import EXAMPLES, Failure, quoted
from ratchet.data.schema import Column, Kind

NULLS = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"]
TYPES: Mapping[Kind, pa.DataType] = {
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "category": pa.string(),
    "text": pa.string(),
    "date": pa.timestamp("us"),
}


class UnreadableError(Exception):
    """The file isn't a table; the failure says in what way."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def read_table(path: Path) -> pa.Table:
    """Read a CSV (also .csv.gz) or Parquet file as a table of strings, as they stand in the file.

    Raises UnreadableError when the file is empty, not text in UTF-8, or not a table.
    """
    if path.stat().st_size == 0:
        raise UnreadableError(Failure("empty", "", "the file has no content"))
    try:
        table = _read_parquet(path) if path.name.endswith(".parquet") else _read_csv(path)
    except (pa.ArrowException, csv.Error, UnicodeDecodeError, OSError) as error:
        reason = "".join(filter(str.isprintable, " ".join(str(error).split())))
        raise UnreadableError(
            Failure("unreadable", "", f"not a readable table: {reason}")
        ) from None
    if table.num_rows == 0:
        raise UnreadableError(Failure("empty", "", "the file has a header and no rows"))
    return table


def _read_csv(path: Path) -> pa.Table:
    names = _header(path)
    table = _read_as_text(path, names)
    if table.column_names != names:
        # The two readers split odd quotes in another way: this one's names count.
        table = _read_as_text(path, table.column_names)
    return table


def _header(path: Path) -> list[str]:
    """Return the fields of the first line; pyarrow would parse a block of rows to tell them."""
    stream = pa.input_stream(path)
    with io.TextIOWrapper(stream, "utf-8-sig", errors="replace", newline="") as file:
        return next(filter(None, csv.reader(file)), [])


def _read_as_text(path: Path, names: Sequence[str]) -> pa.Table:
    """Read all columns, whose names are known, as strings: 007 isn't the number 7."""
    return pyarrow.csv.read_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(use_threads=False),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            null_values=NULLS,
            strings_can_be_null=True,
            column_types=dict.fromkeys(names, pa.string()),
        ),
    )


def _read_parquet(path: Path) -> pa.Table:
    table = pyarrow.parquet.read_table(path, use_threads=False)
    return pa.table([_as_text(column) for column in table.columns], table.column_names)


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)  # as in a CSV, NaN is no value
    return column.cast(pa.string())


def check_header(
    names: Sequence[str], columns: Mapping[str, Column], extra_columns: str
) -> list[Failure]:
    """Compare the names in a file with the columns of the contract. Their order is free."""
    failures = []
    for name in columns:
        if names.count(name) == 0:
            failures.append(Failure("missing_column", name, "is not in the file"))
        elif names.count(name) > 1:
            failures.append(Failure("duplicate_column", name, "is in the file more than once"))
    if extra_columns == "refuse":
        extra = [name for name in dict.fromkeys(names) if name not in columns]
        failures += [Failure("extra_column", name, "is not in the schema") for name in extra]
    return failures


def convert(table: pa.Table, columns: Mapping[str, Column]) -> tuple[pa.Table, list[Failure]]:
    """Give each column of `columns` that the table holds its type.

    Returns the typed table, in the order of `columns`, and a failure for each column with values
    that can't be read as its type (they become null) or with too many nulls.
    """
    typed, failures = {}, []
    for name, column in columns.items():
        if table.column_names.count(name) != 1:
            continue
        text = table.column(name)
        share = text.null_count / len(text)
        if share > column.max_null:
            failures.append(
                Failure(
                    "null",
                    name,
                    f"{share:.1%} of the rows are null, at most {column.max_null:.1%} may be",
                    text.null_count,
                )
            )
        typed[name], wrong = _cast(text, column.type)
        if wrong.any():
            failures.append(
                Failure(
                    "type",
                    name,
                    f"holds values that aren't of type {column.type}",
                    int(wrong.sum()),
                    _examples(wrong, text),
                )
            )
    return pa.table(typed), failures


def _examples(wrong: np.ndarray, values: pa.ChunkedArray) -> tuple[str, ...]:
    """Quote the first few values that `wrong` (bool, one per row) marks, counted from 1."""
    rows = np.flatnonzero(wrong)[:EXAMPLES]
    return tuple(f"row {row + 1}: {quoted(values[int(row)])}" for row in rows)


def _cast(text: pa.ChunkedArray, kind: Kind) -> tuple[pa.ChunkedArray, np.ndarray]:
    """Cast strings to the type of `kind`; return it with a mask of the values that can't be."""
    trimmed = pc.utf8_trim_whitespace(text)
    none_wrong = np.zeros(len(text), dtype=bool)
    if kind in ("category", "text"):
        return trimmed, none_wrong
    try:
        values = pc.cast(trimmed, pa.float64() if kind == "integer" else TYPES[kind])
    except pa.ArrowInvalid:
        values = _LENIENT[kind](trimmed)
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_finite(values), values, None)  # infinity isn't a measurement
    if kind == "integer":
        values = _integers(trimmed, values)
    wrong = pc.and_(pc.is_null(values), pc.is_valid(trimmed))
    return values, wrong.to_numpy()


def _integers(text: pa.ChunkedArray, numbers: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the whole ones of the finite `numbers`, which `text` spells, as int64.

    3.5 isn't an integer, but 3.0 is one, as pandas writes integers with gaps.
    """
    size = pc.abs(numbers)
    exact = pc.less(size, 2.0**53)
    whole = pc.and_(exact, pc.equal(pc.floor(numbers), numbers))
    integers = pc.if_else(whole, numbers, None).cast(pa.int64())
    if pc.all(exact, min_count=0).as_py():
        return integers
    # As floats, neighbouring 64-bit ids would become equal; so these are read from the text.
    digits = pc.match_substring_regex(text, "^-?[0-9]+$")
    large = pc.and_(pc.and_(pc.invert(exact), pc.less(size, 2.0**63)), digits)
    return pc.coalesce(integers, pc.if_else(large, text, None).cast(pa.int64()))


def _lenient_number(text: pa.ChunkedArray) -> pa.ChunkedArray:
    numbers = pd.to_numeric(text.to_pandas(), errors="coerce").to_numpy(dtype=float)
    return pa.chunked_array([pa.array(numbers, from_pandas=True)], type=pa.float64())


def _lenient_date(text: pa.ChunkedArray) -> pa.ChunkedArray:
    # pandas takes "now" and "today" for dates, too.
    text = pc.if_else(pc.match_substring_regex(text, "^[0-9]"), text, None)
    dates = pd.to_datetime(text.to_pandas(), errors="coerce", format="ISO8601", utc=True)
    # Moments with a time zone become those of UTC, and nanoseconds are cut off.
    naive = dates.dt.tz_localize(None).dt.as_unit("us")
    return pa.chunked_array([pa.array(naive, type=pa.timestamp("us"), from_pandas=True)])


def _lenient_boolean(text: pa.ChunkedArray) -> pa.ChunkedArray:
    lower = pc.utf8_lower(text)
    known = pc.is_in(lower, pa.array(["true", "false", "1", "0"]))
    return pc.if_else(known, lower, None).cast(pa.bool_())


_LENIENT: Mapping[Kind, Callable[[pa.ChunkedArray], pa.ChunkedArray]] = {
    "number": _lenient_number,
    "integer": _lenient_number,
    "date": _lenient_date,
    "boolean": _lenient_boolean,
}
