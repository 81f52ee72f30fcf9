"""A batch's rows in plain words, and back in the words of its producer.

Faults change numbers, dates and truth values as Python spells them. What a producer spells
otherwise (`format` in schema.yaml) is put so when a file is read, and put back when one is written.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ratchet.data.parse import PLAIN, convert, is_csv, read_table
from ratchet.data.schema import Column, Format, Schema


def read_rows(path: Path, schema: Schema) -> pd.DataFrame:
    """Return a good batch's rows as strings in plain words, nulls as missing."""
    text = read_table(path, schema.format)
    timed = any(each in (schema.format.date or "") for each in ("%H", "%I", "%X", "%T"))
    iso = "%Y-%m-%dT%H:%M:%S" if timed else "%Y-%m-%d"
    if is_csv(path):
        for name, column in _spelt_otherwise(schema.columns, schema.format).items():
            typed, _ = convert(text.select([name]), {name: column}, schema.format)
            plain = (
                pc.strftime(typed[name].cast(pa.timestamp("s"), safe=False), format=iso)
                if column.type == "date"
                else typed[name].cast(pa.string())
            )
            text = text.set_column(text.column_names.index(name), name, plain)
    rows: pd.DataFrame = text.to_pandas()
    return rows.astype("str")


def respelt(rows: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return rows of plain strings as the producer's CSV spells them; nonsense stays what it is."""
    found = rows.copy()
    spelling = schema.format
    for name, column in _spelt_otherwise(schema.columns, spelling).items():
        if list(rows.columns).count(name) != 1:
            continue
        values = found[name]
        if column.type == "date":
            moments = values.str.strip()
            dates = pd.to_datetime(moments, format="ISO8601", errors="coerce", utc=True)
            known = dates.dt.strftime(spelling.date or "")
        elif column.type == "boolean":
            known = values.str.strip().map({"true": spelling.true[0], "false": spelling.false[0]})
        else:
            known = values.str.replace(".", spelling.decimal, regex=False)
        found[name] = known.where(known.notna(), values)
    return found


def _spelt_otherwise(columns: Mapping[str, Column], spelling: Format) -> dict[str, Column]:
    """Return the columns whose values the format has otherwise than Python."""
    kinds = {
        "number": (spelling.decimal, spelling.thousands) != (PLAIN.decimal, PLAIN.thousands),
        "integer": (spelling.decimal, spelling.thousands) != (PLAIN.decimal, PLAIN.thousands),
        "boolean": (spelling.true, spelling.false) != (PLAIN.true, PLAIN.false),
        "date": spelling.date is not None,
    }
    return {name: column for name, column in columns.items() if kinds.get(column.type)}
