"""Bring the window's batches to `data/raw/`: one verified file per batch, only what is missing."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ratchet.config import Params
from ratchet.data.manifest import Batch, read_manifest, select_window
from ratchet.data.source import copy_object
from ratchet.errors import ConfigError, EvidenceError
from ratchet.files import atomic_write, sha256_file

WORKERS = 8  # waiting for a disk or a network, not computing
EXAMPLES = 3  # failures told one by one


@dataclass(frozen=True)
class Fetched:
    """What a run of fetch did: counts of files, and the bytes that were copied."""

    window: int
    fetched: int
    dropped: int
    bytes: int


def run(params: Params, *, manifest: Path, raw: Path) -> Fetched:
    """Make the folder `raw` hold exactly the manifest's window.

    A file that is there with the right content is kept, one that someone edited is replaced, what
    left the window is dropped. Each file appears whole or not at all.

    Raises ConfigError for an empty window, EvidenceError when a batch is gone from the source or
    its content isn't what the manifest pins.
    """
    window = select_window(
        read_manifest(manifest), size=params.window.train + params.window.holdout
    )
    if not window:
        raise ConfigError(f"{manifest}: no batch in the window; pin some with `ratchet discover`")
    raw.mkdir(parents=True, exist_ok=True)
    missing = [batch for batch in window if not _holds(raw / batch.file_name, batch)]
    # Each is tried: after the first failure others would still be half-written.
    with ThreadPoolExecutor(WORKERS) as pool:
        failures = list(pool.map(lambda batch: _try(batch, raw / batch.file_name), missing))
    _refuse_if_any(list(filter(None, failures)))
    wanted = {batch.file_name for batch in window}
    leftovers = [path for path in raw.iterdir() if path.name not in wanted]
    for path in leftovers:
        path.unlink()
    return Fetched(len(window), len(missing), len(leftovers), sum(batch.bytes for batch in missing))


def _holds(path: Path, batch: Batch) -> bool:
    return path.is_file() and sha256_file(path) == batch.sha256


def _try(batch: Batch, path: Path) -> EvidenceError | None:
    try:
        _bring(batch, path)
    except EvidenceError as failure:
        return failure
    return None


def _refuse_if_any(failures: list[EvidenceError]) -> None:
    if not failures:
        return
    lines = [str(failure) for failure in failures[:EXAMPLES]]
    if len(failures) > EXAMPLES:
        lines.append(f"and {len(failures) - EXAMPLES} batches more")
    raise EvidenceError("\n".join(lines))


def _bring(batch: Batch, path: Path) -> None:
    with atomic_write(path) as partial:
        copy_object(batch.uri, partial)
        found = sha256_file(partial)
        if found != batch.sha256:
            raise EvidenceError(
                f"{batch.uri}: batch {batch.id} is pinned with SHA-256 {batch.sha256[:12]}… but "
                f"its content has {found[:12]}…: it changed upstream, or the manifest's line is "
                f"wrong; restore it, or run `ratchet discover --accept-changed {batch.id}`"
            )
