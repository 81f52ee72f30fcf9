"""The work tree around a night: clean before it, and as before it when nothing came of it.

Also when the night was killed: it leaves a mark, by which the next one puts back what it changed.
"""

import os
import shlex
from dataclasses import replace
from pathlib import Path

from ratchet import alone
from ratchet.alone import Mark
from ratchet.errors import ConfigError, EvidenceError
from ratchet.git import attempt, git, status
from ratchet.proposals import branch
from ratchet.proposals.proposal import RETRAIN, expected

# Keeps what a killed night had changed.
KEPT = "refs/ratchet/killed"
_MANIFEST = "data/manifest.csv"


class WorkTree:
    """The work tree in `top` as a night finds it.

    Raises ConfigError when it isn't clean, or stands on the branch that the night replaces.
    """

    def __init__(self, top: Path) -> None:
        self.top = top
        self.base = _head(top)
        self.branch = _standing(top)
        if self.branch == f"refs/heads/{RETRAIN}":
            raise ConfigError(
                f"this is {RETRAIN}, which the night replaces; go back first: "
                "`git switch main && dvc checkout`; then merge it if you want it"
            )
        found = status(top)
        dirty = [path for state, path in found if state != "??"]
        if dirty:
            raise ConfigError(
                f"not committed: {_some(dirty)}; a night begins with what is committed: commit, "
                "or put it aside with `git stash -u`"
            )
        untracked = [path for _, path in found]
        # A person's own notes. What a failed night has left is made again.
        self._there = {path for path in untracked if not expected(RETRAIN, path)}
        self._mark = Mark(os.getpid(), alone.now(), self.base, self.branch, tuple(untracked))

    def begin(self) -> None:
        """Leave a mark: from now on, until `alone.finish`, the night changes files."""
        alone.leave(self.top, self._mark)

    def changed(self) -> list[str]:
        """Return the files that the night has changed.

        Raises EvidenceError when one of them isn't a night's to change.
        """
        paths = self._touched()
        strangers = [path for path in paths if not expected(RETRAIN, path)]
        if strangers:
            raise EvidenceError(
                f"the night has changed {', '.join(strangers[:3])}, which it must not: look at "
                "`git status`"
            )
        return paths

    def restore(self, *, proposed: bool) -> None:
        """Bring git's files back to where the night began; `dvc checkout` does the rest.

        proposed: what the night leaves is on its branch. If not, files that git didn't know before
        are nowhere else, and stay.
        """
        self.stand_back()
        stay = () if proposed else self._mark.untracked
        paths = [path for path in self._touched() if expected(RETRAIN, path) and path not in stay]
        _restore(self.top, self.base, paths)

    def stand_on(self, made: str) -> None:
        """Let HEAD be at the night's own commit, for the gate; files stay as they are."""
        alone.leave(self.top, replace(self._mark, made=made))
        branch.stand_on(self.top, made)

    def stand_back(self) -> None:
        """Let HEAD be where the night began; files stay as they are."""
        _stand(self.top, self._mark)

    def _touched(self) -> list[str]:
        return sorted(path for _, path in status(self.top) if path not in self._there)


def put_back(top: Path) -> list[str]:
    """Bring git's files back to where a killed night began; say so in a line, if there were any.

    The caller has the lock. `dvc checkout` and `alone.finish` do the rest. What is taken away is
    kept as a commit, KEPT.

    Raises ConfigError when somebody has worked here since, whose files must not be lost.
    """
    mark = alone.left(top)
    if mark is None:
        return []
    if (_head(top), _standing(top)) == (mark.made, ""):
        _stand(top, mark)
    found = [(state, path) for state, path in status(top) if path not in mark.untracked]
    dirty = [path for state, path in found if state != "??"]
    if (_head(top), _standing(top)) != (mark.base, mark.branch):
        if dirty:
            raise ConfigError(
                f"not committed: {_some(dirty)}, and a night was killed here ({mark}), though not "
                "at this commit; keep what is yours and put the rest aside: `git stash -u && dvc "
                "checkout`"
            )
        return []  # somebody has cleared up
    yours = [path for path in dirty if not expected(RETRAIN, path) or _said(top, mark.base, path)]
    nights = sorted(path for _, path in found if expected(RETRAIN, path) and path not in yours)
    if not nights:
        return []
    if yours:
        raise ConfigError(
            f"not committed: {_some(yours)}, which is yours, beside what a killed night ({mark}) "
            f"has left: {_some(nights)}; put yours aside, `git stash push -- {shlex.join(yours)}`, "
            "and the next night puts back the rest"
        )
    there = [path for path in nights if (top / path).exists()]
    gone = [path for path in nights if path not in there]
    message = branch.message("What a killed night had changed")
    kept = branch.commit(top, mark.base, top, there, message, gone)
    git(top, "update-ref", KEPT, kept)
    _restore(top, mark.base, nights)
    return [f"put back what a killed night ({mark}) had changed: {_some(nights)}; {KEPT} keeps it"]


def _restore(top: Path, base: str, paths: list[str]) -> None:
    """Let these files be as in the commit `base`."""
    for path in paths:
        if attempt(top, "cat-file", "-e", f"{base}:{path}").returncode == 0:
            git(top, "checkout", "--quiet", base, "--", path)
        else:
            (top / path).unlink(missing_ok=True)


def _stand(top: Path, mark: Mark) -> None:
    if mark.branch:
        git(top, "symbolic-ref", "HEAD", mark.branch)
    else:
        git(top, "update-ref", "--no-deref", "HEAD", mark.base)
    git(top, "reset", "--quiet")


def _head(top: Path) -> str:
    return git(top, "rev-parse", "--verify", "HEAD^{commit}")


def _standing(top: Path) -> str:
    """Return what HEAD stands on, as refs/heads/NAME; "" for no branch."""
    return attempt(top, "symbolic-ref", "--quiet", "HEAD").stdout.strip()


def _said(top: Path, base: str, path: str) -> bool:
    """Tell whether the file is the manifest with a person's word: a night only adds pins to it."""
    if path != _MANIFEST or not (top / path).exists():
        return False
    before = set(branch.content(top, base, path).splitlines()[1:])
    now = set((top / path).read_text(encoding="utf-8").splitlines()[1:])
    return not before <= now or any(not line.endswith(",,") for line in now - before)


def _some(paths: list[str]) -> str:
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(paths[:3]) + more
