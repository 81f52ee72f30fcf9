"""How far a batch's labels are from the usual: of classes their shares, of numbers their size."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ratchet.checks.history import limit
from ratchet.checks.profile import ColumnProfile, Profile, add_tallies
from ratchet.checks.statistic import Statistic
from ratchet.data.target import Target
from ratchet.task import Task

_CUTS = 10  # parts, equally full in the reference, at whose edges numbers are counted


def measure_label_rate(
    batch: Profile, reference: Sequence[Profile], target: Target
) -> list[Statistic]:
    """Return how far the labels are outside of what is usual; below zero is inside of it.

    Of a class it is the share beyond the usual; of several what all of them together have beyond
    the usual, or lack: the total variation distance from the nearest mix that would be usual. Of
    numbers it is the share of rows below a value, beyond the usual, for the worst of nine values:
    a distance like Kolmogorov's. Nothing when the classes are too many to be tallied.
    """
    columns = [one.columns[target.column] for one in [*reference, batch]]
    found = _MEASURES[target.task](columns, target)
    if found is None:
        return []
    value, message = found
    return [Statistic("label_rate", target.column, value, message, batch.rows)]


def _of_one_class(columns: Sequence[ColumnProfile], target: Target) -> tuple[float, str] | None:
    rates = _shares(columns, [target.positive])
    if rates is None:
        return None
    low, high = _usual(rates)
    message = f"{rates[-1, 0]:.1%} are {target.positive!r}, usually {low[0]:.1%} to {high[0]:.1%}"
    return float(_excess(rates, low, high)[0]), message


def _of_classes(columns: Sequence[ColumnProfile], target: Target) -> tuple[float, str] | None:
    rates = _shares(columns, target.classes)
    if rates is None:
        return None
    low, high = _usual(rates)
    excess = _excess(rates, low, high)
    worst = int(np.argmax(excess))
    beyond = np.maximum(rates[-1] - high, 0).sum(), np.maximum(low - rates[-1], 0).sum()
    message = (
        f"{rates[-1, worst]:.1%} are {target.classes[worst]}, usually {low[worst]:.1%} to "
        f"{high[worst]:.1%}"
    )
    return float(max(beyond) if excess[worst] > 0 else excess[worst]), message


def _of_numbers(
    columns: Sequence[ColumnProfile],
    target: Target,  # noqa: ARG001
) -> tuple[float, str] | None:
    keys, total = add_tallies([one.bins for one in columns[:-1]])
    counts = np.zeros((len(columns), len(keys) + 1))
    for row, one in zip(counts, columns, strict=True):
        # The place of a new key is that of the next known one, which keeps the order.
        np.add.at(row, np.searchsorted(keys, one.bins[0]), one.bins[1])
    if not counts[:-1].any() or not counts[-1].any():
        return None
    below = np.cumsum(counts, axis=1) / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    before = np.cumsum(total) / total.sum()
    cuts = [int(np.argmin(np.abs(before - part / _CUTS))) for part in range(1, _CUTS)]
    rates = below[:, cuts]
    low, high = _usual(rates)
    excess = _excess(rates, low, high)
    worst = int(np.argmax(excess))
    means = [one.total / max(int(one.bins[1].sum()), 1) for one in columns]
    message = (
        f"{rates[-1, worst]:.1%} are among the lowest {before[cuts[worst]]:.0%} of the batches "
        f"before, usually {low[worst]:.1%} to {high[worst]:.1%}; mean {means[-1]:.4g}, usually "
        f"about {np.median(means[:-1]):.4g}"
    )
    return float(excess[worst]), message


def _shares(columns: Sequence[ColumnProfile], classes: Sequence[object]) -> np.ndarray | None:
    """Return the share of each class in each batch (batches, classes), None without tallies."""
    rows = []
    for one in columns:
        if one.values is None:
            return None
        keys, counts = one.values
        known = dict(zip(map(_name, keys.tolist()), counts.tolist(), strict=True))
        total = max(float(counts.sum()), 1.0)
        rows.append([float(known.get(_name(each), 0)) / total for each in classes])
    return np.array(rows)


def _name(value: object) -> object:
    """Make a class comparable, however the contract and the tally spell it: true is 1, too."""
    words = {"true": 1.0, "false": 0.0}
    if isinstance(value, str):
        try:
            return words.get(value, float(value))
        except ValueError:
            return value
    return value


def _usual(rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return -limit(-rates[:-1]), limit(rates[:-1])


def _excess(rates: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return how far the last row is outside of what is usual, column by column."""
    excess: np.ndarray = np.maximum(rates[-1] - high, low - rates[-1])
    return excess


_MEASURES: Mapping[Task, Callable[[Sequence[ColumnProfile], Target], tuple[float, str] | None]] = {
    "binary": _of_one_class,
    "multiclass": _of_classes,
    "regression": _of_numbers,
}
