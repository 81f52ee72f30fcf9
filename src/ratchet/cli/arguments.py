"""What the parsers of several commands have in common."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `ratchet --help` answers at once
    from ratchet.config import Params

PARAMS = Path("params.yaml")

Run = Callable[[argparse.Namespace], None]


class Commands:
    """The commands of `ratchet`, as they are added."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._added = parser.add_subparsers(
            title="commands", dest="name", metavar="COMMAND", required=True
        )

    def add(self, name: str, run: Run | None, text: str) -> argparse.ArgumentParser:
        """Add a command, which calls `run`; None for one that has actions."""
        made = self._added.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        made.set_defaults(run=run)
        return made


def add_params(made: argparse.ArgumentParser) -> None:
    """Add the option that names the params file."""
    made.add_argument("--params", type=Path, default=PARAMS, help="default: %(default)s")


def load_judged(path: Path) -> "Params":
    """Read params.yaml for a command whose work is in vain if the gate can't judge it.

    Raises ConfigError when a metric of its rules isn't for the task.
    """
    from ratchet.config import load_params
    from ratchet.gate.rules import require_fit

    params = load_params(path)
    require_fit(params.gate, params.task, str(path))
    return params


def add_paths(made: argparse.ArgumentParser, **needed: str) -> None:
    """Add options for paths that dvc.yaml gives, each with its help."""
    for name, text in needed.items():
        made.add_argument(f"--{name}", type=Path, required=True, metavar="PATH", help=text)


def add_defaults(made: argparse.ArgumentParser, **paths: str) -> None:
    """Add options for paths that stand in dvc.yaml, each with its default."""
    for name, default in paths.items():
        made.add_argument(
            f"--{name}",
            type=Path,
            default=Path(default),
            metavar="PATH",
            help="default: %(default)s",
        )


def count(number: int, one: str, more: str) -> str:
    """Return a number with its noun."""
    return f"{number} {one if number == 1 else more}"
