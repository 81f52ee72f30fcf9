"""One at a time: a night, a rollback and a garbage collection have the repository to themselves.

The lock is the kernel's, so it goes with the process that holds it, however that ends. A night also
leaves a mark while it changes files: whoever finds one without the lock knows of a killed night.
All of it lies in git's own folder, where nobody commits it and no `git clean` removes it.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from ratchet.errors import ConfigError, EvidenceError
from ratchet.files import write_text
from ratchet.git import git


@dataclass(frozen=True)
class Mark:
    """How a night found the work tree that it is changing.

    base: the commit. branch: what HEAD stood on, as refs/heads/NAME, "" for none. untracked: the
    files that git didn't know. made: the night's own commit that HEAD is at for the gate, or "".
    """

    pid: int
    since: str
    base: str
    branch: str
    untracked: tuple[str, ...]
    made: str = ""

    def __str__(self) -> str:
        """Say which night it was."""
        return f"PID {self.pid}, since {self.since}"


@contextmanager
def alone(top: Path, who: str) -> Iterator[int]:
    """Have the repository around `top` for this process while the block runs.

    who: what it is, for those who come meanwhile. Yields the open file of the lock: a child that is
    given it (`pass_fds`) holds the lock, too, if this process is killed.

    Raises ConfigError, which names the holder, when another process has the lock.
    """
    folder = _folder(top)
    path = folder / "lock"
    try:
        folder.mkdir(exist_ok=True)
        file = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    except OSError as error:
        raise EvidenceError(
            f"{path}: cannot be made ({os.strerror(error.errno or 0)}); git's folder must be yours "
            "to write"
        ) from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _taken(folder / "holder.json") from None
        told = {"who": who, "pid": os.getpid(), "since": now()}
        write_text(folder / "holder.json", json.dumps(told) + "\n")
        yield file
    finally:
        # Closing alone wouldn't do: what DVC leaves running for its statistics has the file, too.
        fcntl.flock(file, fcntl.LOCK_UN)
        os.close(file)


def now() -> str:
    """Return the time as the messages have it."""
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"


def leave(top: Path, mark: Mark) -> None:
    """Leave a night's mark; it takes the place of an earlier one."""
    write_text(_mark(top), json.dumps(asdict(mark), indent=1) + "\n")


def left(top: Path) -> Mark | None:
    """Return the mark of a night that hasn't ended, or was killed; None without one."""
    try:
        told = json.loads(_mark(top).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Mark(**told | {"untracked": tuple(told["untracked"])})


def finish(top: Path) -> None:
    """Take the mark away: all is as it should be."""
    _mark(top).unlink(missing_ok=True)


def scratch(top: Path) -> Path:
    """Return an empty folder for the temporary files of the one who has the lock."""
    folder = _folder(top) / "scratch"
    if folder.exists():
        shutil.rmtree(folder)  # a process that was killed has left it
    folder.mkdir(parents=True)
    return folder


def _mark(top: Path) -> Path:
    return _folder(top) / "night.json"


def _folder(top: Path) -> Path:
    return Path(git(top, "rev-parse", "--absolute-git-dir")) / "ratchet"


def _taken(note: Path) -> ConfigError:
    """Return the error that says who has the lock."""
    if not note.exists():
        return ConfigError("another command has just begun here; wait for it")
    holder = json.loads(note.read_text(encoding="utf-8"))
    who, pid, since = holder["who"], holder["pid"], holder["since"]
    if not psutil.pid_exists(pid):
        return ConfigError(
            f"a step of {who} that was killed (PID {pid}, since {since}) is still at work here; "
            "wait until it ends"
        )
    return ConfigError(
        f"{who} is running here (PID {pid}, since {since}); wait for it, or end it: `kill {pid}`"
    )
