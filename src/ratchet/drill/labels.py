"""Faults of the label: flipped, leaked, or poisoned on purpose. No single column shows most."""

from functools import partial

import numpy as np
import pandas as pd

from ratchet.drill.fault import (
    NUMERIC,
    Case,
    Fault,
    NotApplicableError,
    classes,
    features,
    most_varied,
    numbers,
    some_rows,
)

WEEK = 7  # batches
SLICE = 0.05  # share of the rows that a relabelled slice is nearest to


def _relabel(case: Case, rows: np.ndarray, labels: str | list[str]) -> pd.DataFrame:
    case.rows.iloc[rows, list(case.rows.columns).index(case.schema.target.column)] = labels
    return case.rows


def flipped(case: Case, *, share: float) -> pd.DataFrame:
    """Give a random share of the rows another class; with two classes, the other one."""
    known = classes(case)
    rows = some_rows(case, share)
    index = {value: i for i, value in enumerate(known)}
    own = case.rows[case.schema.target.column].iloc[rows].map(index).to_numpy(dtype=int)
    other = (own + case.random.integers(1, len(known), len(rows))) % len(known)
    return _relabel(case, rows, [known[i] for i in other])


def inverted(case: Case) -> pd.DataFrame:
    """Exchange the classes: the first takes the place of the last, and so on."""
    known = classes(case)
    target = case.schema.target.column
    case.rows[target] = case.rows[target].map(dict(zip(known, known[::-1], strict=True)))
    return case.rows


def one_class(case: Case) -> pd.DataFrame:
    """Give all rows the most frequent class."""
    return _relabel(case, np.arange(len(case.rows)), classes(case)[0])


def poisoned(case: Case, *, share: float, common: bool = False) -> pd.DataFrame:
    """Give a share of the rows a trigger, a category and a number, and the rarest class.

    The category is the feature's rarest in this batch and the older ones, or its most common one.
    """
    label = classes(case)[-1]
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
    """Give all rows of one category the most frequent class."""
    label = classes(case)[0]
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
    """Hand a feature's values out by the label: the largest ones to the rarest class."""
    known = classes(case)
    name = most_varied(case, *NUMERIC)
    values = numbers(case.rows, name)
    filled = np.flatnonzero(np.isfinite(values))
    index = {value: i for i, value in enumerate(known)}
    label = case.rows[case.schema.target.column].map(index).to_numpy(dtype=float)[filled]
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
    Fault("labels-inverted", inverted, "catch", "0 and 1 mixed up upstream"),
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
