"""What is new at the source: pin it in the manifest.

This is the only part that looks at the live source. The stages see the manifest.
"""

from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from ratchet.config import Params
from ratchet.data.manifest import Batch, read_manifest, write_manifest
from ratchet.data.source import Listed, open_source
from ratchet.errors import ConfigError

WORKERS = 8  # waiting for a disk or a network, not computing


@dataclass(frozen=True)
class Discovery:
    """The manifest after a look at the source, and what was seen on the way.

    `new` batches are pinned now. `changed` ones have other content upstream than was pinned: the
    pin stays. `accepted` were changed and are pinned anew, as a person asked. `gone` ones are
    pinned but no longer listed.
    """

    batches: Sequence[Batch]
    new: Sequence[str]
    changed: Sequence[str]
    accepted: Sequence[str]
    gone: Sequence[str]


def compare(
    pinned: Sequence[Batch],
    listed: Iterable[tuple[Listed, str]],
    accept_changed: Collection[str] = (),
) -> Discovery:
    """Compare the pins with the listing: pairs of an object and its content's SHA-256.

    Raises ConfigError when `accept_changed` names a batch that has not changed.
    """
    batches = {batch.id: batch for batch in pinned}
    new, changed, accepted = [], [], []
    seen = set()
    for item, sha256 in listed:
        seen.add(item.id)
        pin = batches.get(item.id)
        fresh = Batch(item.id, item.uri, item.version, item.etag, item.bytes, sha256)
        if pin is None:
            new.append(item.id)
            batches[item.id] = fresh
        elif pin.sha256 == sha256:
            continue
        elif item.id in accept_changed:
            accepted.append(item.id)
            batches[item.id] = replace(fresh, override=pin.override, note=pin.note)
        else:
            changed.append(item.id)
    unchanged = set(accept_changed) - set(accepted)
    if unchanged:
        raise ConfigError(
            f"--accept-changed {' '.join(sorted(unchanged))}: not changed at the source; "
            "run `ratchet discover` to see what is"
        )
    gone = [batch_id for batch_id in batches if batch_id not in seen]
    return Discovery(sorted(batches.values()), new, changed, accepted, sorted(gone))


def run(params: Params, *, manifest: Path, accept_changed: Collection[str] = ()) -> Discovery:
    """Pin what is new at `params.source` in the file `manifest`; without news it isn't touched.

    Every object is hashed: a folder has nothing cheaper that tells a change for certain.

    Raises EvidenceError when the source can't be read, ConfigError for a wrong source or manifest.
    """
    source = open_source(params.source.url, params.source.pattern)
    listed = list(source.list())
    with ThreadPoolExecutor(WORKERS) as pool:
        hashes = list(pool.map(source.sha256, listed))
    pinned = read_manifest(manifest)
    found = compare(pinned, zip(listed, hashes, strict=True), accept_changed)
    if list(found.batches) != pinned:
        write_manifest(manifest, found.batches)
    return found


def describe(found: Discovery) -> str:
    """Say in lines what a look at the source found."""
    lines = []
    if found.new:
        lines.append(f"{len(found.new)} new: {_names(found.new)}")
    else:
        lines.append(f"no new batch ({len(found.batches)} pinned)")
    if found.accepted:
        lines.append(f"{len(found.accepted)} pinned anew: {_names(found.accepted)}")
    lines += [
        f"changed upstream: {batch_id} has other content than was pinned; the pin stays. "
        f"To take it over: ratchet discover --accept-changed {batch_id}"
        for batch_id in found.changed
    ]
    if found.gone:
        lines.append(f"gone upstream: {_names(found.gone)}; the pins stay")
    return "\n".join(lines)


def _names(ids: Sequence[str]) -> str:
    shown = ids if len(ids) <= 3 else [ids[0], "…", ids[-1]]
    return " ".join(shown)
