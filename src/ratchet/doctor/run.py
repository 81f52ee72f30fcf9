"""Look at everything once, and show it as one table."""

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ratchet.doctor import batches, machine, workflows
from ratchet.doctor.finding import Finding, State

_STYLES = {State.OK: "green", State.WARN: "yellow", State.FAIL: "bold red", State.UNASKED: "dim"}


def run(
    top: Path, *, params: Path, schema: Path, manifest: Path, raw: Path, environment: Path
) -> list[Finding]:
    """Look at the machine, the repository, the data and GitHub; nothing is changed.

    Without a network it takes no longer than the few seconds after which each question gives up.
    """
    return [
        machine.python(),
        machine.environment(environment),
        *machine.git(top),
        *machine.dvc(top),
        *batches.look(params, schema, manifest, raw),
        *workflows.look(top),
    ]


def show(findings: Sequence[Finding]) -> None:
    """Print a row for each check: its state, what was found, and the way out."""
    table = Table("", "check", "found", box=None, pad_edge=False)
    for each in findings:
        told = each.found + (f"\n→ {each.way_out}" if each.way_out else "")
        table.add_row(Text(each.state, _STYLES[each.state]), each.check, Text(told))
    Console(highlight=False).print(table)


def to_json(findings: Sequence[Finding]) -> str:
    """Return the findings for machines."""
    return json.dumps(
        [
            {
                "check": each.check,
                "state": each.state,
                "found": each.found,
                "way_out": each.way_out,
            }
            for each in findings
        ],
        indent=1,
    )


def refuse(findings: Sequence[Finding]) -> None:
    """Raise the error of the first check that failed, if any: its exit code says of which kind."""
    failed = [each for each in findings if each.state == State.FAIL]
    if failed:
        names = ", ".join(each.check for each in failed)
        raise failed[0].kind(
            f"{len(failed)} of {len(findings)} checks failed: {names}; each line above with `fail` "
            "names its way out"
        )
