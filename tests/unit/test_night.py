"""How a night begins and fails. Scripts of the shell stand in for `ratchet` and `dvc`."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from ratchet import alone
from ratchet.errors import ConfigError, DataError
from ratchet.git import git, signature
from ratchet.nights import nightly
from ratchet.nights.nightly import VALIDATION, Options
from ratchet.nights.worktree import KEPT, WorkTree
from ratchet.proposals import branch
from ratchet.versions.worktree import refuse_changes

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


# Killed

MANIFEST = "data/manifest.csv"
NIGHT = """
import sys
import time
from contextlib import suppress
from pathlib import Path
from ratchet.nights import nightly
nightly.run(Path(sys.argv[1]), nightly.Options(Path(sys.argv[2])))
"""
PINNED = "id,override,note\n2013-01-01,,\n"


@pytest.fixture
def killed(top: Path) -> Path:
    """A repository whose night was killed by SIGKILL, when it had changed files."""
    (top / "data").mkdir()
    (top / MANIFEST).write_text(PINNED)
    (top / "params.yaml").write_text("one")
    (top / "reports/old.md").write_text("old")
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "-m", "Second", **signature(top))
    (top / "notes.txt").write_text("mine")
    (top / "reports/mine.md").write_text("mine, too")
    script = f"echo 2013-01-02,, >> {MANIFEST}; rm reports/old.md; echo new > dvc.lock"
    program(top, "ratchet", f"{script}; kill -9 $PPID")
    process = subprocess.run([sys.executable, "-c", NIGHT, str(top), str(top.parent / "out")])
    assert process.returncode == -signal.SIGKILL
    program(top, "ratchet", REFUSED)
    return top


def tonight(top: Path) -> str:
    """Run a night, which fails at its first step; return what it said."""
    said: list[str] = []
    with pytest.raises(DataError):
        nightly.run(top, Options(top.parent / "out"), said.append)
    return "\n".join(said)


def test_the_next_night_puts_back_what_a_killed_one_changed(killed: Path) -> None:
    program(killed, "dvc", "echo checkout >> ../dvc")
    said = tonight(killed)
    assert "put back what a killed night (PID " in said
    assert "had changed: data/manifest.csv, dvc.lock, reports/old.md; " in said
    assert (killed.parent / "dvc").read_text() == "checkout\n" * 2
    assert (killed / MANIFEST).read_text() == PINNED
    assert (killed / "reports/mine.md").read_text() == "mine, too"
    assert (killed / "notes.txt").exists()
    assert "2013-01-02" in git(killed, "show", f"{KEPT}:{MANIFEST}")
    assert git(killed, "diff", "--name-status", "HEAD", KEPT).split() == [
        "M", MANIFEST, "A", "dvc.lock", "D", "reports/old.md",
    ]  # fmt: skip
    assert "killed" not in tonight(killed)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("params.yaml", "two"),
        (MANIFEST, "id,override,note\n2013-01-01,exclude,half of it\n2013-01-02,,\n"),
    ],
)
def test_what_a_person_changed_since_is_not_thrown_away(killed: Path, path: str, text: str) -> None:
    (killed / path).write_text(text)
    before = git(killed, "status", "--porcelain")
    with pytest.raises(ConfigError, match=f"^not committed: {path}, which is yours, beside") as no:
        nightly.run(killed, Options(killed.parent / "out"))
    assert git(killed, "status", "--porcelain") == before
    assert (killed / path).read_text() == text
    # What it says helps.
    command = str(no.value).split("`")[1]
    named = {**os.environ, **signature(killed)}
    subprocess.run(command, shell=True, cwd=killed, check=True, env=named)
    assert "put back" in tonight(killed)
    git(killed, "stash", "pop")
    assert (killed / path).read_text() == text


def test_where_somebody_has_gone_on_nothing_is_put_back(killed: Path) -> None:
    git(killed, "switch", "--quiet", "--create", "mine")
    git(killed, "commit", "--quiet", "--message", "Mine", "reports/old.md", **signature(killed))
    with pytest.raises(ConfigError, match=r"^not committed: data/manifest\.csv, and a night was"):
        nightly.run(killed, Options(killed.parent / "out"))
    assert "2013-01-02" in (killed / MANIFEST).read_text()
    git(killed, "stash", "--include-untracked", **signature(killed))
    assert "killed" not in tonight(killed)
    assert alone.left(killed) is None


def test_a_rollback_says_what_a_killed_night_has_left(killed: Path) -> None:
    with pytest.raises(ConfigError, match=r"^not committed: .*, and a night that was killed \(PID"):
        refuse_changes(killed, ["data/"])


def test_a_night_that_was_killed_in_the_gate_is_put_back_on_its_branch(top: Path) -> None:
    tree = WorkTree(top)
    tree.begin()
    (top / "dvc.lock").write_text("new")
    made = branch.commit(top, tree.base, top, ["dvc.lock"], branch.message("Tonight's model"))
    tree.stand_on(made)
    assert git(top, "rev-parse", "HEAD") == made
    assert "had changed: dvc.lock; " in tonight(top)
    assert git(top, "symbolic-ref", "HEAD") == "refs/heads/main"
    assert git(top, "rev-parse", "HEAD") == tree.base
    assert git(top, "status", "--porcelain") == ""


def test_a_step_that_outlives_its_night_is_waited_for(top: Path) -> None:
    program(top, "ratchet", "kill -9 $PPID; until [ -e ../go ]; do sleep .02; done")
    subprocess.run([sys.executable, "-c", NIGHT, str(top), str(top.parent / "out")], check=False)
    program(top, "ratchet", REFUSED)
    try:
        with pytest.raises(ConfigError, match=r"^a step of a night that was killed \(PID"):
            nightly.run(top, Options(top.parent / "out"))
    finally:
        (top.parent / "go").touch()
    wait = time.monotonic() + 30
    while time.monotonic() < wait:
        with suppress(ConfigError), alone.alone(top, "the one that waits"):
            break
        time.sleep(0.02)
    tonight(top)


def test_while_a_night_runs_no_other_begins(top: Path) -> None:
    (top / VALIDATION).write_text("changed by the one that runs")
    with (
        alone.alone(top, "a night"),
        pytest.raises(ConfigError, match=rf"^a night is running here \(PID {os.getpid()}"),
    ):
        nightly.run(top, Options(top.parent / "out"))
