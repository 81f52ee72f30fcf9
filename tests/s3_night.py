"""A workspace whose nights look at an S3 source, for tests."""

from functools import cache
from pathlib import Path
from typing import Any

from seaweed import Seaweed

from ratchet.config import Params, load_params
from ratchet.data import discover
from ratchet.data.weather import LIMITS, Limits
from ratchet.stages import fetch

ROOT = Path(__file__).parents[1]
# The same shape as the real ones, so that tests needn't wait for minutes.
QUICK = Limits(connect=1, read=1, pause=0.02, longest_pause=0.1, quiet=1.5, slowest=1e6)


class Night:
    """A workspace with a manifest, whose nights look at `url`."""

    def __init__(self, folder: Path, url: str, pattern: str = "*", limits: Limits = LIMITS) -> None:
        self.folder = folder
        self.limits = limits
        self.manifest = folder / "data/manifest.csv"
        self.raw = folder / "data/raw"
        self.incoming = folder / "data/incoming"
        loaded = load_params(ROOT / "params.yaml")
        source = loaded.source.model_copy(update={"url": url, "pattern": pattern})
        self.params: Params = loaded.model_copy(update={"source": source})

    def discover(self, **options: Any) -> discover.Discovery:
        return discover.run(
            self.params,
            manifest=self.manifest,
            schema=ROOT / "schema.yaml",
            limits=self.limits,
            **options,
        )

    def fetch(self) -> fetch.Fetched:
        return fetch.run(
            self.params,
            manifest=self.manifest,
            raw=self.raw,
            limits=self.limits,
        )

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted(self.raw.iterdir())}


def put(server: Seaweed, bucket: str, key: str, body: bytes) -> str:
    answer = client_of(server).put_object(Bucket=bucket, Key=key, Body=body)
    return str(answer.get("VersionId", ""))


@cache
def client_of(server: Seaweed) -> Any:
    """Return the administrator's client of the server: making one takes longer than a request."""
    return server.client()
