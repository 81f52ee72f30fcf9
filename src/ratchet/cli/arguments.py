"""What the parsers of several commands have in common."""

import argparse
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratchet.cli.examples import EXAMPLES

if TYPE_CHECKING:  # `ratchet --help` answers at once
    from ratchet.config import Params

PARAMS = Path("params.yaml")

Run = Callable[[argparse.Namespace], None]


class Parser(argparse.ArgumentParser):
    """A parser whose help ends with the examples of its command, as they are written."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **options)
        found = EXAMPLES.get(self.prog.partition(" ")[2])
        if found:
            self.epilog = f"examples:\n{textwrap.indent(textwrap.dedent(found).strip(), '  ')}"


class Overview(Parser):
    """The parser of `ratchet` itself: its help names the commands in groups, `groups`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.groups: dict[str, list[str]] = {}

    def format_help(self) -> str:
        """Return the help, with the titles of the groups in the list of commands."""
        heads = {names[0]: title for title, names in self.groups.items()}
        lines = []
        for line in super().format_help().splitlines():
            found = re.match(r" {4}(\S+)", line)
            if found and found[1] in heads:
                lines.append(f"\n  {heads[found[1]]}:")
            lines.append(line)
        return "\n".join(lines) + "\n"


class Commands:
    """The commands of `ratchet`, as they are added to its parser, group by group."""

    def __init__(self, parser: Overview) -> None:
        self.parser = parser
        self._group: list[str] = []
        self._added = parser.add_subparsers(
            dest="name", metavar="COMMAND", title="commands", required=True, parser_class=Parser
        )

    def group(self, title: str) -> None:
        """Begin a group: what is added from now on stands in it."""
        self._group = self.parser.groups[title] = []

    def add(self, name: str, run: Run | None, text: str) -> argparse.ArgumentParser:
        """Add a command, which calls `run`; None for one that has actions.

        Its examples stand in `ratchet.cli.examples`.
        """
        self._group.append(name)
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


def positive(text: str) -> int:
    """Return the whole number from 1 on that an option was given.

    Raises ArgumentTypeError for anything else.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)
