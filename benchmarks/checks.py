"""What the checks catch on the sample's year, and how often they cry wolf.

    python checks.py RESULT FOLDER [--quick]

Judges every day as `ratchet validate` does, proposes thresholds from January to June as `ratchet
calibrate` does, and judges July to December by them, as it is and with each fault injected. Writes
a section of RESULTS.md to RESULT; works in FOLDER. Every random choice has a fixed seed.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import checks_page
from checks_cost import Cost, measure
from checks_days import Judge, Year, read_year, replay
from checks_faults import Fault, catalogue
from checks_files import caught
from checks_play import STRUCTURE, Played, Told, Trial, open_vocabulary, play
from joblib import Parallel, delayed

from ratchet.calibrate import calibrate
from ratchet.checks.records import Record
from ratchet.config import Checks, load_params
from ratchet.data.schema import load_schema

REPOSITORY = Path(__file__).parents[1]
HALF = "2013-07-01"  # thresholds are set on the days before, and judged on this and later ones
CALIBRATED, COMMITTED = "calibrated", "params.yaml"
PER_MONTH = 0.5  # good batches that `ratchet calibrate` lets thresholds set aside, by default
PLAYED = 32  # days, or weeks, that each fault is injected into
PROCESSES = 2
# Whose order goes with another column's on every day, or that a pair of columns determines.
CORRELATED = ("carrier", "origin", "dest", "sched_dep", "sched_arr", "distance", "seats", "engine")


@dataclass(frozen=True)
class Found:
    """All that was measured. Records, by trial and day; `helped` are those with a person's help.

    That person accepts, the next morning, each good day that was quarantined.
    """

    year: Year
    trials: Mapping[str, Trial]
    records: Mapping[str, Mapping[str, Record]]
    helped: Mapping[str, Mapping[str, Record]]
    played: Mapping[str, Sequence[Played]]
    cost: Cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("result", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true", help="two days a fault")
    args = parser.parse_args()
    began = time.monotonic()

    def told(line: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {line}", file=sys.stderr, flush=True)

    found = run(args.folder, 2 if args.quick else PLAYED, told)
    text = checks_page.write(found, half=HALF)
    args.result.write_text(text, encoding="utf-8")
    told(f"written to {args.result}")


def run(folder: Path, count: int, told: Told) -> Found:
    """Measure everything, each fault on `count` days."""
    params = load_params(REPOSITORY / "params.yaml")
    schema = load_schema(REPOSITORY / "schema.yaml")
    committed = params.validate_.checks
    inbox = folder / "inbox"
    year = read_year(REPOSITORY / "sample/flights.parquet", inbox, schema)
    told("the year is read")
    judge = Judge(schema, params.window.reference, params.window.pool)
    records, helped = {}, {}
    records[COMMITTED] = replay(year, judge, committed)
    thresholds = {COMMITTED: committed, CALIBRATED: proposed(records[COMMITTED], committed)}
    records[CALIBRATED] = replay(year, judge, thresholds[CALIBRATED])
    for name, checks in thresholds.items():
        helped[name] = replay(year, judge, checks, helped=True)
    told("judged as it is")
    trials = {
        name: Trial(checks, [records[name][day.id].accepted("") for day in year.days])
        for name, checks in thresholds.items()
    }
    first = next(position for position, day in enumerate(year.days) if day.id >= HALF)
    faults = catalogue(CORRELATED)
    judge.known.clear()
    parts = Parallel(n_jobs=PROCESSES)(
        delayed(_part)(faults[n::PROCESSES], year, trials, judge, first, count, told)
        for n in range(PROCESSES)
    )
    played = {
        name: [each for part in parts for found, each in part if found == name] for name in trials
    }
    order = {fault.name: number for number, fault in enumerate(faults)}
    for name, one in open_vocabulary(
        year, trials, judge, first=first, count=count, column="carrier"
    ):
        played[name].sort(key=lambda each: order[each.fault])
        played[name].insert(0, one)
    good = [day.id for day in year.days[first:] if not year.verdicts[day.id].failures]
    days = good[:: max(1, len(good) // count)][:count]
    for fault, refused in caught(inbox, days, folder / "files", schema).items():
        by = ["contract" if each else "" for each in refused]
        for known in played.values():
            known.insert(0, Played(f"{fault} (file)", STRUCTURE, by))
    told("cost")
    cost = measure(year, committed, judge, inbox, folder / "cost")
    return Found(year, trials, records, helped, played, cost)


def proposed(records: Mapping[str, Record], checks: Checks) -> Checks:
    """Return what `ratchet calibrate --until 2013-06-30` proposes."""
    half = {
        day: record
        for day, record in records.items()
        if record.statistics and not record.failures and day < HALF
    }
    return calibrate(half, checks, PER_MONTH).checks


def _part(
    faults: Sequence[Fault],
    year: Year,
    trials: Mapping[str, Trial],
    judge: Judge,
    first: int,
    count: int,
    told: Told,
) -> list[tuple[str, Played]]:
    return play(faults, year, trials, judge, first=first, count=count, told=told)


if __name__ == "__main__":
    main()
