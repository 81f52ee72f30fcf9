"""The commands of `ratchet`, read from its parser."""

import argparse
from collections.abc import Iterator

from ratchet.cli.main import make_parser


def subcommands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield each command with its words, `sample publish` for one, and its parser."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, made in action.choices.items():
                yield name, made
                for words, inner in subcommands(made):
                    yield f"{name} {words}", inner


COMMANDS = dict(subcommands(make_parser()))
