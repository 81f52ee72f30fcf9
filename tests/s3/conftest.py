"""One S3 server for all tests of a worker; each test works below a prefix of its own."""

import re
import secrets
from collections.abc import Iterator
from functools import cache

import pytest
from botocore.loaders import JSONFileLoader
from seaweed import Seaweed

VERSIONED, PLAIN, REMOTE = "incoming", "plain", "dvc"


@pytest.fixture(scope="session", autouse=True)
def models_read_once() -> Iterator[None]:
    """Let botocore parse its megabytes of JSON once, not for each client."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", staticmethod(cache(JSONFileLoader().load_file)))
        yield


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """A running server with the buckets `incoming` (versioned), `plain` and `dvc`."""
    folder = tmp_path_factory.mktemp("seaweed")
    with Seaweed(folder, buckets=(VERSIONED, PLAIN, REMOTE), versioned=(VERSIONED,)) as running:
        yield running


@pytest.fixture
def s3_env(server: Seaweed) -> dict[str, str]:
    """The variables that lead an S3 client to the server: endpoint, credentials, region."""
    return server.env()


@pytest.fixture
def use_s3(s3_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process's own S3 clients find the server."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in s3_env.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """A prefix that no other test uses: `NAME-RANDOM/`, for any bucket."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:40]
    return f"{name}-{secrets.token_hex(3)}/"
