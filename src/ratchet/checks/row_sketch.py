"""A sample of a batch's rows by their hash: enough to tell which share came before."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

MOST = 512  # hashes kept of one batch


@dataclass(frozen=True)
class RowSketch:
    """The distinct row hashes below 2**(64 - level), ascending: uint64.

    As every sketch keeps the lowest hashes, two of them hold the same sample of the rows that
    they share (adaptive sampling, Flajolet 1990).
    """

    level: int
    hashes: np.ndarray


def sketch_rows(columns: Sequence[np.ndarray]) -> RowSketch:
    """Return the sketch of a batch. Each of `columns` has a uint64 hash for each row."""
    rows = np.zeros(len(columns[0]) if columns else 0, dtype=np.uint64)
    for column in columns:
        rows = _mix(rows + column)
    hashes = np.unique(rows)
    level = 0
    while len(hashes) > MOST:
        level += 1
        hashes = _below(hashes, level)
    return RowSketch(level, hashes)


def merge_sketches(sketches: Sequence[RowSketch]) -> RowSketch:
    """Return the sketch of all the rows, as coarse as the coarsest of `sketches`."""
    level = max(sketch.level for sketch in sketches)
    kept = [_below(sketch.hashes, level) for sketch in sketches]
    return RowSketch(level, np.unique(np.concatenate(kept)))


def shared(sketch: RowSketch, others: Sequence[RowSketch]) -> np.ndarray:
    """Return which of a sketch's rows lie in each of `others`: bool, (len(others), rows kept)."""
    level = max([sketch.level, *(other.level for other in others)])
    hashes = _below(sketch.hashes, level)
    return np.array([np.isin(hashes, other.hashes) for other in others], dtype=bool).reshape(
        len(others), len(hashes)
    )


def hash_numbers(values: np.ndarray) -> np.ndarray:
    """Return a uint64 hash of each number: those of int64, or those of float64 by their bits."""
    if values.dtype == np.float64:
        values = values + 0.0  # -0.0 equals 0.0
    return _mix(values.view(np.uint64))


def hash_texts(texts: pa.DictionaryArray) -> np.ndarray:
    """Return a uint64 hash of each of the strings; a null has that of an empty string."""
    words = [
        int.from_bytes(hashlib.blake2b((word or "").encode(), digest_size=8).digest(), "little")
        for word in texts.dictionary.to_pylist()
    ]
    codes = texts.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)
    hashes: np.ndarray = np.array([*words, 0], dtype=np.uint64)[codes]
    return hashes


def _below(hashes: np.ndarray, level: int) -> np.ndarray:
    return hashes[: np.searchsorted(hashes, np.uint64((1 << (64 - level)) - 1), side="right")]


def _mix(values: np.ndarray) -> np.ndarray:
    """Return the values scrambled by the finaliser of splitmix64 (Steele and others 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = values ^ (values >> np.uint64(31))
    return mixed
