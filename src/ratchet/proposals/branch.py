"""The commit of a proposal: exactly its files on top of a commit, without touching the work tree.

The branch belongs to the machine and has one commit, which the next proposal replaces. A commit
of a person's on it is never thrown away.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ratchet.errors import BlockedError, EvidenceError
from ratchet.git import attempt, git, git_bytes, signature

TRAILER = "Proposed-by: ratchet"
SEAL = "Proposed-change:"
ORIGIN = "origin"
# A model made before one of these changed isn't what main would make now.
INPUTS = (
    ".dvc",
    "data",
    "dvc.lock",
    "dvc.yaml",
    "models",
    "params.yaml",
    "reports",
    "requirements",
    "schema.yaml",
    "src",
)


class MovedError(EvidenceError):
    """The branch to merge into has changed in a way that makes a proposal stale."""


def commit(
    top: Path,
    parent: str,
    files: Path,
    paths: Sequence[str],
    message: str,
    removed: Sequence[str] = (),
    texts: Mapping[str, str] | None = None,
) -> str:
    """Return a new commit: `parent` with `paths` as they are in the folder `files`.

    texts: the content of more files by path. The message is sealed: it names what the commit
    changes. Neither index, work tree nor any branch of the repository `top` changes.
    """
    with _index(top, parent) as index:
        store = ("hash-object", "-w", "--no-filters")
        blobs = {path: git(top, *store, "--", str((files / path).resolve())) for path in paths}
        for path, text in (texts or {}).items():
            blobs[path] = git_bytes(top, *store, "--stdin", stdin=text).decode().strip()
        for path, blob in blobs.items():
            git(top, "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", **index)
        for path in removed:
            git(top, "update-index", "--force-remove", "--", path, **index)
        tree = git(top, "write-tree", **index)
    sealed = f"{message}{SEAL} {_change(top, parent, tree)}\n"
    return git(top, "commit-tree", "-p", parent, tree, stdin=sealed, **signature(top))


def stand_on(top: Path, commit: str) -> None:
    """Let HEAD be `commit`, on no branch; the files of the work tree stay as they are."""
    git(top, "update-ref", "--no-deref", "HEAD", commit)
    git(top, "reset", "--quiet")


def local(top: Path, branch: str) -> str:
    """Return the commit that this repository's branch is at, "" when it has no such branch."""
    return attempt(top, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}").stdout.strip()


def message(title: str, trailers: Sequence[str] = ()) -> str:
    """Return a commit message that says whose branch it is on."""
    return "\n".join([title, "", *trailers, TRAILER, ""])


def fetch(top: Path, into: str, branch: str) -> tuple[str, str]:
    """Bring two branches from origin; return their commits, "" for a `branch` that isn't there."""
    wanted = [f"+refs/heads/{into}:refs/remotes/{ORIGIN}/{into}"]
    old = git(top, *_signed(), "ls-remote", ORIGIN, f"refs/heads/{branch}").split("\t")[0]
    if old:
        wanted.append(f"+refs/heads/{branch}:refs/remotes/{ORIGIN}/{branch}")
    git(top, *_signed(), "fetch", "--quiet", "--no-tags", ORIGIN, *wanted)
    return git(top, "rev-parse", f"refs/remotes/{ORIGIN}/{into}"), old


def refuse_stale(top: Path, base: str, tip: str) -> None:
    """Raise MovedError when what was made at `base` may not be proposed on top of `tip`."""
    if base == tip:
        return
    if attempt(top, "merge-base", "--is-ancestor", base, tip).returncode != 0:
        raise MovedError(
            f"{base[:10]}, which this was made from, is not part of origin's main ({tip[:10]}): if "
            "it is yours push it first, otherwise main was rewritten; then run again"
        )
    moved = git(top, "diff", "--name-only", base, tip, "--", *INPUTS).splitlines()
    if moved:
        more = f" and {len(moved) - 3} more" if len(moved) > 3 else ""
        raise MovedError(
            f"main has moved from {base[:10]} to {tip[:10]} meanwhile and changed "
            f"{', '.join(moved[:3])}{more}: this was made from what is no longer main's; run again"
        )


def refuse_foreign(top: Path, branch: str, old: str, into: str) -> None:
    """Raise BlockedError when the branch holds a commit that isn't Ratchet's own."""
    if not old:
        return
    # GitHub's "Update branch" makes a merge, which holds nothing of its own, or rebases: the commit
    # is another one then, but changes the same. An amended one keeps the message, not the change.
    log = git(top, "log", "--no-merges", "--format=%H%x00%h %an%x00%B%x01", old, f"^{into}")
    foreign = []
    for told in log.split("\1"):
        if told.strip():
            commit, who, said = told.strip().split("\0", 2)
            if f"{SEAL} {_change(top, commit)}" not in said:
                foreign.append(who)
    if foreign:
        raise BlockedError(
            f"{branch} has commits of somebody else ({', '.join(foreign[:3])}), which a new "
            "proposal would throw away; merge them, or move them to a branch of their own and "
            f"delete {branch}"
        )


def push(top: Path, branch: str, commit: str, old: str) -> None:
    """Let origin's branch be at `commit`, if it is still at `old`, "" for no branch.

    Raises EvidenceError when the push is refused, with what the token must be allowed to.
    """
    lease = f"--force-with-lease=refs/heads/{branch}:{old}"
    done = attempt(
        top, *_signed(), "push", "--quiet", lease, ORIGIN, f"{commit}:refs/heads/{branch}"
    )
    if done.returncode != 0:
        reason = " ".join(done.stderr.split())
        raise EvidenceError(
            f"origin refuses the push to {branch}: {reason}; the token needs `contents: write`, "
            "and nobody else may push there meanwhile. Nothing was proposed"
        )


def content(top: Path, commit: str, path: str) -> str:
    """Return a text file of a commit, "" when the commit doesn't have it."""
    done = attempt(top, "show", f"{commit}:{path}")
    return done.stdout if done.returncode == 0 else ""


def _change(top: Path, *commits: str) -> str:
    """Return a hash of which files differ, and how: between two commits, or one and its parent."""
    found = git_bytes(
        top, "diff-tree", "--root", "--no-commit-id", "-r", "-z", "--no-renames", *commits
    )
    return hashlib.sha256(found).hexdigest()


@contextmanager
def _index(top: Path, commit: str) -> Iterator[dict[str, str]]:
    """Yield the variable that leads git to an index of its own, at the state of a commit."""
    with tempfile.TemporaryDirectory(prefix="ratchet-index-") as folder:
        variables = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git(top, "read-tree", commit, **variables)
        yield variables


def _signed() -> list[str]:
    """Return options by which git asks gh for the token, if a job has given it one."""
    if "GH_TOKEN" not in os.environ:
        return []
    return ["-c", "credential.helper=", "-c", "credential.helper=!gh auth git-credential"]
