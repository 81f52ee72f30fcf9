"""Python, the locked environment, git, DVC and its remote."""

import configparser
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from ratchet.doctor.finding import Finding, fail, ok, warn
from ratchet.errors import EvidenceError
from ratchet.git import attempt, identity, status

PYTHON = (3, 11)
MAIN = "main"
_SHOWN = 4  # names told one by one
_STATUS = ("data", "status", "--json")
_PATIENCE = 45.0  # seconds for one question to DVC


def python() -> Finding:
    """Look at the version of Python."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] == PYTHON:
        return ok("Python", found)
    way_out = "make the environment with Python 3.11: `make clean && make setup PYTHON=python3.11`"
    if sys.version_info[:2] < PYTHON:
        return fail("Python", f"{found}; 3.11 is needed", way_out)
    return warn("Python", f"{found}; models are byte-stable with the 3.11 of the lock", way_out)


def environment(lock: Path) -> Finding:
    """Hold what is installed against the lock file."""
    try:
        pinned = list(_pinned(lock.read_text(encoding="utf-8")))
    except OSError as error:
        why = f"{lock} can't be read ({error.strerror})"
        return fail("environment", why, f"`git checkout -- {lock}`", EvidenceError)
    installed = {name: _installed(name) for name, _ in pinned}
    absent = [name for name, _ in pinned if not installed[name]]
    other = [
        f"{name} {installed[name]} for {wanted}"
        for name, wanted in pinned
        if installed[name] not in ("", wanted)
    ]
    way_out = "`make setup`, then `source .venv/bin/activate`"
    if absent:
        return fail("environment", f"not installed: {_names(absent)}", way_out)
    if other:
        told = f"{len(other)} of {len(pinned)} packages aren't those of {lock}: {_names(other)}"
        return warn("environment", told, f"{way_out}; otherwise the gate can't make models again")
    return ok("environment", f"the {len(pinned)} packages of {lock}")


def _pinned(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and version of each package that this machine is to have."""
    for line in text.splitlines():
        if not line or line[0] in " #-":
            continue
        wanted = Requirement(line.rstrip(" \\"))
        if wanted.marker is None or wanted.marker.evaluate():
            yield wanted.name, str(wanted.specifier).removeprefix("==")


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def git(top: Path) -> list[Finding]:
    """Look at the repository: is this its top, is it clean, who commits, where does main go?"""
    if shutil.which("git") is None:
        return [fail("git", "git isn't installed", "install it from your system's packages")]
    inside = attempt(top, "rev-parse", "--show-cdup")
    if inside.returncode:
        return [fail("git", "this is no git repository", "`git init`, or clone your repository")]
    if inside.stdout.strip():
        return [
            fail("git", "this isn't the repository's top folder", f"`cd {inside.stdout.strip()}`")
        ]
    return [_clean(top), _identity(top), _main(top)]


def _clean(top: Path) -> Finding:
    try:
        changed = [path for state, path in status(top) if state != "??"]
    except EvidenceError as error:
        return fail("git", str(error), "`git status` says it too: mend that first", EvidenceError)
    if not changed:
        return ok("git", "nothing is uncommitted")
    told = f"not committed: {_names(changed)}"
    return warn("git", told, "a night begins with what is committed: commit, or `git stash`")


def _identity(top: Path) -> Finding:
    known = identity(top)
    if known is not None:
        return ok("git identity", known)
    return warn(
        "git identity",
        "git doesn't know who you are, so that you can't commit a rollback or register a version",
        '`git config --global user.name "NAME"` and `git config --global user.email ADDRESS`',
    )


def _main(top: Path) -> Finding:
    check = f"branch {MAIN}"
    if attempt(top, "rev-parse", "--verify", "--quiet", f"refs/heads/{MAIN}").returncode:
        way_out = f"`git switch {MAIN}`, or give yours to `ratchet nightly --into BRANCH`"
        return warn(check, "there is no such branch here, and nights merge into it", way_out)
    followed = attempt(top, "rev-parse", "--abbrev-ref", f"{MAIN}@{{upstream}}")
    if followed.returncode:
        told = "follows no branch elsewhere: nights stay on this machine"
        return warn(check, told, f"`git remote add origin URL`, `git push -u origin {MAIN}`")
    return ok(check, f"follows {followed.stdout.strip()}")


class SilentError(Exception):
    """DVC gave no answer; the text says why."""


def dvc(top: Path) -> list[Finding]:
    """Look at DVC: the lock file against dvc.yaml, the cache, and the remote."""
    if shutil.which("dvc") is None:
        return [fail("DVC", "dvc isn't installed here", "`source .venv/bin/activate`")]
    if not (top / ".dvc").is_dir():
        return [
            fail("DVC", "this is no repository of DVC", "`git checkout -- .dvc`, or `dvc init`")
        ]
    return [_in_step(top), *_objects(top)]


def _in_step(top: Path) -> Finding:
    if not (top / "dvc.lock").exists():
        return warn("pipeline", "it has never run: there is no dvc.lock", "`make repro`")
    try:
        stages = _asked(top, "status", "--json")
    except SilentError as error:
        return fail("pipeline", str(error), "`dvc status -v` says more", EvidenceError)
    if not stages:
        return ok("pipeline", "dvc.lock is in step with dvc.yaml, data and code")
    told = f"not made from what is here now: {_names(stages)}"
    return warn("pipeline", told, "`dvc repro`; `dvc status` names what differs")


def _objects(top: Path) -> list[Finding]:
    """Look at the cache and the remote with one question, or two when the remote is away."""
    name, url = _remote(top)
    try:
        found = _asked(top, *_STATUS, *["--not-in-remote"] * bool(name))
        remote = _of_remote(name, url, found)
    except SilentError as error:
        told = f"{name} ({url}) can't be asked: {error}"
        way_out = 'credentials or network first: docs/aws.md, "When something is wrong"'
        remote = fail("DVC remote", told, way_out, EvidenceError)
        try:
            found = _asked(top, *_STATUS)
        except SilentError as again:
            way_out = "`dvc data status -v` says more"
            return [fail("DVC cache", str(again), way_out, EvidenceError), remote]
    return [_of_cache(found), remote]


def _of_remote(name: str, url: str, found: Mapping[str, Any]) -> Finding:
    if not name:
        told = "none is set: what you make stays in this machine's cache"
        return warn("DVC remote", told, "docs/aws.md, step 5")
    lacking = found.get("not_in_remote", [])
    if lacking:
        told = f"{name} ({url}) lacks {_names(sorted(lacking))}"
        return warn("DVC remote", told, "`dvc push`, or nobody else can have this commit")
    return ok("DVC remote", f"{name} ({url}) can be read, and has what this commit names")


def _of_cache(found: Mapping[str, Any]) -> Finding:
    absent = set(found.get("not_in_cache", []))
    if not absent:
        return ok("DVC cache", "has what this commit names")
    lost = absent & set(found.get("not_in_remote", []))
    way_out = "`dvc repro` makes them" if lost else "`dvc pull` brings them"
    return warn("DVC cache", f"lacks {_names(sorted(absent))}", way_out)


def _remote(top: Path) -> tuple[str, str]:
    """Return the default remote's name and URL; "" where none is set."""
    settings = configparser.ConfigParser(interpolation=None)
    settings.read([top / ".dvc/config", top / ".dvc/config.local"], encoding="utf-8")
    name = settings.get("core", "remote", fallback="")
    return name, settings.get(f"'remote \"{name}\"'", "url", fallback="")


def _asked(top: Path, *arguments: str) -> Any:
    """Return DVC's answer; SilentError without one."""
    try:
        done = subprocess.run(
            ["dvc", *arguments],
            cwd=top,
            env={"AWS_MAX_ATTEMPTS": "2", **os.environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        return json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise SilentError(f"no answer in {_PATIENCE:.0f} s") from None
    except ValueError:
        told = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        reason = told[0].removeprefix("ERROR: ").removeprefix("unexpected error - ") if told else ""
        raise SilentError(reason or f"exit code {done.returncode}") from None


def _names(names: Iterable[str]) -> str:
    """Return the first few of the names."""
    known = list(names)
    more = len(known) - _SHOWN
    return ", ".join(known[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
