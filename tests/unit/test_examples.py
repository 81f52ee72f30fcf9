"""The help's examples, the groups of commands, and what a shell completes."""

import shlex
import subprocess

import pytest
from commands import COMMANDS

from ratchet.cli import main as cli
from ratchet.cli.examples import EXAMPLES

TOP = [name for name in COMMANDS if " " not in name]


def commands_of(text: str) -> list[list[str]]:
    """Return the words of each command in a text of examples."""
    lines = [shlex.split(line, comments=True) for line in text.splitlines()]
    return [words for words in lines if words]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_examples(command: str) -> None:
    assert command in EXAMPLES, f'add "{command}": one to three lines in cli/examples.py'
    assert 1 <= len(commands_of(EXAMPLES[command])) <= 3
    assert "examples:\n  " in (COMMANDS[command].epilog or "")


@pytest.mark.parametrize("command", EXAMPLES)
def test_the_examples_are_of_their_command_and_parse(command: str) -> None:
    for program, *arguments in commands_of(EXAMPLES[command]):
        assert program == "ratchet"
        assert arguments[: len(command.split())] == command.split()
        redirected = arguments.index(">") if ">" in arguments else None
        parsed = cli.make_parser().parse_args(arguments[:redirected])
        assert callable(parsed.run)


def test_every_command_is_in_one_group() -> None:
    parser = cli.make_parser()
    assert sorted(name for names in parser.groups.values() for name in names) == sorted(TOP)
    shown = parser.format_help()
    for title, names in parser.groups.items():
        assert f"\n\n  {title}:\n    {names[0]} " in shown


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "tcsh"])
def test_a_shell_learns_every_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(name in script for name in TOP)
    assert "hand" in script  # --hand-over, an option of `nightly`


def test_bash_completes_commands_actions_options_and_files(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    asked = {
        "ratchet roll": "rollback",
        "ratchet batch sh": "show",
        "ratchet gate --reb": "--rebuild",
        "ratchet predict /etc/host": "/etc/host",
    }
    for typed, expected in asked.items():
        words = typed.split()
        question = (
            f"{script}\nCOMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; COMP_LINE='{typed}'\n"
            "_shtab_ratchet 2>&1; printf '%s\\n' \"${COMPREPLY[@]}\""
        )
        done = subprocess.run(["bash", "-c", question], capture_output=True, text=True, check=True)
        assert expected in done.stdout, typed
