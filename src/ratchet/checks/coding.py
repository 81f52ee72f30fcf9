"""A batch's features as small integers, and which of them the labels go with.

Counting on codes is what keeps the checks of label consistency cheap: a batch is coded once, and
everything after that is `numpy.bincount`.
"""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, combinations, islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ratchet.checks.questions import NO_LABEL, own_answers
from ratchet.data.schema import Column, Schema
from ratchet.data.target import Target
from ratchet.task import Task

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.integer[Any]]

NULL = 0  # the code of a missing value
_WIDTHS = 96  # equal widths between a column's min and max: 15 minutes of a day
_HASHED = 1024  # codes for categories that the contract doesn't list
_MANTISSA = 4  # bits kept of a number without bounds: buckets of 6 %
_HALF = 1 << (8 + _MANTISSA)  # as many codes for negative numbers as for others
_BINS = 16  # equally full bins of a number
_PAIR_BINS = 10  # and within a cell of two columns
_MAX_PAIRS = 64


@dataclass(frozen=True)
class Coded:
    """A batch as small integers, made once.

    `codes` has shape (features, rows), in the order of `schema.compared`; a number's codes ascend
    with its value. `labels` are those of `Target` as float64, shape (rows,), and what NO_LABEL says
    where the target has no value. `coherence` says of each feature, and then of each of `pairs`,
    how far labels in the same cell resemble each other: the sum over rows of (label - mean) * (mean
    label of the cell's other rows - mean), over the variance of the labels; labels that aren't
    binary are made so, see `questions.own_answers`. `values` names the codes of the categories
    that occur.
    """

    codes: Codes
    labels: Floats
    coherence: Floats
    values: Sequence[dict[int, str]]


def code(table: pa.Table, schema: Schema, target: Target) -> Coded:
    """Return a batch's typed rows as codes, which depend on values, contract and task alone."""
    labels = target.encode(table).fill_null(NO_LABEL[target.task]).to_numpy().astype(float)
    codes = np.zeros((len(schema.compared), len(labels)), np.uint16)
    values: list[dict[int, str]] = []
    for i, name in enumerate(schema.compared):
        contract = schema.columns[name]
        if is_ordered(contract):
            codes[i] = _number_codes(table[name].cast(pa.float64()).to_numpy(), contract)
            values.append({})
        else:
            codes[i], named = _category_codes(table[name], contract)
            values.append(named)
    return Coded(codes, labels, coherences(codes, labels, schema, target.task), values)


def is_ordered(column: Column) -> bool:
    """Say whether a column's codes have an order: numbers, but for those with listed values."""
    return column.type in ("number", "integer") and column.values is None


def pairs(schema: Schema) -> list[tuple[int, int]]:
    """Return the pairs of features looked at, by position: two categories, a category and a number.

    The first is a category. At most 64 of them, however wide the table is.
    """
    ordered = [is_ordered(schema.columns[name]) for name in schema.compared]
    categories = [i for i, is_number in enumerate(ordered) if not is_number]
    numbers = [i for i, is_number in enumerate(ordered) if is_number]
    both = islice(combinations(categories, 2), _MAX_PAIRS // 2)  # of a wide table, there are many
    mixed = ((i, j) for j in numbers for i in categories)
    return list(islice(chain(both, mixed), _MAX_PAIRS))


def rank_table(counts: npt.NDArray[Any], bins: int) -> Codes:
    """Return the bin of each code such that `bins` bins are about equally full.

    `counts` says how often each code occurs; the bin of NULL is NULL and that of others 1 or more.
    """
    present = counts.astype(float)
    present[NULL] = 0
    middle = (np.cumsum(present) - present / 2) / max(present.sum(), 1.0)
    merged: Codes = 1 + np.minimum((middle * bins).astype(np.intp), bins - 1)
    merged[NULL] = NULL
    return merged


def describe(low: int, high: int, contract: Column, values: dict[int, str]) -> str:
    """Say in words which values have the codes from `low` to `high`."""
    if not is_ordered(contract):
        return "missing" if low == NULL else values.get(low, "?")
    if high == NULL:
        return "missing"
    start, end = (_lower_edge(each, contract) for each in (max(low, 1), high + 1))
    return f"{start:.6g} to {end:.6g}" + (" or missing" if low == NULL else "")


def _category_codes(column: pa.ChunkedArray, contract: Column) -> tuple[Codes, dict[int, str]]:
    encoded = column.combine_chunks().dictionary_encode()
    listed = {value: i for i, value in enumerate(contract.categories or contract.values or ())}
    found = []
    for value in encoded.dictionary.to_pylist():
        place = listed.get(value, _HASHED)
        # By its own hash, and not by its turn, so that it has the same code in every batch.
        found.append(1 + (place if place < _HASHED else zlib.crc32(str(value).encode()) % _HASHED))
    named = {
        each: str(value) for each, value in zip(found, encoded.dictionary.to_pylist(), strict=True)
    }
    lookup = np.array([*found, NULL], np.uint16)
    return lookup[encoded.indices.fill_null(len(found)).to_numpy()], named


def _number_codes(values: Floats, contract: Column) -> Codes:
    missing = np.isnan(values)
    filled = np.where(missing, 0.0, values)
    low, high = contract.min, contract.max
    if low is not None and high is not None:
        scaled = (filled - low) / _width(low, high)
        found = np.clip(scaled, 0, _WIDTHS - 1).astype(np.int32)
    else:
        # A float's bits, read as an integer, ascend with its size; `+ 0.0` makes -0.0 plain 0.
        shifted = (filled - (low or 0.0) + 0.0).astype(np.float32)
        bits = shifted.view(np.int32) >> (23 - _MANTISSA)
        found = np.where(bits < 0, -1 - (bits & (_HALF - 1)), bits) + _HALF
    codes: Codes = np.where(missing, NULL, found + 1).astype(np.uint16)
    return codes


def _width(low: float, high: float) -> float:
    return (high - low) / _WIDTHS or 1.0


def _lower_edge(number_code: int, contract: Column) -> float:
    """Return the smallest value that has this code."""
    if contract.min is not None and contract.max is not None:
        return contract.min + (number_code - 1) * _width(contract.min, contract.max)
    place = number_code - 1 - _HALF
    if abs(place) >= _HALF:  # beyond the last code
        return math.copysign(math.inf, place)
    size = np.array(abs(place) << (23 - _MANTISSA), np.int32).view(np.float32)
    return math.copysign(float(size), place) + (contract.min or 0.0)


def coherences(codes: Codes, labels: Floats, schema: Schema, task: Task = "binary") -> Floats:
    """Return `Coded.coherence` for codes and labels: numbers are binned by rank."""
    chosen = pairs(schema)
    answers = own_answers(labels, task) if len(labels) else []
    spread = sum(float(each.var()) for each in answers)
    if spread == 0:
        return np.zeros(len(codes) + len(chosen))
    binned = {}
    for bins in (_BINS, _PAIR_BINS):
        for i, name in enumerate(schema.compared):
            found = codes[i].astype(np.intp)
            if is_ordered(schema.columns[name]):
                found = rank_table(np.bincount(found), bins)[found]
            binned[bins, i] = found
    residuals = [each - each.mean() for each in answers]
    result = [_coherence(binned[_BINS, i], residuals) for i in range(len(codes))]
    for i, j in chosen:
        second = binned[_PAIR_BINS, j]
        cell = binned[_PAIR_BINS, i] * (int(second.max()) + 1) + second
        result.append(_coherence(cell, residuals))
    return np.array(result) / spread


def _coherence(cell: Codes, residuals: Sequence[Floats]) -> float:
    others = np.maximum(np.bincount(cell) - 1, 1)
    total = 0.0
    for residual in residuals:
        sums = np.bincount(cell, residual)
        alone = np.bincount(cell, residual * residual)
        total += float(((sums * sums - alone) / others).sum())
    return total
