"""Which column says when a row happened, and which columns name a row."""

import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Literal, TypeAlias

import numpy as np

from ratchet.data.schema import Format
from ratchet.errors import ConfigError
from ratchet.init.columns import Draft, numbers
from ratchet.init.sample import Sample

A_YEAR = 330 * 86_400.0  # seconds after which a calendar has come round
CANDIDATES = 12  # columns that are tried in pairs for a key
Course: TypeAlias = Literal["rises", "stays", "wavers"]

_WHEN = re.compile(r"date|time|stamp|day|datum|zeit|^at$|_at$|^ts$", re.IGNORECASE)
_NAME = re.compile(r"id|key|no|nr|number|code|name", re.IGNORECASE)


def time_of(drafts: Sequence[Draft], sample: Sample, spelling: Format) -> str | None:
    """Return the likeliest column of time: dates that rise with the batches, by name, from left."""
    dates = [each for each in drafts if each.type == "date" and not each.gaps]
    dates = dates or [each for each in drafts if each.type == "date" and each.max_null < 0.5]
    courses = {each.name: course(each, sample, spelling) for each in dates}
    if len(sample.ids) > 1:
        dates = [each for each in dates if courses[each.name] != "stays"]  # a day that never comes
    if not dates:
        return None

    def likely(each: Draft) -> tuple[bool, bool]:
        return courses[each.name] == "rises", bool(_WHEN.search(each.name))

    return max(dates, key=likely).name


def calendar(each: Draft, sample: Sample, spelling: Format) -> tuple[bool, str]:
    """Tell whether a model may learn from a date, and why: hours recur daily, months yearly."""
    seconds = numbers(sample.columns[each.name].dictionary, "date", spelling)
    if (seconds % 86_400 != 0).any():
        return True, "hour and weekday"
    if seconds.max() - seconds.min() >= A_YEAR:
        return True, "its calendar"
    return False, "a day of less than a year: a model would learn that very day"


def course(each: Draft, sample: Sample, spelling: Format) -> Course:
    """Tell how the median of a date goes from batch to batch."""
    steps = np.diff(_by_batch(each, sample, spelling))
    if (steps == 0).all():
        return "stays"
    return "rises" if (steps >= 0).all() else "wavers"


def _by_batch(each: Draft, sample: Sample, spelling: Format) -> np.ndarray:
    """Return the median time of each batch."""
    column = sample.columns[each.name]
    seconds = numbers(column.dictionary, "date", spelling)
    there = np.asarray(column.is_valid())
    of_row = seconds[np.asarray(column.indices.fill_null(0))]
    ends = np.cumsum(sample.rows)
    parts = zip(np.split(of_row, ends[:-1]), np.split(there, ends[:-1]), strict=True)
    return np.array([np.median(part[known]) if known.any() else np.nan for part, known in parts])


def key_of(
    drafts: Sequence[Draft], sample: Sample, time: str | None, target: str
) -> tuple[list[str], str]:
    """Return columns that together are unique within each batch and how that was found.

    One column that names a row, or a pair; none when there is no such thing.
    """
    possible = [
        each
        for each in drafts
        if each.type not in ("number", "boolean")
        and not each.gaps
        and each.name != target
        and each.distinct > 1
    ]
    codes = {each.name: np.asarray(sample.columns[each.name].indices) for each in possible}

    def order(each: Draft) -> tuple[bool, bool, int]:
        return each.name != time, not _NAME.search(each.name), -each.distinct

    possible = sorted(possible, key=order)
    for each in possible:
        nameable = each.type in ("text", "date") or each.unique or _NAME.search(each.name)
        if nameable and unique([codes[each.name]], sample):
            return [each.name], "unique within each batch so far: by nature?"
    for pair in combinations(possible[:CANDIDATES], 2):
        names = [each.name for each in pair]
        if unique([codes[name] for name in names], sample):
            return names, "unique together within each batch so far: by nature?"
    return [], "no column names a row, nor do two together"


def check_key(key: Sequence[str], sample: Sample) -> None:
    """Raise ConfigError when the columns that a person named aren't unique within each batch."""
    columns: Mapping[str, np.ndarray] = {
        name: np.asarray(sample.columns[name].indices.fill_null(-1)) for name in key
    }
    if not unique(list(columns.values()), sample):
        raise ConfigError(
            f"--key {' '.join(key)}: some batch has several rows with the same; name more columns, "
            "or none"
        )


def unique(codes: Sequence[np.ndarray], sample: Sample) -> bool:
    """Tell whether no two rows of a batch have the same codes."""
    whole = sample.batch.astype(np.int64)
    for each in codes:
        whole = whole * (int(each.max()) + 2) + each + 1
        _, whole = np.unique(whole, return_inverse=True)
    return int(whole.max()) + 1 == len(whole)
