"""Where am I, is everything in order, and what does the shell complete?"""

import argparse
from pathlib import Path

from ratchet.cli.arguments import PARAMS, Commands, add_defaults, add_params
from ratchet.cli.gate import PLACES
from ratchet.cli.history import LEDGER
from ratchet.cli.nights import NIGHT
from ratchet.cli.producer import INBOX

SHELLS = ("bash", "zsh", "fish", "tcsh")


def add(commands: Commands) -> None:
    """Add these commands."""
    made = commands.add("doctor", _doctor, "look for what is missing or broken, and say what to do")
    add_params(made)
    add_defaults(
        made,
        schema="schema.yaml",
        manifest="data/manifest.csv",
        raw="data/raw",
        environment="requirements/run.txt",
    )
    made.add_argument("--json", action="store_true", help="for machines")

    made = commands.add("completion", _completion, "print what makes a shell complete `ratchet`")
    made.add_argument("shell", choices=SHELLS, help="your shell")
    made.set_defaults(parser=commands.parser)


def here(args: argparse.Namespace) -> None:
    """Show what this repository is now: what `ratchet` alone does."""
    from ratchet import orientation

    found = orientation.look(
        Path.cwd(),
        params=PARAMS,
        manifest=Path(PLACES["manifest"]),
        card=Path(PLACES["card"]),
        ledgers=(NIGHT / "ledger.csv", Path(LEDGER)),
        sample=INBOX,
    )
    print(orientation.describe(found, args.parser.groups))


def _doctor(args: argparse.Namespace) -> None:
    from ratchet.doctor import run

    found = run.run(
        Path.cwd(),
        params=args.params,
        schema=args.schema,
        manifest=args.manifest,
        raw=args.raw,
        environment=args.environment,
    )
    if args.json:
        print(run.to_json(found))
    else:
        run.show(found)
    run.refuse(found)


def _completion(args: argparse.Namespace) -> None:
    import shtab

    _files(args.parser)
    print(shtab.complete(args.parser, args.shell))


def _files(parser: argparse.ArgumentParser) -> None:
    """Let the shell complete the names of files where a command takes one."""
    import shtab

    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                _files(inner)
        elif action.type is Path:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
