"""The steps of a night: commands, shown and judged. Scripts of the shell stand in for programs."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ratchet.errors import DataError, EvidenceError, RatchetError
from ratchet.nights.ledger import Line
from ratchet.nights.nightly import DRILL, drilled
from ratchet.nights.steps import Steps


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def steps(tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> Steps:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    (tmp_path / "reports").mkdir()
    return Steps(tmp_path, Line("tonight", "here", "0" * 40), said.append)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Put a script on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)

    def program(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return program


def test_what_a_quiet_command_warns_of_is_not_in_its_answer(
    steps: Steps, said: list[str], program: Callable[[str, str], None]
) -> None:
    program("ratchet", """echo 'old cache {"size": 1}' >&2; echo '{"decision": "SKIP"}'""")
    answer = steps.run("trigger", "ratchet", "trigger", "--json", quiet=True)
    assert json.loads(answer) == {"decision": "SKIP"}
    assert said == ["$ ratchet trigger --json"]


def test_what_is_shown_is_shown_with_its_errors(
    steps: Steps, said: list[str], program: Callable[[str, str], None]
) -> None:
    program("dvc", "echo Running; echo 'a warning' >&2; echo 'Updating lock file'")
    steps.run("fetch", "dvc", "repro", "fetch")
    assert said == ["$ dvc repro fetch", "Running", "a warning"]


@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize(
    ("command", "script", "kind", "message"),
    [
        ("ratchet", "echo 'ratchet trigger: no rows' >&2; exit 3", DataError, "ratchet trigger"),
        ("dvc", "echo 'ERROR: the remote is down' >&2; exit 1", EvidenceError, "is down"),
        ("ratchet", "echo 'KeyError: 1' >&2; exit 1", RatchetError, "exit code 1: KeyError: 1"),
    ],
)
def test_a_failure_is_of_its_exit_code_and_in_its_own_words(
    steps: Steps,
    program: Callable[[str, str], None],
    command: str,
    script: str,
    kind: type[RatchetError],
    message: str,
    quiet: bool,
) -> None:
    program(command, script)
    with pytest.raises(kind, match=message):
        steps.run("trigger", command, "trigger", quiet=quiet)


@pytest.mark.parametrize(
    ("end", "told", "labels"),
    [
        ("exit 0", "2 passed, 1 caught, 1 slipped", []),
        (
            "echo 'ratchet drill: 1 of 4 faults slipped that must be caught: cut-to-70' >&2; "
            "echo 'tighten schema.yaml' >&2; exit 4",
            "ratchet drill: 1 of 4 faults slipped that must be caught: cut-to-70",
            ["drill: slipped"],
        ),
    ],
)
def test_the_drill_is_told_in_a_sentence(
    steps: Steps,
    said: list[str],
    program: Callable[[str, str], None],
    end: str,
    told: str,
    labels: list[str],
) -> None:
    outcomes = {"passed": 2, "caught": 1, "slipped": 1}
    (steps.top / DRILL).write_text(json.dumps({"outcomes": outcomes}))
    program("ratchet", f"echo 'a table of what was caught'; echo '0 caught'; {end}")
    assert drilled(steps) == labels
    assert said[-1] == f"{told}; `ratchet drill` has the table"
