"""The work tree around a night: clean before it, and as before it when nothing came of it."""

from pathlib import Path

from ratchet.errors import ConfigError, EvidenceError
from ratchet.git import attempt, git, status
from ratchet.proposals.proposal import RETRAIN, expected


class WorkTree:
    """The work tree in `top` as a night finds it.

    Raises ConfigError when it isn't clean, or stands on the branch that the night replaces.
    """

    def __init__(self, top: Path) -> None:
        self.top = top
        self.base = git(top, "rev-parse", "--verify", "HEAD^{commit}")
        self.branch = attempt(top, "symbolic-ref", "--quiet", "HEAD").stdout.strip()
        if self.branch == f"refs/heads/{RETRAIN}":
            raise ConfigError(
                f"this is {RETRAIN}, which the night replaces; go back first: "
                "`git switch main && dvc checkout`; then merge it if you want it"
            )
        dirty = [path for state, path in status(self.top) if state != "??"]
        if dirty:
            raise ConfigError(
                f"not committed: {', '.join(dirty[:3])}{' and more' if len(dirty) > 3 else ''}; a "
                "night begins with what is committed: commit, or put it aside with `git stash -u`"
            )
        # A person's own notes. What a failed night has left is made again.
        self._there = {path for _, path in status(self.top) if not expected(RETRAIN, path)}

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

    def restore(self) -> None:
        """Bring git's files back to where the night began; `dvc checkout` does the rest."""
        self.stand_back()
        for path in self._touched():
            if not expected(RETRAIN, path):
                continue
            if attempt(self.top, "cat-file", "-e", f"{self.base}:{path}").returncode == 0:
                git(self.top, "checkout", "--quiet", self.base, "--", path)
            else:
                (self.top / path).unlink(missing_ok=True)

    def stand_back(self) -> None:
        """Let HEAD be where the night began; files stay as they are."""
        if self.branch:
            git(self.top, "symbolic-ref", "HEAD", self.branch)
        else:
            git(self.top, "update-ref", "--no-deref", "HEAD", self.base)
        git(self.top, "reset", "--quiet")

    def _touched(self) -> list[str]:
        return sorted(path for _, path in status(self.top) if path not in self._there)
