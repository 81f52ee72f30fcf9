"""Bring the window's batches to `data/raw/`: one verified file per batch, only what is missing.

A file comes from where it is nearest: from what `discover` has downloaded, from the source, and
where that has lost it, from what DVC kept. Wherever from, its SHA-256 is the pinned one.
"""

import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ratchet.config import Params
from ratchet.data import landing, recovery, source
from ratchet.data.listing import all_in_one, is_content_id
from ratchet.data.manifest import Batch, read_manifest, select_window
from ratchet.data.weather import LIMITS, Limits
from ratchet.errors import ConfigError, EvidenceError
from ratchet.files import sha256_file

WORKERS = 4  # threads that hash files


@dataclass(frozen=True)
class Fetched:
    """What a run of fetch did: counts of files, and the bytes that were brought.

    `recovered` says by batch id what is wrong at the source with those that came from DVC.
    """

    window: int
    fetched: int
    dropped: int
    bytes: int
    recovered: Mapping[str, str]


def run(params: Params, *, manifest: Path, raw: Path, limits: Limits = LIMITS) -> Fetched:
    """Make the folder `raw` hold exactly the manifest's window.

    A file that is there with the right content is kept, one that someone edited is replaced, what
    left the window is dropped. Each file appears whole or not at all.

    Raises ConfigError for an empty window, EvidenceError when a source can't be read, or a batch is
    neither there as pinned nor in DVC's cache and remote.
    """
    incoming = landing.beside(manifest)
    window = select_window(read_manifest(manifest), size=params.window.fetched)
    if not window:
        raise ConfigError(f"{manifest}: no batch in the window; pin some with `ratchet discover`")
    raw.mkdir(parents=True, exist_ok=True)
    places = [(batch, raw / batch.file_name) for batch in window]
    with ThreadPoolExecutor(WORKERS) as pool:
        held = pool.map(_holds, places)
        missing = [place for place, there in zip(places, held, strict=True) if not there]
    for _, path in missing:
        if path.is_dir():
            _remove(path)
    absent = [
        (batch, path)
        for batch, path in missing
        if not landing.take(incoming, batch, batch.sha256, path)
    ]
    lost = source.bring(absent, limits)
    recovered = recovery.recover(
        [batch for batch, _ in absent if batch.id in lost], raw, incoming, limits
    )
    _refuse_lost([b for b, _ in absent if b.id in lost and b not in recovered], lost)
    wanted = {path.name for _, path in places}
    leftovers = [path for path in raw.iterdir() if path.name not in wanted]
    for path in leftovers:
        _remove(path)
    landing.clear(incoming)
    return Fetched(
        len(window),
        len(missing),
        len(leftovers),
        sum(batch.bytes for batch, _ in missing),
        {batch.id: f"{batch.uri}: {lost[batch.id]}" for batch in recovered},
    )


def _holds(place: tuple[Batch, Path]) -> bool:
    batch, path = place
    return path.is_file() and sha256_file(path) == batch.sha256


def _remove(path: Path) -> None:
    """Delete a file, a link or a whole folder; what a link leads to stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _refuse_lost(batches: Sequence[Batch], lost: Mapping[str, str]) -> None:
    """Raise EvidenceError that names the batches that nobody has, if there are any."""
    if not batches:
        return
    told = all_in_one([f"{batch.uri}: {lost[batch.id]}" for batch in batches])
    ways = f"to go on without, `{_exclude([batch.id for batch in batches])}`"
    # A place that is overwritten never lists an earlier content again: there is none to take over.
    if not all(is_content_id(batch.id) for batch in batches):
        ways = f"`ratchet discover` says what lies there now, and how to take it over; {ways}"
    raise EvidenceError(
        f"{told}\nrestore what is pinned there, or see with `dvc pull` why DVC has no copy either; "
        f"{ways}"
    )


def _exclude(ids: Sequence[str]) -> str:
    """Return the command that leaves batches out."""
    if len(ids) == 1:
        return f"ratchet batch exclude {ids[0]} --note WHY"
    return f"for id in {' '.join(ids)}; do ratchet batch exclude $id --note WHY; done"
