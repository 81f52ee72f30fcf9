"""What is committed here is what its own inputs give."""

import csv
from pathlib import Path

import pytest
from project import REPOSITORY, SAMPLE, STAGES, Project, ran
from warm import COLD


def rolled_back() -> bool:
    """Whether the model came by a rollback: then older code has made it, until the next night."""
    last = ("git", "log", "-1", "--format=%B", "--", "dvc.lock")
    return "Rollback-To:" in Project(REPOSITORY).run(*last)


@pytest.mark.skipif(not SAMPLE.exists(), reason="the data are somebody's own")
@pytest.mark.skipif(rolled_back(), reason="rolled back: not made by today's code")
def test_a_clone_reproduces_every_committed_byte(tmp_path: Path) -> None:
    clone = Project(REPOSITORY, home=tmp_path / "home").clone(tmp_path / "clone")
    with clone.path("data/manifest.csv").open() as file:
        newest = list(csv.DictReader(file))[-1]["id"]
    clone.publish("--until", newest)
    assert clone.run("git", "status", "--porcelain") == ""
    # Forced, as otherwise `evaluate` would rest on what git holds of its outputs.
    assert ran(clone.run("dvc", "repro", "--force", **COLD)) == list(STAGES)
    assert clone.run("git", "status", "--porcelain") == ""
    assert clone.path("sample/flights.parquet").read_bytes() == SAMPLE.read_bytes()
