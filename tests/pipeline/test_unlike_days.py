"""Days that keep the contract and are unlike those before them."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from project import MODEL, Project

SPOILT, NEWEST_DAY = "2013-02-25", "2013-02-27"


def celsius(row: dict[str, str]) -> None:
    """The station reports another unit, in both temperatures."""
    for name in "temp", "dewp":
        if row[name]:
            row[name] = f"{(float(row[name]) - 32) / 1.8:.2f}"


def inverted(row: dict[str, str]) -> None:
    """Somebody took 1 for on time."""
    row["late"] = {"0": "1", "1": "0"}[row["late"]]


def spoil(path: Path, change: Callable[[dict[str, str]], None]) -> None:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        change(row)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def without(template: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that never used the day, because a person excluded it."""
    project = template.copy(tmp_path_factory.mktemp("without") / "project")
    # All days fit into the window, so that no older one comes in for the one that is left out.
    project.set("params.yaml", window__train=90, window__reference=56, validate__n_jobs=1)
    project.publish("--until", NEWEST_DAY)
    project.run("ratchet", "batch", "exclude", SPOILT, "--note", "never happened")
    project.repro()
    return project


@pytest.mark.parametrize(
    ("change", "check"),
    [
        pytest.param(celsius, ("pair", "new_value"), marks=pytest.mark.slow),
        (inverted, ("label_direction",)),
    ],
)
def test_a_poisoned_day_leaves_no_trace_in_the_model(
    without: Project,
    tmp_path: Path,
    change: Callable[[dict[str, str]], None],
    check: tuple[str, ...],
) -> None:
    project = without.copy(tmp_path / "project")
    spoil(project.path(f"sample/inbox/{SPOILT}.csv"), change)
    project.run("ratchet", "discover", "--accept-changed", SPOILT)
    project.run("ratchet", "batch", "reset", SPOILT)
    project.repro()

    found = json.loads(project.read("reports/validation.json"))["quarantined"][SPOILT]
    assert {failure["code"] for failure in found} & set(check)
    assert project.path(MODEL).read_bytes() == without.path(MODEL).read_bytes()
    assert project.outputs()[MODEL] == without.outputs()[MODEL]
    assert SPOILT in project.read("reports/validation.md")
    assert SPOILT in project.run("ratchet", "summary")
    assert f"{SPOILT}: quarantined" in project.run("ratchet", "batch", "show", SPOILT)

    # And a person may say that it is right all the same.
    project.run("ratchet", "batch", "accept", SPOILT, "--note", "the new sensor")
    project.repro()
    assert project.outputs()[MODEL] != without.outputs()[MODEL]
    assert "the new sensor (git has no user.name)" in project.read("reports/validation.md")
