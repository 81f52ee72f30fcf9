"""Git, as a process: what it prints, or a clear error."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ratchet.errors import EvidenceError

# Who signs a commit where nobody has told git a name: a fresh machine, a job.
_NOBODY = {"NAME": "Ratchet", "EMAIL": "ratchet@users.noreply.github.com"}
_SILENT = {"GIT_TERMINAL_PROMPT": "0"}


def git(top: Path, *arguments: str, stdin: str = "", **variables: str) -> str:
    """Run git in `top` and return what it printed, without the white space around it.

    variables: more of the environment. Raises EvidenceError with git's reason when it fails.
    """
    done = attempt(top, *arguments, stdin=stdin, **variables)
    if done.returncode != 0:
        reason = " ".join((done.stderr or done.stdout).split())
        raise EvidenceError(f"git {arguments[0]} failed in {top}: {reason}")
    return done.stdout.strip()


def git_bytes(top: Path, *arguments: str, stdin: str = "") -> bytes:
    """Run git in `top` and return what it printed as it is; EvidenceError when it fails."""
    done = subprocess.run(
        ["git", "-C", str(top), *arguments],
        input=stdin.encode(),
        env=os.environ | _SILENT,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        reason = (done.stderr.strip() or done.stdout.strip()).decode(errors="replace")
        raise EvidenceError(
            f"git {arguments[0]} failed in {top}: {reason or f'exit code {done.returncode}'}"
        )
    return done.stdout


def attempt(
    top: Path, *arguments: str, stdin: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run git in `top`, whatever its exit code; it never asks for a password."""
    return subprocess.run(
        ["git", "-C", str(top), *arguments],
        input=stdin,
        env=os.environ | _SILENT | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def status(top: Path, *paths: str) -> list[tuple[str, str]]:
    """Return the files that aren't as in HEAD, each after git's two letters; `??`: not tracked.

    paths: git's pathspecs, by default all. Raises EvidenceError when git can't tell.
    """
    listed = git_bytes(
        top, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *paths
    )
    return [(entry[:2], entry[3:]) for entry in os.fsdecode(listed).split("\0") if entry]


def identity(top: Path) -> str | None:
    """Return whom git would name in a commit, `NAME <ADDRESS>`; None when it knows nobody."""
    done = attempt(top, "var", "GIT_AUTHOR_IDENT")
    return done.stdout.rsplit(" ", 2)[0] if done.returncode == 0 else None


def signature(top: Path) -> Mapping[str, str]:
    """Return the variables that name who commits: git's own settings, or Ratchet."""
    return {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in _NOBODY.items()
        if f"GIT_{who}_{what}" not in os.environ
        and attempt(top, "config", "--get", f"user.{what.lower()}").returncode != 0
    }
