"""Downloads from S3: Ratchet's against a plain boto3 loop and against curl, on a local server.

`measure` returns the rows for `make bench`; `PYTHONPATH=tests python benchmarks/s3.py` prints them.
Each contender is a process of its own, and they take turns. The ratios are of the transfers alone,
from the first request to the last file; the raw figures give the whole processes too, imports and
all. Ratchet's transfer writes whole files, syncs them to the disk and checks each SHA-256; the
others only write.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import NamedTuple

from seaweed import Seaweed

ROUNDS = 3
BUCKET = "incoming"
# Number of objects and bytes of each.
SMALL, BIG = (365, 60_000), (4, 250_000_000)
MEMORY = 200  # MB, whatever the object's size


class Measured(NamedTuple):
    """A row of the results, as `Row` in run.py: a ratio, its target, and the raw figures."""

    name: str
    ratio: float
    target: float
    at_least: bool
    raw: str

    @property
    def met(self) -> bool:
        """Whether the target is reached."""
        return self.ratio >= self.target if self.at_least else self.ratio <= self.target


class Run(NamedTuple):
    """What one process took: in all, for the transfer alone, and the most memory."""

    whole: float
    seconds: float
    megabytes: float


def measure() -> list[Measured]:
    """Return the rows: small objects against boto3, big ones against curl, and memory."""
    with tempfile.TemporaryDirectory(prefix="ratchet-bench-") as name:
        folder = Path(name)
        with Seaweed(folder / "server", buckets=(BUCKET,), versioned=(BUCKET,)) as server:
            small = _race(server, folder, *SMALL)
            big = _race(server, folder, *BIG)
    own = [run.megabytes for run in small["ratchet"] + big["ratchet"]]
    return [
        Measured(
            "S3: 365 objects of 60 KB, times as fast as a boto3 loop",
            _faster(small, "boto3"),
            2.0,
            True,
            _raw(small),
        ),
        Measured(
            "S3: 4 objects of 250 MB, times as fast as curl",
            _faster(big, "curl"),
            0.7,
            True,
            _raw(big),
        ),
        Measured(
            f"S3: peak memory of both, share of {MEMORY} MB",
            max(own) / MEMORY,
            1.0,
            False,
            f"ratchet {max(own):.0f} MB, boto3 loop {_peak(big, 'boto3'):.0f} MB",
        ),
    ]


def _race(server: Seaweed, folder: Path, count: int, size: int) -> dict[str, list[Run]]:
    """Upload the objects, let the contenders download them in turn, return their runs."""
    listing = folder / "listing.json"
    listing.write_text(json.dumps(_upload(server, folder, count, size)))
    runs: dict[str, list[Run]] = {name: [] for name in ("boto3", "ratchet", "curl", "cp")}
    for _ in range(ROUNDS):
        for name, measured in runs.items():
            out = folder / "out"
            out.mkdir()
            measured.append(_run(name, listing, out, server.env()))
            sizes = {path.stat().st_size for path in out.iterdir()}
            assert sizes == {size}, f"{name} left files of {sizes} bytes"
            assert len(list(out.iterdir())) == count
            shutil.rmtree(out)
    return runs


def _upload(server: Seaweed, folder: Path, count: int, size: int) -> list[dict[str, object]]:
    """Upload `count` objects of `size` random bytes; return how each contender finds them."""
    client = server.client()
    source = folder / f"content-{size}"
    source.write_bytes(os.urandom(size))
    with source.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    listed: list[dict[str, object]] = []
    for number in range(count):
        place = {"Bucket": BUCKET, "Key": f"{size}/{number:04d}.csv"}
        client.upload_file(str(source), *place.values())
        head = client.head_object(**place)
        listed.append(
            {
                "key": place["Key"],
                "version": head["VersionId"],
                "etag": head["ETag"].strip('"'),
                "bytes": size,
                "sha256": sha256,
                "file": str(source),
                "url": client.generate_presigned_url("get_object", place, ExpiresIn=3600),
            }
        )
    return listed


def _run(name: str, listing: Path, out: Path, variables: Mapping[str, str]) -> Run:
    """Run one contender in a process of its own, which says how much memory it took."""
    command = [sys.executable, __file__, name, str(listing), str(out)]
    start = time.perf_counter()
    done = subprocess.run(
        command,
        env=os.environ | variables,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # progress
        text=True,
    )
    whole = time.perf_counter() - start
    seconds, megabytes = map(float, done.stdout.split())
    return Run(whole, seconds, megabytes)


def _faster(runs: Mapping[str, list[Run]], other: str) -> float:
    """Return how many times as fast as another Ratchet is, the median over the rounds."""
    pairs = zip(runs[other], runs["ratchet"], strict=True)
    return median(reference.seconds / own.seconds for reference, own in pairs)


def _raw(runs: Mapping[str, list[Run]]) -> str:
    names = {"ratchet": "ratchet", "boto3": "boto3 loop", "curl": "curl", "cp": "local copy"}
    parts = []
    for name, shown in names.items():
        alone = median(run.seconds for run in runs[name])
        whole = median(run.whole for run in runs[name])
        parts.append(f"{shown} {alone:.2f} s ({whole:.2f})")
    return ", ".join(parts)


def _peak(runs: Mapping[str, list[Run]], name: str) -> float:
    return max(run.megabytes for run in runs[name])


def _contend(name: str, listed: list[dict[str, str]], out: Path) -> float:
    """Download the objects to `out` (or copy them, for `cp`); return the transfer's seconds."""
    if name == "boto3":
        import boto3

        client = boto3.client("s3")
        start = time.perf_counter()
        for item in listed:
            body = client.get_object(Bucket=BUCKET, Key=item["key"])["Body"].read()
            (out / Path(item["key"]).name).write_bytes(body)
    elif name == "ratchet":
        from ratchet.data import s3  # noqa: F401  `bring` imports it when it meets such a URI
        from ratchet.data.manifest import Batch
        from ratchet.data.source import bring

        start = time.perf_counter()
        batches = [
            Batch(
                Path(item["key"]).stem,
                f"s3://{BUCKET}/{item['key']}",
                item["version"],
                item["etag"],
                int(item["bytes"]),
                item["sha256"],
            )
            for item in listed
        ]
        lost = bring([(batch, out / batch.file_name) for batch in batches])
        assert not lost, lost
    elif name == "curl":
        lines = [
            f'url = "{item["url"]}"\noutput = "{out / Path(item["key"]).name}"' for item in listed
        ]
        command = ["curl", "--silent", "--fail", "--config", "-"]
        start = time.perf_counter()
        subprocess.run(command, input="\n".join(lines), text=True, check=True)
    else:
        start = time.perf_counter()
        for item in listed:
            shutil.copyfile(item["file"], out / Path(item["key"]).name)
    return time.perf_counter() - start


def main() -> None:
    """Print the rows, or be one contender when `measure` starts this file as one."""
    if len(sys.argv) == 4:
        name, listing, out = sys.argv[1:]
        seconds = _contend(name, json.loads(Path(listing).read_text()), Path(out))
        # ru_maxrss would count what the parent held when it forked.
        (peak,) = re.findall(r"(?m)^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text())
        print(seconds, int(peak) / 1024)
        return
    for row in measure():
        sign, met = "≥" if row.at_least else "≤", "yes" if row.met else "NO"
        print(f"{row.name}: {row.ratio:.2f} (target {sign} {row.target}: {met}; {row.raw})")


if __name__ == "__main__":
    main()
