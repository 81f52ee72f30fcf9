"""One template for all tests of a process; each test works in a world of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from world import World, make_template


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What worlds are copies of. Nobody may change it."""
    folder = tmp_path_factory.mktemp("template")
    make_template(folder)
    return folder


@pytest.fixture
def world(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A repository after its first night, with GitHub, S3 and a producer of its own."""
    # Not tmp_path, which is too long for the server's sockets.
    with World(tmp_path_factory.mktemp("world") / "w", template) as running:
        yield running
        running.github.check()
