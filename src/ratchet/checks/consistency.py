"""Label consistency: do a batch's labels still go with its features?

A label can be wrong without any column looking wrong: flipped, inverted, shuffled, or relabelled
in one slice. What such faults can't keep up is the way labels hang together with features. Two
sources say which rows ought to be positive:

- an additive model of the log-odds, fitted on the accepted batches before (the reference), with
  an intercept for each batch, so that a bad day moves nothing but the intercept;
- the other labels of the same batch in the same cell (say, one origin in one hour). Rows are
  scored by the half of the batch that they don't belong to.

What isn't binary is made so by a question: is a row of this class, is its number above the median
of the reference? Of several classes the commonest are asked after, and the worst answer counts.

No scikit-learn, no scipy: importing them costs more than the checks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ratchet.checks import slices
from ratchet.checks.coding import (
    NULL,
    Coded,
    Codes,
    Floats,
    describe,
    is_ordered,
    pairs,
    rank_table,
)
from ratchet.checks.direction import Scored, measure_direction
from ratchet.checks.questions import Question, questions
from ratchet.checks.slices import Axis, Slice
from ratchet.checks.statistic import Statistic
from ratchet.data.schema import Schema
from ratchet.data.target import Target
from ratchet.task import Task

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
_CLEARLY = 2.0  # deviations of a figure that chance is granted
_GRANTED = 0.1  # of label noise that is usual or due to chance, beyond which it's taken off
_TELLING = 2.0  # deviations from chance, without which coherence that's gone says nothing


def measure(
    pool: Sequence[Coded], reference: Sequence[Coded], schema: Schema, target: Target
) -> list[Statistic]:
    """Return the statistics of label consistency for the newest batch.

    `pool` has the newest accepted batches, oldest first, and last the batch to judge; `reference`
    the accepted batches before them, both coded by `code`. Of the batch alone: `label_direction`.
    Of the whole pool: `label_noise`, `label_coherence`, `label_slice`. Neither
    sequence may be empty.
    """
    old, new = _Rows.of(reference), _Rows.of(pool)
    layout = _layout(reference, old, new, schema)
    cells = layout.cells(old.codes), layout.cells(new.codes)
    found = [
        _answered(question, pool, old, new, layout, cells, schema, target.task)
        for question in questions(old.labels, target)
    ]
    noise, direction, a_slice = (max(each, key=_value) for each in zip(*found, strict=True))
    return [noise, direction, _coherence(pool, reference), a_slice]


def _answered(
    question: Question,
    pool: Sequence[Coded],
    old: "_Rows",
    new: "_Rows",
    layout: "_Layout",
    cells: tuple[Sequence[Codes], Sequence[Codes]],
    schema: Schema,
    task: Task,
) -> tuple[Statistic, Statistic, Statistic]:
    """Return noise, direction and slice of the labels as a question makes them binary."""
    asked, answers = old.asked(question), new.asked(question)
    tables = _fit(cells[0], layout.sizes, asked)
    before, score = (_score(tables, each) for each in cells)
    lately = old.batch > old.batch[-1] - len(pool)
    past = asked.take(lately)
    clear = _local_score([cells[0][i][lately] for i in layout.local], past, before[lately])
    usual = min(_ends(clear, past.labels)[:2])
    local = _local_score([cells[1][i] for i in layout.local], answers, score)
    last = new.batch == len(pool) - 1
    now = Scored(score[last], answers.labels[last], new.labels[last], new.batch[last])
    reference = Scored(before, asked.labels, old.labels, old.batch)
    return (
        _noise(local, answers.labels, usual, question),
        measure_direction(now, reference, question, task),
        _slice(pool, (asked, before), (answers, score), layout.scanned, schema, question),
    )


def _value(statistic: Statistic) -> float:
    return statistic.value


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

    def asked(self, question: Question) -> "_Rows":
        """Return the rows with the answers to a question for labels."""
        return replace(self, labels=question.ask(self.labels))

    def take(self, rows: Codes) -> "_Rows":
        """Return some of the rows: all from some batch on."""
        batch = self.batch[rows]
        return _Rows(self.codes[:, rows], self.labels[rows], batch - batch[0])

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


def _scan_bins(feature: int, old: _Rows, new: _Rows, schema: Schema) -> Codes:
    """Return the bin of each code of a feature, without bins for categories that aren't there."""
    table = _bins(feature, _SCAN_BINS, old, new, schema)
    if is_ordered(schema.columns[list(schema.compared)[feature]]):
        return table
    here = np.bincount(new.codes[feature], minlength=len(table)) > 0
    here[NULL] = True
    return np.where(here, np.cumsum(here) - 1, here.sum())


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


def _score(tables: Sequence[Floats], cells: Sequence[Codes]) -> Floats:
    score: Floats = np.zeros(len(cells[0]))
    for table, cell in zip(tables, cells, strict=True):
        score += table[cell]
    return score


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


def _ends(score: Floats, labels: Floats) -> tuple[float, float, int]:
    """Return the wrong shares of the tenths with the lowest and highest scores, and their rows.

    Positives are wrong among the lowest, negatives among the highest.
    """
    order = np.argsort(score, kind="stable")
    count = max(1, round(len(order) * _CLEAREST))
    return float(labels[order[:count]].mean()), 1 - float(labels[order[-count:]].mean()), count


def _noise(score: Floats, labels: Floats, usual: float, question: Question) -> Statistic:
    """Bound the share of noise among the labels by what is wrong where all should be clear.

    Where even the reference isn't clear, or the rows are few, that much is taken off.
    """
    low, high, count = _ends(score, labels)
    wrong = min(low, high)
    kind, side = (question.yes, "least") if low <= high else (question.no, "most")
    message = (
        f"{wrong:.1%} are {kind} in the tenth of rows that is {side} likely to be {question.yes}"
    )
    chance = _CLEARLY * np.sqrt(max(usual, 1 / count) * (1 - usual) / count)
    value = wrong - max(0.0, usual + float(chance) - _GRANTED)
    return Statistic("label_noise", "", value, message, count)


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
    each = [float(batch.coherence[best].sum()) / max(len(batch.labels), 1) for batch in reference]
    if usual <= _TELLING * float(np.std(each)) / np.sqrt(len(pool)):
        message = "like rows never had like labels, as far as so few rows can tell"
        return Statistic("label_coherence", "", 0.0, message)
    ratio = float(present[best].sum()) / usual
    message = (
        f"labels of like rows resemble each other {ratio:.0%} as much in the last {len(pool)} "
        "batches as in those before"
    )
    count = sum(len(batch.labels) for batch in pool)
    return Statistic("label_coherence", "", 1 - ratio, message, count)


def _slice(
    pool: Sequence[Coded],
    past: tuple[_Rows, Floats],
    present: tuple[_Rows, Floats],
    scanned: Sequence[tuple[int, int]],
    schema: Schema,
    question: Question,
) -> Statistic:
    (old, _), (new, _) = past, present
    names = list(schema.compared)
    expected = _expected(*present)
    tables = {i: _scan_bins(i, old, new, schema) for pair in scanned for i in pair}
    axis = {
        i: Axis(
            i,
            table[new.codes[i]],
            int(table.max()) + 1,
            is_ordered(schema.columns[names[i]]),
            table[old.codes[i]],
        )
        for i, table in tables.items()
    }
    cuts = [(axis[i], axis[j]) for i, j in scanned]
    alone = [(None, each) for each in axis.values() if each.ordered]
    found = slices.worst(
        [*cuts, *alone], new.labels, expected, new.batch, old.labels, _expected(*past)
    )
    if found is None:
        return Statistic("label_slice", "", 0.0, "no slice is large enough to tell")
    return _slice_statistic(found, axis, tables, pool, new, expected, schema, question)


def _slice_statistic(
    found: Slice,
    axis: dict[int, Axis],
    tables: dict[int, Codes],
    pool: Sequence[Coded],
    new: _Rows,
    expected: Floats,
    schema: Schema,
    question: Question,
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
    kind = question.yes if found.positive else question.no
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
