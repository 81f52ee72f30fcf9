"""The way back for what the source lost: DVC keeps every file of `data/raw` that was committed.

DVC runs in a process of its own. `dvc get` reads the commit and leaves the workspace, where a
stage may be running, alone; it looks in the cache first and then in the default remote.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ratchet.data.landing import SCRATCH
from ratchet.data.manifest import Batch
from ratchet.data.weather import LIMITS, Limits
from ratchet.files import sha256_file


def recover(
    batches: Sequence[Batch], raw: Path, scratch: Path, limits: Limits = LIMITS
) -> list[Batch]:
    """Bring the batches to the folder `raw` from DVC's cache or remote, as committed in HEAD.

    `scratch` is a folder on the same disk. Returns the batches that DVC had with the pinned
    SHA-256.
    """
    if not batches:
        return []
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=scratch) as name:
        # One file is asked for alone; for several it costs less to start DVC once.
        single = batches[0].file_name if len(batches) == 1 else ""
        target = Path(name) / "found"
        _dvc_get(raw / single, target, limits, sum(batch.bytes for batch in batches))
        recovered = []
        for batch in batches:
            path = target if single else target / batch.file_name
            if path.is_file() and sha256_file(path) == batch.sha256:
                path.replace(raw / batch.file_name)
                recovered.append(batch)
    return recovered


def _dvc_get(path: Path, target: Path, limits: Limits, size: int) -> None:
    """Write what HEAD has at `path` to `target`. Whether DVC could shows there."""
    command = [sys.executable, "-m", "dvc", "get", "--quiet", ".", path.as_posix()]
    # DVC's own patience with a remote that is down would be minutes.
    environment = {"AWS_MAX_ATTEMPTS": "3", **os.environ}
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(
            [*command, "--rev", "HEAD", "--out", str(target)],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=2 * limits.quiet + size / limits.slowest,
            check=False,
        )
