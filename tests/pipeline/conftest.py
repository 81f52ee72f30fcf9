"""One finished project for all tests of a run; each test works on a copy of its own."""

from pathlib import Path

import pytest
from once import once
from project import NEWEST, SMALL, STAGES, Project, ran


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A committed project after its first `dvc repro`: 14 days, the newest 13 in the window.

    Nobody may change it.
    """

    def make(folder: Path) -> None:
        project = Project.make(folder / "project")
        project.set("params.yaml", **SMALL)
        project.publish("--until", NEWEST)
        assert ran(project.repro()) == list(STAGES)
        project.commit()

    return Project(once(tmp_path_factory, "template", make) / "project")


@pytest.fixture(scope="session")
def next_night(template: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The template one day later, undisturbed. Nobody may change it."""

    def make(folder: Path) -> None:
        project = template.copy(folder / "project")
        project.publish("--days", "1")
        project.repro()
        project.commit()

    return Project(once(tmp_path_factory, "next_night", make) / "project")


@pytest.fixture
def project(template: Project, tmp_path: Path) -> Project:
    """A copy of the template, to do with what you like."""
    return template.copy(tmp_path / "project")


@pytest.fixture(scope="session")
def three_versions(next_night: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Three accepted versions, pushed, the newest in prod. Nobody may change it."""

    def make(folder: Path) -> None:
        project = next_night.copy(folder / "project")
        for at in ("HEAD~1", "main"):
            project.run("git", "checkout", "--quiet", at)
            accept(project)
        project.set("params.yaml", train__parameters__hist_gradient_boosting__max_iter=6)
        project.run("dvc", "repro", "--single-item", "train", "evaluate")
        project.commit()
        accept(project)
        project.push()

    return Project(once(tmp_path_factory, "three_versions", make) / "project")


def accept(project: Project) -> None:
    """Register HEAD's model."""
    code, printed = project.ratchet("register")
    assert code == 0, printed
