"""What Ratchet starts is found where nobody has activated its environment, too."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from ratchet.cli.main import main
from ratchet.programs import search_path

SHORT = f"/usr/bin{os.pathsep}/bin"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder of programs, the one that runs this Python; PATH is that of cron."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "dvc").write_text("#!/bin/sh\n")
    (programs / "dvc").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(programs / "python"))
    monkeypatch.setenv("PATH", SHORT)
    return str(programs)


def test_the_environment_s_own_programs_come_first(folder: str) -> None:
    assert search_path() == f"{folder}{os.pathsep}{SHORT}"


def test_what_a_person_has_set_up_stays_as_it_is(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = os.pathsep.join(["/opt/mine", folder, SHORT])
    monkeypatch.setenv("PATH", path)
    assert search_path() == path


def test_a_python_that_does_not_know_where_it_is_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", SHORT)
    monkeypatch.setattr(sys, "executable", "")  # in another program, as web servers have it
    assert search_path() == SHORT


def test_a_command_sets_it_for_all_that_it_starts(folder: str) -> None:
    assert shutil.which("dvc", path=SHORT) is None
    assert main(["alarm", "--needs", "{"]) == 2
    assert shutil.which("dvc") == f"{folder}/dvc"
