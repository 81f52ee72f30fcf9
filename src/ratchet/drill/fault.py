"""What a fault is, what it gets to work on, and how it picks the column to spoil."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from ratchet.data.schema import Kind, Schema
from ratchet.task import Task

Must = Literal["catch", "pass", "-"]
NUMERIC: tuple[Kind, ...] = ("number", "integer")
TASKS: tuple[Task, ...] = get_args(Task)


class NotApplicableError(Exception):
    """The data have nothing that the fault could spoil; the message says what they lack."""


@dataclass(frozen=True)
class Case:
    """A batch that is about to be spoilt.

    `rows` holds the file's values as strings, nulls as missing; it is the fault's own to change.
    `older` are the good batches before it in the same form, newest last, and not to be changed.
    `content` is the file, and `suffix` its kind: `.csv`, `.csv.gz` or `.parquet`. `task` says what
    the target is to the model.
    """

    rows: pd.DataFrame
    older: Sequence[pd.DataFrame]
    schema: Schema
    random: np.random.Generator
    content: bytes
    suffix: str
    task: Task = "binary"


@dataclass(frozen=True)
class Fault:
    """One entry of the catalogue.

    `change` takes a case and returns the spoilt rows, or the bytes of a spoilt file; it raises
    NotApplicableError where there is nothing to spoil. `must` says what is due: `catch`, `pass` for
    a change that does no harm, `-` where either may happen. The newest `batches` good batches are
    spoilt. It is a fault of projects with one of `tasks`.
    """

    name: str
    change: Callable[[Case], pd.DataFrame | bytes]
    must: Must
    imitates: str
    batches: int = 1
    tasks: Sequence[Task] = TASKS


def features(case: Case, *kinds: Kind, in_key: bool = False) -> list[str]:
    """Return the features of these kinds, all by default, those outside of the key if there are.

    Dates don't count: they are new in each batch. A change to a column of the key would mostly be
    noticed because keys repeat; with `in_key`, for a fault that can't make them repeat, they count
    as well.

    Raises NotApplicableError when there is none.
    """
    found = [name for name, kind in case.schema.compared.items() if not kinds or kind in kinds]
    found = [name for name in found if list(case.rows.columns).count(name) == 1]
    if not found:
        raise NotApplicableError(f"no feature of type {' or '.join(kinds)}")
    return [name for name in found if in_key or name not in case.schema.key] or found


def numbers(frame: pd.DataFrame, name: str) -> np.ndarray:
    """Return a column's values as float64, shape (rows,); nan where there is no number."""
    values: np.ndarray = pd.to_numeric(frame[name], errors="coerce").to_numpy(
        dtype=float, na_value=np.nan
    )
    return values


def write_numbers(case: Case, name: str, values: np.ndarray) -> None:
    """Put numbers into a column as its type is written: integers rounded, nan as null."""
    whole = case.schema.columns[name].type == "integer"
    case.rows[name] = pd.Series(
        [
            None if not np.isfinite(x) else str(round(x)) if whole else f"{x:.10g}"
            for x in values.tolist()
        ],
        index=case.rows.index,
        dtype="str",
    )


def pooled(case: Case, name: str) -> np.ndarray:
    """Return a column's numbers in this batch and the older ones, without nulls."""
    frames = [frame for frame in case.older if name in frame]
    values = np.concatenate([numbers(frame, name) for frame in [*frames, case.rows]])
    finite: np.ndarray = values[np.isfinite(values)]
    return finite


def allowed(case: Case, name: str, values: np.ndarray) -> bool:
    """Tell whether the contract's range and list of values let all numbers through."""
    column = case.schema.columns[name]
    values = values[np.isfinite(values)]
    if column.type == "integer":
        values = np.round(values)
    if column.values is not None:
        return bool(np.isin(values, [float(each) for each in column.values]).all())
    low = -np.inf if column.min is None else column.min
    high = np.inf if column.max is None else column.max
    return bool(((values >= low) & (values <= high)).all())


def shift(values: np.ndarray, pool: np.ndarray) -> float:
    """Return how far the mean of `values` lies from the mean of `pool`, in its deviations."""
    values = values[np.isfinite(values)]
    spread = float(pool.std()) if pool.size else 0.0
    if not values.size or spread == 0:
        return 0.0
    return abs(float(values.mean()) - float(pool.mean())) / spread


def most_varied(case: Case, *kinds: Kind) -> str:
    """Return the feature of these kinds with the most values in this batch.

    Raises NotApplicableError when none has two.
    """
    counts = {name: case.rows[name].nunique() for name in features(case, *kinds)}
    best = max(counts, key=lambda name: counts[name])
    if counts[best] < 2:
        raise NotApplicableError("no such feature with more than one value")
    return best


def some_rows(case: Case, share: float, among: np.ndarray | None = None) -> np.ndarray:
    """Return the positions of a random share of the batch's rows, taken from `among`, sorted."""
    choice = np.arange(len(case.rows)) if among is None else among
    count = min(len(choice), max(1, round(share * len(case.rows))))
    return np.sort(case.random.choice(choice, count, replace=False))
