"""What nobody needs goes, and whatever a version needs that one may roll back to stays."""

import io
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from project import MODEL, Project

STORES = ("cache", "remote")


@pytest.fixture
def project(three_versions: Project, tmp_path: Path) -> Project:
    """A copy of three accepted versions, to do with what you like."""
    return three_versions.copy(tmp_path / "project")


def stored(project: Project) -> dict[str, set[str]]:
    """Return the objects in DVC's cache and in its remote."""
    return {
        store: {
            path.parent.name + path.name
            for path in project.path(f".dvc/{store}/files/md5").glob("??/*")
        }
        for store in STORES
    }


def models(project: Project) -> list[str]:
    """Return the MD5 of each version's model."""
    locks = (project.run("git", "show", f"model@v{n}.0.0:dvc.lock") for n in (1, 2, 3))
    return [re.findall(rf"path: {MODEL}\n\s+hash: md5\n\s+md5: (\w+)", lock)[0] for lock in locks]


def collected(project: Project, *options: str) -> tuple[int, Any]:
    """Collect garbage; return the exit code and what is told to machines."""
    code, printed = project.ratchet("gc", "--json", *options)
    return code, json.loads(printed) if printed.startswith("{") else printed


def orphan(project: Project) -> str:
    """Leave an object of no commit in both stores."""
    for store in STORES:
        path = project.path(f".dvc/{store}/files/md5/00/{'0' * 30}")
        path.parent.mkdir(exist_ok=True)
        path.write_text("of no commit")
    return "0" * 32


def test_within_the_window_only_what_no_version_needs_goes(project: Project) -> None:
    before = stored(project)
    lost = orphan(project)
    code, told = collected(project, "--keep", "90d", "--yes")
    assert code == 0
    assert (told["cache"], told["remote"]) == ([lost], [])
    first, second, *others = told["kept"].items()
    assert (first[0], second[0]) == ("model@v1.0.0", "model@v2.0.0")
    assert all(why.startswith("in a stage until ") for _, why in (first, second))
    assert others == [("model@v3.0.0", "in prod"), ("main", "a branch")]
    [part] = told["parts"]
    assert (part["what"], part["objects"]) == ("intermediate commits", 1)
    assert stored(project) == {"cache": before["cache"], "remote": before["remote"] | {lost}}


def test_what_is_past_the_window_goes_everywhere_and_the_rest_verifies(project: Project) -> None:
    before, [first, second, third] = stored(project), models(project)
    code, told = collected(project, "--keep", "0d", "--cloud", "--yes")
    assert code == 0
    after = stored(project)
    assert told["done"]["checked"] == ["model@v3.0.0"]
    for store in STORES:
        assert not {first, second} & after[store]
        assert third in after[store]
        assert before[store] - after[store] == set(told[store])
    assert [part["what"] for part in told["parts"]] == ["model@v2.0.0", "model@v1.0.0"]
    assert re.fullmatch(
        r"accepted on \d{4}-\d\d-\d\d, in no stage since \d{4}-\d\d-\d\d", told["parts"][0]["why"]
    )
    code, printed = project.ratchet("verify", "--all", "--keep", "0d", "--data")
    assert (code, "1 of 1 restorable" in printed) == (0, True), printed
    code, printed = project.ratchet("verify", "v1")
    assert (code, f"{MODEL} of model@v1.0.0 is not in DVC's remote" in printed) == (5, True)
    assert project.run("dvc", "status") == "Data and pipelines are up to date.\n"
    code, printed = project.ratchet("gc", "--keep", "0d", "--cloud", "--yes")
    assert (code, printed.endswith("gc: nothing was removed\n")) == (0, True)


def test_branches_and_the_working_tree_are_left_alone(project: Project) -> None:
    before, [first, second, third] = stored(project), models(project)
    project.run("git", "branch", "a-person", "model@v1.0.0")
    project.run("git", "checkout", "--quiet", "model@v2.0.0", "--", "dvc.lock")
    code, told = collected(project, "--keep", "0d", "--yes")
    assert code == 0
    assert told["kept"]["a-person"] == "a branch"
    assert {first, second, third} <= stored(project)["cache"]
    assert stored(project) == before


def test_what_others_have_pushed_is_left_alone(project: Project, tmp_path: Path) -> None:
    """Their branch isn't known here until origin is asked."""
    [first, _, _] = models(project)
    project.run("git", "branch", "a-person", "model@v1.0.0")
    project.run("git", "clone", "--quiet", "--bare", ".", str(tmp_path / "origin.git"))
    project.run("git", "branch", "--quiet", "--delete", "--force", "a-person")
    project.run("git", "remote", "add", "origin", str(tmp_path / "origin.git"))
    code, told = collected(project, "--keep", "0d", "--cloud", "--yes")
    assert code == 0
    assert told["kept"]["origin/a-person"] == "a branch"
    assert all(first in stored(project)[store] for store in STORES)
    project.run("git", "remote", "set-url", "origin", str(tmp_path / "gone.git"))
    assert collected(project, "--keep", "0d", "--cloud", "--yes")[0] == 5


class Terminal(io.StringIO):
    """A person who types, while others do `meanwhile`."""

    def __init__(self, answer: str, meanwhile: Callable[[], object] = lambda: None) -> None:
        super().__init__(answer)
        self.meanwhile = meanwhile

    def isatty(self) -> bool:
        return True

    def readline(self, *_: Any) -> str:
        self.meanwhile()
        return super().readline()


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "y\n"])
def test_a_person_is_asked_first(project: Project, answer: str) -> None:
    lost = orphan(project)
    with patch("sys.stdin", Terminal(answer)):
        code, printed = project.ratchet("gc", "--keep", "90d")
    assert (code, "Remove this for good? [y/N] " in printed) == (0, True)
    assert (lost in stored(project)["cache"]) == (answer != "y\n")


def test_what_others_do_while_a_person_is_asked_counts(project: Project) -> None:
    before, [first, second, third] = stored(project), models(project)

    def push_first() -> None:
        orphan(project)

    with patch("sys.stdin", Terminal("y\n", push_first)):
        code, printed = project.ratchet("gc", "--keep", "0d", "--cloud")
    assert (code, "1 objects more would go than were shown" in printed) == (5, True), printed
    assert all(before[store] < stored(project)[store] for store in STORES)

    def branch() -> None:
        project.run("git", "branch", "a-person", "model@v1.0.0")

    with patch("sys.stdin", Terminal("y\n", branch)):
        code, printed = project.ratchet("gc", "--keep", "0d", "--cloud")
    assert code == 0, printed
    for store in STORES:
        assert {first, third} <= stored(project)[store]
        assert second not in stored(project)[store]


def test_a_machine_must_say_yes(project: Project) -> None:
    orphan(project)
    before = stored(project)
    code, printed = project.ratchet("gc", "--keep", "90d")
    assert (code, "nobody is here to ask" in printed) == (2, True)
    scratch = project.path(".git/ratchet/scratch")
    (scratch / "of one that was killed").mkdir(parents=True, exist_ok=True)
    code, printed = project.ratchet("gc", "--keep", "90d", "--dry-run")
    assert list(scratch.iterdir()) == []
    assert (code, printed.endswith("gc: nothing was removed\n")) == (0, True)
    assert "goes from DVC's cache here: 1 objects" in printed
    assert project.ratchet("gc", "--keep", "90d", "--remote", "local")[0] == 2
    assert stored(project) == before


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (MODEL, "model@v3.0.0 isn't complete: 1 of "),
        ("data/raw", "data/raw of model@v3.0.0: nobody can tell which objects this folder needs"),
    ],
)
def test_nothing_goes_when_what_stays_has_a_hole(project: Project, output: str, says: str) -> None:
    md5 = project.outputs()[output]
    for store in STORES:
        project.path(f".dvc/{store}/files/md5/{md5[:2]}/{md5[2:]}").unlink()
    before = stored(project)
    code, printed = project.ratchet("gc", "--keep", "0d", "--yes")
    assert (code, says in printed) == (5, True), printed
    assert stored(project) == before


def test_nothing_goes_when_a_listing_in_the_cache_is_damaged(project: Project) -> None:
    """To DVC it would need nothing, and its files would look like garbage."""
    md5 = project.outputs()["data/raw"]
    listing = project.path(f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}")
    listing.chmod(0o644)
    listing.write_text("[]")
    listing.chmod(0o444)
    before = stored(project)
    code, printed = project.ratchet("gc", "--keep", "0d", "--yes")
    assert (code, f"{listing}: the content of this file in DVC's cache" in printed) == (5, True)
    assert stored(project) == before


def test_a_remote_that_does_not_answer_is_not_a_lost_listing(project: Project) -> None:
    md5 = project.outputs()["data/raw"]
    project.path(f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}").unlink()
    project.path(".dvc/config.local").write_text(
        "[core]\n    remote = away\n['remote \"away\"']\n    url = s3://bucket/dvc\n"
        "    endpointurl = http://127.0.0.1:9\n    access_key_id = a\n    secret_access_key = b\n"
    )
    with patch.dict(os.environ, {"AWS_MAX_ATTEMPTS": "1"}):
        code, printed = project.ratchet("gc", "--keep", "0d", "--cloud", "--dry-run")
    assert code == 5
    assert re.search(
        r"^ratchet gc: DVC's remote can't be asked: .*; it is s3://bucket/dvc \(away\)$",
        printed,
        flags=re.M,
    ), printed
    assert "dvc push" not in printed
