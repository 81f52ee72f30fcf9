"""What the newest batches hold: their values by column, as text."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ratchet.data.parse import UnreadableError, is_csv, nested_columns, read_table
from ratchet.data.schema import Format
from ratchet.errors import DataError

CELLS = 40_000_000  # values that are looked at, of the newest batches first
HEAD = 1 << 20  # bytes of a file that tell its encoding and its delimiter


@dataclass(frozen=True)
class Sample:
    """Rows of some batches, oldest first.

    columns: the different values of each column and each row's place among them, null where a
    value is missing. batch: (rows,) the place of each row's batch in `ids`. Only what the newest
    batch has is in `columns`. headers: the names in each batch whose columns aren't the newest's.
    unusable: names in the newest batch that no contract can have: empty, repeated, taken. nested:
    the types of columns that hold lists or structs. nulled: how often each word that by default
    says that a value is missing stands in a column.
    """

    ids: Sequence[str]
    batch: np.ndarray
    columns: Mapping[str, pa.DictionaryArray]
    headers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unusable: Sequence[str] = ()
    nested: Mapping[str, str] = field(default_factory=dict)
    nulled: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def rows(self) -> np.ndarray:
        """Rows of each batch."""
        counts: np.ndarray = np.bincount(self.batch, minlength=len(self.ids))
        return counts

    def missing(self, name: str) -> np.ndarray:
        """Return the share of missing values of a column by batch."""
        gone = np.asarray(pc.is_null(self.columns[name]))
        count: np.ndarray = np.bincount(self.batch, weights=gone, minlength=len(self.ids))
        share: np.ndarray = count / self.rows
        return share

    def without(self, nulls: Sequence[str]) -> "Sample":
        """Return the sample with these words for missing values."""
        listed = pa.array(list(nulls), pa.string())
        columns = {}
        for name, values in self.columns.items():
            gone = pc.is_in(values.dictionary, listed)
            if pc.any(gone).as_py():
                places = pc.if_else(gone.take(values.indices), None, values.indices)
                columns[name] = values.dictionary.take(places).dictionary_encode()
            else:
                columns[name] = values
        return replace(self, columns=columns)


def read_sample(
    paths: Mapping[str, Path], dialect: Format, origins: Mapping[str, str] | None = None
) -> Sample:
    """Read the batches at `paths`, oldest first, from the newest on until enough is seen.

    origins: where each comes from, if that isn't its path.

    Raises DataError when the newest can't be read. Older ones that can't are left to validate.
    """
    tables: dict[str, pa.Table] = {}
    cells = 0
    verbatim = dialect.model_copy(update={"nulls": []})
    newest_path = [*paths.values()][-1]
    for batch, path in reversed(list(paths.items())):
        try:
            table = read_table(path, verbatim)
        except UnreadableError as error:
            if not tables:
                where = (origins or {}).get(batch, path)
                raise DataError(
                    f"{where}: the newest batch can't be read: {error}; mend it or take it away"
                ) from None
            continue
        cells += table.num_rows * table.num_columns
        if tables and cells > CELLS:
            break
        tables[batch] = table
    newest = next(iter(tables.values()))
    counts = Counter(newest.column_names)
    names = [name for name in newest.column_names if counts[name] == 1 and _usable(name)]
    unusable = sorted({*newest.column_names} - {*names})
    tables = dict(reversed(tables.items()))
    placed = [(each, _places(each)) for each in tables.values()]
    nulls = pa.array(dialect.nulls if is_csv(newest_path) else [], pa.string())
    columns, nulled = {}, {}
    for name in names:
        values = pa.chunked_array([_column(*each, name) for each in placed])
        columns[name], nulled[name] = _encode(values, nulls)
    sizes = [table.num_rows for table in tables.values()]
    return Sample(
        list(tables),
        np.repeat(np.arange(len(sizes)), sizes),
        columns,
        {
            batch: table.column_names
            for batch, table in tables.items()
            if {*table.column_names} != {*newest.column_names}
        },
        unusable,
        nested_columns(newest_path),
        nulled,
    )


def _usable(name: str) -> bool:
    return bool(name.strip()) and name != "batch" and name[0] != "_"


def _places(table: pa.Table) -> dict[str, int]:
    """Return where each column is that the table has once: to ask it each time takes its time."""
    names = table.column_names
    counts = Counter(names)
    return {name: place for place, name in enumerate(names) if counts[name] == 1}


def _column(table: pa.Table, places: Mapping[str, int], name: str) -> pa.Array:
    if name not in places:
        return pa.nulls(table.num_rows, pa.string())
    return table.column(places[name]).combine_chunks()


def _encode(
    values: pa.ChunkedArray, nulls: pa.Array
) -> tuple[pa.DictionaryArray, Mapping[str, int]]:
    """Return the values, trimmed, with a dictionary of those that occur; and the nulls' counts."""
    coded = values.combine_chunks().dictionary_encode()
    words, places = coded.dictionary, coded.indices
    gone = pc.is_in(words, nulls)
    trimmed = pc.if_else(gone, None, pc.utf8_trim_whitespace(words))
    if trimmed.equals(words):
        return coded, {}
    counts = np.bincount(places.drop_null().to_numpy(), minlength=len(words))
    nulled = {words[int(at)].as_py(): int(counts[at]) for at in np.flatnonzero(gone)}
    return trimmed.take(places).dictionary_encode(), nulled
