"""What git says, as the program understands it."""

from pathlib import Path

import pytest

from ratchet.errors import EvidenceError
from ratchet.git import git, identity, signature, status


def test_the_status_names_each_file_as_it_is_spelt(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    names = ("gone", "same", "with space", "Grüße", "two\nlines")
    for name in names:
        (tmp_path / name).write_text(name)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "first", **signature(tmp_path))
    assert status(tmp_path) == []
    for name in names[2:]:
        (tmp_path / name).write_text("changed")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/new").touch()
    git(tmp_path, "mv", "gone", "moved")
    assert sorted(status(tmp_path)) == [
        (" M", "Grüße"), (" M", "two\nlines"), (" M", "with space"),
        ("??", "folder/new"), ("A ", "moved"), ("D ", "gone"),
    ]  # fmt: skip
    assert status(tmp_path, "folder", "same") == [("??", "folder/new")]


def test_what_git_cannot_tell_is_no_clean_status(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="git status failed in"):
        status(tmp_path)


def test_who_commits_is_told_with_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Ada <3 Lovelace")
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", "ada@example.com")
    assert identity(tmp_path) == "Ada 3 Lovelace <ada@example.com>"
    monkeypatch.setenv("GIT_AUTHOR_NAME", " ")
    assert identity(tmp_path) is None
