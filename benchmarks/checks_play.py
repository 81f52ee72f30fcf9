"""Play faults against the year: spoil days, judge them in time order, see what catches them."""

import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from checks_days import Day, Judge, Year, past_of
from checks_faults import OLDER, Case, Fault, lower

from ratchet.checks.past import Past
from ratchet.config import Checks
from ratchet.data.schema import Schema

STRUCTURE = "column renamed, dropped, retyped; vocabulary changed"
Told = Callable[[str], None]


@dataclass(frozen=True)
class Trial:
    """Thresholds, and which of the year's days they accept."""

    checks: Checks
    accepted: Sequence[bool]


@dataclass(frozen=True)
class Played:
    """What became of a fault: for each day or week that was spoilt what caught it, or nothing."""

    fault: str
    group: str
    by: Sequence[str]

    @property
    def share(self) -> float:
        """Share of the spoilt days that were caught."""
        return sum(map(bool, self.by)) / len(self.by) if self.by else float("nan")

    def most(self, count: int = 2) -> str:
        """Name the checks that caught most."""
        found = Counter(each for each in self.by if each)
        return ", ".join(f"`{name}` {times}" for name, times in found.most_common(count))


def positions(accepted: Sequence[bool], first: int, count: int, days: int) -> list[int]:
    """Return the last day of each of up to `count` stretches of accepted days, evenly spread."""
    good = [
        last
        for last in range(first + days - 1, len(accepted))
        if all(accepted[last - days + 1 : last + 1])
    ]
    chosen = np.unique(np.linspace(0, len(good) - 1, min(count, len(good))).astype(int))
    return [good[each] for each in chosen]


def play(
    faults: Sequence[Fault],
    year: Year,
    trials: Mapping[str, Trial],
    judge: Judge,
    *,
    first: int,
    count: int,
    told: Told = lambda _: None,
) -> list[tuple[str, Played]]:
    """Inject each fault `count` times from day `first` on; return by trial what caught it.

    Only days are spoilt that all trials accept as they are. A week is judged night by night, and
    a night that isn't quarantined belongs to what the next one is compared with.
    """
    found = []
    accepted = np.all([trial.accepted for trial in trials.values()], axis=0).tolist()
    for fault in faults:
        by: dict[str, list[str]] = {name: [] for name in trials}
        for last in positions(accepted, first, count, fault.days):
            spoilt = _spoil(fault, year, last, judge.schema)
            if spoilt is None:
                continue
            judge.known.clear()
            for name, trial in trials.items():
                start = last - fault.days + 1
                past = past_of(year.days, trial.accepted, start, judge.reference)
                by[name].append(_catch(spoilt, past, trial.checks, judge, labels=fault.labels))
        found += [(name, Played(fault.name, fault.group, each)) for name, each in by.items()]
        told(f"{fault.name}: {found[-1][1].share:.2f} of {len(found[-1][1].by)}")
    return found


def _spoil(fault: Fault, year: Year, last: int, schema: Schema) -> list[Day] | None:
    start = last - fault.days + 1
    case = Case(
        [day.table for day in year.days[start : last + 1]],
        [day.table for day in year.days[start - OLDER : start]],
        np.random.default_rng([zlib.crc32(fault.name.encode()), last]),
    )
    tables = fault.change(case)
    if tables is None or all(new.equals(old) for new, old in zip(tables, case.days, strict=True)):
        return None
    days = year.days[start : last + 1]
    return [Day(day.id, fault.name, table, schema) for day, table in zip(days, tables, strict=True)]


def _catch(spoilt: Sequence[Day], past: Past, checks: Checks, judge: Judge, *, labels: bool) -> str:
    """Return the check and column that quarantines one of the days, empty when none does."""
    for day in spoilt:
        alarm = judge.first_alarm(day, past, checks, labels_first=labels)
        if alarm is not None:
            return alarm.statistic.series
        past.add(day.member)
    # What the checks let pass may break the contract all the same.
    for name, column in judge.schema.columns.items():
        if any(day.table[name].null_count > column.max_null * len(day.table) for day in spoilt):
            return f"contract null {name}"
    return ""


def open_vocabulary(
    year: Year, trials: Mapping[str, Trial], judge: Judge, *, first: int, count: int, column: str
) -> list[tuple[str, Played]]:
    """Write a column's categories in lower case where the contract doesn't list any."""
    columns = dict(judge.schema.columns)
    columns[column] = columns[column].model_copy(update={"categories": None})
    schema = judge.schema.model_copy(update={"columns": columns})
    start = max(0, first - judge.reference)
    days = [*year.days[:start], *(Day(day.id, "", day.table, schema) for day in year.days[start:])]
    fault = Fault(
        f"{column} in lower case, vocabulary open",
        lambda case: [lower(table, case, column) for table in case.days],
        STRUCTURE,
    )
    return play(
        [fault],
        replace(year, days=days),
        trials,
        Judge(schema, judge.reference, judge.pool),
        first=first,
        count=count,
    )
