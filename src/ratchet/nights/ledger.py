"""The run ledger: a line for each night, also for those that were skipped or failed.

`reports/ledger.csv` on the branch that a night proposes; for the other nights the line is in the
step summary and in the run's artifact. It never loses a line: ledgers are merged.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

PATH = "reports/ledger.csv"
STEPS = (
    "pull",
    "discover",
    "fetch",
    "validate",
    "trigger",
    "train",
    "evaluate",
    "drill",
    "gate",
    "push",
)
_FIRST = ("night", "run", "base", "decision", "verdict", "exit_code", "reason", "gate_reason")
_COUNTED = ("new_batches", "batches", "bytes_new", "bytes_pulled", "bytes_pushed")
_MEASURED = tuple(f"{step}_{what}" for step in STEPS for what in ("seconds", "mb"))
COLUMNS = (*_FIRST, *_COUNTED, "seconds", *_MEASURED)


@dataclass(frozen=True)
class Cost:
    """What a step took: wall-clock seconds, and the highest resident memory of its processes, in
    MB (10^6 bytes).
    """

    seconds: float
    peak_mb: float


@dataclass
class Line:
    """A night, filled in as it goes on.

    night: when it began, UTC. run: the address of the workflow's run, or "here". base: the commit
    that it began with. decision: RETRAIN, SKIP or FAILED. verdict: the gate's, "" without one.
    new_batches: pinned tonight; batches: pinned in all; bytes_new: of those pinned tonight.
    bytes_pulled, bytes_pushed: from and to DVC's remote. costs: by step.
    """

    night: str
    run: str
    base: str
    decision: str = "FAILED"
    verdict: str = ""
    exit_code: int = 0
    reason: str = ""
    gate_reason: str = ""
    new_batches: int = 0
    batches: int = 0
    bytes_new: int = 0
    bytes_pulled: int = 0
    bytes_pushed: int = 0
    costs: dict[str, Cost] = field(default_factory=dict)

    def add(self, step: str, cost: Cost) -> None:
        """Note what a step took; a step that runs twice is summed up."""
        was = self.costs.get(step, Cost(0, 0))
        self.costs[step] = Cost(was.seconds + cost.seconds, max(was.peak_mb, cost.peak_mb))

    def row(self) -> dict[str, str]:
        """Return the line's cells by column; steps that didn't run are empty."""
        cells = {name: str(getattr(self, name)) for name in (*_FIRST, *_COUNTED)}
        for name in ("reason", "gate_reason"):
            cells[name] = " ".join(cells[name].split())
        cells["seconds"] = f"{sum(cost.seconds for cost in self.costs.values()):.1f}"
        for step, cost in self.costs.items():
            cells[f"{step}_seconds"] = f"{cost.seconds:.1f}"
            cells[f"{step}_mb"] = f"{cost.peak_mb:.0f}"
        return cells


def to_csv(rows: Iterable[Mapping[str, str]]) -> str:
    """Return a ledger with these rows, the oldest night first."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: (row["night"], row["run"])))
    return text.getvalue()


def merge(*ledgers: str) -> str:
    """Return one ledger with the lines of all; of two for one night and run the last one stays."""
    rows = {
        (row["night"], row["run"]): {name: value or "" for name, value in row.items() if name}
        for text in ledgers
        for row in csv.DictReader(io.StringIO(text))
        if row.get("night")
    }
    return to_csv(rows.values())


def markdown(line: Line) -> str:
    """Return the night as text for a step summary: the decision, and what it cost."""
    counted = [
        f"{line.new_batches} new of {line.batches} batches ({_mb(line.bytes_new)})",
        f"{_mb(line.bytes_pulled)} pulled, {_mb(line.bytes_pushed)} pushed",
    ]
    parts = [f"{' · '.join(counted)}\n"]
    if line.costs:
        parts.append("| step | seconds | peak MB |\n|---|--:|--:|")
        parts += [
            f"| {step} | {c.seconds:.1f} | {c.peak_mb:.0f} |" for step, c in line.costs.items()
        ]
    return "\n".join(parts) + "\n"


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
