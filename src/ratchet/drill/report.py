"""What the drill found: a table for a person, JSON for a machine, an exit code for CI."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import track as rich_track
from rich.table import Table
from rich.text import Text

from ratchet.drill.fault import Fault
from ratchet.drill.run import Drill, Finding
from ratchet.errors import BlockedError
from ratchet.files import write_text

GUARDS = 2  # failures named in the table; the JSON has all
MUST = {"catch": "be caught", "pass": "pass", "-": ""}


def track(faults: Sequence[Fault]) -> Iterable[Fault]:
    """Hand the faults on and show on a terminal how many are done."""
    console = Console(stderr=True)
    return rich_track(
        faults,
        description="Playing faults",
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def show(drill: Drill) -> None:
    """Print what became of each fault, and the count of each outcome."""
    console = _console()
    console.print(
        f"Drill on {drill.batch}, with {drill.history} good "
        f"{'batch' if drill.history == 1 else 'batches'} before it, seed {drill.seed}\n"
    )
    table = Table("fault", "changed", "must", "outcome", "guard", box=None)
    for finding in drill.findings:
        table.add_row(
            finding.fault.name,
            _columns(finding),
            MUST[finding.must],
            Text(finding.outcome, style="bold red" if finding.wrong else ""),
            _guard(finding),
        )
    console.print(table)
    counts = Counter(finding.outcome for finding in drill.findings)
    console.print("\n" + ", ".join(f"{count} {outcome}" for outcome, count in counts.items()))


def show_catalogue(faults: Iterable[Fault]) -> None:
    """Print what each fault imitates, and whether it must be caught."""
    table = Table("fault", "must", "imitates", box=None)
    for fault in faults:
        table.add_row(fault.name, MUST[fault.must], fault.imitates)
    _console().print(table)


def write(path: Path, drill: Drill) -> None:
    """Write all findings as JSON, with every failure of every refused batch."""
    content = {
        "batch": drill.batch,
        "history": drill.history,
        "seed": drill.seed,
        "outcomes": dict(Counter(finding.outcome for finding in drill.findings)),
        "faults": [
            {
                "fault": finding.fault.name,
                "imitates": finding.fault.imitates,
                "must": finding.must,
                "outcome": finding.outcome,
                "wrong": finding.wrong,
                "columns": finding.columns,
                "batch": finding.batch,
                "failures": [asdict(failure) for failure in finding.failures],
                "reason": finding.reason,
            }
            for finding in drill.findings
        ],
    }
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def refuse(drill: Drill, may_slip: Collection[str] = ()) -> None:
    """Raise BlockedError when a fault that must be caught slipped, or a harmless one was refused.

    Those named in `may_slip` are left out of it.
    """
    wrong = [each for each in drill.findings if each.wrong and each.fault.name not in may_slip]
    lines = [
        f"{len(names)} of {len(drill.findings)} faults {words}: {', '.join(names)}"
        for outcome, words in (
            ("slipped", "slipped that must be caught"),
            ("refused", "were refused though they do no harm"),
        )
        if (names := [each.fault.name for each in wrong if each.outcome == outcome])
    ]
    if lines:
        lines.append(
            "tighten schema.yaml or the checks in params.yaml; `ratchet drill --only FAULT` plays "
            "one again, `--may-slip FAULT` lets it pass with exit code 0"
        )
        raise BlockedError("\n".join(lines))


def _console() -> Console:
    # What bad data hold, such as [/b] or :x:, is not ours to render.
    return Console(highlight=False, markup=False, emoji=False)


def _columns(finding: Finding) -> str:
    columns = finding.columns
    return ", ".join(columns) if len(columns) <= GUARDS else f"{len(columns)} columns"


def _guard(finding: Finding) -> str:
    """Name the checks that noticed, with their columns; or say why none did."""
    if finding.reason:
        return finding.reason
    names = [f"{failure.code} {failure.column}".rstrip() for failure in finding.failures]
    more = f" +{len(names) - GUARDS}" if len(names) > GUARDS else ""
    where = f" (in {finding.batch})" if finding.batch and finding.fault.batches > 1 else ""
    return ", ".join(names[:GUARDS]) + more + where
