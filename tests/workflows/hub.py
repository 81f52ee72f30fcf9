"""What GitHub holds: one repository with its issues, pull requests and releases, and tokens.

`github.GitHub` serves it; here is its state and what moves by itself: pull requests follow their
branches, close with them, and merge.
"""

import itertools
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import git_http
from apps import App
from git_http import git
from web import Request

OWNER, NAME = "acme", "model"
SLUG = f"{OWNER}/{NAME}"
DEFAULT_BRANCH = "main"
JOB_LOGIN = "github-actions[bot]"
_LEVELS = {"none": 0, "read": 1, "write": 2}
_NOBODY = "0" * 40


@dataclass(frozen=True)
class Token:
    """Who it speaks for, and its rights: permission, as in `permissions:` → none, read or write."""

    value: str
    name: str
    login: str
    rights: dict[str, str]

    def may(self, permission: str, level: str) -> bool:
        """Whether it holds at least this level."""
        return _LEVELS[self.rights.get(permission, "none")] >= _LEVELS[level]


@dataclass
class Comment:
    """A comment on an issue or pull request."""

    id: int
    number: int
    author: str
    body: str


@dataclass
class Issue:
    """An issue; a pull request is one too."""

    number: int
    author: str
    title: str
    body: str
    labels: list[str] = field(default_factory=list)
    state: str = "open"
    state_reason: str | None = None
    comments: list[Comment] = field(default_factory=list)


@dataclass
class Pull(Issue):
    """A pull request. `sha` is its head's, which follows the branch as long as it is open.

    repository: where the branch is; another one's for a pull request from a fork.
    """

    head: str = ""
    repository: str = SLUG
    base: str = DEFAULT_BRANCH
    sha: str = ""
    draft: bool = False
    merged: bool = False
    merge_commit: str | None = None


@dataclass
class Release:
    """A release and its files."""

    id: int
    tag: str
    target: str
    name: str
    body: str
    author: str
    draft: bool
    prerelease: bool
    assets: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Dispatch:
    """A workflow that was asked to run."""

    workflow: str
    ref: str
    inputs: dict[str, str]
    token: Token


@dataclass(frozen=True)
class Push:
    """A branch or tag that git moved; `before` or `after` is empty when it was made or removed."""

    ref: str
    before: str
    after: str
    token: Token

    @property
    def triggers(self) -> bool:
        """Whether GitHub runs workflows for it: not for one by a job's own token."""
        return self.token.login != JOB_LOGIN


@dataclass(frozen=True)
class Status:
    """A commit's status."""

    sha: str
    context: str
    state: str
    description: str
    target_url: str
    author: str


@dataclass(frozen=True)
class Entry:
    """A request to GitHub: whose token it carried ("" for none), and what it was answered."""

    method: str
    path: str
    token: str
    status: int

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status} by {self.token or 'nobody'}"


class Hub:
    """The state; it is there to be looked at, and to be set."""

    def __init__(self, folder: Path, repository: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.repository = repository or folder / f"{NAME}.git"
        if not self.repository.exists():
            git(folder, "init", "--quiet", "--bare", "-b", DEFAULT_BRANCH, str(self.repository))
        git_http.install(self.repository)
        self.app = App(folder)
        self.tokens: dict[str, Token] = {}
        self.issues: dict[int, Issue] = {}  # pull requests as well: they share the numbers
        self.labels: dict[str, dict[str, str]] = {}
        self.releases: list[Release] = []
        self.dispatches: list[Dispatch] = []
        self.pushes: list[Push] = []
        self.statuses: list[Status] = []
        self.log: list[Entry] = []
        self.calls: list[Request] = []
        self.unknown: list[str] = []
        self.answers: dict[str, int] = {}  # host → status, for hosts that aren't GitHub
        self.protected = {f"refs/heads/{DEFAULT_BRANCH}"}
        self.jobs_may_open_pulls = True
        self.down = False
        self.lock = threading.RLock()
        self.ids = itertools.count(1001)
        self._numbers = itertools.count(1)
        self.hooks: list[tuple[str, re.Pattern[str], Callable[[], object]]] = []

    url = f"https://github.com/{SLUG}"
    api = f"https://api.github.com/repos/{SLUG}"

    @property
    def pulls(self) -> dict[int, Pull]:
        """The pull requests by number."""
        return {n: issue for n, issue in self.issues.items() if isinstance(issue, Pull)}

    @property
    def open_pulls(self) -> list[Pull]:
        """The open pull requests, oldest first."""
        return [pull for pull in self.pulls.values() if pull.state == "open"]

    @property
    def true_issues(self) -> list[Issue]:
        """The issues that are no pull requests, oldest first."""
        return [issue for issue in self.issues.values() if not isinstance(issue, Pull)]

    def token(self, name: str, login: str = "", value: str = "", **rights: str) -> Token:
        """Make a token: `token("me", pull_requests="write")`. `name` is what `log` calls it."""
        made = Token(
            value or f"ghs_{secrets.token_hex(18)}",
            name,
            login or name,
            {permission.replace("_", "-"): level for permission, level in rights.items()},
        )
        self.tokens[made.value] = made
        return made

    def number(self) -> int:
        """Return the next number of an issue or pull request."""
        return next(self._numbers)

    def once_before(self, method: str, path: str, action: Callable[[], object]) -> None:
        """Run `action` once, before the first request whose path matches is answered.

        So the world changes in the middle of a run: main moves just before the push.
        """
        self.hooks.append((method, re.compile(path), action))

    def git(self, *arguments: str) -> str:
        """Run a git command in the repository; return what it printed."""
        return git(self.repository, *arguments)

    def refs(self) -> dict[str, str]:
        """Return all branches and tags with their commits."""
        return git_http.refs(self.repository)

    def sha(self, branch: str = DEFAULT_BRANCH) -> str:
        """Return a branch's commit. Raises KeyError when there is none of that name."""
        return self.refs()[f"refs/heads/{branch}"]

    def show(self, ref: str, path: str) -> str:
        """Return a file's text at a branch or commit."""
        return self.git("show", f"{ref}:{path}") + "\n"

    def changed(self, base: str, head: str) -> list[str]:
        """Return the paths that `head` changes since it left `base`."""
        return self.git("diff", "--name-only", f"{base}...{head}").splitlines()

    def commit(self, branch: str, path: str, text: str) -> str:
        """Commit one file on top of a branch, as a colleague who pushes; return the commit."""
        index = {"GIT_INDEX_FILE": str(self.repository / f"index-{secrets.token_hex(4)}")}
        with self.lock:
            above = self.sha(branch)
            note = self.repository / "colleague"
            note.write_text(text, encoding="utf-8")
            blob = self.git("hash-object", "-w", str(note))
            git(self.repository, "read-tree", above, **index)
            entry = f"100644,{blob},{path}"
            git(self.repository, "update-index", "--add", "--cacheinfo", entry, **index)
            tree = git(self.repository, "write-tree", **index)
            made = self.git("commit-tree", tree, "-p", above, "-m", f"Change {path}")
            self.git("update-ref", f"refs/heads/{branch}", made, above)
            self.follow()
            return made

    def merge(self, number: int) -> str:
        """Merge a pull request as a person does with the button; return the merge commit."""
        with self.lock:
            pull = self.pulls[number]
            assert pull.state == "open", f"#{number} is closed"
            base = self.sha(pull.base)
            tree = self.git("merge-tree", "--write-tree", base, pull.sha)
            parents = ("-p", base, "-p", pull.sha)
            message = f"Merge pull request #{number} from {OWNER}/{pull.head}"
            commit = self.git("commit-tree", tree, *parents, "-m", message)
            self.git("update-ref", f"refs/heads/{pull.base}", commit, base)
            pull.state, pull.merged, pull.merge_commit = "closed", True, commit
            self.follow()
            return commit

    def mergeable(self, pull: Pull) -> bool:
        """Whether it merges into its base without a conflict."""
        base = self.refs().get(f"refs/heads/{pull.base}", _NOBODY)
        return git_http.succeeds(self.repository, "merge-tree", "--write-tree", base, pull.sha)

    def follow(self) -> None:
        """Let the open pull requests follow their branches, as GitHub does after every change."""
        refs = self.refs()
        for pull in self.open_pulls:
            pull.sha = refs.get(f"refs/heads/{pull.head}", pull.sha)
            base = refs[f"refs/heads/{pull.base}"]
            if f"refs/heads/{pull.head}" not in refs:
                pull.state = "closed"
            elif git_http.succeeds(self.repository, "merge-base", "--is-ancestor", pull.sha, base):
                pull.state, pull.merged, pull.merge_commit = "closed", True, base
            self.git("update-ref", f"refs/pull/{pull.number}/head", pull.sha)
            if pull.state == "open" and self.mergeable(pull):
                self._merge_for_trial(pull, base)

    def _merge_for_trial(self, pull: Pull, base: str) -> None:
        """Make the commit that a pull request's workflows run on, unless it is there."""
        ref = f"refs/pull/{pull.number}/merge"
        parents = self.git("for-each-ref", "--format=%(parent)", ref).split()
        if parents != [base, pull.sha]:
            tree = self.git("merge-tree", "--write-tree", base, pull.sha)
            message = f"Merge {pull.sha} into {base}"
            commit = self.git("commit-tree", tree, "-p", base, "-p", pull.sha, "-m", message)
            self.git("update-ref", ref, commit)

    @contextmanager
    def pushing(self, token: Token) -> Iterator[None]:
        """Note which branches and tags move meanwhile."""
        before = self.refs()
        yield
        after = self.refs()
        for ref in sorted(before.keys() | after.keys()):
            if before.get(ref) != after.get(ref):
                self.pushes.append(Push(ref, before.get(ref, ""), after.get(ref, ""), token))
        self.follow()
