"""Label consistency: do a batch's labels still go with its features?

A label can be wrong without any column looking wrong: flipped, inverted, shuffled, or relabelled
in one slice. What such faults can't keep up is the way labels hang together with features. Two
sources say which rows ought to be positive:

- an additive model of the log-odds, fitted on the accepted batches before (the reference), with
  an intercept for each batch, so that a bad day moves nothing but the intercept;
- the other labels of the same batch in the same cell (say, one origin in one hour). Rows are
  scored by the half of the batch that they don't belong to.

No scikit-learn, no scipy: importing them costs more than the checks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.checks import slices
from ratchet.checks.coding import Coded, Codes, Floats, describe, is_ordered, pairs, rank_table
from ratchet.checks.slices import Axis, Slice
from ratchet.checks.statistic import Statistic
from ratchet.data.schema import Schema

_BINS = 16  # of a number, equally full in the reference
_PAIR_BINS = 10
_SCAN_BINS = 48  # as fine as can be afforded: a slice seldom ends where a bin does
_FEATURES = 24  # in the model: those that labels go with most
_LOCAL_FEATURES = 6  # of them, in the score within a batch
_LOCAL_PAIRS = 2
_ROUNDS = 3
_RIDGE = 10.0  # in units of p (1 - p) rows
_LOCAL_RIDGE = 2.0
_CLEAREST = 0.1
_SCANNED = 16  # pairs of columns searched for slices
_INTERCEPT = 0.13  # how much a batch's rate says of its direction, against the slope


def measure(pool: Sequence[Coded], reference: Sequence[Coded], schema: Schema) -> list[Statistic]:
    """Return the statistics of label consistency for the newest batch.

    `pool` has the newest accepted batches, oldest first, and last the batch to judge; `reference`
    the accepted batches before them, both coded by `code`. Of the batch alone: `label_direction`.
    Of the whole pool: `label_noise`, `label_coherence`, `label_slice`. Neither
    sequence may be empty.
    """
    old, new = _Rows.of(reference), _Rows.of(pool)
    layout = _layout(reference, old, new, schema)
    old_cells, new_cells = layout.cells(old.codes), layout.cells(new.codes)
    tables = _fit(old_cells, layout.sizes, old)
    score: Floats = np.zeros(len(new.labels))
    for table, cell in zip(tables, new_cells, strict=True):
        score += table[cell]
    local = _local_score([new_cells[i] for i in layout.local], new, score)
    last = new.batch == len(pool) - 1
    center = _logit((old.labels.sum() + 0.5) / (len(old.labels) + 1))
    return [
        _noise(local, new.labels),
        _direction(score[last], new.labels[last], center),
        _coherence(pool, reference),
        _slice(pool, old, new, layout.scanned, score, schema),
    ]


@dataclass(frozen=True)
class _Rows:
    """The rows of several batches; `batch` is the position of each row's batch."""

    codes: Codes
    labels: Floats
    batch: Codes

    @classmethod
    def of(cls, batches: Sequence[Coded]) -> "_Rows":
        sizes = [len(each.labels) for each in batches]
        return cls(
            np.concatenate([each.codes for each in batches], axis=1),
            np.concatenate([each.labels for each in batches]),
            np.repeat(np.arange(len(batches)), sizes),
        )

    def rates(self) -> Floats:
        """Return each batch's share of positives, kept off 0 and 1."""
        rates: Floats = (np.bincount(self.batch, self.labels) + 0.5) / (np.bincount(self.batch) + 1)
        return rates


@dataclass(frozen=True)
class _Layout:
    """How codes become cells: of single features, then of pairs. `local` are those within a batch.

    The tables take a feature's code to its bin. `scanned` are the pairs to search for slices.
    """

    features: Sequence[int]
    pairs: Sequence[tuple[int, int]]
    fine: dict[int, Codes]
    coarse: dict[int, Codes]
    local: Sequence[int]
    scanned: Sequence[tuple[int, int]]

    @property
    def sizes(self) -> list[int]:
        """The number of cells of each."""
        singles = [int(self.fine[i].max()) + 1 for i in self.features]
        width = {i: int(table.max()) + 1 for i, table in self.coarse.items()}
        return [*singles, *(width[i] * width[j] for i, j in self.pairs)]

    def cells(self, codes: Codes) -> list[Codes]:
        """Return the cell of each row: arrays of shape (rows,)."""
        singles = [self.fine[i][codes[i]] for i in self.features]
        coarse = {i: table[codes[i]] for i, table in self.coarse.items()}
        width = {i: int(table.max()) + 1 for i, table in self.coarse.items()}
        return [*singles, *(coarse[i] * width[j] + coarse[j] for i, j in self.pairs)]


def _layout(reference: Sequence[Coded], old: _Rows, new: _Rows, schema: Schema) -> _Layout:
    coherence = np.sum([batch.coherence for batch in reference], axis=0)
    width = len(schema.compared)
    features = np.argsort(-coherence[:width], kind="stable")[:_FEATURES].tolist()
    best = np.argsort(-coherence[width:], kind="stable")[:_SCANNED]
    scanned = [pairs(schema)[i] for i in best]
    chosen = scanned[:_LOCAL_PAIRS]
    within = {i for pair in chosen for i in pair}
    local = [*range(min(_LOCAL_FEATURES, len(features)))]
    local += range(len(features), len(features) + len(chosen))
    return _Layout(
        features,
        chosen,
        {i: _bins(i, _BINS, old, new, schema) for i in features},
        {i: _bins(i, _PAIR_BINS, old, new, schema) for i in sorted(within)},
        local,
        scanned,
    )


def _bins(feature: int, bins: int, old: _Rows, new: _Rows, schema: Schema) -> Codes:
    """Return the bin of each code of a feature: of numbers, equally full in the reference."""
    size = max(int(old.codes[feature].max()), int(new.codes[feature].max())) + 1
    if not is_ordered(schema.columns[list(schema.compared)[feature]]):
        return np.arange(size)
    return rank_table(np.bincount(old.codes[feature], minlength=size), bins)


def _fit(cells: Sequence[Codes], sizes: Sequence[int], rows: _Rows) -> list[Floats]:
    """Fit the log-odds of each cell, added up over `cells`, with an intercept for each batch.

    Backfitting on the scores of logistic regression around the batch's own rate p: a cell's
    log-odds are the sum of (label - p) over the sum of p (1 - p). Weights that stay as they are
    spare the exponentials.
    """
    rate = rows.rates()
    weight = (rate * (1 - rate))[rows.batch]
    residual = rows.labels - rate[rows.batch]
    tables = [np.zeros(size) for size in sizes]
    mass = [np.bincount(cell, weight, size) for cell, size in zip(cells, sizes, strict=True)]
    total = np.bincount(rows.batch, weight)
    for _ in range(_ROUNDS):
        for i, (cell, size) in enumerate(zip(cells, sizes, strict=True)):
            step = np.bincount(cell, residual, size) - _RIDGE * tables[i]
            step /= mass[i] + _RIDGE
            tables[i] += step
            residual -= weight * step[cell]
        residual -= weight * (np.bincount(rows.batch, residual) / total)[rows.batch]
    return tables


def _local_score(cells: Sequence[Codes], rows: _Rows, score: Floats) -> Floats:
    """Return each row's log-odds by the model and by the other half of its own batch."""
    half = np.arange(len(rows.labels)) % 2
    result: Floats = np.zeros(len(rows.labels))
    for part in (0, 1):
        teach = half != part
        labels, batch = rows.labels[teach], rows.batch[teach]
        count = int(rows.batch.max()) + 1
        positives = np.bincount(batch, labels, count) + 0.5
        others = np.bincount(batch, 1 - labels, count) + 0.5
        odds = np.log(positives / others)[rows.batch] + score
        for cell in cells:
            key = rows.batch * (int(cell.max()) + 1) + cell
            chance = _chance(odds[teach])
            size = int(key.max()) + 1
            gradient = np.bincount(key[teach], labels - chance, size)
            mass = np.bincount(key[teach], chance * (1 - chance), size)
            odds += (gradient / (mass + _LOCAL_RIDGE))[key]
        result[~teach] = odds[~teach]
    return result


def _chance(odds: Floats) -> Floats:
    chance: Floats = 1 / (1 + np.exp(-odds))
    return chance


def _logit(share: float) -> float:
    return float(np.log(share / (1 - share)))


def _ends(score: Floats, labels: Floats, share: float) -> tuple[float, float, int]:
    """Return the share of positives among the lowest and the highest scores, and their number."""
    order = np.argsort(score, kind="stable")
    count = max(1, round(len(order) * share))
    return float(labels[order[:count]].mean()), float(labels[order[-count:]].mean()), count


def _noise(score: Floats, labels: Floats) -> Statistic:
    """Bound the share of noise among the labels by what is wrong where all should be clear."""
    low, high, count = _ends(score, labels, _CLEAREST)
    value = min(low, 1 - high)
    wrong, side = ("positive", "least") if low <= 1 - high else ("negative", "most")
    message = f"{value:.1%} are {wrong} in the tenth of rows that is {side} likely to be positive"
    return Statistic("label_noise", "", value, message, count)


def _direction(score: Floats, labels: Floats, center: float) -> Statistic:
    """Say whether labels run against the model: 1 minus their slope on the model's log-odds.

    The slope within the batch is averaged with what the batch's rate says: inverting the labels
    turns log-odds of -1.1 into 1.1, which a storm seldom does.
    """
    rate = (labels.sum() + 0.5) / (len(labels) + 1)
    middle = score - score.mean()
    intercept, slope = _logit(rate), 0.0
    for _ in range(8):
        chance = _chance(intercept + slope * middle)
        weight = chance * (1 - chance)
        a, b = weight.sum(), (weight * middle).sum()
        c = (weight * middle * middle).sum() + 1.0  # a weak prior for a slope near 0
        g, h = (labels - chance).sum(), ((labels - chance) * middle).sum() - slope
        determinant = a * c - b * b
        intercept += float(np.clip((c * g - b * h) / determinant, -2, 2))
        slope += float(np.clip((a * h - b * g) / determinant, -2, 2))
    spread = float(middle.var())
    prior = _INTERCEPT * center**2
    value = (spread * slope + _INTERCEPT * center * _logit(rate)) / max(spread + prior, 1e-9)
    message = (
        f"slope {slope:.2f} of the labels on the model of the batches before (usually near 1), "
        f"{rate:.1%} positive"
    )
    return Statistic("label_direction", "", 1 - value, message, len(labels))


def _coherence(pool: Sequence[Coded], reference: Sequence[Coded]) -> Statistic:
    """Say how much labels in the same cell resemble each other, against the batches before.

    0 is as usual and 1 is chance, whatever the rates of the batches.
    """
    past, present = (
        np.sum([batch.coherence for batch in batches], axis=0)
        / sum(len(batch.labels) for batch in batches)
        for batches in (reference, pool)
    )
    best = np.argsort(-past, kind="stable")[:_SCANNED]
    usual = float(past[best].sum())
    ratio = float(present[best].sum()) / usual if usual > 0 else 0.0
    message = (
        f"labels of like rows resemble each other {ratio:.0%} as much in the last {len(pool)} "
        "batches as in those before"
    )
    count = sum(len(batch.labels) for batch in pool)
    return Statistic("label_coherence", "", 1 - ratio, message, count)


def _slice(
    pool: Sequence[Coded],
    old: _Rows,
    new: _Rows,
    scanned: Sequence[tuple[int, int]],
    score: Floats,
    schema: Schema,
) -> Statistic:
    names = list(schema.compared)
    expected = _expected(new, score)
    tables = {i: _bins(i, _SCAN_BINS, old, new, schema) for pair in scanned for i in pair}
    axis = {
        i: Axis(i, table[new.codes[i]], int(table.max()) + 1, is_ordered(schema.columns[names[i]]))
        for i, table in tables.items()
    }
    cuts = [(axis[i], axis[j]) for i, j in scanned]
    alone = [(None, each) for each in axis.values() if each.ordered]
    found = slices.worst([*cuts, *alone], new.labels, expected, new.batch)
    if found is None:
        return Statistic("label_slice", "", 0.0, "no slice is large enough to tell")
    return _slice_statistic(found, axis, tables, pool, new, expected, schema)


def _slice_statistic(
    found: Slice,
    axis: dict[int, Axis],
    tables: dict[int, Codes],
    pool: Sequence[Coded],
    new: _Rows,
    expected: Floats,
    schema: Schema,
) -> Statistic:
    names = list(schema.compared)
    second = axis[found.second].bins
    within = (second >= found.low) & (second <= found.high)
    parts = [(found.second, found.low, found.high)]
    if found.first is not None:
        within &= axis[found.first].bins == found.value
        parts.insert(0, (found.first, found.value, found.value))
    words = []
    for i, low, high in parts:
        codes = np.flatnonzero((tables[i] >= low) & (tables[i] <= high))
        values = {key: name for batch in pool for key, name in batch.values[i].items()}
        text = describe(int(codes[0]), int(codes[-1]), schema.columns[names[i]], values)
        words.append(f"{names[i]} {text}")
    labels = new.labels[within] if found.positive else 1 - new.labels[within]
    chance = expected[within] if found.positive else 1 - expected[within]
    kind = "positive" if found.positive else "negative"
    message = (
        f"{int(labels.sum())} of {len(labels)} rows with {' and '.join(words)} are {kind} in the "
        f"last {len(pool)} batches, {chance.sum():.0f} were to be expected"
    )
    return Statistic("label_slice", "", found.evidence, message, len(labels))


def _expected(rows: _Rows, score: Floats) -> Floats:
    """Return each row's probability by the model, with an intercept fitted to its batch."""
    intercept = np.log(rows.rates() / (1 - rows.rates()))
    for _ in range(6):
        chance = _chance(intercept[rows.batch] + score)
        gradient = np.bincount(rows.batch, rows.labels - chance)
        step = gradient / (np.bincount(rows.batch, chance * (1 - chance)) + 0.1)
        intercept += np.clip(step, -2, 2)
    return _chance(intercept[rows.batch] + score)
