"""Columns that by themselves say too well what is to be predicted: they know it afterwards."""

from collections.abc import Mapping, Sequence

import numpy as np

from ratchet.checks.leakage import FIGURE, LIMIT, power
from ratchet.data.schema import Format
from ratchet.init.columns import Draft, numbers
from ratchet.init.sample import Sample
from ratchet.task import Task

FEWEST = 200  # rows from which on such a figure is no chance
ORDERED = ("number", "integer", "date")


def suspects(
    drafts: Sequence[Draft], sample: Sample, spelling: Format, task: Task, labels: np.ndarray
) -> Mapping[str, str]:
    """Return what each suspect feature alone reaches, by the figure that validate goes by.

    labels: (rows,) 0 or 1, classes by number, or numbers; NaN for rows without one.
    """
    known = np.isfinite(labels)
    if known.sum() < FEWEST:
        return {}
    found = {}
    for each in drafts:
        if each.feature:
            ordered = each.type in ORDERED
            values = _values(each, sample, spelling, ordered=ordered)
            reached = power(values[known], labels[known], task, ordered=ordered)
            if reached > LIMIT:
                found[each.name] = f"alone it tells the target: {FIGURE[task]} {reached:.3f}"
    return found


def _values(each: Draft, sample: Sample, spelling: Format, *, ordered: bool) -> np.ndarray:
    """Return each row's number, or the place of its word; NaN where it is missing."""
    column = sample.columns[each.name]
    place = column.indices.fill_null(-1).to_numpy()
    words = len(column.dictionary)
    found = numbers(column.dictionary, each.type, spelling) if ordered else np.arange(words)
    values: np.ndarray = np.append(found, np.nan)[place]  # -1 is the last one
    return values
