"""The one commit of a proposal, in real repositories of git."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ratchet.errors import BlockedError, EvidenceError
from ratchet.git import git
from ratchet.proposals import branch
from ratchet.proposals.branch import MovedError

NEXT = "retrain/next"


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave the machine's own settings of git out of it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("GH_TOKEN", raising=False)


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository with one commit on main."""
    top = tmp_path / "origin"
    top.mkdir()
    git(top, "init", "--quiet", "--initial-branch", "main")
    write(top, "dvc.lock", "one")
    write(top, "README.md", "hello")
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "-m", "First", **branch.signature(top))
    return top


@pytest.fixture
def clone(origin: Path, tmp_path: Path) -> Path:
    git(tmp_path, "clone", "--quiet", str(origin), "clone")
    return tmp_path / "clone"


@pytest.fixture
def advance(origin: Path) -> Callable[[str], str]:
    """Let main change a file; return its new commit."""

    def advance(path: str) -> str:
        write(origin, path, "changed")
        git(origin, "add", "--all")
        git(origin, "commit", "--quiet", "-m", f"Change {path}", **branch.signature(origin))
        return git(origin, "rev-parse", "HEAD")

    return advance


def write(top: Path, path: str, text: str) -> None:
    (top / path).parent.mkdir(parents=True, exist_ok=True)
    (top / path).write_text(text)


def propose(top: Path, text: str = "two", trailers: tuple[str, ...] = ()) -> str:
    """Return a commit on top of HEAD that changes dvc.lock and adds a report."""
    files = top.parent / "files"
    write(files, "dvc.lock", text)
    write(files, "reports/metrics.json", "{}")
    paths = ["dvc.lock", "reports/metrics.json"]
    message = branch.message("Retrain", trailers)
    return branch.commit(top, git(top, "rev-parse", "HEAD"), files, paths, message)


def test_a_commit_has_just_these_files_and_touches_nothing_else(clone: Path) -> None:
    write(clone, "notes.txt", "mine")
    write(clone, "README.md", "half edited")
    git(clone, "add", "README.md")
    before = git(clone, "status", "--porcelain")
    made = propose(clone, trailers=("Night: tonight",))
    assert git(clone, "diff", "--name-only", "HEAD", made).split() == [
        "dvc.lock",
        "reports/metrics.json",
    ]
    assert git(clone, "show", f"{made}:dvc.lock") == "two"
    assert git(clone, "status", "--porcelain") == before
    author, _, message = git(clone, "log", "-1", "--format=%an|%B", made).partition("|")
    assert author == "Ratchet"
    assert message.startswith("Retrain\n\nNight: tonight\nProposed-by: ratchet\n")
    assert git(clone, "log", "-1", "--format=%(trailers:key=Night,valueonly)", made) == "tonight"


def test_a_file_s_text_may_be_given(clone: Path) -> None:
    head = git(clone, "rev-parse", "HEAD")
    made = branch.commit(clone, head, clone, [], "Retrain", texts={"reports/ledger.csv": "grün\n"})
    assert branch.content(clone, made, "reports/ledger.csv") == "grün\n"
    assert git(clone, "diff", "--name-only", "HEAD", made) == "reports/ledger.csv"


def test_standing_on_a_commit_keeps_the_files(clone: Path) -> None:
    made = propose(clone)
    write(clone, "dvc.lock", "two")
    write(clone, "reports/metrics.json", "{}")
    branch.stand_on(clone, made)
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "rev-parse", "HEAD") == made
    assert git(clone, "rev-parse", "main") != made


def test_a_branch_is_pushed_and_then_replaced(clone: Path, origin: Path) -> None:
    tip, old = branch.fetch(clone, "main", NEXT)
    assert (tip, old) == (git(origin, "rev-parse", "main"), "")
    first = propose(clone, "two")
    branch.push(clone, NEXT, first, "")
    assert branch.fetch(clone, "main", NEXT) == (tip, first)
    second = propose(clone, "three")
    branch.push(clone, NEXT, second, first)
    assert git(origin, "rev-parse", NEXT) == second
    assert git(origin, "rev-list", "--count", f"main..{NEXT}") == "1"


def test_nobody_s_push_is_overwritten(clone: Path, origin: Path) -> None:
    first, second = propose(clone, "two"), propose(clone, "three")
    branch.push(clone, NEXT, first, "")
    with pytest.raises(EvidenceError, match="origin refuses the push to retrain/next"):
        branch.push(clone, NEXT, second, "")
    assert git(origin, "rev-parse", NEXT) == first


def test_a_person_s_commit_on_the_branch_is_not_thrown_away(clone: Path, origin: Path) -> None:
    made = propose(clone)
    branch.push(clone, NEXT, made, "")
    tip, old = branch.fetch(clone, "main", NEXT)
    branch.refuse_foreign(clone, NEXT, old, tip)
    git(origin, "switch", "--quiet", NEXT)
    git(origin, "commit", "--quiet", "--allow-empty", "-m", "By hand", **branch.signature(origin))
    tip, old = branch.fetch(clone, "main", NEXT)
    with pytest.raises(BlockedError, match="has commits of somebody else"):
        branch.refuse_foreign(clone, NEXT, old, tip)


@pytest.mark.parametrize("options", [(), ("--reset-author",)])
def test_what_a_person_changed_in_the_machine_s_commit_is_not_thrown_away(
    clone: Path, origin: Path, options: tuple[str, ...]
) -> None:
    branch.push(clone, NEXT, propose(clone), "")
    git(origin, "switch", "--quiet", NEXT)
    write(origin, "reports/metrics.json", "mended")
    amend = ("commit", "--quiet", "--all", "--amend", "--no-edit", *options)
    git(origin, *amend, **branch.signature(origin))
    tip, old = branch.fetch(clone, "main", NEXT)
    with pytest.raises(BlockedError, match="has commits of somebody else"):
        branch.refuse_foreign(clone, NEXT, old, tip)


def test_a_branch_that_was_rebased_on_main_is_still_the_machine_s(
    clone: Path, origin: Path, advance: Callable[[str], str]
) -> None:
    made = propose(clone)
    branch.push(clone, NEXT, made, "")
    advance("README.md")
    git(origin, "switch", "--quiet", NEXT)
    git(origin, "rebase", "--quiet", "main", **branch.signature(origin))
    tip, old = branch.fetch(clone, "main", NEXT)
    assert old != made
    branch.refuse_foreign(clone, NEXT, old, tip)


def test_what_others_merged_into_main_is_not_foreign(
    clone: Path, origin: Path, advance: Callable[[str], str]
) -> None:
    branch.push(clone, NEXT, propose(clone), "")
    advance("README.md")
    git(origin, "switch", "--quiet", NEXT)
    git(origin, "merge", "--quiet", "main", "-m", "Merge main", **branch.signature(origin))
    git(origin, "switch", "--quiet", "main")
    tip, old = branch.fetch(clone, "main", NEXT)
    branch.refuse_foreign(clone, NEXT, old, tip)


def test_main_may_move_where_the_model_is_not_touched(
    clone: Path, advance: Callable[[str], str]
) -> None:
    base = git(clone, "rev-parse", "HEAD")
    branch.refuse_stale(clone, base, base)
    advance("README.md")
    tip, _ = branch.fetch(clone, "main", NEXT)
    branch.refuse_stale(clone, base, tip)


@pytest.mark.parametrize("path", ["params.yaml", "src/ratchet/model.py", "dvc.lock", "models/x"])
def test_main_that_moved_under_the_model_makes_it_stale(
    clone: Path, advance: Callable[[str], str], path: str
) -> None:
    base = git(clone, "rev-parse", "HEAD")
    advance(path)
    tip, _ = branch.fetch(clone, "main", NEXT)
    with pytest.raises(MovedError, match=f"changed {path}.*run again"):
        branch.refuse_stale(clone, base, tip)


def test_main_with_another_history_makes_it_stale(clone: Path, origin: Path) -> None:
    base = git(clone, "rev-parse", "HEAD")
    git(origin, "commit", "--quiet", "--amend", "-m", "Other", **branch.signature(origin))
    tip, _ = branch.fetch(clone, "main", NEXT)
    with pytest.raises(MovedError, match="not part of"):
        branch.refuse_stale(clone, base, tip)


def test_a_file_that_is_not_there_is_empty(clone: Path) -> None:
    assert branch.content(clone, "HEAD", "dvc.lock") == "one"
    assert branch.content(clone, "HEAD", "reports/ledger.csv") == ""


def test_an_origin_that_cannot_be_reached_is_told(clone: Path) -> None:
    git(clone, "remote", "set-url", "origin", str(clone.parent / "gone"))
    with pytest.raises(EvidenceError, match="git ls-remote failed"):
        branch.fetch(clone, "main", NEXT)
