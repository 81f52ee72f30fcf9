"""The past as a pipeline saw it: every batch in turn, and the rows of those that were accepted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ratchet.checks.records import load_records
from ratchet.config import Params, Window
from ratchet.data.features import learnable
from ratchet.data.manifest import read_manifest
from ratchet.data.schema import Schema, load_schema
from ratchet.data.target import Target, target_of
from ratchet.data.validated import BATCH, read_window
from ratchet.errors import ConfigError, DataError
from ratchet.task import Task

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Places:
    """Where the past lies: what `fetch` and `validate` made of the whole of it."""

    cache: Path
    schema: Path

    @property
    def manifest(self) -> Path:
        """A copy, so that the pipeline's own folders beside the original are left alone."""
        return self.cache / "manifest.csv"

    @property
    def raw(self) -> Path:
        """The batches' files."""
        return self.cache / "raw"

    @property
    def validated(self) -> Path:
        """The rows of the accepted batches."""
        return self.cache / "validated"

    @property
    def profiles(self) -> Path:
        """The batches' profiles."""
        return self.cache / "profiles"

    @property
    def records(self) -> Path:
        """How each batch was judged."""
        return self.cache / "records.json"


@dataclass(frozen=True)
class Delivered:
    """A batch: whether it was accepted, or even stops the pipeline as long as it is in use."""

    id: str
    sha256: str
    accepted: bool
    fatal: bool


@dataclass(frozen=True)
class History:
    """All batches that were judged, oldest first, and the rows of the accepted ones.

    A *place* is the position of a batch among the accepted ones. y: (rows,) labels, as
    `ratchet.data.target` has them. start: (accepted + 1,) where the rows of each place begin in
    `rows`.
    """

    schema: Schema
    target: Target
    batches: Sequence[Delivered]
    rows: pa.Table
    y: Array
    start: Array

    @cached_property
    def accepted(self) -> Sequence[Delivered]:
        """The batches by place."""
        return [batch for batch in self.batches if batch.accepted]

    @cached_property
    def accepted_before(self) -> Array:
        """How many batches before each one were accepted: shape (batches + 1,)."""
        return np.cumsum([0, *(batch.accepted for batch in self.batches)])

    def part(self, first: int, stop: int) -> pa.Table:
        """Return the rows of the places from `first` to before `stop`, without a copy."""
        begin = int(self.start[first])
        return self.rows.slice(begin, int(self.start[stop]) - begin)

    def labels(self, first: int, stop: int) -> Array:
        """Return their labels: shape (rows,)."""
        return self.y[int(self.start[first]) : int(self.start[stop])]

    def places(self, first: int, stop: int) -> Array:
        """Return the place of each of their rows."""
        return np.repeat(np.arange(first, stop), np.diff(self.start[first : stop + 1]))


def read_history(places: Places, task: Task) -> History:
    """Read what validate left in the cache.

    Raises DataError when an accepted batch has rows without a label, ConfigError when the target
    of the contract doesn't fit the task.
    """
    schema = load_schema(places.schema)
    wanted = target_of(task, schema)
    records = load_records(places.records).batches
    rows, _ = read_window(places.validated)
    target = rows[schema.target.column]
    if target.null_count:
        batches = rows.filter(pc.is_null(target))[BATCH].unique().to_pylist()
        raise DataError(
            f"{schema.target.column} is missing in rows of {', '.join(batches)}, which a person "
            "accepted; write exclude in the manifest instead"
        )
    known = [
        Delivered(
            batch.id,
            batch.sha256,
            bool(records[batch.id].part),
            any(alarm.severity == "fail" for alarm in records[batch.id].alarms),
        )
        for batch in read_manifest(places.manifest)
        if batch.id in records
    ]
    counts = rows[BATCH].value_counts()
    by_id = dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist()))  # noqa: B905 (two columns of one table)
    sizes = [by_id[batch.id] for batch in known if batch.accepted]
    return History(schema, wanted, known, rows, wanted.labels(rows), np.cumsum([0, *sizes]))


@dataclass(frozen=True)
class Night:
    """What the pipeline sees when batch number `at` is its newest.

    first, stop: the places in the window. known: the oldest place that validate still knows.
    age is counted from `at`. following: the place of the next batch, None if that wasn't accepted.
    refused: why nothing can be trained, empty if something can. due: whether the pipeline runs.
    """

    at: int
    batch: str
    first: int
    stop: int
    known: int
    following: int | None
    refused: str
    due: bool


def nights(
    history: History, params: Params, *, first: int, newest: int | None = None, every: int = 1
) -> list[Night]:
    """Return the nights to play, each with a batch after it: `newest` ones, or all from `first`.

    first: how many batches are there on the first night. every: the pipeline runs on the first of
    so many nights; all of them count.

    Raises ConfigError when the history is too short.
    """
    last = len(history.batches) - 1  # nothing comes after it
    begin = first - 1 if newest is None else max(first - 1, last - newest)
    if begin >= last:
        raise ConfigError(
            f"the manifest has {len(history.batches)} batches to play; the first night needs "
            f"{first} and one to come: discover more, or lower --first"
        )
    return list(_nights(history, params, range(begin, last), every))


def _nights(history: History, params: Params, numbers: range, every: int) -> Iterator[Night]:
    window, before = params.window, history.accepted_before
    for count, at in enumerate(numbers):
        seen = at + 1
        first, stop = int(before[max(seen - window.size, 0)]), int(before[seen])
        yield Night(
            at,
            history.batches[at].id,
            first,
            stop,
            int(before[max(seen - window.fetched, 0)]),
            stop if history.batches[seen].accepted else None,
            _refusal(history, params, at, first, stop),
            count % every == 0,
        )


def _refusal(history: History, params: Params, at: int, first: int, stop: int) -> str:
    """Say why `validate` or `train` would end without a model: in the order in which they look."""
    window: Window = params.window
    used = history.batches[max(at + 1 - window.size, 0) : at + 1]
    if not used[-1].accepted:
        return "the newest batch is quarantined"
    if any(batch.fatal and not batch.accepted for batch in used):
        return "a batch in the window stops the run"
    if sum(not batch.accepted for batch in used) > params.validate_.max_quarantined * len(used):
        return "too many batches are quarantined"
    split = stop - window.holdout
    if split <= first:
        return "no batch is left to train on"
    for begin, end in (first, split), (split, stop):
        labels = history.labels(begin, end)
        if labels.min() == labels.max():
            return "all labels are equal"
    if history.start[split] - history.start[first] > params.train.budget.max_rows:
        return "more rows than train.budget.max_rows"
    teaching = history.part(first, split)
    try:
        learnable(teaching, history.schema)
    except DataError as error:
        return str(error).partition(";")[0]
    return ""
