"""Large buckets: paging, memory that stays within a stated bound, downloads of the new alone."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import obstore
import pytest
from faulty import FaultyProxy
from obstore.store import S3Store
from s3_night import ROOT
from seaweed import Seaweed

from ratchet.config import load_params
from ratchet.data.manifest import read_manifest

MEMORY_MB = 160  # what docs/aws.md promises for discover, of which Python and botocore take 60


def fill(server: Seaweed, prefix: str, numbers: range) -> None:
    """Put tiny objects, each fourth three times, so that it has three versions."""
    store = S3Store(
        "incoming",
        endpoint=server.endpoint,
        region="us-east-1",
        access_key_id=server.access_key,
        secret_access_key=server.secret_key,
        client_options={"allow_http": True, "timeout": timedelta(seconds=60)},
    )

    def one(number: int) -> None:
        for version in range(3 if number % 4 == 0 else 1):
            obstore.put(store, f"{prefix}{number:06}.csv", b"a\n%d %d\n" % (number, version))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(one, numbers))


# The peak as Linux counts it since this program began; getrusage would begin with pytest's own.
PEAK = """
for line in open("/proc/self/status"):
    if line.startswith("VmHWM"):
        print("peak", line.split()[1])
"""
DISCOVER = "import sys; from ratchet.cli.main import main; code = main(['discover', *sys.argv[1:]])"
DOWNLOAD = """
import sys
from pathlib import Path
from ratchet.data.listing import Listed
from ratchet.data.s3_download import Downloader
from ratchet.data.weather import LIMITS, Patience
uri, version, size, target = sys.argv[1:]
item = Listed("1", uri, version, "", int(size))
Downloader(LIMITS).download(item, Path(target), Patience(LIMITS, item.bytes), lambda size: None)
"""


def run(program: str, folder: Path, environment: dict[str, str], *more: str) -> tuple[str, float]:
    """Run a program; return what it printed and its peak memory in MB (10^6 bytes)."""
    done = subprocess.run(
        [sys.executable, "-c", program + PEAK, *more],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    told, _, peak = done.stdout.rpartition("peak ")
    return told, int(peak) * 1024 / 1e6


@pytest.mark.parametrize(
    "count",
    [
        500,
        pytest.param(2_000, marks=pytest.mark.slow),
        pytest.param(20_000, marks=pytest.mark.slow),
    ],
)
def test_discover_among_many_objects(
    server: Seaweed, prefix: str, s3_env: dict[str, str], tmp_path: Path, count: int
) -> None:
    fill(server, prefix, range(count))
    text = (ROOT / "params.yaml").read_text()
    url = f"url: s3://incoming/{prefix}"
    (tmp_path / "params.yaml").write_text(text.replace("url: sample/inbox/", url))
    with FaultyProxy(server.endpoint) as proxy:
        through = s3_env | {"AWS_ENDPOINT_URL": proxy.endpoint}
        newest = f"{count - 10:06}"
        told, memory = run(DISCOVER, tmp_path, through, "--since", newest)
        assert f"10 new: {newest}" in told
        assert f"{count - 10} older" in told
        assert len(proxy.downloads) == 10
        # 1.5 versions an object, 1,000 on a page.
        assert len(proxy.requests) - len(proxy.downloads) >= count * 1.5 / 1000
        print(f"{count} objects: discover --since, {memory:.0f} MB")
        assert memory < MEMORY_MB

        fill(server, prefix, range(count, count + 2))
        told, _ = run(DISCOVER, tmp_path, through)
        assert "2 new" in told
        assert len(proxy.downloads) == 12

    told, memory = run(DISCOVER, tmp_path, s3_env, "--since", "0")
    assert f"{count - 10} new" in told
    pins = read_manifest(tmp_path / "data/manifest.csv")
    assert len(pins) == count + 2
    assert len({pin.version for pin in pins}) == count + 2
    print(f"{count} objects: all of them new, {memory:.0f} MB")
    assert memory < MEMORY_MB
    # Only the window's content waits for fetch.
    fetched = load_params(tmp_path / "params.yaml").window.fetched
    assert len(list((tmp_path / "data/incoming").iterdir())) == fetched < count

    told, memory = run(DISCOVER, tmp_path, s3_env)
    assert "no new batch" in told
    print(f"{count} objects: nothing new, {memory:.0f} MB")
    assert memory < MEMORY_MB


def test_memory_does_not_grow_with_the_object(
    server: Seaweed, prefix: str, s3_env: dict[str, str], tmp_path: Path
) -> None:
    peaks = []
    for size in (1_000_000, 64_000_000):
        put = server.client().put_object(Bucket="incoming", Key=prefix + "k", Body=bytes(size))
        uri, target = f"s3://incoming/{prefix}k", tmp_path / "file"
        arguments = [uri, put["VersionId"], str(size), str(target)]
        peaks.append(run(DOWNLOAD, tmp_path, s3_env, *arguments)[1])
        assert target.stat().st_size == size
    print(f"object of 1 MB: {peaks[0]:.0f} MB, of 64 MB: {peaks[1]:.0f} MB")
    assert peaks[1] - peaks[0] < 30
