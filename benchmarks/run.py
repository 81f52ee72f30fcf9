"""`make bench`: measure speed and memory, and write benchmarks/RESULTS.md.

Everything runs in scratch projects below a temporary folder. `--quick` does all of it on a small
scale, to check this script; `--only NAME` does one row. Neither writes RESULTS.md.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import QUICK, Bench, Result, Scale
from rows import ROWS
from scratch import HERE

RESULTS = HERE / "RESULTS.md"
ABOUT = """\
Written by `make bench`. Ratios of figures that were measured in turns on one machine, medians of
several runs; seconds don't travel to another machine, ratios do within some tenths. Memory is the
peak of the largest process. Every command runs on one thread with compiled modules, in scratch
projects with real git and real DVC; nothing is cached but the operating system's files.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small scale, figures without meaning")
    parser.add_argument("--only", choices=ROWS, action="append", help="may come more than once")
    args = parser.parse_args()
    began = time.monotonic()

    def progress(line: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {line}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        bench = Bench(Path(folder), QUICK if args.quick else Scale(), progress)
        results = [line for name in args.only or ROWS for line in ROWS[name](bench)]
    text = report(results, bench)
    print(text)
    if not args.quick and not args.only:
        RESULTS.write_text(text, encoding="utf-8")


def report(results: Sequence[Result], bench: Bench) -> str:
    """Return the page: the table, why each line is as it is, and the stages one by one."""
    lines = ["# Speed and memory", "", ABOUT, machine(), ""]
    lines += ["| | | ratio | target | | figures | runs |", "|-:|---|-:|-:|---|---|-:|"]
    for number, result in enumerate(results, 1):
        sign = "≥" if result.at_least else "≤"
        target = "" if result.target is None else f"{sign} {result.target:g}"
        met = {True: "met", False: "**not met**", None: ""}[result.met]
        cells = [number, result.what, f"{result.ratio:.3g}", target, met]
        lines.append(f"| {' | '.join(map(str, [*cells, result.figures, result.runs]))} |")
    lines += ["", *(f"{number}. {result.why}" for number, result in enumerate(results, 1))]
    if bench.stages:
        lines += ["", "## Stage by stage", "", *stage_table(bench)]
    return "\n".join(lines) + "\n"


def stage_table(bench: Bench) -> list[str]:
    """Return the table of what each stage costs at each size, run from empty without DVC."""
    times = bench.scale.times
    lines = [
        f"A window of {bench.scale.train} + {bench.scale.holdout} batches from empty, each stage "
        "on its own and then the whole with DVC.",
        "",
        f"| rows | {' | '.join(f'{t}x' for t in times)} | time grows | memory grows |",
        f"|---|{'--:|' * (len(times) + 2)}",
    ]
    for stage, costs in bench.stages.items():
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
