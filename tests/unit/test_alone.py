"""Two real processes, one lock."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ratchet.alone import Mark, alone, finish, leave, left, scratch
from ratchet.errors import ConfigError, EvidenceError
from ratchet.git import git

# Holds the lock, with a child that holds it too, until somebody ends them.
HOLDER = """
import subprocess, sys
from pathlib import Path
from ratchet.alone import alone
with alone(Path(sys.argv[1]), "a night") as lock:
    child = subprocess.Popen(["sleep", "60"], pass_fds=(lock,))
    print(child.pid, flush=True)
    child.wait()
"""
# Counts in a file, which takes two steps.
COUNTER = """
import sys, time
from pathlib import Path
from ratchet.alone import alone
from ratchet.errors import ConfigError, EvidenceError
top = Path(sys.argv[1])
for _ in range(7):
    while True:
        try:
            with alone(top, "a counter"):
                number = int((top / "number").read_text())
                time.sleep(0.001)
                (top / "number").write_text(str(number + 1))
            break
        except ConfigError:
            time.sleep(0.001)
"""


@pytest.fixture
def top(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    return tmp_path


@contextmanager
def holder(top: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start a process that holds the lock, and yield it with its child's PID."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(top)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            yield process, child
        finally:
            process.kill()
            os.kill(child, signal.SIGKILL)


def test_who_comes_second_is_told_who_is_there(top: Path) -> None:
    with holder(top) as (process, _):
        told = rf"^a night is running here \(PID {process.pid}, since .* UTC\); wait for it"
        with pytest.raises(ConfigError, match=told), alone(top, "a rollback"):
            pytest.fail("both are in")
    with alone(top, "a rollback"):
        assert git(top, "status", "--porcelain") == ""


def test_a_killed_one_holds_nothing_but_what_it_has_started_does(top: Path) -> None:
    with holder(top) as (process, _):
        process.kill()
        process.wait()
        told = rf"^a step of a night that was killed \(PID {process.pid}, since .*\) is still at"
        with pytest.raises(ConfigError, match=told), alone(top, "a rollback"):
            pytest.fail("both are in")
    with alone(top, "a rollback"):
        pass


def test_a_child_that_runs_on_after_the_end_holds_nothing(top: Path) -> None:
    with alone(top, "a night") as lock:
        child = subprocess.Popen(["sleep", "60"], pass_fds=(lock,))
    with child:
        try:
            with alone(top, "the next"):
                pass
        finally:
            child.kill()


def test_there_is_never_more_than_one(top: Path) -> None:
    (top / "number").write_text("0")
    command = [sys.executable, "-c", COUNTER, str(top)]
    counters = [subprocess.Popen(command) for _ in range(3)]
    assert [each.wait() for each in counters] == [0, 0, 0]
    assert (top / "number").read_text() == "21"


def test_who_has_said_nothing_yet_is_there_all_the_same(top: Path) -> None:
    with alone(top, "a night"):
        (top / ".git/ratchet/holder.json").unlink()
        with pytest.raises(ConfigError, match="just begun here"), alone(top, "a rollback"):
            pytest.fail("both are in")


def test_a_folder_that_cannot_be_made_is_named(top: Path) -> None:
    (top / ".git/ratchet").write_text("")
    with pytest.raises(EvidenceError, match=r"ratchet/lock: cannot be made \("), alone(top, "me"):
        pytest.fail("nobody holds a lock")


def test_a_mark_is_read_as_it_was_left(top: Path) -> None:
    assert left(top) is None
    with alone(top, "a night"):
        mark = Mark(os.getpid(), "tonight", "a" * 40, "refs/heads/main", ("grüße.md",))
        leave(top, mark)
    assert left(top) == mark
    finish(top)
    finish(top)
    assert left(top) is None


def test_what_a_killed_one_left_in_the_scratch_folder_goes(top: Path) -> None:
    (scratch(top) / "clone").mkdir()
    assert list(scratch(top).iterdir()) == []
