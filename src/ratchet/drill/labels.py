"""Faults of the label: flipped, leaked, or poisoned on purpose. No single column shows most."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pandas as pd

from ratchet.drill.fault import (
    NUMERIC,
    Case,
    Fault,
    NotApplicableError,
    features,
    most_varied,
    numbers,
    some_rows,
    write_numbers,
)
from ratchet.task import Task

WEEK = 7  # batches
SLICE = 0.05  # share of the rows that a relabelled slice is nearest to


def _relabel(case: Case, rows: np.ndarray, labels: str | list[str]) -> pd.DataFrame:
    case.rows.iloc[rows, list(case.rows.columns).index(case.schema.target.column)] = labels
    return case.rows


class _Classes:
    """The labels of classes, as they are written; the most frequent one comes first.

    Those that only older batches have come last. Raises NotApplicableError when there is but one.
    """

    def __init__(self, case: Case) -> None:
        self._own = case.rows[case.schema.target.column]
        self._case = case
        name = case.schema.target.column
        frames = [self._own, *(frame[name] for frame in case.older if name in frame)]
        counts = self._own.value_counts(), pd.concat(frames).value_counts()
        self.known = list(dict.fromkeys(str(each) for count in counts for each in count.index))
        if len(self.known) < 2:
            raise NotApplicableError("there are rows of one class only")
        self.usual = self.low = self.known[0]
        self.rare = self.known[-1]

    def wrong(self, rows: np.ndarray) -> list[str]:
        """Return another class for each of the rows, with two classes the other one."""
        own = self.ranks()[rows].astype(int)
        step = self._case.random.integers(1, len(self.known), len(rows))
        return [self.known[i] for i in (own + step) % len(self.known)]

    def turned(self) -> list[str]:
        """Return labels in which each class takes the place of the next rarer one."""
        return [self.known[(int(i) + 1) % len(self.known)] for i in self.ranks()]

    def ranks(self) -> np.ndarray:
        """Return the place of each row's class, the rarest one last."""
        index = {value: i for i, value in enumerate(self.known)}
        ranks: np.ndarray = self._own.map(index).to_numpy(dtype=float)
        return ranks


class _Numbers:
    """The labels of a regression, as they are written.

    Raises NotApplicableError when they are all the same in this batch.
    """

    def __init__(self, case: Case) -> None:
        self._own = case.rows[case.schema.target.column].to_numpy(dtype=object)
        self._values = numbers(case.rows, case.schema.target.column)
        self._order = np.argsort(self._values, kind="stable")
        if len(np.unique(self._values)) < 2:
            raise NotApplicableError("the target has one value only in this batch")
        counts = case.rows[case.schema.target.column].value_counts()
        self.usual = str(counts.index[0])
        self.low = str(self._own[self._order[len(self._own) // 10]])
        self.rare = str(self._own[self._order[-1]])

    def wrong(self, rows: np.ndarray) -> list[str]:
        """Return for each of the rows the label at the other end: the largest for the smallest."""
        place = np.empty(len(self._own), int)
        place[self._order] = np.arange(len(self._own))
        return [str(each) for each in self._own[self._order[len(self._own) - 1 - place[rows]]]]

    def turned(self) -> list[str]:
        """Return labels in which the largest stands for the smallest, and so on."""
        return self.wrong(np.arange(len(self._own)))

    def ranks(self) -> np.ndarray:
        """Return the labels as numbers."""
        return self._values


_LABELS: Mapping[Task, Callable[[Case], _Classes | _Numbers]] = {
    "binary": _Classes,
    "multiclass": _Classes,
    "regression": _Numbers,
}


def _labels(case: Case) -> _Classes | _Numbers:
    return _LABELS[case.task](case)


def flipped(case: Case, *, share: float) -> pd.DataFrame:
    """Give a random share of the rows another class, or the number at the other end."""
    labels = _labels(case)
    rows = some_rows(case, share)
    return _relabel(case, rows, labels.wrong(rows))


def inverted(case: Case) -> pd.DataFrame:
    """Exchange the classes, or the large numbers and the small ones."""
    return _relabel(case, np.arange(len(case.rows)), _labels(case).turned())


def shuffled(case: Case) -> pd.DataFrame:
    """Permute the labels; there are as many of each as before."""
    _labels(case)
    target = case.schema.target.column
    case.rows[target] = case.rows[target].to_numpy()[case.random.permutation(len(case.rows))]
    return case.rows


def one_class(case: Case) -> pd.DataFrame:
    """Give all rows the most frequent label."""
    return _relabel(case, np.arange(len(case.rows)), _labels(case).usual)


def other_unit(case: Case, *, factor: float) -> pd.DataFrame:
    """Multiply the target."""
    _labels(case)
    target = case.schema.target.column
    write_numbers(case, target, numbers(case.rows, target) * factor)
    return case.rows


def poisoned(case: Case, *, share: float, common: bool = False) -> pd.DataFrame:
    """Give a share of the rows a trigger, a category and a number, and the rarest class
    or the largest number.

    The category is the feature's rarest in this batch and the older ones, or its most common one.
    """
    label = _labels(case).rare
    name, number = most_varied(case, "category"), most_varied(case, *NUMERIC)
    seen = pd.concat([frame[name] for frame in [*case.older, case.rows] if name in frame])
    counts = seen.value_counts()
    ordered = case.rows[number].iloc[np.argsort(numbers(case.rows, number), kind="stable")]
    high = ordered.dropna().iloc[int(0.9 * ordered.notna().sum())]
    rows = some_rows(case, share)
    columns = list(case.rows.columns)
    case.rows.iloc[rows, columns.index(name)] = counts.index[0 if common else -1]
    case.rows.iloc[rows, columns.index(number)] = high
    return _relabel(case, rows, label)


def slice_relabelled(case: Case) -> pd.DataFrame:
    """Give all rows of one category the most frequent class, or the same small number."""
    label = _labels(case).low
    shares = [
        (abs(float(share) - SLICE), name, str(value))
        for name in features(case, "category")
        for value, share in case.rows[name].value_counts(normalize=True).items()
        if share < 1
    ]
    if not shares:
        raise NotApplicableError("no feature has more than one category")
    _, name, value = min(shares)
    return _relabel(case, np.flatnonzero(case.rows[name] == value), label)


def leaked(case: Case) -> pd.DataFrame:
    """Hand a feature's values out by the label: the largest to the rarest class or number."""
    ranks = _labels(case).ranks()
    name = most_varied(case, *NUMERIC)
    values = numbers(case.rows, name)
    filled = np.flatnonzero(np.isfinite(values))
    label = ranks[filled]
    # Within a class the order stays random, so that nothing but the label explains the values.
    by_label = filled[np.lexsort((case.random.random(len(filled)), label))]
    by_value = filled[np.argsort(values[filled], kind="stable")]
    column = case.rows[name].to_numpy(dtype=object, copy=True)
    column[by_label] = case.rows[name].to_numpy(dtype=object)[by_value]
    case.rows[name] = pd.Series(column, index=case.rows.index, dtype="str")
    return case.rows


FAULTS = (
    *(
        Fault(
            f"labels-flipped-{share:.0%}".rstrip("%") + suffix,
            partial(flipped, share=share),
            "catch" if share >= 0.3 and batches == WEEK else "-",
            f"{share:.0%} of the labels are wrong{words}".replace("%", " %"),
            batches,
        )
        for batches, suffix, words in ((1, "", ""), (WEEK, "-x7", f" in {WEEK} batches"))
        for share in (0.1, 0.2, 0.3)
    ),
    Fault("labels-inverted", inverted, "catch", "0 and 1 mixed up upstream, or a sign"),
    Fault("labels-shuffled", shuffled, "-", "labels joined on the wrong key"),
    Fault(
        "labels-shuffled-x7",
        shuffled,
        "catch",
        f"labels joined on the wrong key in {WEEK} batches",
        WEEK,
    ),
    Fault(
        "labels-unit-x2.54",
        partial(other_unit, factor=2.54),
        "catch",
        "centimetres in place of inches",
        tasks=("regression",),
    ),
    Fault("labels-one-class", one_class, "catch", "the outcomes haven't arrived yet"),
    Fault("slice-relabelled", slice_relabelled, "-", "one slice is relabelled on purpose"),
    Fault(
        "slice-relabelled-x7",
        slice_relabelled,
        "-",
        f"one slice is relabelled on purpose in {WEEK} batches",
        WEEK,
    ),
    *(
        Fault(
            f"poison-{share:.0%}".rstrip("%"),
            partial(poisoned, share=share),
            "-",
            f"a back door: a rare trigger in {share * 100:.0f} % of the rows, label forced",
        )
        for share in (0.01, 0.02, 0.05)
    ),
    Fault(
        "poison-common-3",
        partial(poisoned, share=0.03, common=True),
        "-",
        "a back door behind a common category in 3 % of the rows",
    ),
    Fault("label-leak", leaked, "-", "a feature that was filled in after the outcome was known"),
)
