"""The gate."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.cli.arguments import Commands, add_defaults

if TYPE_CHECKING:
    from ratchet.gate.run import Places

REPORT = Path("reports/gate.md")
# Where the gate finds things, in this revision and in the base.
PLACES = {
    "params": "params.yaml",
    "schema": "schema.yaml",
    "manifest": "data/manifest.csv",
    "environment": "requirements/run.txt",
    "validated": "data/validated",
    "model": "models/model.skops",
    "card": "models/card.json",
    "golden": "models/golden.json",
    "metrics": "reports/metrics.json",
    "validation": "reports/validation.json",
    "drill": "reports/drill.json",
}


def add(commands: Commands) -> None:
    """Add the command."""
    made = commands.add("gate", _gate, "judge this model against that of a base revision")
    made.add_argument(
        "--base", default="origin/main", metavar="REV", help="the champion's; default: %(default)s"
    )
    made.add_argument(
        "--rebuild",
        action="store_true",
        help="also make everything again in a clone and ask for the same bytes; runs its code",
    )
    made.add_argument(
        "--approve-policy-change",
        action="store_true",
        help="a person accepts that this revision changes the rules or the gate itself",
    )
    made.add_argument(
        "--no-remote",
        dest="remote",
        action="store_false",
        help="don't ask whether DVC's remote has everything: nothing was pushed yet",
    )
    made.add_argument(
        "--no-pictures",
        dest="pictures",
        action="store_false",
        help="leave the pictures out, as where nobody can follow links to files",
    )
    made.add_argument(
        "--report", type=Path, default=REPORT, metavar="PATH", help="default: %(default)s"
    )
    made.add_argument("--json", type=Path, metavar="PATH", help="default: beside the report")
    add_defaults(made, **PLACES)


def places(args: argparse.Namespace) -> "Places":
    """Return where things lie, as the options say."""
    from ratchet.gate.run import Places

    return Places(**{name: getattr(args, name).as_posix() for name in PLACES})


def _gate(args: argparse.Namespace) -> None:
    from ratchet.errors import BlockedError, EvidenceError
    from ratchet.gate import report, run
    from ratchet.gate.rules import Verdict

    found = run.run(
        Path.cwd(),
        places(args),
        args.base,
        rebuild=args.rebuild,
        approved=args.approve_policy_change,
        remote=args.remote,
    )
    drawn: list[str] = []
    if args.pictures and found.champion and found.differences:
        from ratchet.gate import pictures  # matplotlib

        drawn = pictures.draw(found, args.report.with_suffix(""))
    report.write(found, args.report, args.json, drawn)
    told = "\n".join(report.summary(found))
    if found.judgement.verdict == Verdict.BLOCK:
        raise BlockedError(told)
    if found.judgement.verdict == Verdict.ERROR:
        raise EvidenceError(told)
    print(f"gate: {told}")
