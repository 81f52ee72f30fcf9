"""What is told of the labels of batches, batch by batch: one number, whatever the task."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ratchet.checks.records import Record
from ratchet.data.target import Target
from ratchet.task import Task


@dataclass(frozen=True)
class Told:
    """The number of each batch that has labels, by id, and in words what it is."""

    what: str
    numbers: Mapping[str, float]
    is_share: bool

    def spell(self, number: float) -> str:
        """Return a number of this kind as a person reads it."""
        return f"{number:.1%}" if self.is_share else f"{number:.4g}"


def summary(rows: pa.Table, target: Target) -> tuple[float, ...]:
    """Return what a batch's record keeps of the labels of its typed rows.

    The share of positives, the share of each class in the order of `target.classes`, or the mean
    of the target; nothing when no row has a label.
    """
    labels = target.encode(rows)
    if labels.null_count == len(labels):
        return ()
    return _SUMMARIES[target.task](labels, target)


def tell(records: Mapping[str, Record], target: Target) -> Told:
    """Return the share of positives, the share of the class that is commonest, or the mean."""
    known = {batch: record for batch, record in records.items() if record.label}
    place = 0
    if known:
        rows = [np.array(record.label) * record.rows for record in known.values()]
        place = int(np.argmax(np.sum(rows, axis=0)))
    numbers = {batch: record.label[place] for batch, record in known.items()}
    what = {
        "binary": "positive",
        "multiclass": target.classes[place] if target.classes else "",
        "regression": f"mean {target.column}",
    }
    return Told(what[target.task], numbers, target.task != "regression")


def _positives(labels: pa.ChunkedArray, target: Target) -> tuple[float, ...]:  # noqa: ARG001
    return (pc.sum(labels).as_py() / len(labels),)


def _shares(labels: pa.ChunkedArray, target: Target) -> tuple[float, ...]:
    counts = np.bincount(labels.drop_null().to_numpy(), minlength=len(target.classes))
    return tuple((counts / len(labels)).tolist())


def _mean(labels: pa.ChunkedArray, target: Target) -> tuple[float, ...]:  # noqa: ARG001
    return (pc.mean(labels).as_py(),)


_SUMMARIES: Mapping[Task, Callable[[pa.ChunkedArray, Target], tuple[float, ...]]] = {
    "binary": _positives,
    "multiclass": _shares,
    "regression": _mean,
}
