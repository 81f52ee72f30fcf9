"""Git as a process: it never waits for a password, and its failures are errors with its words."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from journal import Journal

from ratchet.errors import EvidenceError
from ratchet.gate.revisions import History
from ratchet.git import git, git_bytes
from ratchet.journal.commits import Revision
from ratchet.versions.stores import Stores

NOWHERE = Revision("v7", "7" * 40)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    journal = Journal(tmp_path / "here")
    journal.model(1)
    return journal.write()


@pytest.mark.parametrize("run", [git, git_bytes])
def test_it_never_asks_for_a_password(top: Path, run: Callable[..., str | bytes]) -> None:
    printed = run(top, "-c", "alias.asks=!echo $GIT_TERMINAL_PROMPT; cat", "asks", stdin="fed")
    assert printed in ("0\nfed", b"0\nfed")


@pytest.mark.parametrize("run", [git, git_bytes])
def test_its_failure_is_an_error_with_its_words(top: Path, run: Callable[..., object]) -> None:
    with pytest.raises(EvidenceError, match=rf"git cat-file failed in {top}: fatal: "):
        run(top, "cat-file", "-p", "nothing")


def test_a_clone_of_a_commit_that_is_not_there_is_an_error(top: Path) -> None:
    with pytest.raises(EvidenceError, match=r"git checkout failed in .*there: fatal: "):
        History(top).clone(NOWHERE, top.parent / "there")


def test_a_tag_that_can_not_be_made_is_an_error(top: Path) -> None:
    stores = Stores(top)
    head = subprocess.check_output(["git", "-C", top, "rev-parse", "main"], text=True).strip()
    stores._refs([f"create refs/tags/keep/0 {head}"])
    assert stores.resolve("keep/0").commit == head
    with pytest.raises(EvidenceError, match=rf"git update-ref failed in {top}: fatal: "):
        stores._refs([f"create refs/tags/keep/1 {NOWHERE.commit}"])
