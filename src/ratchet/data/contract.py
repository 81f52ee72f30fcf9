"""Hold a batch against the contract: every failure, each with a code, before anything is said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
from pandera.errors import SchemaError, SchemaErrorReason, SchemaErrors

from ratchet.data.failure import EXAMPLES, Failure, quoted
from ratchet.data.parse import PLAIN, UnreadableError, check_header, convert, is_csv, read_table
from ratchet.data.schema import Column, Format, Rows, Schema

BATCH = "_batch"  # no column of a contract begins with an underscore


@dataclass(frozen=True)
class Judged:
    """A batch held against the contract.

    `table` has the declared columns with their types, or is None when some can't be had. A batch
    is good when `failures` is empty.
    """

    rows: int
    table: pa.Table | None
    failures: Sequence[Failure]


@dataclass(frozen=True)
class Contract:
    """What `judge` holds a file against: a whole schema, or the features of a model."""

    columns: Mapping[str, Column]
    key: Sequence[str] = ()
    rows: Rows = Rows.model_construct(min=1, max=None)  # noqa: RUF009
    extra_columns: str = "ignore"
    format: Format = PLAIN

    @classmethod
    def of(cls, schema: Schema) -> "Contract":
        """Return the contract that a batch must keep."""
        return cls(schema.columns, schema.key, schema.rows, schema.extra_columns, schema.format)


def judge(paths: Sequence[Path], contract: Contract) -> list[Judged]:
    """Read the files at `paths` and hold each against `contract`. Nothing is raised for bad data.

    The values of all files are checked in one go, because pandera's cost is per check rather than
    per row; each failure goes to the file whose rows it concerns.
    """
    return _judged([_read(path, contract) for path in paths], contract)


def judge_table(text: pa.Table, contract: Contract, spelling: Format) -> Judged:
    """Hold one table of strings, as `read_table` returns it, against `contract`.

    spelling: how its numbers and booleans are spelt.
    """
    [judged] = _judged([_typed(text, contract, spelling)], contract)
    return judged


def _judged(
    read: Sequence[tuple[int, pa.Table, list[Failure]]], contract: Contract
) -> list[Judged]:
    if not read:
        return []
    by_values = _check_values([table for _, table, _ in read], contract)
    judged = []
    for (rows, table, failures), more in zip(read, by_values, strict=True):
        complete = table.num_columns == len(contract.columns) and not any(
            failure.code == "type" for failure in failures
        )
        judged.append(Judged(rows, table if complete else None, (*failures, *more)))
    return judged


def _read(path: Path, contract: Contract) -> tuple[int, pa.Table, list[Failure]]:
    """Return a file's row count, its typed columns as far as they can be had, and its failures."""
    try:
        text = read_table(path, contract.format)
    except UnreadableError as error:
        return 0, pa.table({}), [error.failure]
    return _typed(text, contract, contract.format if is_csv(path) else PLAIN)


def _typed(
    text: pa.Table, contract: Contract, spelling: Format
) -> tuple[int, pa.Table, list[Failure]]:
    failures = check_header(text.column_names, contract.columns, contract.extra_columns)
    table, type_failures = convert(text, contract.columns, spelling)
    return len(text), table, [*failures, *type_failures, *_check_rows(len(text), contract.rows)]


def to_pandera(columns: Mapping[str, Column], unique: Sequence[str]) -> pandera.DataFrameSchema:
    """Build the pandera schema for the values of typed columns: ranges, vocabularies, the key.

    Types, nulls and row counts are judged before, where the text of the file is still at hand.
    """
    checks = {name: _checks(column) for name, column in columns.items()}
    return pandera.DataFrameSchema(
        {
            name: pandera.Column(checks=found, nullable=True)
            for name, found in checks.items()
            if found
        },
        unique=list(unique) or None,
    )


def _checks(column: Column) -> list[pandera.Check]:
    checks = []
    if column.min is not None:
        checks.append(pandera.Check.ge(column.min, name="range", error=f"below {column.min:g}"))
    if column.max is not None:
        checks.append(pandera.Check.le(column.max, name="range", error=f"above {column.max:g}"))
    allowed = column.categories or column.values
    if allowed is not None:
        checks.append(pandera.Check.isin(allowed, name="value", error="not among the values"))
    return checks


def _check_rows(count: int, rows: Rows) -> list[Failure]:
    if count < rows.min:
        return [Failure("rows", "", f"has {count} rows, at least {rows.min} are due", count)]
    if rows.max is not None and count > rows.max:
        return [Failure("rows", "", f"has {count} rows, at most {rows.max} may come", count)]
    return []


def _check_values(tables: Sequence[pa.Table], contract: Contract) -> list[list[Failure]]:
    """Return the failures of each table's values: shape (len(tables),) of lists."""
    failures: list[list[Failure]] = [[] for _ in tables]
    rows = pa.concat_tables(tables, promote_options="default").to_pandas()
    ends = np.cumsum([table.num_rows for table in tables])
    rows[BATCH] = np.searchsorted(ends, np.arange(len(rows)), side="right")
    present = {name: column for name, column in contract.columns.items() if name in rows}
    key = list(contract.key) if set(contract.key) <= set(present) else []
    try:
        to_pandera(present, [BATCH, *key] if key else []).validate(rows, lazy=True)
    except SchemaErrors as error:
        for found in error.schema_errors:
            cases = found.failure_cases.drop_duplicates("index")
            for batch, of_batch in cases.groupby(rows[BATCH].to_numpy()[cases["index"]]):
                is_key = found.reason_code is SchemaErrorReason.DUPLICATES
                if is_key and not set(key) <= set(tables[batch].column_names):
                    continue  # without its whole key a batch has no rows of equal key
                first = ends[batch] - tables[batch].num_rows
                lines = [f"row {row - first + 1}" for row in of_batch["index"][:EXAMPLES]]
                failures[batch].append(
                    _duplicates(key, len(of_batch), lines)
                    if is_key
                    else _violation(found, of_batch, lines)
                )
    return failures


def _duplicates(key: Sequence[str], count: int, lines: Sequence[str]) -> Failure:
    message = "rows with the same key come more than once"
    return Failure("key", ",".join(key), message, count, tuple(lines))


def _violation(found: SchemaError, cases: pd.DataFrame, lines: Sequence[str]) -> Failure:
    values = map(quoted, cases["failure_case"])
    shown = [f"{line}: {value}" for line, value in zip(lines, values, strict=False)]
    check = found.check
    return Failure(check.name, found.schema.name, check.error, len(cases), tuple(shown))
