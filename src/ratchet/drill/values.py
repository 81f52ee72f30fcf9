"""Faults of the values of a column or two: units, codes, nulls, clocks, mixed-up columns."""

from functools import partial

import numpy as np
import pandas as pd

from ratchet.data.schema import Kind
from ratchet.drill.fault import (
    NUMERIC,
    Case,
    Fault,
    NotApplicableError,
    allowed,
    features,
    most_varied,
    numbers,
    pooled,
    shift,
    some_rows,
    write_numbers,
)

WIDEST = 60  # columns that are compared pair by pair
NOTABLE = 1.0  # deviations by which a mean must move for a change to be one
TOGETHER = 0.3  # rank correlation from which two columns belong together
# Largest value of a column that counts within a day from 0, and an hour in its unit.
CLOCKS = {23: 1, 1439: 60, 86399: 3600}


def unit(case: Case, *, factor: float, offset: float = 0.0) -> pd.DataFrame:
    """Replace the values x of a feature by (x + offset) * factor.

    The feature is the one whose mean such a change moves most in this batch and the older ones,
    among those that stay within the contract's ranges if there are any: no range shows it.
    """
    scored = []
    for name in features(case, *NUMERIC):
        own, pool = numbers(case.rows, name), pooled(case, name)
        changed = (own + offset) * factor
        moved = shift((pool + offset) * factor, pool)
        if len(np.unique(own[np.isfinite(own)])) < 2:
            moved = 0.0  # nothing but zeros on this day, or its weekday: no measure has a unit
        scored.append((moved >= NOTABLE and allowed(case, name, changed), moved, name))
    _, moved, name = max(scored)
    if moved < NOTABLE:
        raise NotApplicableError("no feature's mean would move by its standard deviation")
    write_numbers(case, name, (numbers(case.rows, name) + offset) * factor)
    return case.rows


def swapped(case: Case) -> pd.DataFrame:
    """Exchange the values of two features of one type, which differ and fit each other's range."""
    best: tuple[bool, float, str, str] | None = None
    kinds: tuple[Kind, ...] = ("number", "integer", "category")
    for kind in kinds:
        names = [name for name, each in case.schema.compared.items() if each == kind]
        names = [name for name in names if name in case.rows][:WIDEST]
        for i, one in enumerate(names):
            for other in names[i + 1 :]:
                candidate = (*_difference(case, one, other, kind), one, other)
                best = candidate if best is None else max(best, candidate)
    if best is None or best[1] < NOTABLE:
        raise NotApplicableError("no two features of one type that differ")
    one, other = best[2:]
    case.rows[[one, other]] = case.rows[[other, one]].to_numpy()
    return case.rows


def _difference(case: Case, one: str, other: str, kind: Kind) -> tuple[bool, float]:
    """Tell whether two columns fit each other's range, and how far apart they are."""
    if kind == "category":
        common = set(case.rows[one].dropna()) & set(case.rows[other].dropna())
        return False, 0.0 if common else NOTABLE
    a, b = pooled(case, one), pooled(case, other)
    apart = min(shift(a, b), shift(b, a))
    fits = apart >= NOTABLE and (
        allowed(case, one, numbers(case.rows, other))
        and allowed(case, other, numbers(case.rows, one))
    )
    return fits, apart


def one_shuffled(case: Case) -> pd.DataFrame:
    """Permute the feature that goes best together with another one; its own values stay."""
    names = features(case, *NUMERIC)[:WIDEST]
    ranks = pd.DataFrame({name: numbers(case.rows, name) for name in names}).rank()
    ranks = ranks.loc[:, ranks.nunique() > 1]
    together = ranks.corr().abs().to_numpy(copy=True)
    np.fill_diagonal(together, 0.0)
    if not together.size or np.nanmax(together) < TOGETHER:
        raise NotApplicableError("no two features of numbers go together")
    name = ranks.columns[int(np.nanargmax(together)) // len(together)]
    return _permuted(case, [name])


def all_shuffled(case: Case) -> pd.DataFrame:
    """Permute each feature by itself; all marginal distributions stay."""
    return _permuted(case, features(case))


def _permuted(case: Case, names: list[str]) -> pd.DataFrame:
    for name in names:
        case.rows[name] = case.rows[name].to_numpy()[case.random.permutation(len(case.rows))]
    return case.rows


def lower_cased(case: Case) -> pd.DataFrame:
    """Write all categories of a feature in lower case, or in upper case if they were in lower."""
    for name in sorted(features(case, "category"), key=lambda n: -case.rows[n].nunique()):
        column = case.rows[name]
        for changed in (column.str.lower(), column.str.upper()):
            if (changed != column).sum() > len(column) / 2:
                case.rows[name] = changed
                return case.rows
    raise NotApplicableError("the categories have no letters")


def new_codes(case: Case) -> pd.DataFrame:
    """Give each category of a feature a number in place of its name."""
    name = most_varied(case, "category")
    codes = {value: f"C{i:03}" for i, value in enumerate(sorted(case.rows[name].dropna().unique()))}
    case.rows[name] = case.rows[name].map(codes)
    return case.rows


def new_category(case: Case) -> pd.DataFrame:
    """Put 5 % of the rows into a category that was never there."""
    name = most_varied(case, "category")
    _set(case, name, some_rows(case, 0.05), "Unheard of")
    return case.rows


def nulls(case: Case, *, share: float) -> pd.DataFrame:
    """Blank a share of the feature with the fewest nulls."""
    name = min(features(case), key=lambda n: case.rows[n].isna().mean())
    _set(case, name, some_rows(case, share), None)
    return case.rows


def null_spelt(case: Case, *, spelling: str) -> pd.DataFrame:
    """Write the nulls of a numeric feature in a new way; 5 % of its rows if it has none."""
    if spelling in case.schema.format.nulls:
        raise NotApplicableError(f"the producer spells nulls `{spelling}`")
    names = features(case, *NUMERIC)
    gaps = {name: np.flatnonzero(case.rows[name].isna()) for name in names}
    name = next((each for each in names if gaps[each].size), names[0])
    _set(case, name, gaps[name] if gaps[name].size else some_rows(case, 0.05), spelling)
    return case.rows


def constant(case: Case) -> pd.DataFrame:
    """Give all rows the most frequent value of a feature."""
    name = most_varied(case)
    case.rows[name] = case.rows[name].mode()[0]
    return case.rows


def clock(case: Case, *, hours: int) -> pd.DataFrame:
    """Move the time column, and what counts the minutes of a day, by so many hours."""
    names = []
    for name, column in case.schema.columns.items():
        if column.type == "integer" and column.min == 0 and column.max in CLOCKS:
            names.append(name)
            size, hour = int(column.max) + 1, CLOCKS[int(column.max)]
            if hours % 24:
                write_numbers(case, name, (numbers(case.rows, name) + hours * hour) % size)
    time = case.schema.time
    dated = time is not None and case.schema.columns[time].type == "date"
    if dated and time in case.rows and (hours % 24 == 0 or case.rows[time].str.len().max() > 10):
        case.rows[time] = move(case.rows[time], pd.Timedelta(hours=hours))
    elif not names or hours % 24 == 0:
        raise NotApplicableError("no column holds such a time")
    return case.rows


def move(times: "pd.Series[str]", by: pd.Timedelta) -> "pd.Series[str]":
    """Move dates or moments, written in ISO 8601, and write them as they were: with time or not."""
    moved = pd.to_datetime(times, format="ISO8601", utc=True, errors="coerce") + by
    days_only = bool(times.str.len().max() <= 10)
    return moved.dt.strftime("%Y-%m-%d" if days_only else "%Y-%m-%dT%H:%M:%S.%f").astype("str")


def _set(case: Case, name: str, rows: np.ndarray, value: str | None) -> None:
    case.rows.iloc[rows, list(case.rows.columns).index(name)] = value


FAULTS = (
    Fault("unit-x1.609", partial(unit, factor=1.609), "catch", "kilometres in place of miles"),
    Fault(
        "unit-fahrenheit",
        partial(unit, factor=1 / 1.8, offset=-32),
        "catch",
        "degrees Celsius in place of Fahrenheit",
    ),
    Fault("unit-x1000", partial(unit, factor=1000.0), "catch", "grams in place of kilograms"),
    Fault("lower-case", lower_cased, "catch", "a clean-up upstream changes the codes' case"),
    Fault("new-codes", new_codes, "catch", "a new code list upstream"),
    Fault("new-category", new_category, "-", "a category that was never there, in 5 % of the rows"),
    Fault("nulls-half", partial(nulls, share=0.5), "catch", "a join that misses half of its rows"),
    Fault("nulls-all", partial(nulls, share=1.0), "catch", "a join that misses all rows"),
    Fault("nulls-as-dash", partial(null_spelt, spelling="-"), "catch", "nulls are spelt `-`"),
    Fault("nulls-as-na", partial(null_spelt, spelling="#N/A"), "catch", "nulls are spelt `#N/A`"),
    Fault("nulls-as-999", partial(null_spelt, spelling="-999"), "-", "nulls are spelt `-999`"),
    Fault("constant", constant, "catch", "a default value in place of a column's values"),
    Fault("swapped", swapped, "catch", "two columns mixed up upstream"),
    Fault("one-shuffled", one_shuffled, "-", "one column sorted away from its rows"),
    Fault("all-shuffled", all_shuffled, "-", "all columns joined on the wrong key"),
    Fault("clock-hour", partial(clock, hours=1), "-", "a time zone, or daylight saving, forgotten"),
    Fault("clock-day", partial(clock, hours=24), "-", "tomorrow's date on today's rows"),
)
