"""Accepted versions: listed, explained, compared."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.cli.arguments import Commands, add_defaults, positive
from ratchet.cli.gate import PLACES

if TYPE_CHECKING:
    from ratchet.versions.history_at import When
    from ratchet.versions.record import Places
    from ratchet.versions.snapshot import Inputs

LEDGER = "reports/ledger.csv"
RECORD = {
    "card": PLACES["card"],
    "metrics": PLACES["metrics"],
    "evaluation": "reports/evaluation.json",
    "verdict": "reports/verdict.json",  # as the night leaves it
    "drift": "reports/plots/drift.csv",
}

INPUTS = {name: PLACES[name] for name in ("params", "schema", "environment")}


def add(commands: Commands) -> None:
    """Add these commands."""
    made = commands.add("history", _history, "list the accepted versions, the newest first")
    made.add_argument("--limit", type=positive, metavar="N", help="only so many versions")
    made.add_argument("--json", action="store_true", help="everything, for machines")
    either = made.add_mutually_exclusive_group()
    either.add_argument(
        "--at",
        type=_when,
        metavar="DATE",
        help="what was in each stage then: a day, or a time in ISO format; UTC if it doesn't say",
    )
    either.add_argument(
        "--html", type=Path, metavar="FILE", help="write a page with charts, which works offline"
    )
    add_defaults(made, **RECORD, ledger=LEDGER)

    made = commands.add("show", _show, "tell everything about an accepted version")
    made.add_argument("version", metavar="VERSION", help="e.g. v3, or model@v3.0.0")
    made.add_argument("--json", action="store_true", help="everything, for machines")
    add_defaults(made, **RECORD, **INPUTS)

    made = commands.add("diff", _diff, "compare two versions, and score both on the same rows")
    for name, text in (("before", "e.g. v3, or HEAD"), ("after", "e.g. v4, or HEAD")):
        made.add_argument(name, metavar=name.upper(), help=text)
    made.add_argument(
        "--no-scores",
        dest="scores",
        action="store_false",
        help="compare what git has, and bring no model: works offline",
    )
    made.add_argument("--json", action="store_true", help="everything, for machines")
    add_defaults(made, **RECORD, **INPUTS, model=PLACES["model"], validated=PLACES["validated"])


def _history(args: argparse.Namespace) -> None:
    from ratchet.files import write_text
    from ratchet.versions import history

    found = history.read(
        Path.cwd(),
        places(args),
        args.ledger.as_posix(),
        drift=args.html is not None or (args.json and args.at is None),
    )
    if args.at is not None:
        from ratchet.versions import history_at

        print((history_at.to_json if args.json else history_at.describe)(found, args.at))
        return
    if args.html is not None:
        from ratchet.versions import history_page

        write_text(args.html, history_page.page(found, args.limit))
    if args.json:
        print(history.to_json(found, args.limit))
    elif args.html is not None:
        print(f"history: {args.html} written; it needs no network")
    else:
        from ratchet.versions import history_table

        history_table.show(found, args.limit)


def _show(args: argparse.Namespace) -> None:
    from ratchet.versions import show

    shown = show.read(Path.cwd(), places(args), _inputs(args), args.version)
    if args.json:
        print(show.to_json(shown))
    else:
        show.show(shown)


def _diff(args: argparse.Namespace) -> None:
    from ratchet.errors import EvidenceError
    from ratchet.versions import diff, diff_text

    found = diff.run(
        Path.cwd(),
        places(args),
        _inputs(args),
        (args.before, args.after),
        model=args.model.as_posix(),
        validated=args.validated.as_posix(),
        score=args.scores,
    )
    if args.json:
        print(diff.to_json(found))
    else:
        diff_text.show(found)
    if found.failed:
        raise EvidenceError(f"not scored on the same rows: {found.reason}")


def _when(text: str) -> "When":
    from ratchet.versions import history_at

    try:
        return history_at.when(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a day or time like 2026-03-14 or 2026-03-14T03:00"
        ) from error


def places(args: argparse.Namespace) -> "Places":
    """Return where a commit has what is said about its model."""
    from ratchet.versions.record import Places

    return Places(**{name: getattr(args, name).as_posix() for name in RECORD})


def _inputs(args: argparse.Namespace) -> "Inputs":
    from ratchet.versions.snapshot import Inputs

    return Inputs(**{name: getattr(args, name).as_posix() for name in INPUTS})
