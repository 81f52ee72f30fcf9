"""Commits: their files, as git's objects have them, and never from the working tree."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ratchet.errors import EvidenceError, in_one_line
from ratchet.git import attempt, git_bytes, status

LOCK = "dvc.lock"


@dataclass(frozen=True)
class Revision:
    """A commit by the name that a person gave it, and its full hash."""

    name: str
    commit: str

    def __str__(self) -> str:
        """Return the name with the first digits of the hash."""
        return f"{self.name} ({self.commit[:7]})"


class Commits:
    """The commits of the repository around `top`."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self._parsed: dict[tuple[str, str], dict[str, Any] | None] = {}

    def resolve(self, name: str) -> Revision:
        """Return the commit that `name` stands for; EvidenceError when there is none."""
        done = attempt(
            self.top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
        )
        if done.returncode != 0:
            raise EvidenceError(
                f"{name}: is no revision here; `git fetch origin` brings the branches of origin "
                "(a workflow checks out with fetch-depth: 0)"
            )
        return Revision(name, done.stdout.strip())

    def subject(self, at: Revision) -> str:
        """Return the first line of a commit's message."""
        return self._git("log", "-1", "--format=%s", at.commit).decode(errors="replace").strip()

    def last_change(self, path: str) -> str:
        """Return the newest commit of HEAD's history that changed a file; "" when none did."""
        return self._git("log", "-1", "--format=%H", "--", path).decode().strip()

    def refuse_shallow(self) -> None:
        """Raise EvidenceError when this clone lacks the older part of its history."""
        if self._git("rev-parse", "--is-shallow-repository").strip() == b"true":
            raise EvidenceError(
                "this clone is shallow, so that versions may be unknown here; `git fetch "
                "--unshallow --tags` brings them (a workflow checks out with fetch-depth: 0)"
            )

    def content(self, at: Revision, path: str) -> bytes | None:
        """Return a file of a commit; None when the commit doesn't have it."""
        # What can't be read must not look like what isn't there.
        if not self._git("ls-tree", at.commit, "--", path):
            return None
        return self._git("cat-file", "blob", f"{at.commit}:{path}")

    def text(self, at: Revision, path: str) -> str | None:
        """Return a text file of a commit; None when the commit doesn't have it."""
        content = self.content(at, path)
        try:
            return None if content is None else content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise EvidenceError(f"{path} at {at}: is not text in UTF-8 ({error})") from error

    def yaml(self, at: Revision, path: str) -> dict[str, Any] | None:
        """Return a mapping from a YAML file of a commit; None when the commit doesn't have it."""
        if (at.commit, path) not in self._parsed:  # dvc.lock takes ruamel.yaml a while
            self._parsed[at.commit, path] = self._parse(at, path)
        return self._parsed[at.commit, path]

    def _parse(self, at: Revision, path: str) -> dict[str, Any] | None:
        text = self.text(at, path)
        if text is None:
            return None
        try:
            content = YAML(typ="safe").load(text)
        except YAMLError as error:
            reason = in_one_line(error)
            raise EvidenceError(f"{path} at {at}: is not valid YAML: {reason}") from error
        if not isinstance(content, dict):
            raise EvidenceError(f"{path} at {at}: must be a mapping of keys to values")
        return content

    def uncommitted(self, paths: Sequence[str], but: Sequence[str] = ()) -> list[str]:
        """Return which files under `paths` the working tree has otherwise than HEAD."""
        without = [f":(exclude){path}" for path in but]
        return [path for _, path in status(self.top, *paths, *without)]

    def changed(self, base: Revision, head: Revision) -> list[str]:
        """Return the files that `head` has otherwise than `base`, and changed itself.

        What only the base changed since the two parted is not the head's doing.
        """
        differing = self._differing(base.commit, head.commit)
        parted = self.parted(base, head)
        if parted is None:
            return sorted(differing)
        return sorted(differing & self._differing(parted.commit, head.commit))

    def parted(self, base: Revision, head: Revision) -> Revision | None:
        """Return the commit where the two parted; None when they have no history in common."""
        done = attempt(self.top, "merge-base", base.commit, head.commit)
        if done.returncode != 0:
            return None
        return Revision(f"where {head.name} left {base.name}", done.stdout.strip())

    def differing(self, one: Revision, other: Revision) -> list[str]:
        """Return the files that differ between two commits."""
        return sorted(self._differing(one.commit, other.commit))

    def behind(self, base: Revision, head: Revision) -> int:
        """Return how many commits of `base` the `head` doesn't have."""
        return int(self._git("rev-list", "--count", f"{head.commit}..{base.commit}"))

    def output(self, at: Revision, path: str) -> str | None:
        """Return the MD5 that dvc.lock of a commit has for an output; None when it has none."""
        return self.outputs(at).get(path)

    def outputs(self, at: Revision) -> dict[str, str]:
        """Return the MD5 of each output in dvc.lock of a commit, by path."""
        lock = self.yaml(at, LOCK) or {}
        try:
            return {
                out["path"]: str(out["md5"])
                for stage in (lock.get("stages") or {}).values()
                for out in stage.get("outs", [])
            }
        except (AttributeError, KeyError, TypeError) as error:
            raise EvidenceError(
                f"{LOCK} at {at}: is not a lock file of DVC; `dvc repro` writes it"
            ) from error

    def _differing(self, one: str, other: str) -> set[str]:
        listed = self._git("diff", "--name-only", "-z", "--no-renames", one, other)
        return {name.decode() for name in listed.split(b"\0") if name}

    def _git(self, *arguments: str) -> bytes:
        return git_bytes(self.top, *arguments)
