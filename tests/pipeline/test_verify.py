"""Every version can be restored from git and the remote, and it is noticed when one can't."""

import json
import os
import re
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from project import MODEL, Project

from ratchet.gate.revisions import History

CARD, GOLDEN = "models/card.json", "models/golden.json"


@pytest.fixture
def project(three_versions: Project, tmp_path: Path) -> Project:
    """A copy of three accepted versions, to do with what you like."""
    return three_versions.copy(tmp_path / "project")


def verified(project: Project, *options: str) -> tuple[int, Any]:
    """Verify; return the exit code and what is told to machines, by version."""
    code, printed = project.ratchet("verify", *options, "--json")
    told = json.loads(printed[: printed.rindex("}") + 1])
    return code, {each["version"]: each for each in told["versions"]}


def objects(project: Project, at: str) -> dict[str, str]:
    """Return the MD5 of each output that dvc.lock has at a revision."""
    lock = project.run("git", "show", f"{at}:dvc.lock")
    return dict(re.findall(r"path: (\S+)\n\s+hash: md5\n\s+md5: (\S+)", lock))


def stored(project: Project, md5: str) -> Path:
    return project.path(f".dvc/remote/files/md5/{md5[:2]}/{md5[2:]}")


def test_all_are_restored_on_an_empty_machine(three_versions: Project, tmp_path: Path) -> None:
    clone = three_versions.clone(tmp_path / "elsewhere" / "clone")
    settings = f"['remote \"local\"']\n    url = {three_versions.path('.dvc/remote')}\n"
    clone.path(".dvc/config.local").write_text(settings)
    code, printed = clone.ratchet("verify", "--all", "--data")
    assert code == 0, printed
    assert re.search(r"^verify: 3 of 3 restorable, slowest \d+ s$", printed, flags=re.M), printed
    assert printed.count("answers 50 golden rows as when it was made (largest difference 0)") == 3
    assert printed.count("objects brought from DVC's remote, and their hashes checked") == 3
    assert printed.count("its locked environment is today's") == 3
    assert not clone.path(".dvc/cache").exists()
    assert clone.run("git", "status", "--porcelain") == ""


def test_what_the_remote_lacks_is_named_with_path_and_version(project: Project) -> None:
    [listing] = [
        md5 for path, md5 in objects(project, "model@v1.0.0").items() if path == "data/raw"
    ]
    files = json.loads(stored(project, listing).read_text())
    stored(project, files[0]["md5"]).unlink()  # of versions 1 and 2 and 3: the same batch
    stored(project, objects(project, "model@v3.0.0")[MODEL]).unlink()
    code, found = verified(project, "--all")
    assert code == 5
    lost = f"data/raw/{files[0]['relpath']} of {{}} is not in DVC's remote (MD5 {files[0]['md5']})"
    assert lost.format("model@v1.0.0") in found["model@v1.0.0"]["problems"]
    problems = found["model@v3.0.0"]["problems"]
    assert any(each.startswith(f"{MODEL} of model@v3.0.0 is not in") for each in problems)
    assert not found["model@v3.0.0"]["restorable"]
    code, found = verified(project, "v3", "--local-cache")
    assert (code, found["model@v3.0.0"]["problems"]) == (0, [])
    cached = project.path(f".dvc/cache/files/md5/{files[1]['md5'][:2]}/{files[1]['md5'][2:]}")
    cached.chmod(0o644)
    cached.write_bytes(b"another file under its name")
    code, found = verified(project, "v3", "--local-cache", "--data")
    [problem] = found["model@v3.0.0"]["problems"]
    assert problem.startswith(f"data/raw/{files[1]['relpath']} of model@v3.0.0 is damaged in DVC's")
    assert cached.read_bytes() == b"another file under its name"


def damaged(path: Path, mode: int) -> Path:
    """Leave another file under an object's name."""
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    path.chmod(mode)
    return path


def everything(folder: Path) -> dict[Path, tuple[int, bytes]]:
    """Return mode and content of each file."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path: (path.stat().st_mode, path.read_bytes()) for path in files}


def test_a_look_at_what_is_damaged_leaves_it_there(project: Project) -> None:
    """DVC itself would remove each that isn't read-only."""
    outputs = objects(project, "model@v3.0.0")
    model = damaged(stored(project, outputs[MODEL]), 0o444)
    writable = damaged(stored(project, outputs["data/scored.parquet"]), 0o644)
    listing = damaged(stored(project, outputs["data/validated"]), 0o444)
    records = stored(project, outputs["data/records.json"])
    records.chmod(0o644)  # and sound
    before = everything(project.path(".dvc/remote"))
    code, found = verified(project, "v3")
    problems = found["model@v3.0.0"]["problems"]
    told = "{} of model@v3.0.0 is damaged in DVC's remote, at {} (MD5 {})"
    assert (code, problems[:-1]) == (
        5,
        [
            told.format(name, path, outputs[name])
            for name, path in (("data/scored.parquet", writable), ("data/validated", listing))
        ],
    )
    assert problems[-1].startswith(f"{model}: this object in DVC's remote isn't what its name says")
    _, found = verified(project, "v3", "--data")
    assert told.format(MODEL, model, outputs[MODEL]) in found["model@v3.0.0"]["problems"]
    # `gc` looks as well: it finds the listing in the cache.
    code, printed = project.ratchet("gc", "--keep", "0d", "--cloud", "--yes")
    assert (code, "model@v3.0.0 isn't complete: 1 of " in printed) == (5, True), printed
    assert everything(project.path(".dvc/remote")) == before


def test_a_remote_that_is_away_is_no_lost_version(project: Project) -> None:
    remote = project.path(".dvc/remote")
    remote.rename(project.path("elsewhere"))
    code, printed = project.ratchet("verify", "v1")
    assert (code, f"can't be asked: there is no folder {remote} (local); mount" in printed) == (
        5,
        True,
    )
    assert "WARNING" not in printed
    with patch.dict(os.environ, project.environment()):
        assert History(project.folder).bytes_to_push() > 10_000  # the first push makes the folder


def test_where_a_lost_object_may_be_is_told(project: Project) -> None:
    stored(project, objects(project, "model@v1.0.0")[MODEL]).unlink()
    code, found = verified(project, "v1")
    [problem] = found["model@v1.0.0"]["problems"]
    assert (code, problem.startswith(f"{MODEL} of model@v1.0.0 is not in DVC's remote")) == (
        5,
        True,
    )
    assert found["model@v1.0.0"]["notes"][:2] == [
        "1 of these are in the cache here: --local-cache takes them from there",
        "it is in no stage: if `ratchet gc` let it go, --keep WINDOW asks for such no more",
    ]


def test_a_folder_whose_listing_is_lost_is_named(project: Project) -> None:
    listing = objects(project, "model@v2.0.0")["data/validated"]
    stored(project, listing).unlink()
    _, found = verified(project, "v2")
    [problem] = found["model@v2.0.0"]["problems"]
    assert problem.startswith("data/validated of model@v2.0.0 is not in DVC's remote")


def in_another_life(project: Project, name: str, content: str) -> None:
    """Move the tag of the second version to a commit where a file is otherwise."""
    project.run("git", "checkout", "--quiet", "model@v2.0.0")
    project.path(name).write_text(content)
    project.run("git", "commit", "--quiet", "--all", "--message", "changed")
    project.run("git", "tag", "--force", "--annotate", "model@v2.0.0", "--message", "made up")
    project.run("git", "checkout", "--quiet", "main")


@pytest.mark.parametrize("name", [CARD, GOLDEN, "requirements/run.txt"])
def test_what_git_has_otherwise_than_was_recorded_is_found(project: Project, name: str) -> None:
    text = project.run("git", "show", f"model@v2.0.0:{name}")
    in_another_life(project, name, re.sub(r"(\d)(\D*)\Z", r"9\2", text) + "\n")
    code, found = verified(project, "v2")
    assert code == 5
    assert any(
        each.startswith(f"{name} at model@v2.0.0") for each in found["model@v2.0.0"]["problems"]
    )


def test_the_same_week_picks_the_same_versions(project: Project) -> None:
    picked = [set(verified(project, "--random", "2", "--seed", "2013-W05")[1]) for _ in "ab"]
    assert picked[0] == picked[1]
    assert len(picked[0]) == 2


def test_a_drill_without_versions_is_no_alarm(template: Project) -> None:
    code, printed = template.ratchet("verify", "--random", "5")
    assert (code, printed) == (0, "verify: no version is registered yet\n")


def test_where_versions_may_be_unknown_nothing_is_claimed(
    three_versions: Project, tmp_path: Path
) -> None:
    clone = Project(tmp_path / "clone")
    source = f"file://{three_versions.folder}"
    three_versions.run("git", "clone", "--quiet", "--depth", "1", source, str(clone.folder))
    code, printed = clone.ratchet("verify", "--all")
    assert (code, "this clone is shallow" in printed) == (5, True)


# Its own environment, and made again


# As `make setup`, without an installation: what runs is the version's own code.
MAKEFILE = """setup:
\t@mkdir -p .venv/bin
\t@for name in ratchet dvc python; do ln -s "$$(command -v $$name)" .venv/bin/; done
"""


def test_a_version_answers_in_its_own_environment(project: Project) -> None:
    for tag, text in (("model@v2.0.0", MAKEFILE), ("model@v3.0.0", "setup:\n\tfalse\n")):
        project.run("git", "checkout", "--quiet", tag)
        project.path("Makefile").write_text(text)
        project.commit()
        project.run("git", "tag", "--force", "--annotate", tag, "--message", "with a Makefile")
    project.run("git", "checkout", "--quiet", "main")
    code, found = verified(project, "--all", "--own-environment")
    assert code == 5
    assert not found["model@v2.0.0"]["problems"]
    assert found["model@v2.0.0"]["notes"][-2:] == [
        "its own locked environment was built",
        "in its own environment the model answers 50 golden rows as when it was made (largest "
        "difference 0)",
    ]
    for tag in ("model@v1.0.0", "model@v3.0.0"):
        assert "its locked environment can't be built" in found[tag]["problems"][0]


def test_a_version_is_trained_again_with_the_same_bytes(project: Project) -> None:
    code, found = verified(project, "v2", "--rebuild")
    assert (code, found["model@v2.0.0"]["problems"]) == (0, [])
    assert found["model@v2.0.0"]["notes"][-1] == "trained again, with the same bytes"
