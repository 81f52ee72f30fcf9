"""A commit's model with what it was made from, as git has it: no checkout, no DVC."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.errors import EvidenceError
from ratchet.journal.accepted import Version
from ratchet.journal.commits import Commits, Revision
from ratchet.versions import record
from ratchet.versions.record import Places, Record

_PINNED = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)", re.MULTILINE)


@dataclass(frozen=True)
class Inputs:
    """Where a commit has what a model is made from: paths from the top of the repository."""

    params: str
    schema: str
    environment: str


@dataclass(frozen=True)
class Snapshot:
    """A commit's model. version: None when it isn't registered.

    params, schema: their content; empty where it can't be read. packages: the locked version of
    each, by name. environment_sha256: of the lock file; empty without one.
    """

    at: Revision
    version: Version | None
    record: Record
    params: Mapping[str, Any]
    schema: Mapping[str, Any]
    packages: Mapping[str, str]
    environment_sha256: str

    @property
    def name(self) -> str:
        """The tag of its version, or what the commit was called."""
        return self.version.tag if self.version else self.at.name


def take(
    commits: Commits, at: Revision, version: Version | None, places: Places, inputs: Inputs
) -> Snapshot:
    """Return what a commit has."""
    files = [commits.content(at, path) for path in record.paths(places, drift=False)]
    lock = commits.content(at, inputs.environment)
    return Snapshot(
        at,
        version,
        record.read(*files),
        values(commits, at, inputs.params),
        values(commits, at, inputs.schema),
        packages((lock or b"").decode(errors="replace")),
        "" if lock is None else hashlib.sha256(lock).hexdigest(),
    )


def values(commits: Commits, at: Revision, path: str) -> Mapping[str, Any]:
    """Return the content of a commit's YAML file; nothing where it can't be read."""
    try:
        return commits.yaml(at, path) or {}
    except EvidenceError:  # broken then; that must not hide the rest
        return {}


def packages(lock: str) -> dict[str, str]:
    """Return the version of each package in a lock file, by name."""
    return dict(_PINNED.findall(lock))


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return how two environments differ, a line for each package."""
    return [
        f"{name} {before.get(name, 'absent')} → {after.get(name, 'absent')}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
