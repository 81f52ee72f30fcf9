"""The working tree, changed as a whole or not at all."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ratchet import alone
from ratchet.errors import ConfigError, EvidenceError
from ratchet.files import atomic_write
from ratchet.gate.revisions import History
from ratchet.git import git, git_bytes, identity, status


def refuse_changes(top: Path, folders: Sequence[str]) -> None:
    """Raise ConfigError unless every tracked file is as in HEAD, and nothing new is in `folders`.

    What isn't tracked elsewhere is nobody's business.
    """
    found = [
        path
        for state, path in status(top)
        if state != "??" or any(path.startswith(each) for each in folders)
    ]
    if found:
        shown = ", ".join(found[:5]) + (" and more" if len(found) > 5 else "")
        if night := alone.left(top):
            raise ConfigError(
                f"not committed: {shown}, and a night that was killed ({night}) has left some of "
                "it or all; keep what is yours, and put the rest aside: `git stash -u && dvc "
                "checkout`"
            )
        raise ConfigError(f"not committed: {shown}; commit or `git stash -u` that first")


def author(top: Path) -> str:
    """Return the name that git would put on a commit; ConfigError when it knows none."""
    known = identity(top)
    if known is None:
        raise ConfigError(
            "git doesn't know who you are; `git config --global user.name 'YOUR NAME'` and `git "
            "config --global user.email ADDRESS` tell it"
        )
    return known.split(" <")[0]


@contextmanager
def all_or_nothing(top: Path, files: Mapping[str, bytes | None]) -> Iterator[None]:
    """Write the files, None for one to delete, and run the block; on any error undo all of it.

    What the block makes of DVC's outputs is undone as well: those that were there are checked out
    again, new ones are removed.
    """
    outputs = _outputs(top)
    try:
        for path, content in files.items():
            if content is None:
                (top / path).unlink(missing_ok=True)
                continue
            with atomic_write(top / path) as partial:
                partial.write_bytes(content)
        yield
    except BaseException:
        _undo(top, list(files), outputs)
        raise


def commit(top: Path, paths: Sequence[str], message: str) -> str:
    """Commit these paths and nothing else; return the new commit. EvidenceError when git can't."""
    git_bytes(top, "add", "--all", "--", *paths)
    git_bytes(top, "commit", "--quiet", "--only", "--message", message, "--", *paths)
    return git(top, "rev-parse", "HEAD")


def _outputs(top: Path) -> dict[str, bool]:
    """Return HEAD's outputs that DVC keeps, and whether each is in the working tree."""
    history = History(top)
    head = history.resolve("HEAD")
    try:
        kept = [path for path in history.outputs(head) if history.content(head, path) is None]
    except EvidenceError:  # a broken dvc.lock may be why we are here
        return {}
    return {path: (top / path).exists() for path in kept}


def _undo(top: Path, paths: Sequence[str], outputs: Mapping[str, bool]) -> None:
    tracked = git_bytes(top, "ls-tree", "-r", "-z", "--name-only", "HEAD", "--", *paths).decode()
    there = [path for path in tracked.split("\0") if path]
    new = [path for path in paths if path not in there]
    git_bytes(top, "restore", "--source=HEAD", "--staged", "--worktree", "--", *there)
    if new:
        git_bytes(top, "rm", "--quiet", "--cached", "--ignore-unmatch", "--", *new)
    for path in new:
        (top / path).unlink(missing_ok=True)
    with suppress(EvidenceError):  # the error that led here says more
        History(top).checkout([path for path, was_there in outputs.items() if was_there])
    for path, was_there in outputs.items():
        if not was_there and (top / path).is_dir():
            shutil.rmtree(top / path)
        elif not was_there:
            (top / path).unlink(missing_ok=True)
