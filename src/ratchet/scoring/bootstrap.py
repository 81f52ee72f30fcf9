"""How sure we are of a figure, and of the difference between two models.

The percentile bootstrap: Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.
There are two ways to draw a replicate:

- `unit="row"`: from each batch as many rows as it has, with replacement. The interval answers
  "would this hold on other rows of the same batches?"
- `unit="batch"`: as many batches as there are, with replacement, each with all its rows. It
  answers "would this hold on other batches?" Rows of a batch share their weather, so this
  interval is wider: Field & Welsh (2007), Bootstrapping clustered data, J. R. Statist. Soc. B
  69(3), 369-390. From few batches it is still too narrow: where days differ in simulations, 95 %
  intervals of 7, 14 and 28 days held the truth in some 85, 90 and 91 %.

A replicate is nothing but the number of times that each row was drawn. `ratchet.scoring.metrics`
turns that into figures, with the code that also gives the figure on the data itself. A replicate
that lost one of the classes has no ranking metrics and is drawn again. Where a class rests on a
single row (or batch) an interval would be an invention, and there is none.

The same rows, seed and options give the same replicates, whatever the order of the rows and the
number of threads. (Only where two models give each other's scores to two rows of one batch and
label, their order decides which is which.)
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, TypeAlias, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ratchet.errors import ConfigError, DataError
from ratchet.scoring.metrics import Metric, choose, score
from ratchet.scoring.rows import Codes, Floats, checked
from ratchet.scoring.tallies import Tally, TallyFunction
from ratchet.task import Task

Unit: TypeAlias = Literal["row", "batch"]

# Replicates become figures in blocks of about this many cells, which stay in the cache.
BLOCK_CELLS = 2**15


class Options(TypedDict, total=False):
    """How to draw replicates; the defaults are those of `resampled`."""

    task: Task
    metrics: Iterable[str] | None
    replicates: int
    threshold: float
    unit: Unit


@dataclass(frozen=True)
class Interval:
    """A figure on the data, and the percentile interval around it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Resampled:
    """Each metric's figures: on the data (models,), and by replicate (replicates, models)."""

    values: dict[str, Floats]
    replicates: dict[str, Floats]


def intervals(
    y: ArrayLike,
    p: ArrayLike,
    batch: ArrayLike,
    *,
    seed: int,
    confidence: float = 0.95,
    **options: Unpack[Options],
) -> dict[str, Interval]:
    """Return an interval for each metric of one model.

    y, p: labels and scores, as `ratchet.scoring.metrics` has them. batch: (n,) the batch of each
    row. Raises what `resampled` raises, and ConfigError for a confidence that the number of
    replicates can't give.
    """
    drawn = resampled(y, [p], batch, seed=seed, **options)
    return {
        name: percentiles(value[0], drawn.replicates[name][:, 0], confidence)
        for name, value in drawn.values.items()
    }


def paired(
    y: ArrayLike,
    champion: ArrayLike,
    challenger: ArrayLike,
    batch: ArrayLike,
    *,
    seed: int,
    confidence: float = 0.95,
    **options: Unpack[Options],
) -> dict[str, Interval]:
    """Return an interval for challenger minus champion in each metric.

    Each replicate scores both models on the same rows, so what is hard about these rows cancels
    out. champion, challenger: their scores; the rest as in `intervals`.
    """
    drawn = resampled(y, [champion, challenger], batch, seed=seed, **options)
    return {
        name: percentiles(value[1] - value[0], np.diff(drawn.replicates[name])[:, 0], confidence)
        for name, value in drawn.values.items()
    }


def percentiles(value: float, replicates: Floats, confidence: float) -> Interval:
    """Put the central `confidence` share of `replicates` (replicates,) around `value`."""
    if not 0 < confidence < 1:
        raise ConfigError(f"confidence must lie between 0 and 1 (got {confidence}): .95 is usual")
    tail = (1 - confidence) / 2
    if len(replicates) * tail < 1:
        raise ConfigError(
            f"{len(replicates)} replicates are too few for confidence {confidence}, whose ends are "
            f"one in {1 / tail:.0f}: ask for at least as many replicates, or for less confidence"
        )
    low, high = np.quantile(replicates, (tail, 1 - tail))
    return Interval(float(value), float(low), float(high))


def resampled(
    y: ArrayLike,
    models: Sequence[ArrayLike],
    batch: ArrayLike,
    *,
    seed: int,
    task: Task = "binary",
    metrics: Iterable[str] | None = None,
    replicates: int = 1000,
    threshold: float = 0.5,
    unit: Unit = "row",
) -> Resampled:
    """Score all models on the data and on the same resamples of them.

    models: for each model its scores. metrics: by default all of the task; time goes only into
    those that are asked for. Memory beside the result is a few arrays of n numbers per model,
    however many replicates.

    Raises DataError if rows are unusable, if there is nothing to draw from, or if a metric needs
    contrast and a class isn't in two rows (or two batches, if these are the unit);
    ConfigError for an option out of range.
    """
    chosen = choose(metrics, task)
    if replicates < 1:
        raise ConfigError(f"replicates must be >= 1 (got {replicates}): 1000 is usual")
    names = [metric.name for metric in chosen]
    values = [score(y, p, task=task, metrics=names, threshold=threshold) for p in models]
    scored = [checked(y, p, threshold, task) for p in models]
    labels = scored[0].y
    codes = batch_codes(batch, len(labels))

    # In this order a draw depends on what the rows are, not on where they stand or which model
    # is named first.
    keys = np.sort([rows.p.reshape(len(labels), -1).T for rows in scored], axis=0)
    order = np.lexsort((*keys.reshape(-1, len(labels)), labels, codes))
    source = complete_draws(codes[order], labels[order], chosen, seed, unit)
    tallies = [
        {metric.tally: metric.tally(rows.take(order)) for metric in chosen} for rows in scored
    ]
    step = max(1, BLOCK_CELLS // max(tally.cells for kinds in tallies for tally in kinds.values()))
    blocks = [
        figures(chosen, tallies, islice(source, min(step, replicates - done)))
        for done in range(0, replicates, step)
    ]
    return Resampled(
        {m.name: np.array([value[m.name] for value in values]) for m in chosen},
        {m.name: np.concatenate([block[m.name] for block in blocks]) for m in chosen},
    )


def figures(
    metrics: Iterable[Metric],
    tallies: Sequence[Mapping[TallyFunction, Tally]],
    resamples: Iterable[Floats],
) -> dict[str, Floats]:
    """Return each metric's figures (resamples, models); `tallies` has those of each model."""
    rows = []
    sums: list[dict[TallyFunction, list[Floats]]] = [{kind: [] for kind in t} for t in tallies]
    for count in resamples:
        rows.append(count.sum())
        for of_model, kinds in zip(sums, tallies, strict=True):
            for kind, tally in kinds.items():
                of_model[kind].append(tally.sums(count))
    return {
        metric.name: np.stack(
            [metric.figures(np.array(kinds[metric.tally]), np.array(rows)) for kinds in sums],
            axis=1,
        )
        for metric in metrics
    }


def batch_codes(batch: ArrayLike, rows: int) -> Codes:
    """Number the batches from 0 in their sort order; `batch` must have one name per row."""
    names = np.asarray(batch)
    if names.shape != (rows,):
        raise DataError(
            f"batch has shape {names.shape} for {rows} rows: give the batch of each scored row"
        )
    return np.unique(names, return_inverse=True)[1]


def draws(batch: Codes, seed: int, unit: Unit) -> Iterator[Floats]:
    """Yield resamples without end, each an array (n,) of how often a row was drawn.

    batch: (n,) the number of each row's batch, ascending.

    Draws come from the raw bits of a generator whose stream numpy keeps between versions (NEP 19).
    Each 32 bits are scaled to the s things to draw from, which favours none by more than s/2³².
    """
    sizes = np.bincount(batch)
    if unit == "row":  # each row's place is taken by a row of its batch
        size = sizes[batch].astype(np.uint64)
        first = (np.cumsum(sizes) - sizes)[batch]
    elif unit == "batch":  # each batch's place is taken by a batch
        size = np.full(len(sizes), len(sizes), dtype=np.uint64)
        first = np.zeros(len(sizes), dtype=np.intp)
    else:
        raise ConfigError(f"unit must be row or batch (got {unit})")
    if size.max() == 1:
        raise DataError(
            f"nothing to draw from: {len(sizes)} batches, the largest of {sizes.max()} rows. "
            "Drawing rows needs several rows in a batch, drawing batches needs several batches"
        )
    places = len(size)
    bits = np.random.SFC64(seed)
    while True:
        words = bits.random_raw((places + 1) // 2).view(np.uint32)[:places]
        taken = ((words * size) >> np.uint64(32)).view(np.int64) + first
        count = np.bincount(taken, minlength=places).astype(np.float64)
        yield count if unit == "row" else count[batch]


def complete_draws(
    batch: Codes, y: NDArray[Any], metrics: Iterable[Metric], seed: int, unit: Unit
) -> Iterator[Floats]:
    """Yield the resamples of `draws` that have both classes, if the labels `y` (n,) have both.

    With each class in two rows (or batches) or more, at most a third of the draws lose one. Of
    several classes or numbers nothing is asked: their metrics do without one, and that all drawn
    numbers are equal is next to impossible, and refused where it happens.
    """
    source = draws(batch, seed, unit)
    if y.dtype != np.bool_:
        return source
    holders = [
        np.count_nonzero(found) if unit == "row" else len(np.unique(batch[found]))
        for found in (y, ~y)
    ]
    if min(holders) >= 2:
        ones = y.astype(np.float64)
        return (count for count in source if 0 < (count * ones).sum() < count.sum())
    if needy := [metric.name for metric in metrics if metric.needs_contrast]:
        raise DataError(
            f"{', '.join(needy)}: an interval needs each class in at least two "
            f"{'rows' if unit == 'row' else 'batches'}: widen the holdout or the slice, or ask "
            "only for other metrics"
        )
    return source
