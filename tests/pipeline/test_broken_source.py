"""Files that aren't what was pinned: in data/raw, in the manifest, at the source."""

import re
import shutil

from project import NEWEST, Project, ran

INBOX = "sample/inbox"


def append(project: Project, name: str) -> None:
    with project.path(name).open("a") as file:
        file.write("\n")


def test_a_raw_file_that_someone_edited_is_healed(project: Project) -> None:
    append(project, "data/raw/2013-01-07.csv")
    project.path("data/raw/2013-01-08.csv").unlink()
    project.path("data/raw/stray.csv").write_text("a\n1\n")
    printed = project.repro()
    assert ran(printed) == ["fetch"]
    assert "fetch: 2 of 13 batches fetched" in printed
    assert project.run("git", "status", "--porcelain") == ""
    assert project.run("dvc", "status").strip() == "Data and pipelines are up to date."


def test_validated_rows_that_someone_edited_are_healed(project: Project) -> None:
    [part] = project.path("data/validated").iterdir()
    part.write_bytes(part.read_bytes()[:-100])
    printed = project.repro()
    assert ran(printed) == ["validate"]
    assert "13 batches judged" in printed
    assert project.run("git", "status", "--porcelain") == ""


def test_validate_refuses_a_raw_file_that_is_not_pinned(project: Project) -> None:
    append(project, "data/raw/2013-01-07.csv")
    printed = project.fail("bash", "-c", project.command("validate"), code=5)
    assert "data/raw/2013-01-07.csv: isn't what data/manifest.csv pins" in printed


def test_a_wrong_hash_in_the_manifest(project: Project) -> None:
    before = project.read("dvc.lock")
    text = project.read("data/manifest.csv")
    right = re.search(rf"^{NEWEST},.*?,([0-9a-f]{{64}}),", text, flags=re.M)
    assert right is not None
    project.replace("data/manifest.csv", right.group(1), "0" * 64)
    printed = project.repro_fails("fetch", code=5)
    assert f"{INBOX}/{NEWEST}.csv: batch {NEWEST} is pinned with SHA-256 000000000000…" in printed
    assert project.leftovers() == []
    assert project.read("dvc.lock") == before
    project.replace("data/manifest.csv", "0" * 64, right.group(1))
    assert ran(project.repro()) == []


def test_a_change_upstream_waits_for_a_person(project: Project) -> None:
    append(project, f"{INBOX}/{NEWEST}.csv")
    printed = project.run("ratchet", "discover")
    assert f"changed upstream: {NEWEST}" in printed
    assert project.run("git", "status", "--porcelain") == ""
    assert ran(project.repro()) == []  # the pinned content is at hand

    shutil.rmtree(project.path("data/raw"))
    shutil.rmtree(project.path(".dvc/cache"))
    printed = project.repro_fails("fetch", code=5)
    assert "it changed upstream" in printed
    assert f"`ratchet batch exclude {NEWEST} --note WHY`" in printed

    project.run("ratchet", "discover", "--accept-changed", NEWEST)
    project.repro()
    assert project.run("ratchet", "discover") == "no new batch (14 pinned)\n"


def test_the_source_is_gone_and_the_cache_is_full(project: Project, template: Project) -> None:
    shutil.rmtree(project.path("sample"))
    assert ran(project.repro()) == []
    for name in ("data/raw", "data/validated", "models"):
        shutil.rmtree(project.path(name))
    project.run("git", "checkout", "--", "models")
    project.run("dvc", "checkout")
    assert ran(project.repro()) == []
    assert project.read("dvc.lock") == template.read("dvc.lock")

    printed = project.fail("ratchet", "discover", code=5)
    assert f"{INBOX}: the source folder does not exist" in printed

    shutil.rmtree(project.path("data/raw"))
    shutil.rmtree(project.path(".dvc/cache"))
    printed = project.repro_fails("fetch", code=5)
    assert "is pinned but gone from the source\n" in printed
    assert "restore what is pinned there, or see with `dvc pull`" in printed
    assert project.leftovers() == []
