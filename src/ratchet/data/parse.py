"""From a batch's file to typed columns. Finds everything that can't be read as its type says."""

import codecs
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from ratchet.data.failure import EXAMPLES, Failure, quoted
from ratchet.data.schema import Column, Format, Kind

PLAIN = Format()
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


def read_table(path: Path, spelling: Format = PLAIN) -> pa.Table:
    """Read a CSV (also .csv.gz) or Parquet file as a table of strings, as they stand in the file.

    Raises UnreadableError when the file is empty, not text in the encoding, or not a table.
    """
    if path.stat().st_size == 0:
        raise UnreadableError(Failure("empty", "", "the file has no content"))
    try:
        table = _read_csv(path, spelling) if is_csv(path) else _read_parquet(path)
        if is_csv(path) and _is_utf8(path, spelling.encoding):
            raise UnicodeError(
                "it is text in UTF-8, and format.encoding in schema.yaml says "
                f"{spelling.encoding}: signs such as ä would be read as two"
            )
    except (pa.ArrowException, csv.Error, UnicodeError, OSError) as error:
        reason = is_csv(path) and _wrong_bytes(path, spelling.encoding)
        reason = reason or "".join(filter(str.isprintable, " ".join(str(error).split())))
        raise UnreadableError(
            Failure("unreadable", "", f"not a readable table: {reason}")
        ) from None
    if table.num_rows == 0:
        raise UnreadableError(Failure("empty", "", "the file has no rows"))
    return table


def is_csv(path: Path) -> bool:
    """Tell a CSV file, which spells its values, from a Parquet file, which has types."""
    return not path.name.lower().endswith(".parquet")


def _read_csv(path: Path, spelling: Format) -> pa.Table:
    names = _header(path, spelling)
    table = _read_as_text(path, names, spelling)
    if table.column_names != names:
        # The two readers split odd quotes in another way: this one's names count.
        table = _read_as_text(path, table.column_names, spelling)
    return table


def _header(path: Path, spelling: Format) -> list[str]:
    """Return the fields of the first line; pyarrow would parse a block of rows to tell them."""
    stream = pa.input_stream(path)
    with io.TextIOWrapper(stream, spelling.encoding, errors="replace", newline="") as file:
        lines = (line.removeprefix("\ufeff") for line in file)
        return next(filter(None, csv.reader(lines, delimiter=spelling.delimiter)), [])


def _read_as_text(path: Path, names: Sequence[str], spelling: Format) -> pa.Table:
    """Read all columns, whose names are known, as strings: 007 isn't the number 7."""
    name = codecs.lookup(spelling.encoding).name
    return pyarrow.csv.read_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(
            use_threads=False,
            # Another encoding is decoded on the way, by Python.
            encoding="utf8" if name.startswith("utf-8") else name,
        ),
        parse_options=pyarrow.csv.ParseOptions(
            newlines_in_values=True, delimiter=spelling.delimiter
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            null_values=["", *spelling.nulls],
            strings_can_be_null=True,
            column_types=dict.fromkeys(names, pa.string()),
        ),
    )


def _wrong_bytes(path: Path, encoding: str) -> str:
    """Say where a file isn't text in its encoding; nothing when it is, or can't be unpacked."""
    decoder = codecs.getincrementaldecoder(encoding)()
    before, lines = 0, 1
    try:
        with pa.input_stream(path) as stream:
            chunk = b" "
            while chunk:
                chunk = stream.read(1 << 20)
                waiting = len(decoder.getstate()[0])
                try:
                    lines += decoder.decode(chunk, final=not chunk).count("\n")
                except UnicodeDecodeError as error:
                    lines += error.object[: error.start].decode(encoding, "replace").count("\n")
                    byte = before - waiting + error.start
                    return (
                        f"line {lines} isn't text in {encoding}: byte {byte + 1} of the file is "
                        f"0x{error.object[error.start]:02x} ({error.reason}); format.encoding in "
                        "schema.yaml says how the producer writes"
                    )
                before += len(chunk)
    except OSError:
        pass
    return ""


def _is_utf8(path: Path, encoding: str) -> bool:
    """Whether a file that should be in an encoding of single bytes is UTF-8 instead.

    Any bytes can be read in most such encodings. But no text of theirs, if it isn't plain ASCII, is
    also UTF-8, but for words that nobody writes.
    """
    every = bytes(range(256))
    if codecs.lookup(encoding).name.startswith("utf"):
        return False
    if len(every.decode(encoding, "replace")) != len(every):
        return False
    decoder, plain = codecs.getincrementaldecoder("utf-8")(), True
    with pa.input_stream(path) as stream:
        chunk = b" "
        while chunk:
            chunk = stream.read(1 << 20)
            plain = plain and chunk.isascii()
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError:
                return False
    return not plain


def _read_parquet(path: Path) -> pa.Table:
    table = pyarrow.parquet.read_table(path, use_threads=False)
    texts = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        try:
            texts.append(as_text(column))
        except pa.ArrowException as error:
            raise pa.ArrowInvalid(f"column {name} ({column.type}): {error}") from None
    return pa.table(texts, table.column_names)


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return typed values as the text that a CSV would have of them, lists and structs as JSON."""
    if pa.types.is_nested(column.type):
        texts = [
            None if each is None else json.dumps(each, default=str, ensure_ascii=False)
            for each in column.to_pylist()
        ]
        return pa.chunked_array([pa.array(texts, pa.string())])
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)  # as in a CSV, NaN is no value
    return column.cast(pa.string())


def nested_columns(path: Path) -> Mapping[str, str]:
    """Return the columns of a file that hold lists or structs, with their types; a CSV has none."""
    if is_csv(path):
        return {}
    fields = pyarrow.parquet.read_schema(path)
    return {field.name: str(field.type) for field in fields if pa.types.is_nested(field.type)}


def check_header(
    names: Sequence[str], columns: Mapping[str, Column], extra_columns: str
) -> list[Failure]:
    """Compare the names in a file with the columns of the contract. Their order is free."""
    failures = []
    counts = Counter(names)
    for name in columns:
        if counts[name] == 0:
            failures.append(Failure("missing_column", name, "is not in the file"))
        elif counts[name] > 1:
            failures.append(Failure("duplicate_column", name, "is in the file more than once"))
    if extra_columns == "refuse":
        extra = [name for name in dict.fromkeys(names) if name not in columns]
        failures += [Failure("extra_column", name, "is not in the schema") for name in extra]
    return failures


def convert(
    table: pa.Table, columns: Mapping[str, Column], spelling: Format = PLAIN
) -> tuple[pa.Table, list[Failure]]:
    """Give each column of `columns` that the table holds its type.

    Returns the typed table, in the order of `columns`, and a failure for each column with values
    that can't be read as its type (they become null) or with too many nulls.
    """
    typed, failures = {}, []
    names = table.column_names
    counts, place = Counter(names), {name: i for i, name in enumerate(names)}
    for name, column in columns.items():
        if counts[name] != 1:
            continue
        text = table.column(place[name])
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
        typed[name], wrong = _cast(text, column.type, spelling)
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


def _cast(
    text: pa.ChunkedArray, kind: Kind, spelling: Format
) -> tuple[pa.ChunkedArray, np.ndarray]:
    """Cast strings to the type of `kind`; return it with a mask of the values that can't be."""
    trimmed = pc.utf8_trim_whitespace(text)
    none_wrong = np.zeros(len(text), dtype=bool)
    if kind in ("category", "text"):
        return trimmed, none_wrong
    plain = _plainly(trimmed, kind, spelling)
    try:
        values = pc.cast(plain, pa.float64() if kind == "integer" else TYPES[kind])
    except pa.ArrowInvalid:
        values = _LENIENT[kind](plain)
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_finite(values), values, None)  # infinity isn't a measurement
    if kind == "integer":
        values = _integers(plain, values)
    wrong = pc.and_(pc.is_null(values), pc.is_valid(trimmed))
    return values, wrong.to_numpy()


def _plainly(text: pa.ChunkedArray, kind: Kind, spelling: Format) -> pa.ChunkedArray:
    """Return the values as Python would spell them; null for what the format doesn't allow."""
    if kind == "boolean" and (spelling.true, spelling.false) != (PLAIN.true, PLAIN.false):
        lower = pc.utf8_lower(text)
        yes, no = (
            pc.is_in(lower, pa.array([each.lower() for each in words]))
            for words in (spelling.true, spelling.false)
        )
        return pc.if_else(yes, "true", pc.if_else(no, "false", pa.scalar(None, pa.string())))
    if kind == "date" and spelling.date is not None:
        dates = pd.to_datetime(text.to_pandas(), errors="coerce", format=spelling.date, utc=True)
        naive = pa.array(dates.dt.tz_localize(None).dt.as_unit("us"), from_pandas=True)
        return pa.chunked_array([naive])
    if kind in ("number", "integer"):
        return _plain_numbers(text, spelling)
    return text


def _plain_numbers(text: pa.ChunkedArray, spelling: Format) -> pa.ChunkedArray:
    """Return numbers with a decimal point and without separators.

    A separator has to stand before each group of three digits, or in none of a number's: where a
    point separates thousands, 1.5 is no number rather than 15.
    """
    if (spelling.decimal, spelling.thousands) == (PLAIN.decimal, PLAIN.thousands):
        return text
    decimal, digits = re.escape(spelling.decimal), "[0-9]+"
    if spelling.thousands is not None:
        separator = re.escape(spelling.thousands)
        digits = f"([0-9]+|[0-9]{{1,3}}({separator}[0-9]{{3}})+)"
    pattern = f"^[+-]?({digits}({decimal}[0-9]*)?|{decimal}[0-9]+)([eE][+-]?[0-9]+)?$"
    text = pc.if_else(pc.match_substring_regex(text, pattern), text, None)
    if spelling.thousands is not None:
        text = pc.replace_substring(text, spelling.thousands, "")
    return pc.replace_substring(text, spelling.decimal, ".")


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
