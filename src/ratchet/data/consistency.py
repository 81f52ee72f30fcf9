"""Label consistency: do a batch's labels still go with its features?

A label can be wrong without any column looking wrong: flipped, inverted, shuffled, or relabelled
in one slice. What such faults can't keep up is the way labels hang together with features. Two
sources say which rows ought to be positive:

- an additive model of the log-odds, fitted on the accepted batches before (the reference), with
  an intercept for each batch, so that a bad day moves nothing but the intercept;
- the other labels of the same batch in the same cell (say, one origin in one hour). Rows are
  scored by the half of the batch that they don't belong to.

All of it is counting on codes: `code` turns a batch's features into small integers once, and
`measure` works on those. No scikit-learn, no scipy: importing them costs more than the check.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ratchet.data.schema import Column, Schema
from ratchet.data.statistic import Statistic

NULL = 0  # the code of a missing value
_WIDTHS = 64  # equal widths between a column's min and max
_HASHED = 1024  # codes for categories that the contract doesn't list
_BINS = 16  # coarse bins of a number, equally full in the reference
_PAIR_BINS = 10  # and within a cell of two columns
_MAX_FEATURES = 24  # columns of the model: those whose labels cohere most
_MAX_PAIRS = 64  # pairs of columns looked at
_CELLS = 4  # pairs in use
_ROUNDS = 3
_RIDGE = 10.0
_TENTH = 0.1


@dataclass(frozen=True)
class Coded:
    """A batch as small integers, made once.

    `codes` has shape (features, rows), in the order of `schema.features`; a number's codes ascend
    with its value. `labels` is 1.0 for positive and 0.0 otherwise, shape (rows,). `coherence` says
    for each feature and then each candidate pair how far labels in the same cell resemble each
    other: the sum over rows of (label - mean) * (mean of the others in its cell - mean), divided
    by the rows' label variance.
    """

    codes: np.ndarray
    labels: np.ndarray
    coherence: np.ndarray


def code(table: pa.Table, schema: Schema) -> Coded:
    """Return the typed rows of one batch as codes. One pass; nothing but the contract is needed."""
    labels = _is_positive(table, schema).astype(float)
    codes = np.stack([_codes(table[name], schema.columns[name]) for name in schema.features])
    spread = float(labels.var())
    found = np.zeros(len(codes) + len(_pairs(schema)))
    if spread > 0:
        tops = codes.max(axis=1)
        fine = [
            _by_rank(each, int(top), _BINS) if _is_ordered(column) else each
            for each, top, column in zip(codes, tops, _feature_columns(schema), strict=True)
        ]
        coarse = [
            _by_rank(each, int(top), _PAIR_BINS) if _is_ordered(column) else each
            for each, top, column in zip(codes, tops, _feature_columns(schema), strict=True)
        ]
        residual = labels - labels.mean()
        cells = [*fine, *(_joint(coarse[i], coarse[j]) for i, j in _pairs(schema))]
        found = np.array([_coherence(each, residual) for each in cells]) / spread
    return Coded(codes, labels, found)


def _is_positive(table: pa.Table, schema: Schema) -> np.ndarray:
    column = table[schema.target.column]
    value = pa.scalar(schema.target.positive).cast(column.type)
    return np.asarray(pc.equal(column, value).combine_chunks().to_numpy(zero_copy_only=False))


def _feature_columns(schema: Schema) -> list[Column]:
    return [schema.columns[name] for name in schema.features]


def _is_ordered(column: Column) -> bool:
    return column.type in ("number", "integer") and column.values is None


def _pairs(schema: Schema) -> list[tuple[int, int]]:
    """Return the candidate pairs of features: a category with a number, then two categories."""
    ordered = [_is_ordered(column) for column in _feature_columns(schema)]
    numbers = [i for i, is_number in enumerate(ordered) if is_number]
    categories = [i for i, is_number in enumerate(ordered) if not is_number]
    pairs = [(i, j) for j in numbers for i in categories]
    pairs = [(i, j) for n, i in enumerate(categories) for j in categories[n + 1 :]] + pairs
    return pairs[:_MAX_PAIRS]


def _codes(column: pa.ChunkedArray, contract: Column) -> np.ndarray:
    """Return codes that depend on the value and the contract alone, never on other rows."""
    if _is_ordered(contract):
        values = column.cast(pa.float64()).to_numpy()
        return _number_codes(values, contract)
    encoded = column.combine_chunks().dictionary_encode()
    listed = contract.categories or contract.values or ()
    index = {value: i for i, value in enumerate(listed)}
    lookup = np.zeros(len(encoded.dictionary) + 1, np.uint16)
    for i, value in enumerate(encoded.dictionary.to_pylist()):
        known = index.get(value)
        if known is None or known >= _HASHED:
            known = zlib.crc32(str(value).encode()) % _HASHED
        lookup[i] = known + 1
    lookup[-1] = NULL
    return lookup[encoded.indices.fill_null(len(encoded.dictionary)).to_numpy()]


def _number_codes(values: np.ndarray, contract: Column) -> np.ndarray:
    missing = np.isnan(values)
    filled = np.where(missing, 0.0, values)
    low, high = contract.min, contract.max
    if low is not None and high is not None:
        width = (high - low) / _WIDTHS or 1.0
        found = np.clip((filled - low) / width, 0, _WIDTHS - 1).astype(np.uint16)
    else:
        # Sign, exponent and four bits of the mantissa: bins of about 6 %, in the order of values.
        bits = (filled - (low or 0.0)).astype(np.float32).view(np.int32) >> 19
        found = np.where(bits < 0, -1 - (bits & 0xFFF), bits).astype(np.int32) + 4096
        found = found.astype(np.uint16)
    codes: np.ndarray = np.where(missing, NULL, found + 1).astype(np.uint16)
    return codes


def _by_rank(codes: np.ndarray, top: int, bins: int) -> np.ndarray:
    """Merge ascending codes into at most `bins` equally full ones; missing values keep their own."""
    return _rank_table(np.bincount(codes, minlength=top + 1), bins)[codes]


def _rank_table(counts: np.ndarray, bins: int) -> np.ndarray:
    """Return the coarse bin of each code, from how often each occurs. Shape of `counts`."""
    present = counts.astype(float)
    present[NULL] = 0
    total = max(present.sum(), 1.0)
    middle = (np.cumsum(present) - present / 2) / total
    merged: np.ndarray = 1 + np.minimum((middle * bins).astype(np.intp), bins - 1)
    merged[NULL] = NULL
    return merged


def _joint(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return first.astype(np.intp) * (int(second.max(initial=0)) + 1) + second


def _coherence(cells: np.ndarray, residual: np.ndarray) -> float:
    counts = np.bincount(cells)
    sums = np.bincount(cells, residual)
    squares = np.bincount(cells, residual * residual)
    return float(((sums * sums - squares) / np.maximum(counts - 1, 1)).sum())


@dataclass(frozen=True)
class _Model:
    """Log-odds by cell, added up over features and pairs. `center` is the reference's log-odds."""

    tables: Sequence[np.ndarray]
    center: float


@dataclass(frozen=True)
class _Layout:
    """How codes become cells: coarse bins from the reference, the features and pairs in use."""

    fine: Sequence[np.ndarray]
    coarse: Sequence[np.ndarray]
    features: Sequence[int]
    pairs: Sequence[tuple[int, int]]

    def cells(self, codes: np.ndarray) -> list[np.ndarray]:
        """Return one array of cell numbers per feature in use, then per pair; shape (rows,)."""
        singles = [self.fine[i][codes[i]] for i in self.features]
        return [*singles, *self.pair_cells(codes)]

    def pair_cells(self, codes: np.ndarray) -> list[np.ndarray]:
        """Return the cell numbers of the pairs in use."""
        return [
            self.coarse[i][codes[i]] * (int(self.coarse[j].max()) + 1) + self.coarse[j][codes[j]]
            for i, j in self.pairs
        ]


def _layout(reference: Sequence[Coded], codes: np.ndarray, tops: np.ndarray, schema: Schema) -> _Layout:
    coherence = np.sum([batch.coherence for batch in reference], axis=0)
    width = len(codes)
    best = np.argsort(-coherence[:width], kind="stable")[:_MAX_FEATURES]
    pairs = _pairs(schema)
    joint = np.argsort(-coherence[width:], kind="stable")[:_CELLS]
    fine, coarse = [], []
    for each, top, column in zip(codes, tops, _feature_columns(schema), strict=True):
        if _is_ordered(column):
            counts = np.bincount(each, minlength=int(top) + 1)
            fine.append(_rank_table(counts, _BINS))
            coarse.append(_rank_table(counts, _PAIR_BINS))
        else:
            fine.append(np.arange(int(top) + 1))
            coarse.append(fine[-1])
    return _Layout(fine, coarse, sorted(best.tolist()), [pairs[i] for i in joint])


def _fit(cells: Sequence[np.ndarray], sizes: Sequence[int], labels: np.ndarray, batch: np.ndarray) -> _Model:
    """Fit log-odds by cell with an intercept for each batch, by backfitting.

    Around the batch's own rate the log-odds of a cell are the sum of (label - rate) over that of
    rate * (1 - rate): one scoring step of logistic regression, which keeps weights fixed.
    """
    rate = _rates(labels, batch)
    weight = (rate * (1 - rate))[batch]
    residual = labels - rate[batch]
    tables = [np.zeros(size) for size in sizes]
    weights = [np.bincount(each, weight, size) for each, size in zip(cells, sizes, strict=True)]
    totals = np.bincount(batch, weight)
    for _ in range(_ROUNDS):
        for table, each, mass, size in zip(tables, cells, weights, sizes, strict=True):
            step = (np.bincount(each, residual, size) - _RIDGE * table) / (mass + _RIDGE)
            table += step
            residual -= weight * step[each]
        residual -= weight * (np.bincount(batch, residual) / totals)[batch]
    mean = (labels.sum() + 0.5) / (len(labels) + 1)
    return _Model(tables, _logit(mean))


def _rates(labels: np.ndarray, batch: np.ndarray) -> np.ndarray:
    """Return each batch's share of positives, kept off 0 and 1."""
    rates: np.ndarray = (np.bincount(batch, labels) + 0.5) / (np.bincount(batch) + 1)
    return rates


def _logit(share: float) -> float:
    return float(np.log(share / (1 - share)))


def measure(pool: Sequence[Coded], reference: Sequence[Coded], schema: Schema) -> list[Statistic]:
    """Return the statistics of label consistency for the newest batch of `pool`.

    `pool` has the newest accepted batches, oldest first, and last the batch to judge; `reference`
    the accepted batches before them. `label_direction` and `label_coherence` look at the batch,
    `label_noise` and `label_slice` at the pool.
    """
    codes = np.concatenate([batch.codes for batch in reference], axis=1)
    labels = np.concatenate([batch.labels for batch in reference])
    batch = np.repeat(np.arange(len(reference)), [len(each.labels) for each in reference])
    new_codes = np.concatenate([each.codes for each in pool], axis=1)
    new_labels = np.concatenate([each.labels for each in pool])
    new_batch = np.repeat(np.arange(len(pool)), [len(each.labels) for each in pool])
    tops = np.maximum(codes.max(axis=1), new_codes.max(axis=1))
    layout = _layout(reference, codes, tops, schema)
    new_cells = layout.cells(new_codes)
    cells = layout.cells(codes)
    sizes = [
        1 + max(int(old.max()), int(new.max())) for old, new in zip(cells, new_cells, strict=True)
    ]
    model = _fit(cells, sizes, labels, batch)
    score = np.sum([t[each] for t, each in zip(model.tables, new_cells, strict=True)], axis=0)
    local = _local_score(layout.pair_cells(new_codes), new_labels, new_batch, score)
    last = new_batch == len(pool) - 1
    return [
        _noise(local, new_labels),
        _direction(score[last], new_labels[last], model.center),
        _agreement(local[last], new_labels[last]),
    ]


def _local_score(cells: Sequence[np.ndarray], labels: np.ndarray, batch: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Return each row's log-odds by the model and by the other half of its own batch."""
    half = np.arange(len(labels)) % 2
    result = np.zeros(len(labels))
    count = int(batch.max()) + 1
    for part in (0, 1):
        teach = half != part
        rate = (np.bincount(batch[teach], labels[teach], count) + 0.5) / (
            np.bincount(batch[teach], minlength=count) + 1
        )
        odds = np.log(rate / (1 - rate))[batch] + score
        for each in cells:
            key = batch * (int(each.max()) + 1) + each
            chance = 1 / (1 + np.exp(-odds))
            size = int(key.max()) + 1
            gradient = np.bincount(key[teach], (labels - chance)[teach], size)
            mass = np.bincount(key[teach], (chance * (1 - chance))[teach], size)
            odds = odds + (gradient / (mass + 2.0))[key]
        result[~teach] = odds[~teach]
    return result


def _ends(score: np.ndarray, labels: np.ndarray, share: float) -> tuple[float, float, int]:
    """Return the share of positives among the lowest and the highest scores, and their count."""
    order = np.argsort(score, kind="stable")
    count = max(1, round(len(order) * share))
    low = float(labels[order[:count]].mean())
    high = float(labels[order[-count:]].mean())
    return low, high, count


def _noise(score: np.ndarray, labels: np.ndarray) -> Statistic:
    low, high, count = _ends(score, labels, _TENTH)
    value = min(low, 1 - high)
    side = "least" if low <= 1 - high else "most"
    message = (
        f"{value:.1%} of the labels go against the rest in the tenth of rows that is {side} "
        "likely positive"
    )
    return Statistic("label_noise", "", value, message, count)


def _direction(score: np.ndarray, labels: np.ndarray, center: float) -> Statistic:
    rate = (labels.sum() + 0.5) / (len(labels) + 1)
    chance = np.full(len(labels), rate)
    intercept, slope = _logit(rate), 0.0
    middle = score - score.mean()
    for _ in range(8):
        chance = 1 / (1 + np.exp(-(intercept + slope * middle)))
        weight = chance * (1 - chance)
        a, b, c = weight.sum(), (weight * middle).sum(), (weight * middle**2).sum() + 1.0
        g, h = (labels - chance).sum(), ((labels - chance) * middle).sum() - slope
        det = a * c - b * b
        intercept += float(np.clip((c * g - b * h) / det, -2, 2))
        slope += float(np.clip((a * h - b * g) / det, -2, 2))
    spread = float(middle.var())
    prior = 0.13 * center**2
    direction = (spread * slope + 0.13 * center * _logit(rate)) / (spread + prior)
    message = f"labels follow the model of the batches before with slope {direction:.2f} (usual 1)"
    return Statistic("label_direction", "", -direction, message, len(labels))


def _agreement(score: np.ndarray, labels: np.ndarray) -> Statistic:
    low, high, count = _ends(score, labels, 1 / 3)
    low, high = (low * count + 0.5) / (count + 1), (high * count + 0.5) / (count + 1)
    value = _logit(low) - _logit(high)
    message = f"the likeliest third has {high:.1%} positives, the least likely {low:.1%}"
    return Statistic("label_coherence", "", value, message, count)
