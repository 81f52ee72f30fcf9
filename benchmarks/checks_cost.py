"""What judging costs: one new batch against Evidently's drift report, and growth with the rows."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from checks_days import Day, Judge, Year

from ratchet.checks.alarms import raise_alarms
from ratchet.checks.coding import code
from ratchet.checks.past import Member, Past
from ratchet.checks.profile_file import read_profile, write_profile
from ratchet.config import Checks
from ratchet.data.contract import Contract, judge
from ratchet.data.schema import Schema
from ratchet.data.target import target_of

RIVAL = ("evidently==0.7.*", "pandas<3")
RUNS = 5
TIMES = 3
APART = 10_000  # between the flight numbers of two copies
MEASURED = 12  # days judged at each size


@dataclass(frozen=True)
class Cost:
    """Processor seconds. `rival` is None where Evidently couldn't be installed, `why` says why.

    `warm`: profile, code and judge a batch when what it is compared with is in memory. `whole`:
    from the CSV file to the verdict, with what it is compared with read from files. `larger` is
    the seconds of a pass over days TIMES as large, against those of a pass over them as they are.
    """

    rows: int
    reference: int
    warm: float
    whole: float
    rival: float | None
    why: str
    larger: float
    times: int = TIMES


def measure(year: Year, checks: Checks, judge_: Judge, inbox: Path, folder: Path) -> Cost:
    """Measure all of it; `folder` is a new one to work in."""
    folder.mkdir()
    past = Past(judge_.reference, from_the_start=True)
    last = next(
        each
        for each in range(250, len(year.days))
        if 880 <= year.days[each].table.num_rows <= 920 and not _failed(year, each)
    )
    old = [day for each, day in enumerate(year.days[:last]) if not _failed(year, each)]
    old, new = old[-judge_.reference :], year.days[last]
    for day in old:
        past.add(day.member)
        write_profile(folder / f"{day.id}.profile", day.profile)
        pq.write_table(day.table, folder / f"{day.id}.rows")
    warm = _seconds(lambda: _judge_one(new, new.table, past, checks, judge_))
    whole = _seconds(lambda: _from_files(old, new, inbox, folder, checks, judge_))
    rival, why = _rival(old, new, judge_.schema, folder)
    larger = _growth([*old, *year.days[last : last + MEASURED]], judge_, checks)
    return Cost(new.table.num_rows, len(old), warm, whole, rival, why, larger)


def _failed(year: Year, position: int) -> bool:
    return bool(year.verdicts[year.days[position].id].failures)


def _seconds(work: Callable[[], object]) -> float:
    found = []
    for _ in range(RUNS + 1):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return median(found[1:])


def _judge_one(new: Day, table: pa.Table, past: Past, checks: Checks, judge_: Judge) -> None:
    judge_.known.clear()
    day = Day(new.id, "", table, judge_.schema)
    raise_alarms(judge_.statistics(day, past), checks)


def _from_files(
    old: Sequence[Day], new: Day, inbox: Path, folder: Path, checks: Checks, judge_: Judge
) -> None:
    schema = judge_.schema
    past = Past(judge_.reference, from_the_start=True)
    for day in old:
        profile, rows = folder / f"{day.id}.profile", folder / f"{day.id}.rows"
        past.add(_lazy(day.id, profile, rows, schema))
    [judged] = judge([inbox / f"{new.id}.csv"], Contract.of(schema))
    _judge_one(new, judged.table, past, checks, judge_)


def _lazy(name: str, profile: Path, rows: Path, schema: Schema) -> Member:
    target = target_of("binary", schema)
    return Member(
        name, "", lambda: read_profile(profile), lambda: code(pq.read_table(rows), schema, target)
    )


def _rival(old: Sequence[Day], new: Day, schema: Schema, folder: Path) -> tuple[float | None, str]:
    """Return the seconds of Evidently's report on the same columns, or None and why."""
    names = [*schema.features, schema.target.column]
    pq.write_table(pa.concat_tables(day.table for day in old).select(names), folder / "old.parquet")
    pq.write_table(new.table.select(names), folder / "new.parquet")
    categories = [
        name
        for name in names
        if schema.columns[name].type == "category" or schema.columns[name].values is not None
    ]
    found = shutil.which(
        "uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    if found is None:
        return None, "uv isn't there to install it"
    home, python = folder / "rival", folder / "rival/bin/python"
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    script = Path(__file__).with_name("checks_evidently.py")
    files = [folder / "old.parquet", folder / "new.parquet"]
    commands: list[list[str | Path]] = [
        [found, "venv", "--quiet", "--python", sys.executable, home],
        [found, "pip", "install", "--quiet", "--python", python, *RIVAL],
        [python, script, *files, str(RUNS), ",".join(categories)],
    ]
    try:
        for command in commands:
            done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        lines = str(error.stderr).strip().splitlines() or [""]
        return None, f"{' '.join(RIVAL)} could not be installed or run: {lines[-1]}"
    return float(json.loads(done.stdout)), ""


def _growth(days: Sequence[Day], judge_: Judge, checks: Checks) -> float:
    """Return how much longer the last MEASURED days take when all have TIMES the rows."""
    schema = judge_.schema
    wide = schema.columns["flight"].model_copy(update={"max": APART * (TIMES + 1)})
    schema = schema.model_copy(update={"columns": {**schema.columns, "flight": wide}})
    other = replace(judge_, schema=schema, known={})
    spent = []
    for times in (1, TIMES):
        tables = [_larger(day.table, times) for day in days]
        past = Past(judge_.reference, from_the_start=True)
        for day, table in zip(days[:-MEASURED], tables[:-MEASURED], strict=True):
            made = Day(day.id, str(times), table, schema)
            made.make()  # before the clock runs
            past.add(made.member)
        began = time.process_time()
        for day, table in zip(days[-MEASURED:], tables[-MEASURED:], strict=True):
            made = Day(day.id, str(times), table, schema)
            raise_alarms(other.statistics(made, past), checks)
            past.add(made.member)
        spent.append(time.process_time() - began)
    return spent[1] / spent[0]


def _larger(table: pa.Table, times: int) -> pa.Table:
    """Return the rows so many times, each time a minute later and under other flight numbers."""
    copies = []
    for copy in range(times):
        new = {
            "flight": pc.add(table["flight"], APART * copy),
            "sched_dep": pc.min_element_wise(pc.add(table["sched_dep"], copy), 1439),
        }
        rows = table
        for name, values in new.items():
            rows = rows.set_column(rows.column_names.index(name), name, values)
        copies.append(rows)
    return pa.concat_tables(copies)
