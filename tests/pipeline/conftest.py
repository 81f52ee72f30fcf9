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
