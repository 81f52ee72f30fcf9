"""A proposal's commit."""

from pathlib import Path

import pytest

from ratchet.git import git, signature
from ratchet.nights import ledger, propose
from ratchet.nights.ledger import Line
from ratchet.proposals.proposal import RETRAIN, Proposal

LINE = ledger.to_csv([Line("2013-01-15", "here", "0" * 40).row()])


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A repository with a lock and a ledger of one night."""
    top = tmp_path / "top"
    top.mkdir()
    git(top, "init", "--quiet", "--initial-branch", "main")
    (top / "dvc.lock").write_text("one")
    (top / "reports").mkdir()
    before = ledger.to_csv([Line("2013-01-14", "here", "0" * 40).row()])
    (top / ledger.PATH).write_text(before)
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "-m", "First", **signature(top))
    return top


def test_it_has_the_files_that_are_listed_and_the_ledger(top: Path, tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "dvc.lock").write_text("two")
    # What isn't listed isn't looked at, wherever it leads.
    (files / "params.yaml").write_text("mine")
    (files / "gone").symlink_to(tmp_path / "nowhere")
    (files / "reports").symlink_to(top / ".git")
    base = git(top, "rev-parse", "HEAD")
    proposed = Proposal(RETRAIN, base, "Retrain", ("retrain",), ("dvc.lock",), ledger=LINE)
    made = propose.committed(top, proposed, files, base)
    assert git(top, "diff", "--name-only", base, made).split() == ["dvc.lock", ledger.PATH]
    assert git(top, "show", f"{made}:dvc.lock") == "two"
    nights = git(top, "show", f"{made}:{ledger.PATH}").splitlines()[1:]
    assert [night.partition(",")[0] for night in nights] == ["2013-01-14", "2013-01-15"]
