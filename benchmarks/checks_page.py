"""The section "What the checks catch" of RESULTS.md, from what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from checks_play import STRUCTURE, Played

from ratchet.checks.records import Record
from ratchet.checks.thresholds import RULES
from ratchet.config import Check, Checks

if TYPE_CHECKING:
    from checks import Found

MONTHS = 6
QUARANTINED, WARNED = 0.7, 2.0  # good days a month, at most
CHEAPER = 0.1  # of Evidently's time, at most
LINEAR = 1.05  # times the factor on the rows, at most
# Least share of the spoilt days that must be caught, by the faults' group.
LEAST = {
    STRUCTURE: 1.0,
    "constant": 1.0,
    "null": 1.0,
    "unit changed": 1.0,
    "day repeated, 30 % old rows": 1.0,
    "cut to 70 %": 1.0,
    "cut to 90 %": 0.95,
    "correlated column shuffled": 0.95,
    "labels inverted": 0.95,
    "20 % of labels flipped, 7 days": 0.9,
    "30 % of labels flipped, 7 days": 1.0,
    "injected poison, 3 % of a common cell": 0.95,
    "relabelled poison, 2.6 %, 7 days": 0.95,
}
NAMED = (
    ("blizzard", ("02-07", "02-08", "02-09", "02-10", "02-11")),
    ("Thanksgiving", ("11-26", "11-27", "11-28", "11-29", "11-30", "12-01")),
)
# What happened on good days of the second half that were quarantined, or warned of.
WHY: Mapping[str, str] = {
    "2013-11-04": "A high of 1,034 to 1,039 mbar and the driest air of autumn: no day of the 56 "
    "before had such a pressure, nor, in nine flights of ten, such a dew point",
    "2013-11-05": "The same high, a day later: the first isn't in the reference unless one "
    "accepts it",
    "2013-11-20": "Another high, of 1,030 to 1,037 mbar, as on days of November set aside before",
    "2013-11-21": "The same high, a day later",
    "2013-11-24": "The first arctic air: a dew point of -8 to 10 °F, before 5 °F at the least",
    "2013-11-27": "The storm before Thanksgiving: 994 to 1,006 mbar, 0.3 inches of rain in an hour",
    "2013-12-30": "Virgin America had a good week: in dry air none of 103 flights was late, 22 "
    "were to be expected; real, and just what a relabelled slice looks like",
    "2013-12-29": "0.4 inches of rain in an hour, more than in the 56 days before",
}
LATE = ("new_value", "cell_count", "label_slice", "label_noise")
SEEN = f"""\
The floors of {", ".join(f"`{check}` ({RULES[check].floor})" for check in LATE)}
in `ratchet.checks.thresholds`, and how many batches the first comparison needs, were chosen with
the second half in view: for these, July to December isn't a test on days never seen.
"""


def write(found: Found, *, half: str) -> str:
    """Return the section as Markdown."""
    lines = [
        "## What the checks catch",
        "",
        "The sample's 365 days, each judged by the contract and the checks as `ratchet validate` "
        "judges it, against the accepted ones of the days before; a quarantined day leaves the "
        f"reference. Thresholds are those of `params.yaml`, and `calibrated`: what `ratchet "
        f"calibrate` proposes from the days before {half}. Both judge July to December, as it is "
        "and with each fault injected into days that pass as they are. A fault of 7 days is caught "
        "when one of the 7 nights quarantines.",
        "",
        SEEN,
        *_targets(found, half),
        *_alarms(found, half),
        *_named(found),
        *_faults(found),
        *_thresholds(found),
        *_cost(found),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _targets(found: Found, half: str) -> Iterator[str]:
    names = list(found.trials)
    yield f"| | at least | {' | '.join(f'{name} | ' for name in names)} |"
    yield f"|---|--:|{'--:|---|' * len(names)}"
    for what, most, helped, warned in (
        ("good days quarantined a month, nobody looks", QUARANTINED, False, False),
        ("the same, when a person accepts each the next morning", QUARANTINED, True, False),
        ("good days with no more than a warning, a month", WARNED, False, True),
    ):
        cells = []
        for name in names:
            records = (found.helped if helped else found.records)[name]
            quarantined, warnings = false_alarms(records, half)
            rate = len(warnings if warned else quarantined) / MONTHS
            cells += [f"{rate:.2f}", _met(rate <= most)]
        yield f"| {what} | ≤ {most:g} | {' | '.join(cells)} |"
    for group, least in LEAST.items():
        cells = []
        for name in names:
            share = group_share(found.played[name], group)
            cells += [f"{share:.3f}", _met(share >= least)]
        yield f"| {group} | {least:.2f} | {' | '.join(cells)} |"
    yield ""


def group_share(played: Sequence[Played], group: str) -> float:
    """Return the lowest share of the faults of a group: each has to reach the target."""
    return min((each.share for each in played if each.group == group), default=float("nan"))


def false_alarms(
    records: Mapping[str, Record], half: str
) -> tuple[dict[str, Record], dict[str, Record]]:
    """Return the days of the second half that keep the contract: quarantined ones, warned ones."""
    good = {day: each for day, each in records.items() if day >= half and not each.failures}
    return (
        {day: each for day, each in good.items() if not each.is_good},
        {day: each for day, each in good.items() if each.is_good and each.alarms},
    )


def _met(met: bool) -> str:
    return "met" if met else "**not met**"


def _alarms(found: Found, half: str) -> Iterator[str]:
    yield from ("### False alarms", "")
    yield "Days from July to December that keep the contract. An alarm is figure > limit."
    for name in found.trials:
        for helped, records in ((False, found.records[name]), (True, found.helped[name])):
            who = "a person accepts what is good" if helped else "nobody looks"
            for kind, days in zip(
                ("quarantined", "warned"), false_alarms(records, half), strict=True
            ):
                yield from ("", f"**{name}, {who}: {len(days)} {kind}**", "")
                for day, record in days.items():
                    yield f"- {day}: {_said(record)}. {WHY.get(day, 'Not explained.')}"
    yield ""


def _said(record: Record, most: int = 3) -> str:
    words = [
        f"`{alarm.statistic.series}` {alarm.statistic.value:.3g} > {alarm.threshold:g}"
        f"{' (warning)' if alarm.severity == 'warn' else ''}"
        for alarm in record.alarms
    ]
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def _named(found: Found) -> Iterator[str]:
    name = next(iter(found.trials))
    yield from (
        "### By name",
        "",
        f"| day | rows | contract | checks ({name}) |",
        "|---|--:|---|---|",
    )
    for what, days in NAMED:
        for day in days:
            record = found.records[name][f"2013-{day}"]
            contract = "; ".join(each.message for each in record.failures) or "kept"
            said = _said(record) or f"quiet; nearest: {_nearest(record, found.trials[name].checks)}"
            yield f"| 2013-{day} ({what}) | {record.rows} | {contract} | {said} |"
    yield ""


def _nearest(record: Record, checks: Checks) -> str:
    """Name the figure that is nearest to its limit."""
    shares = {}
    for series, value in record.statistics.items():
        check, _, column = series.partition(" ")
        own: Check = getattr(checks, check)
        shares[series] = value / max(own.limit(column), 1e-9)
    if not shares:
        return "not compared"
    series = max(shares, key=lambda each: shares[each])
    return f"`{series}` at {shares[series]:.0%} of its limit"


def _faults(found: Found) -> Iterator[str]:
    names = list(found.trials)
    first = found.played[names[0]]
    yield from ("### Fault by fault", "")
    yield "Which check caught it: the first alarm that was met, not all of them."
    yield ""
    yield f"| fault | injected | {' | '.join(names)} | caught by ({names[0]}) |"
    yield f"|---|--:|{'--:|' * len(names)}---|"
    for number, one in enumerate(first):
        shares = [f"{found.played[name][number].share:.2f}" for name in names]
        yield f"| {one.fault} | {len(one.by)} | {' | '.join(shares)} | {one.most()} |"
    yield ""
    slips = [f"{one.fault} ({one.share:.2f})" for one in first if one.share < 1]
    yield from (f"**What slips**, by {names[0]}: " + ", ".join(slips) + ".", "")


def _thresholds(found: Found) -> Iterator[str]:
    names = list(found.trials)
    yield from ("### Thresholds", "")
    yield "Columns have one of their own where it stands behind the check's. Only what differs."
    yield from (
        "",
        f"| check | severity | {' | '.join(names)} |",
        f"|---|---|{'---|' * len(names)}",
    )
    for check in Checks.model_fields:
        limits = [getattr(found.trials[name].checks, check) for name in names]
        texts = [_limit(each) for each in limits]
        if len(set(texts)) > 1:
            yield f"| `{check}` | {limits[0].severity} | {' | '.join(texts)} |"
    yield ""


def _limit(check: Check) -> str:
    columns = [f"{name} {value:.3g}" for name, value in sorted(check.columns.items())]
    return "; ".join([f"{check.threshold:.3g}", *columns])


def _cost(found: Found) -> Iterator[str]:
    cost = found.cost
    yield from ("### Cost", "", "| | ratio | target | |", "|---|--:|--:|---|")
    for what, seconds in (
        (f"a batch of {cost.rows} rows profiled, coded and judged in a warm process", cost.warm),
        ("the same from its CSV file, contract and reading the reference included", cost.whole),
    ):
        if cost.rival is None:
            figures = f"{seconds * 1000:.0f} ms; Evidently: {cost.why}"
            yield f"| {what}: {figures} | | ≤ {CHEAPER:g} | not measured |"
        else:
            ratio = seconds / cost.rival
            figures = f"{seconds * 1000:.0f} : {cost.rival * 1000:,.0f} ms of processor"
            yield (
                f"| {what}, against Evidently's drift report on the same columns and "
                f"{cost.reference} days ({figures}) | {ratio:.3f} | ≤ {CHEAPER:g} | "
                f"{_met(ratio <= CHEAPER)} |"
            )
    most = LINEAR * cost.times
    yield (
        f"| days with {cost.times} times the rows, against the days as they are: time of a pass | "
        f"{cost.larger:.2f} | ≤ {most:g} | {_met(cost.larger <= most)} |"
    )
    yield ""
