"""The work tree that a night begins with."""

from pathlib import Path

import pytest

from ratchet.errors import ConfigError, EvidenceError
from ratchet.git import git, signature
from ratchet.nights.worktree import WorkTree


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A repository with one commit."""
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    (tmp_path / "dvc.lock").write_text("one")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "-m", "First", **signature(tmp_path))
    return tmp_path


def test_what_is_not_committed_is_named_whatever_it_is_called(top: Path) -> None:
    (top / "dvc.lock").write_text("two")
    with pytest.raises(ConfigError, match=r"not committed: dvc\.lock;"):
        WorkTree(top)
    git(top, "commit", "--quiet", "--all", "-m", "Second", **signature(top))
    (top / "grüße \n.md").write_text("mine")
    tree = WorkTree(top)
    (top / "dvc.lock").write_text("three")
    assert tree.changed() == ["dvc.lock"]


def test_an_index_that_git_cannot_read_is_no_clean_work_tree(top: Path) -> None:
    (top / "dvc.lock").write_text("two")
    (top / ".git/index").write_text("broken")
    with pytest.raises(EvidenceError, match="git status failed"):
        WorkTree(top)
