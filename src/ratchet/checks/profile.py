"""The summary of a batch that validation keeps: small, made once, and it adds up over batches."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ratchet.checks.binning import BINS, GRID, bin_of, category_codes, grid_code, hash_codes
from ratchet.checks.row_sketch import (
    RowSketch,
    hash_numbers,
    hash_texts,
    merge_sketches,
    sketch_rows,
)
from ratchet.data.schema import Column, Schema

MOST_TEXTS = 1000  # distinct categories kept of a column; beyond them, hashed buckets
MOST_NUMBERS = 256  # distinct numbers kept of a column; beyond them, the histogram alone
MOST_PAIRS = 512  # pairs of columns looked at; all pairs of up to 32 columns
_CHUNK = 1 << 20  # rows x pairs counted at a time, so that memory stays bounded
CELLS = GRID * GRID

Tally = tuple[np.ndarray, np.ndarray]  # distinct keys, ascending, and how often each came


@dataclass(frozen=True)
class ColumnProfile:
    """What is kept of a column.

    `values` tallies the distinct values: strings, or numbers as float64. It is None when there
    are too many. `bins` tallies the histogram bins of numbers, or the hashed buckets of strings of
    which there are too many. `most` adds up over the batches how often each one's commonest value
    came. `total` and `squares` are the sums of the numbers and their squares, `low` and `high` the
    smallest and the largest; NaN where there is none.
    """

    nulls: int
    values: Tally | None
    bins: Tally
    most: int = 0
    total: float = 0.0
    squares: float = 0.0
    low: float = np.nan
    high: float = np.nan

    @property
    def present(self) -> int:
        """How many rows have a value."""
        return int((self.values or self.bins)[1].sum())


@dataclass(frozen=True)
class Profile:
    """The summary of one batch, or of several merged.

    `pairs` names the pairs of columns that are looked at; `cells` tallies pair number * CELLS +
    code of the first * GRID + code of the second. `correlations` has the sum over the batches of
    the rank correlation of each pair: float64, (pairs,), NaN where a column isn't numeric.
    `times` is the range of `schema.time` in microseconds since 1970.
    """

    rows: int
    batches: int
    columns: Mapping[str, ColumnProfile]
    pairs: Sequence[tuple[str, str]]
    cells: Tally
    correlations: np.ndarray
    sketch: RowSketch
    times: tuple[int, int] | None


def profile(table: pa.Table, schema: Schema) -> Profile:
    """Summarise the typed rows of one batch."""
    read = {name: _read(table.column(name), schema.columns[name]) for name in schema.columns}
    pairs = pairs_of(schema)
    return Profile(
        rows=table.num_rows,
        batches=1,
        columns={
            name: one.profile for name, one in read.items() if schema.columns[name].type != "date"
        },
        pairs=pairs,
        cells=_tally_cells([(read[a].codes, read[b].codes) for a, b in pairs]),
        correlations=_correlate([(read[a].ranks, read[b].ranks) for a, b in pairs]),
        sketch=sketch_rows([one.hashes for name, one in read.items() if name != schema.time]),
        times=_range(table.column(schema.time)) if schema.time else None,
    )


def merge(profiles: Iterable[Profile]) -> Profile:
    """Add profiles of the same schema up, in any order and grouping.

    Raises ValueError when there is none, or when they look at different columns.
    """
    each = list(profiles)
    if not each:
        raise ValueError("no profile to merge")
    first = each[0]
    if any(one.pairs != first.pairs or one.columns.keys() != first.columns.keys() for one in each):
        raise ValueError("the profiles are of different schemas")
    times = [one.times for one in each if one.times]
    return Profile(
        rows=sum(one.rows for one in each),
        batches=sum(one.batches for one in each),
        columns={
            name: _merge_columns([one.columns[name] for one in each]) for name in first.columns
        },
        pairs=first.pairs,
        cells=add_tallies([one.cells for one in each]),
        correlations=np.sum([one.correlations for one in each], axis=0),
        sketch=merge_sketches([one.sketch for one in each]),
        times=(min(a for a, _ in times), max(b for _, b in times)) if times else None,
    )


def pairs_of(schema: Schema) -> tuple[tuple[str, str], ...]:
    """Return the pairs of features and target to look at: neighbours first, then ever wider.

    The order depends on the schema alone. A column of a wide table is paired with its neighbours
    in the file, which tend to belong together.
    """
    names = [*schema.compared, schema.target.column]
    pairs = [
        (names[start], names[start + step])
        for step in range(1, min(len(names), MOST_PAIRS + 1))
        for start in range(min(len(names) - step, MOST_PAIRS))
    ]
    return tuple(pairs[:MOST_PAIRS])


def add_tallies(tallies: Sequence[Tally]) -> Tally:
    """Add up counts by key."""
    keys = np.concatenate([keys for keys, _ in tallies])
    distinct, position = np.unique(keys, return_inverse=True)
    counts = np.concatenate([counts for _, counts in tallies])
    return distinct, np.bincount(position, counts, len(distinct)).astype(np.int64)


def bins_of_texts(values: Tally) -> Tally:
    """Return the tally of hashed buckets that stands for a tally of strings."""
    keys, counts = values
    codes, position = np.unique(hash_codes(keys.tolist(), BINS), return_inverse=True)
    return codes, np.bincount(position, counts, len(codes)).astype(np.int64)


@dataclass(frozen=True)
class _Read:
    """A column as arrays with one entry a row, besides its profile.

    `codes` are coarse codes (0 for null), `hashes` uint64, and `ranks` the rank of a number from
    the middle rank, scaled to length 1 (None for anything but numbers).
    """

    profile: ColumnProfile
    codes: np.ndarray
    hashes: np.ndarray
    ranks: np.ndarray | None


def _read(chunks: pa.ChunkedArray, column: Column) -> _Read:
    if column.type in ("category", "text"):
        return _read_texts(chunks, column)
    if column.type == "date":
        moments = chunks.cast(pa.timestamp("us")).cast(pa.int64()).fill_null(-1)
        none = ColumnProfile(chunks.null_count, None, _nothing())
        return _Read(none, np.zeros(len(chunks), np.int64), hash_numbers(moments.to_numpy()), None)
    return _read_numbers(chunks, column)


def _read_texts(chunks: pa.ChunkedArray, column: Column) -> _Read:
    texts = chunks.cast(pa.string()).combine_chunks().dictionary_encode()
    words = texts.dictionary.to_pylist()
    codes = texts.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)
    order = sorted(range(len(words)), key=words.__getitem__)
    counts = np.bincount(codes, minlength=len(words) + 1)
    values = np.array([words[i] for i in order], dtype=object), counts[order]
    many = len(words) > MOST_TEXTS
    kept = ColumnProfile(
        int(counts[-1]),
        None if many else values,
        bins_of_texts(values) if many else _nothing(),
        int(counts[:-1].max(initial=0)),
    )
    coarse = np.append(category_codes(words, column), 0)
    return _Read(kept, coarse[codes], hash_texts(texts), None)


def _read_numbers(chunks: pa.ChunkedArray, column: Column) -> _Read:
    if pa.types.is_boolean(chunks.type):
        chunks = chunks.cast(pa.int8())
    exact = chunks.cast(pa.int64() if pa.types.is_integer(chunks.type) else pa.float64())
    valid = exact.is_valid().to_numpy()
    numbers = exact.fill_null(0).to_numpy()
    hashes = np.where(valid, hash_numbers(numbers), np.uint64(1))
    present = numbers[valid].astype(np.float64)
    distinct, position, counts = np.unique(present, return_inverse=True, return_counts=True)
    bins, slot = np.unique(bin_of(distinct, column), return_inverse=True)
    codes = np.zeros(len(numbers), dtype=np.int64)
    codes[valid] = grid_code(distinct, column)[position]
    kept = ColumnProfile(
        int(len(numbers) - len(present)),
        None if len(distinct) > MOST_NUMBERS else (distinct, counts),
        (bins, np.bincount(slot, counts, len(bins)).astype(np.int64)),
        int(counts.max(initial=0)),
        float(present.sum()),
        float((present**2).sum()),
        *((float(distinct[0]), float(distinct[-1])) if len(distinct) else ()),
    )
    return _Read(kept, codes, hashes, _ranks(valid, position, counts))


def _ranks(valid: np.ndarray, position: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the centred mid-ranks of the values, 0 for nulls, as a vector of length 1 (or 0)."""
    middle = np.cumsum(counts) - counts / 2 - counts.sum() / 2
    ranks = np.zeros(len(valid))
    ranks[valid] = middle[position]
    length = np.sqrt(ranks @ ranks)
    return ranks / length if length > 0 else ranks


def _tally_cells(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> Tally:
    """Tally the joint codes of each pair, with memory for _CHUNK of them at a time."""
    if not pairs:
        return _nothing()
    step = max(1, _CHUNK // max(1, len(pairs[0][0])))
    found = []
    for start in range(0, len(pairs), step):
        part = pairs[start : start + step]
        joint = np.concatenate([n * CELLS + a * GRID + b for n, (a, b) in enumerate(part)])
        counts = np.bincount(joint)
        [cells] = np.nonzero(counts)
        found.append((cells + start * CELLS, counts[cells]))
    return np.concatenate([cells for cells, _ in found]), np.concatenate([c for _, c in found])


def _correlate(pairs: Sequence[tuple[np.ndarray | None, np.ndarray | None]]) -> np.ndarray:
    return np.array([np.nan if a is None or b is None else a @ b for a, b in pairs], dtype=float)


def _merge_columns(columns: Sequence[ColumnProfile]) -> ColumnProfile:
    tallies = [one.values for one in columns if one.values is not None]
    values = add_tallies(tallies) if len(tallies) == len(columns) else None
    texts = any(keys.dtype == object for keys, _ in tallies)
    if values is not None and len(values[0]) > (MOST_TEXTS if texts else MOST_NUMBERS):
        values = None
    bins = [one.bins for one in columns]
    if values is None and texts:
        bins += [bins_of_texts(tally) for tally in tallies]
    return ColumnProfile(
        nulls=sum(one.nulls for one in columns),
        values=values,
        bins=add_tallies(bins),
        most=sum(one.most for one in columns),
        total=sum(one.total for one in columns),
        squares=sum(one.squares for one in columns),
        low=float(np.fmin.reduce([one.low for one in columns])),
        high=float(np.fmax.reduce([one.high for one in columns])),
    )


def _range(times: pa.ChunkedArray) -> tuple[int, int] | None:
    moments = times.drop_null().cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()
    return (int(moments.min()), int(moments.max())) if len(moments) else None


def _nothing() -> Tally:
    return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
