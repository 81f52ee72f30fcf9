"""Accepted versions: listed, explained, compared."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.cli.arguments import Commands, add_defaults
from ratchet.cli.gate import PLACES

if TYPE_CHECKING:
    from ratchet.versions.record import Places

VERDICT = "reports/verdict.json"  # as the night leaves it
LEDGER = "reports/ledger.csv"
RECORD = {
    "card": PLACES["card"],
    "metrics": PLACES["metrics"],
    "evaluation": "reports/evaluation.json",
    "verdict": VERDICT,
    "drift": "reports/plots/drift.csv",
}


def add(commands: Commands) -> None:
    """Add these commands."""
    made = commands.add("history", _history, "list the accepted versions, the newest first")
    made.add_argument("--limit", type=_limit, metavar="N", help="only so many versions")
    made.add_argument("--json", action="store_true", help="everything, for machines")
    made.add_argument(
        "--html", type=Path, metavar="FILE", help="write a page with charts, which works offline"
    )
    add_defaults(made, **RECORD, ledger=LEDGER)


def _limit(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"must be a number from 1 on, not {text!r}")
    return int(text)


def _history(args: argparse.Namespace) -> None:
    from ratchet.files import write_text
    from ratchet.versions import history

    found = history.read(
        Path.cwd(),
        _places(args),
        args.ledger.as_posix(),
        drift=args.json or args.html is not None,
    )
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


def _places(args: argparse.Namespace) -> "Places":
    from ratchet.versions.record import Places

    return Places(**{name: getattr(args, name).as_posix() for name in RECORD})
