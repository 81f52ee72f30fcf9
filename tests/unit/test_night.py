"""How a night begins and fails. Scripts of the shell stand in for `ratchet` and `dvc`."""

import os
from pathlib import Path

import pytest

from ratchet.errors import ConfigError, DataError
from ratchet.git import git, signature
from ratchet.nights import nightly
from ratchet.nights.nightly import VALIDATION, Options

REFUSED = "echo 'ratchet discover: refused' >&2; exit 3"


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the report of another night, whose `ratchet` fails at once."""
    top = tmp_path / "top"
    (top / "reports").mkdir(parents=True)
    (top / VALIDATION).write_text("# Last night's\n")
    git(top, "init", "--quiet", "--initial-branch", "main")
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "-m", "First", **signature(top))
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    program(top, "ratchet", REFUSED)
    program(top, "dvc", "exit 0")
    return top


def program(top: Path, name: str, script: str) -> None:
    path = top.parent / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_a_folder_with_files_of_a_person_is_refused_before_anything_runs(top: Path) -> None:
    program(top, "ratchet", "touch ran; exit 3")
    folder = top.parent / "out"
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    for hand_over in (True, False):
        with pytest.raises(ConfigError, match=r"out: has thesis\.txt"):
            nightly.run(top, Options(folder, hand_over=hand_over))
    assert (folder / "thesis.txt").read_text() == "mine"
    assert not (top / "ran").exists()


def test_the_report_of_another_night_explains_nothing(top: Path) -> None:
    folder = top.parent / "out"
    with pytest.raises(DataError):
        nightly.run(top, Options(folder))
    assert (folder / "report.md").read_text() == "# FAILED\n\nratchet discover: refused\n"
    # Its own does; and the folder is this night's to make anew.
    program(top, "ratchet", f"echo '# Tonight' > {VALIDATION}; {REFUSED}")
    with pytest.raises(DataError):
        nightly.run(top, Options(folder))
    assert (folder / "report.md").read_text() == "# Tonight\n"
    assert git(top, "status", "--porcelain") == ""
