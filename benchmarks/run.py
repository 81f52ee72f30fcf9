"""`make bench`: measure, and write benchmarks/RESULTS.md.

Everything runs in scratch projects below a temporary folder. What each NAME measures is kept in
benchmarks/results/, and RESULTS.md is put together from that: `--only NAME` measures a part anew
and leaves the others as they were. `gate` takes the better part of an hour and is measured only
when it is named. `--quick` does it on a small scale, to check this script, and
writes nothing.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from bench import QUICK, Bench, Result, Scale
from clock import Cost
from rows import ROWS, checks, gate
from scratch import HERE

RESULTS = HERE / "RESULTS.md"
KEPT = HERE / "results"
SECTIONS = {"checks": checks, "gate": gate}
SLOW = {"gate"}  # measured only when it is asked for
ABOUT = """\
Ratios of figures that were measured in turns on one machine, medians of several runs; seconds don't
travel to another machine, ratios do within some tenths. Memory is the peak of the largest process.
Every command runs on one thread with compiled modules, in scratch projects with real git and real
DVC; nothing is cached but the operating system's files.
"""


def main() -> None:
    names = [*ROWS, *SECTIONS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small scale, figures without meaning")
    parser.add_argument("--only", choices=names, action="append", help="may come more than once")
    args = parser.parse_args()
    began = time.monotonic()

    def progress(line: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {line}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        kept = Path(folder, "results") if args.quick else KEPT
        kept.mkdir(exist_ok=True)
        bench = Bench(Path(folder), QUICK if args.quick else Scale(), progress)
        for name in args.only or [each for each in names if each not in SLOW]:
            if name in SECTIONS:
                SECTIONS[name](bench, kept / f"{name}.md")
            else:
                keep(kept / f"{name}.json", list(ROWS[name](bench)), bench)
        text = report(kept)
    print(text)
    if not args.quick:
        RESULTS.write_text(text, encoding="utf-8")


def keep(path: Path, results: Sequence[Result], bench: Bench) -> None:
    """Write what a part has measured."""
    content = {
        "machine": machine(),
        "remark": "",
        "results": [asdict(result) for result in results],
        "times": bench.scale.times,
        "stages": {
            stage: [asdict(cost) for cost in costs] for stage, costs in bench.stages.items()
        },
    }
    bench.stages.clear()
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def report(kept: Path) -> str:
    """Return the page: the table, why each line is as it is, the stages one by one, the checks."""
    parts = {
        name: json.loads((kept / f"{name}.json").read_text(encoding="utf-8"))
        for name in ROWS
        if (kept / f"{name}.json").is_file()
    }
    lines = ["# What it costs, and what it catches", "", "Written by `make bench`.", ""]
    lines += ["## Speed and memory", "", ABOUT]
    lines += [*dict.fromkeys(part["machine"] for part in parts.values()), ""]
    lines += ["| | | ratio | target | | figures | runs |", "|-:|---|-:|-:|---|---|-:|"]
    notes: list[str] = []
    remarks: list[str] = []
    for part in parts.values():
        first = len(notes) + 1
        for result in (Result(**each) for each in part["results"]):
            lines.append(row(len(notes) + 1, result))
            notes.append(f"{len(notes) + 1}. {result.why}")
        if part["remark"]:
            remarks.append(f"{first} to {len(notes)}: {part['remark']}")
    lines += ["", *notes, "", *(f"{remark}\n" for remark in remarks)]
    missing = ", ".join(f"`{name}`" for name in ROWS if name not in parts)
    if missing:
        lines += [f"Not measured yet: {missing}; `python benchmarks/run.py --only NAME` does.", ""]
    for part in parts.values():
        if part["stages"]:
            lines += ["### Stage by stage", "", *stage_table(part["stages"], part["times"]), ""]
    sections = [kept / f"{name}.md" for name in SECTIONS]
    lines += [each.read_text(encoding="utf-8") for each in sections if each.is_file()]
    return "\n".join(lines).rstrip() + "\n"


def row(number: int, result: Result) -> str:
    """Return a line of the table."""
    sign = "≥" if result.at_least else "≤"
    target = "" if result.target is None else f"{sign} {result.target:g}"
    met = {True: "met", False: "**not met**", None: ""}[result.met]
    cells = [number, result.what, f"{result.ratio:.3g}", target, met, result.figures, result.runs]
    return f"| {' | '.join(map(str, cells))} |"


def stage_table(
    stages: Mapping[str, Sequence[Mapping[str, float]]], times: Sequence[int]
) -> list[str]:
    """Return the table of what each stage costs at each size, run from empty without DVC."""
    lines = [
        "A window from empty, each stage on its own and then the whole with DVC.",
        "",
        f"| rows | {' | '.join(f'{t}x' for t in times)} | time grows | memory grows |",
        f"|---|{'--:|' * (len(times) + 2)}",
    ]
    for stage, figures in stages.items():
        costs = [Cost(**each) for each in figures]
        grows = costs[-1].seconds / costs[0].seconds, costs[-1].megabytes / costs[0].megabytes
        cells = [stage, *map(str, costs), *(f"{g:.1f}x" for g in grows)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def machine() -> str:
    """Say what was measured on, without its name."""
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {platform.system()}, "
        f"Python {platform.python_version()}."
    )


if __name__ == "__main__":
    main()
