"""The front door: parser, exit codes, and what each command prints.

A command imports what it needs when it runs, so that `ratchet --help` answers at once. The stages
get their paths from dvc.yaml; the commands that a person types have them as defaults here.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from ratchet.cli import (
    begin,
    checks,
    export,
    gate,
    history,
    nights,
    orientation,
    pipeline,
    producer,
    upkeep,
    versions,
)
from ratchet.cli.arguments import Commands, Overview
from ratchet.errors import RatchetError
from ratchet.programs import search_path

GROUPS = {
    "find your way": (orientation,),
    "your own data": (begin,),
    "the way of the data": (pipeline,),
    "batches, judged": (checks,),
    "models, judged": (gate,),
    "nights": (nights,),
    "accepted versions": (versions, history, export, upkeep),
    "the sample": (producer,),
}


STOPPED = 130  # what shells say of a command that Ctrl-C has ended


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in `argv` and return the exit code (see `ratchet.errors`)."""
    parser = make_parser()
    given = sys.argv[1:] if argv is None else argv
    alone = argparse.Namespace(name="", run=orientation.here, parser=parser)
    args = parser.parse_args(given) if given else alone
    os.environ["PATH"] = search_path()  # for what this starts, and what DVC starts for it
    try:
        args.run(args)
        sys.stdout.flush()
    except RatchetError as error:
        print(_red(f"ratchet {args.name}: {error}"), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(_red(f"\nratchet {args.name}: stopped"), file=sys.stderr)
        return STOPPED
    except BrokenPipeError:
        # The reader, `head` for one, has seen enough: what is left goes nowhere, also at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def make_parser() -> Overview:
    """Return the parser of all commands."""
    parser = Overview(
        prog="ratchet",
        description="Nightly model retraining that can only turn forward.",
        epilog="`ratchet COMMAND --help` has examples. `dvc repro` runs the four stages.\n"
        "Exit codes: 0 fine, 1 a bug, 2 usage or configuration, 3 data broke the contract,\n"
        "4 the gate says BLOCK or a fault slipped through the drill, 5 evidence missing or\n"
        "unreadable. Every message is explained in docs/troubleshooting.md.",
    )
    parser.add_argument("-V", "--version", action=_Version, help="show the version and exit")
    commands = Commands(parser)
    for title, modules in GROUPS.items():
        commands.group(title)
        for module in modules:
            module.add(commands)
    return parser


class _Version(argparse.Action):
    """Look the version up only when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"ratchet {version('ratchet')}")
        parser.exit()


def _red(text: str) -> str:
    return f"\033[31m{text}\033[0m" if sys.stderr.isatty() else text
