"""What a command costs: wall time, and the peak memory of its largest process."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Cost:
    """Wall-clock seconds, seconds of processors, and peak resident memory in MB (10^6 bytes)."""

    seconds: float
    processor: float
    megabytes: float

    def __add__(self, later: "Cost") -> "Cost":
        """One command after the other: times add up, the larger peak counts."""
        return Cost(
            self.seconds + later.seconds,
            self.processor + later.processor,
            max(self.megabytes, later.megabytes),
        )

    def __str__(self) -> str:
        return f"{self.seconds:.3g} s, {self.megabytes:,.0f} MB"


def cost(command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str]) -> Cost:
    """Run a command and return its cost; RuntimeError with its last lines when it fails.

    The kernel's account of a waited-for process covers the children that it waited for in turn,
    and its `ru_maxrss` is the largest of them. It begins with that of this process, which
    therefore imports nothing heavy.
    """
    with tempfile.TemporaryFile("w+") as printed:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=printed, stderr=printed
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            printed.seek(0)
            shown = " ".join(map(str, command))
            raise RuntimeError(
                f"{shown} ended with {process.returncode}:\n{printed.read()[-2000:]}"
            )
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6)


def in_turns(
    work: Sequence[tuple[str, Callable[[], Cost]]], runs: int, progress: Callable[[str], None]
) -> dict[str, Cost]:
    """Do each work once, then again, `runs` times in all; return the median costs by name.

    In turns, so that a machine that is busy for a while slows all of them. A name may come more
    than once.
    """
    found: dict[str, list[Cost]] = {name: [] for name, _ in work}
    for run in range(runs):
        for name, do in work:
            found[name].append(do())
            progress(f"{name} {run + 1}/{runs}: {found[name][-1]}")
    return {name: middle(costs) for name, costs in found.items()}


def middle(costs: Sequence[Cost]) -> Cost:
    """Return the medians."""
    return Cost(*(median(values) for values in zip(*map(astuple, costs), strict=True)))
