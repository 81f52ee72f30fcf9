"""The sample's year judged day by day, as `ratchet validate` does, and spoilt days in its place.

Nothing is measured or decided here: `ratchet.checks` does, on the accepted ones of so many days
before, by `Past`. What hasn't changed isn't profiled again.
"""

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import pyarrow as pa

from ratchet import sample
from ratchet.checks import consistency, drift
from ratchet.checks.alarms import Alarm, raise_alarms
from ratchet.checks.coding import Coded, code
from ratchet.checks.judging import LABELS
from ratchet.checks.past import Member, Past
from ratchet.checks.profile import Profile, profile
from ratchet.checks.records import Record
from ratchet.checks.statistic import Statistic
from ratchet.config import Checks
from ratchet.data.contract import Contract, Judged, judge
from ratchet.data.schema import Schema
from ratchet.data.target import target_of

AT_ONCE = 30  # files that are held against the contract together
Measure = Callable[[Sequence[Member]], list[Statistic]]


@dataclass(frozen=True)
class Day:
    """A day's typed rows, profiled and coded when that is asked for.

    `sha256` only has to differ where rows do.
    """

    id: str
    sha256: str
    table: pa.Table
    schema: Schema

    @cached_property
    def profile(self) -> Profile:
        """The day's profile."""
        return profile(self.table, self.schema)

    @cached_property
    def codes(self) -> Coded:
        """The day's rows as codes, which a day that is caught before doesn't need."""
        return code(self.table, self.schema, target_of("binary", self.schema))

    def make(self) -> None:
        """Profile and code now."""
        _ = self.profile, self.codes

    @property
    def member(self) -> Member:
        """The day as one to compare others with."""
        return Member(self.id, self.sha256, lambda: self.profile, lambda: self.codes)


@dataclass
class Judge:
    """Compares days with those before them, once for each thing that they're compared with."""

    schema: Schema
    reference: int
    pool: int
    known: dict[tuple[str, str, str, str], list[Statistic]] = field(default_factory=dict)

    def parts(self, day: Day, past: Past, *, labels_first: bool = False) -> list[Measure]:
        """Return the two halves of `Judging._compare`; the cheaper one first, or the labels'."""
        found = [partial(self._drift, day), partial(self._labels, day)]
        return [
            partial(self._once, each, day, past) for each in found[:: -1 if labels_first else 1]
        ]

    def statistics(self, day: Day, past: Past) -> list[Statistic]:
        """Return every figure of a day."""
        return [each for part in self.parts(day, past) for each in part(past.members)]

    def first_alarm(
        self, day: Day, past: Past, checks: Checks, *, labels_first: bool = False
    ) -> Alarm | None:
        """Return an alarm that quarantines the day, None when there is none.

        One is enough: the second half isn't measured when the first half has it.
        """
        for part in self.parts(day, past, labels_first=labels_first):
            for alarm in raise_alarms(part(past.members), checks):
                if alarm.severity != "warn":
                    return alarm
        return None

    def _once(
        self,
        part: "partial[list[Statistic]]",
        day: Day,
        past: Past,
        members: Sequence[Member],
    ) -> list[Statistic]:
        key = (part.func.__name__, day.id, day.sha256, past.name)
        if key not in self.known:
            self.known[key] = part(members)
        return self.known[key]

    def _drift(self, day: Day, members: Sequence[Member]) -> list[Statistic]:
        profiles = [each.profile for each in members]
        target = target_of("binary", self.schema)
        return drift.measure(day.id, day.table, day.profile, profiles, self.schema, target)

    def _labels(self, day: Day, members: Sequence[Member]) -> list[Statistic]:
        first = len(members) - self.pool + 1
        if first <= 0:
            return []
        pool = [*(each.codes for each in members[first:]), day.codes]
        reference = [each.codes for each in members[max(0, first - LABELS) : first]]
        return consistency.measure(pool, reference, self.schema, target_of("binary", self.schema))


@dataclass(frozen=True)
class Year:
    """The year's days that could be read, and what the contract says of each."""

    days: Sequence[Day]
    verdicts: Mapping[str, Judged]


def read_year(table: Path, folder: Path, schema: Schema) -> Year:
    """Publish the sample's days into `folder`, and hold them against the contract."""
    files = sample.publish(table, folder, until=datetime.date(2013, 12, 31))
    contract = Contract.of(schema)
    verdicts: dict[str, Judged] = {}
    for start in range(0, len(files), AT_ONCE):
        group = files[start : start + AT_ONCE]
        verdicts |= dict(zip((each.stem for each in group), judge(group, contract), strict=True))
    days = [
        Day(name, "", found.table, schema)
        for name, found in verdicts.items()
        if found.table is not None
    ]
    return Year(days, verdicts)


def replay(year: Year, judge_: Judge, checks: Checks, *, helped: bool = False) -> dict[str, Record]:
    """Judge all days in time order and return a record of each.

    With `helped`, a person accepts each quarantined day that keeps the contract before the next
    one comes.
    """
    past = Past(judge_.reference, from_the_start=True)
    records = {}
    for day in year.days:
        failures = tuple(year.verdicts[day.id].failures)
        found = judge_.statistics(day, past) if past.members else []
        record = Record(
            day.id,
            day.table.num_rows,
            True,
            failures,
            against=past.name,
            statistics={each.series: round(each.value, 6) for each in found},
            alarms=tuple(raise_alarms(found, checks)),
        )
        records[day.id] = record
        word = "accept" if helped and not failures else ""
        past.add(day.member if record.accepted(word) else None)
    return records


def past_of(days: Sequence[Day], accepted: Sequence[bool], position: int, reference: int) -> Past:
    """Return what the day at `position` is compared with."""
    past = Past(reference, from_the_start=True)
    first = max(0, position - reference)
    for day, good in zip(days[first:position], accepted[first:position], strict=True):
        past.add(day.member if good else None)
    return past
