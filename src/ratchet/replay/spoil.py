"""Challengers that should not pass: what each kind does to the rows that teach.

They imitate what goes wrong before a model is trained: a broken join, labels that came too early,
a sign turned round. The holdout stays as it is. Nothing here knows the schema's columns by name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
NUMBERS = ("number", "integer")
BINS = 10
GROUP = 3  # a group of features is a third of them


@dataclass(frozen=True)
class Lesson:
    """What teaches: rows, labels y (rows,), and each row's place (rows,), ascending.

    features: the columns that the model learns from, with their kinds. classes: how many the labels
    stand for, counted from 0; 0 where they are numbers.
    """

    rows: pa.Table
    y: Array
    place: Array
    features: Mapping[str, str]
    classes: int = 2

    def newest(self, batches: int) -> Array:
        """Return which rows are of the newest batches: bool of shape (rows,)."""
        last = int(self.place[-1]) + 1
        mask: Array = self.place >= last - batches
        return mask


Spoil: TypeAlias = Callable[[Lesson, np.random.Generator], Lesson]


def two_batches(lesson: Lesson, _: np.random.Generator) -> Lesson:
    """Learn from the two newest batches only."""
    kept = lesson.newest(2)
    return replace(
        lesson, rows=lesson.rows.filter(pa.array(kept)), y=lesson.y[kept], place=lesson.place[kept]
    )


def flipped(lesson: Lesson, random: np.random.Generator) -> Lesson:
    """Make 30 % of all labels wrong."""
    return _flip(lesson, random.random(len(lesson.y)) < 0.3, random)


def flipped_lately(lesson: Lesson, random: np.random.Generator) -> Lesson:
    """Make 20 % of the labels of the newest 28 batches wrong."""
    return _flip(lesson, lesson.newest(28) & (random.random(len(lesson.y)) < 0.2), random)


def inverted(lesson: Lesson, _: np.random.Generator) -> Lesson:
    """Turn all labels of the newest 7 batches round: the last class is the first, and so on.

    Numbers are mirrored at their median.
    """
    turned = lesson.classes - 1 - lesson.y if lesson.classes else 2 * np.median(lesson.y) - lesson.y
    return _with_labels(lesson, lesson.newest(7), turned)


def all_lowest(lesson: Lesson, _: np.random.Generator) -> Lesson:
    """Give the newest 3 batches the lowest label, as where labels are taken too early."""
    return _with_labels(lesson, lesson.newest(3), lesson.y.min())


def shuffled(lesson: Lesson, random: np.random.Generator) -> Lesson:
    """Give each row another row's value of the feature that says most about the label."""
    name = most_telling(lesson)
    column = lesson.rows[name].take(pa.array(random.permutation(len(lesson.y))))
    return _with(lesson, {name: column})


def without_group(lesson: Lesson, random: np.random.Generator) -> Lesson:
    """Lose a third of the features, neighbours in schema.yaml, in all batches but the oldest.

    The train stage refuses a column that is wholly null.
    """
    names = list(lesson.features)
    size = max(1, len(names) // GROUP)
    begin = int(random.integers(len(names) - size + 1))
    here = pa.array(lesson.place == lesson.place[0])
    return _with(
        lesson,
        {
            name: pc.if_else(here, lesson.rows[name], pa.scalar(None, lesson.rows[name].type))
            for name in names[begin : begin + size]
        },
    )


KINDS: dict[str, Spoil] = {
    "two batches only": two_batches,
    "30 % flipped": flipped,
    "best feature shuffled": shuffled,
    "7 batches inverted": inverted,
    "a third of the features lost": without_group,
    "20 % of 28 batches flipped": flipped_lately,
    "3 batches of one label": all_lowest,
}


def choose(count: int, share: float, seed: int) -> dict[int, str]:
    """Return which of `count` nights get a spoiled challenger, and of what kind.

    All kinds come equally often, as near as can be. The first night is left alone: without a
    champion nothing could be compared.
    """
    random = np.random.default_rng(seed)
    wanted = min(round(share * count), count - 1)
    chosen = np.sort(random.choice(np.arange(1, count), wanted, replace=False))
    kinds = list(KINDS)
    order = [kinds[i % len(kinds)] for i in range(wanted)]
    return dict(zip(chosen.tolist(), random.permutation(order).tolist(), strict=True))


def most_telling(lesson: Lesson) -> str:
    """Return the numeric feature, or if there is none any, that says most about the label.

    By mutual information, in nats, of the label and the feature in ten equally full bins, in which
    labels that are numbers lie as well.
    """
    labels = lesson.y if lesson.classes else _tenths(lesson.y)
    numbers = [name for name, kind in lesson.features.items() if kind in NUMBERS]
    return max(
        numbers or list(lesson.features),
        key=lambda name: _information(_bins(lesson.rows[name], name in numbers), labels),
    )


def _bins(column: pa.ChunkedArray, numeric: bool) -> Array:
    """Return each row's bin; the missing ones have bin 0, to themselves."""
    if not numeric:
        codes = column.combine_chunks().dictionary_encode().indices
        found: Array = codes.fill_null(-1).to_numpy() + 1
        return found
    values = column.cast(pa.float64()).to_numpy()
    return np.where(np.isnan(values), 0, 1 + _tenths(values))


def _tenths(values: Array) -> Array:
    edges = np.nanquantile(values, np.linspace(0, 1, BINS + 1)[1:-1])
    return np.searchsorted(edges, values, side="right")


def _information(bins: Array, y: Array) -> float:
    together = np.stack(
        [np.bincount(bins[y == label], minlength=bins.max() + 1) for label in np.unique(y)]
    )
    share = together / together.sum()
    alone = share.sum(axis=1, keepdims=True) * share.sum(axis=0, keepdims=True)
    here = share > 0
    return float((share[here] * np.log(share[here] / alone[here])).sum())


def _flip(lesson: Lesson, wrong: Array, random: np.random.Generator) -> Lesson:
    """Give the `wrong` rows (rows,) another class; or each other's numbers."""
    if lesson.classes:
        by = random.integers(1, lesson.classes, len(lesson.y))
        return _with_labels(lesson, wrong, (lesson.y + by) % lesson.classes)
    y = lesson.y.copy()
    y[wrong] = random.permutation(y[wrong])
    return replace(lesson, y=y)


def _with_labels(lesson: Lesson, here: Array, labels: Array) -> Lesson:
    return replace(lesson, y=np.where(here, labels, lesson.y).astype(lesson.y.dtype))


def _with(lesson: Lesson, columns: Mapping[str, Any]) -> Lesson:
    rows = lesson.rows
    for name, values in columns.items():
        rows = rows.set_column(rows.column_names.index(name), name, values)
    return replace(lesson, rows=rows)
