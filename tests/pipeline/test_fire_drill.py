"""The fire drill on the sample, in a repository as a user has it."""

import json

import pytest
from project import NEWEST, Project


@pytest.mark.slow
def test_the_drill_tells_what_the_guards_see_and_leaves_no_trace(project: Project) -> None:
    printed = project.try_("ratchet", "drill", "--json", "reports/drill.json", COLUMNS="160")
    content = json.loads(project.read("reports/drill.json"))
    found = {each["fault"]: each for each in content["faults"]}
    assert (content["batch"], content["history"], len(found) >= 24) == (NEWEST, 12, True)
    wrong = [name for name, each in found.items() if each["wrong"]]
    assert printed.returncode == (4 if wrong else 0), printed.stdout
    assert "Traceback" not in printed.stdout
    for name in wrong:
        assert name in printed.stdout

    assert [n for n, each in found.items() if each["outcome"] == "refused"] == []
    for name in ("column-renamed", "lower-case", "nulls-all", "empty-file", "utf-16", "rows-x10"):
        assert found[name]["outcome"] == "caught", name
    assert found["column-dropped"]["failures"][0]["code"] == "missing_column"

    project.path("reports/drill.json").unlink()
    assert project.run("git", "status", "--porcelain") == ""
    assert "up to date" in project.run("dvc", "status")


def test_a_clone_without_data_is_told_to_fetch(project: Project) -> None:
    clone = project.clone(project.folder.parent / "clone")
    printed = clone.fail("ratchet", "drill", code=5)
    assert "data/raw: holds no batch; run `dvc repro fetch`" in printed
