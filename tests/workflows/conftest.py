"""One template for all tests of a process; each test works in a world of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from act import Runner
from github import GitHub
from once import once
from world import World, make_template


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What worlds are copies of. Nobody may change it."""
    return once(tmp_path_factory, "world", make_template)


@pytest.fixture
def world(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A repository after its first night, with GitHub, S3 and a producer of its own."""
    # Not tmp_path, which is too long for the server's sockets.
    with World(tmp_path_factory.mktemp("world") / "w", template) as running:
        yield running
        running.github.check()


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHub]:
    with GitHub(tmp_path / "github") as running:
        running.labels["good"] = {"color": "00ff00", "description": ""}
        yield running
        running.check()


@pytest.fixture
def runner(github: GitHub, tmp_path: Path) -> Runner:
    made = Runner(tmp_path / "runner", github)
    made.variables["APP_CLIENT_ID"] = github.app.client_id
    made.secrets["APP_PRIVATE_KEY"] = github.app.private_key
    return made
