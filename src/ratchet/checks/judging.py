"""Judge batches one after the other, oldest first, each in the light of those before it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pyarrow as pa

from ratchet.checks import consistency, drift
from ratchet.checks.alarms import raise_alarms
from ratchet.checks.coding import code
from ratchet.checks.labels import summary
from ratchet.checks.past import Member, Past
from ratchet.checks.profile import Profile, profile
from ratchet.checks.profile_file import read_profile, write_profile
from ratchet.checks.records import Record, Records, profile_path
from ratchet.checks.statistic import Statistic
from ratchet.config import Checks
from ratchet.data.contract import Contract, Judged, judge
from ratchet.data.manifest import Batch
from ratchet.data.schema import Schema
from ratchet.data.target import Target
from ratchet.data.validated import read_batch
from ratchet.files import sha256_file

LABELS = 28  # batches that the model of the labels learns from: enough, and coded in a moment


@dataclass(frozen=True)
class Rules:
    """By what a batch is judged. `pool` newest batches have their labels judged together."""

    schema: Schema
    target: Target
    checks: Checks
    pool: int

    @property
    def contract(self) -> Contract:
        """What a batch must hold on its own."""
        return Contract.of(self.schema)


@dataclass(frozen=True)
class Places:
    """The folders with the batches' files, their typed rows and their profiles."""

    raw: Path
    validated: Path
    profiles: Path


class Judging:
    """Goes through the batches in time order and remembers those that the next ones need.

    `old` has the verdicts of an earlier run. One is taken over when the batch and all that it was
    compared with are what they were; `judged` counts the others.
    """

    def __init__(self, rules: Rules, places: Places, old: Records, past: Past) -> None:
        self._rules = rules
        self._places = places
        self._old = old.batches
        self._past = past
        self.judged = 0

    def must_read(self, batch: Batch) -> bool:
        """Tell whether the batch has to be held against the contract (again)."""
        record = self._old.get(batch.id)
        return record is None or record.sha256 != batch.sha256

    def settle(self, batch: Batch, judged: Judged | None) -> tuple[Record, Callable[[], pa.Table]]:
        """Return the verdict on the next batch, and a function that returns its typed rows.

        `judged` is how it was held against the contract, None when `must_read` said that an earlier
        verdict holds. The record's `part` is left to the caller.
        """
        rows = cache(lambda: self._rows(batch, judged))
        record = self._old[batch.id] if judged is None else self._contract_record(batch, judged)
        against = self._past.name if record.readable else ""
        if judged is not None or record.against != against:
            self.judged += bool(judged or against)
            statistics = self._compare(batch, rows()) if against else []
            record = replace(
                record,
                against=against,
                statistics={each.series: round(each.value, 6) for each in statistics},
                alarms=tuple(raise_alarms(statistics, self._rules.checks)),
            )
        self._past.add(
            Member(
                batch.id,
                batch.sha256,
                lambda: self._profile(batch),
                lambda: code(rows(), self._rules.schema, self._rules.target),
            )
            if record.accepted(batch.override)
            else None
        )
        return record, rows

    def _contract_record(self, batch: Batch, judged: Judged) -> Record:
        """Return the verdict of the contract, and write the profile of a batch that has rows."""
        made = Record(batch.sha256, judged.rows, judged.table is not None, tuple(judged.failures))
        if judged.table is None:
            return made
        path = profile_path(self._places.profiles, batch.id)
        write_profile(path, profile(judged.table, self._rules.schema))
        label = summary(judged.table, self._rules.target)
        return replace(made, label=label, profile=sha256_file(path))

    def _compare(self, batch: Batch, rows: pa.Table) -> list[Statistic]:
        """Return all figures of how the batch differs from those before it."""
        members, schema, target = self._past.members, self._rules.schema, self._rules.target
        profiles = [each.profile for each in members]
        found = drift.measure(batch.id, rows, self._profile(batch), profiles, schema, target)
        first = len(members) - self._rules.pool + 1  # of the pool, whose last batch is this one
        if first > 0:
            reference = [each.codes for each in members[max(0, first - LABELS) : first]]
            pool = [*(each.codes for each in members[first:]), code(rows, schema, target)]
            found += consistency.measure(pool, reference, schema, target)
        return found

    def _profile(self, batch: Batch) -> Profile:
        return read_profile(profile_path(self._places.profiles, batch.id))

    def _rows(self, batch: Batch, judged: Judged | None) -> pa.Table:
        if judged is None:
            part = self._old[batch.id].part
            if part:
                return read_batch(self._places.validated / part, batch.id)
            [judged] = judge([self._places.raw / batch.file_name], self._rules.contract)
        assert judged.table is not None  # rows are asked of readable batches
        return judged.table
