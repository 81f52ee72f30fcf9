"""Faults of the rows: too many, too few, or not of today."""

from functools import partial

import numpy as np
import pandas as pd

from ratchet.drill.fault import Case, Fault, NotApplicableError, features, some_rows
from ratchet.drill.values import move

SMALLEST, LARGEST = 0.05, 0.6  # share of a category that a part of the data can be


def _yesterday(case: Case) -> pd.DataFrame:
    """Return the rows of the batch before, with the dates moved to this batch's day."""
    if not case.older:
        raise NotApplicableError("no good batch lies before this one")
    rows, time = case.older[-1].copy(), case.schema.time
    if list(rows.columns) != list(case.rows.columns):
        rows = rows.reindex(columns=case.rows.columns)
    if time is not None and case.schema.columns[time].type == "date":
        rows[time] = move(rows[time], _day(case.rows[time]) - _day(rows[time]))
    return rows


def _day(times: "pd.Series[str]") -> pd.Timestamp:
    first = pd.to_datetime(times, format="ISO8601", utc=True, errors="coerce").min()
    return pd.Timestamp(0, tz="UTC") if pd.isna(first) else first.floor("D")


def repeated(case: Case) -> pd.DataFrame:
    """Deliver the batch before once more under today's name and date."""
    return _yesterday(case)


def old_rows(case: Case, *, share: float) -> pd.DataFrame:
    """Replace a share of the rows by rows of the batch before. No key is there twice."""
    old = _yesterday(case)
    count = min(len(old), round(share * len(case.rows)))
    old = old.iloc[np.sort(case.random.choice(len(old), count, replace=False))]
    own, key = case.rows, case.schema.key
    if key:
        taken = pd.MultiIndex.from_frame(old[key])
        own = own[~pd.MultiIndex.from_frame(own[key]).isin(taken)]
    kept = min(len(own), len(case.rows) - count)
    own = own.iloc[np.sort(case.random.choice(len(own), kept, replace=False))]
    return pd.concat([own, old])


def first_rows(case: Case, *, share: float) -> pd.DataFrame:
    """Keep the first rows of the file."""
    return case.rows.iloc[: max(1, int(share * len(case.rows)))]


def a_tenth(case: Case) -> pd.DataFrame:
    """Keep a tenth of the rows, from all over the file."""
    return case.rows.iloc[some_rows(case, 0.1)]


def ten_times(case: Case) -> pd.DataFrame:
    """Deliver ten times the rows."""
    return pd.concat([case.rows] * 10, ignore_index=True)


def doubled(case: Case) -> pd.DataFrame:
    """Deliver 5 % of the rows twice."""
    if not case.schema.key:
        raise NotApplicableError("the schema has no key: equal rows may be right")
    return pd.concat([case.rows, case.rows.iloc[some_rows(case, 0.05)]], ignore_index=True)


def part_missing(case: Case) -> pd.DataFrame:
    """Leave out all rows of the largest category that isn't most of the data."""
    shares = {
        (float(share), name, str(value))
        for name in features(case, "category", in_key=True)
        for value, share in case.rows[name].value_counts(normalize=True).items()
        if SMALLEST <= share <= LARGEST
    }
    if not shares:
        raise NotApplicableError(f"no category has {SMALLEST:.0%} to {LARGEST:.0%} of the rows")
    _, name, value = max(shares)
    return case.rows[case.rows[name] != value]


FAULTS = (
    Fault("repeated", repeated, "catch", "yesterday's rows under today's name and date"),
    Fault("old-rows-30", partial(old_rows, share=0.3), "catch", "30 % of the rows are yesterday's"),
    Fault("cut-to-70", partial(first_rows, share=0.7), "catch", "an export that ends too early"),
    Fault("cut-to-90", partial(first_rows, share=0.9), "-", "an export that ends a bit too early"),
    Fault("rows-x0.1", a_tenth, "catch", "a sample in place of the whole"),
    Fault("rows-x10", ten_times, "catch", "a join that multiplies the rows"),
    Fault("rows-doubled", doubled, "catch", "5 % of the rows were sent twice"),
    Fault("part-missing", part_missing, "-", "one of the producer's own sources is down"),
)
