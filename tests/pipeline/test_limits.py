"""No space on the disk, and a training beyond its budget."""

from pathlib import Path

import pytest
from project import MODEL, NEWEST, STAGES, Project, ran
from warm import COLD


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(stage, marks=[] if stage == "validate" else [pytest.mark.slow])
        for stage in STAGES
    ],
)
def test_a_full_disk(project: Project, stage: str) -> None:
    """A small limit on the size of files stands in for it. DVC itself can't run under one."""
    if stage == "fetch":
        project.path(f"data/raw/{NEWEST}.csv").unlink()
    if stage == "validate":
        [part] = project.path("data/validated").iterdir()
        part.unlink()
    before = contents(project)
    printed = project.fail(
        *("bash", "-c", f"ulimit -f 1; {project.command(stage)}"),
        code=5,
        PYTHONDONTWRITEBYTECODE="1",  # Python itself leaves half a .pyc on a full disk
        **COLD,  # the limit is for what is started here
    )
    [line] = printed.splitlines()
    assert line.startswith(f"ratchet {stage}: ")
    assert "cannot be written (File too large); free space" in line
    assert contents(project) == before

    project.repro()
    assert project.run("git", "status", "--porcelain") == ""
    assert project.run("dvc", "status").strip() == "Data and pipelines are up to date."


def contents(project: Project) -> dict[Path, bytes]:
    """Return the content of each file that a stage may write."""
    paths = [path for top in ("data", "models", "reports") for path in project.path(top).rglob("*")]
    return {path: path.read_bytes() for path in paths if path.is_file()}


def test_a_training_beyond_its_budget(project: Project, template: Project) -> None:
    budget = {"max_rows": 100, "max_seconds": 0.01, "max_memory_mb": 20}
    for limit, value in budget.items():
        allowed = template.read("params.yaml")
        project.path("params.yaml").write_text(allowed)
        project.set("params.yaml", **{f"train__budget__{limit}": value})
        printed = project.repro_fails("train", code=2)
        assert f"ratchet train: params.yaml: train.budget.{limit} is {value}" in printed
        assert not project.path(MODEL).exists()
        assert project.leftovers() == []
        assert project.read("dvc.lock") == template.read("dvc.lock")
    project.run("git", "checkout", "--quiet", ".")
    project.run("dvc", "checkout")
    assert ran(project.repro()) == []
    assert project.run("dvc", "status").strip() == "Data and pipelines are up to date."
    assert project.path(MODEL).read_bytes() == template.path(MODEL).read_bytes()
