"""What is new at the source: pin it in the manifest.

This is the only part that looks at the live source. The stages see the manifest.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ratchet.config import Params
from ratchet.data import landing
from ratchet.data.listing import Listed, Source, earliest, is_content_id
from ratchet.data.manifest import Batch, check_id, read_manifest, select_window, write_manifest
from ratchet.data.order import WRONG, misplaced
from ratchet.data.schema import load_schema
from ratchet.data.source import open_source
from ratchet.data.weather import LIMITS, Limits
from ratchet.errors import ConfigError, EvidenceError

UNKNOWN = ""  # in place of a SHA-256: the content isn't what is pinned, and wasn't looked at


@dataclass(frozen=True)
class Discovery:
    """The manifest after a look at the source, and what was seen on the way.

    `new` batches are pinned now. `changed` ones have other content upstream than was pinned: the
    pin stays. `accepted` were changed and are pinned anew, as a person asked. `gone` ones are
    pinned but no longer listed. `renewed` ones have the pinned content under a new version or
    address, which the pin now names. `older` ones were left alone because they are older than all
    that is pinned. `elsewhere` are the URIs of the window's pins that don't lie at the source,
    whose URL is `url`: it has moved. `cut` says that it is one big file. `caveats` say
    what the source can't promise.
    """

    batches: Sequence[Batch]
    new: Sequence[str]
    changed: Sequence[str]
    accepted: Sequence[str]
    gone: Sequence[str]
    renewed: Sequence[str] = ()
    older: Sequence[str] = ()
    elsewhere: Sequence[str] = ()
    url: str = ""
    cut: bool = False
    caveats: Sequence[str] = ()


def compare(
    pinned: Sequence[Batch],
    listed: Iterable[tuple[Listed, str]],
    accept_changed: Collection[str] = (),
) -> Discovery:
    """Compare the pins with the listing: pairs of an object and its content's SHA-256.

    Raises ConfigError when `accept_changed` names a batch that has not changed.
    """
    batches = {batch.id: batch for batch in pinned}
    new, changed, accepted, renewed = [], [], [], []
    seen = set()
    for item, sha256 in listed:
        seen.add(item.id)
        pin = batches.get(item.id)
        fresh = Batch(item.id, item.uri, item.version, item.etag, item.bytes, sha256)
        if pin is None:
            new.append(item.id)
            batches[item.id] = fresh
        elif pin.sha256 == sha256:
            # Where there are no tags, in a folder, the pin is as good as the listing.
            if item.etag and not _same_tags(pin, item):
                renewed.append(item.id)
                batches[item.id] = replace(fresh, override=pin.override, note=pin.note)
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
    return Discovery(sorted(batches.values()), new, changed, accepted, sorted(gone), renewed)


def run(
    params: Params,
    *,
    manifest: Path,
    schema: Path,
    since: str = "",
    until: str = "",
    accept_changed: Collection[str] = (),
    limits: Limits = LIMITS,
) -> Discovery:
    """Pin what is new at `params.source` in the file `manifest`; without news it isn't touched.

    A batch that isn't pinned is new from the id `since` on, by default from the oldest pin on, and
    up to `until`, by default without an end. Only where the source is one big file, to be cut into
    batches, the contract in the file `schema` is asked: for its column of time.
    Content is looked at where tags (version, ETag, size) don't show that it is what was pinned; in
    a folder there are none. What is downloaded for it waits for `fetch` (see `landing`).

    Raises EvidenceError when the source can't be read or holds nothing that matches though batches
    are pinned, ConfigError for a wrong source or manifest.
    """
    incoming = landing.beside(manifest)
    pinned = read_manifest(manifest)
    for limit, option in ((since, "--since"), (until, "--until")):
        if limit:
            check_id(limit, option)
    oldest = since or (earliest(pinned[0].id) if pinned else "")
    source = _open(params, schema, manifest, limits)
    listed = source.list()
    if pinned and not listed:
        raise EvidenceError(
            f"{_nothing(source, params)}, yet {_are(len(pinned), 'batch', 'batches')} pinned; "
            "check source.url and source.pattern in params.yaml"
        )
    pins = {batch.id: batch for batch in pinned}
    known = [
        item
        for item in listed
        if item.id in pins or (item.id >= oldest and not (until and item.id > until))
    ]
    if source.overwritten:
        known = [item for item in known if item.id in pins or not _repeats(item, pinned)]
    unread = [item for item in known if _must_read(item, pins.get(item.id), accept_changed)]
    hashes = dict(zip(unread, source.hashes(unread, incoming), strict=True))
    newest = pinned[-1].sha256 if source.overwritten and pinned else UNKNOWN
    pairs = [
        (item, hashes[item] if item in hashes else _known_hash(item, pins[item.id]))
        for item in known
        if item.id in pins or hashes[item] != newest
    ]
    found = compare(pinned, pairs, accept_changed)
    if list(found.batches) != pinned:
        write_manifest(manifest, found.batches)
    window = select_window(found.batches, params.window.fetched)
    landing.clear(incoming, keep=window)
    here = [] if source.overwritten else [id_ for id_ in found.gone if source.holds(pins[id_].uri)]
    return replace(
        found,
        gone=here,
        older=[item.id for item in listed if item.id < oldest and item.id not in pins],
        elsewhere=[batch.uri for batch in window if not source.holds(batch.uri)],
        url=source.url,
        cut=params.source.split is not None,
        caveats=_caveats(source, listed, params),
    )


def _caveats(source: Source, listed: Sequence[Listed], params: Params) -> Sequence[str]:
    if not listed and source.unmatched:
        return [_nothing(source, params)]
    if swapped := misplaced([item.id for item in listed if not is_content_id(item.id)]):
        return [*source.caveats, WRONG.format(*swapped)]
    return source.caveats


def _open(params: Params, schema: Path, manifest: Path, limits: Limits) -> Source:
    """Return the source; one big file is cut into batches in a folder beside the manifest."""
    where = params.source
    if where.split is None:
        return open_source(where.url, where.pattern, limits=limits)
    from ratchet.data.split import Cut, SplitSource  # it imports pandas, and few need it

    cut = Cut.of(load_schema(schema), where.split)
    inbox = manifest.with_name("inbox")
    return SplitSource(where.url, cut, inbox, landing.beside(manifest), limits=limits)


def _nothing(source: Source, params: Params) -> str:
    """Say that nothing at the source is a batch, and what is there instead."""
    if not source.unmatched:
        return f"{source.url}: no object lies directly there"
    there = "the only object there doesn't match"
    if (many := source.unmatched.total()) > 1:
        there = f"none of the {many} objects there matches"
    lies = ", ".join(f"{count} {ending}" for ending, count in source.unmatched.most_common(3))
    return f"{source.url}: {there} source.pattern {params.source.pattern} (there: {lies})"


def _same_tags(pin: Batch, item: Listed) -> bool:
    tags = (item.uri, item.version, item.etag, item.bytes)
    return bool(item.etag) and tags == (pin.uri, pin.version, pin.etag, pin.bytes)


def _repeats(item: Listed, pinned: Sequence[Batch]) -> bool:
    """Whether an overwritten place holds what the newest pin pins, by its tags."""
    return bool(pinned and item.etag) and (item.etag, item.bytes) == (
        pinned[-1].etag,
        pinned[-1].bytes,
    )


def _must_read(item: Listed, pin: Batch | None, accept_changed: Collection[str]) -> bool:
    """Whether only the content can tell what `item` is."""
    if pin is None or item.id in accept_changed:
        return True
    # Another size is other content, whatever it is.
    return not _same_tags(pin, item) and item.bytes == pin.bytes


def _known_hash(item: Listed, pin: Batch) -> str:
    return pin.sha256 if _same_tags(pin, item) else UNKNOWN


def describe(found: Discovery) -> str:
    """Say in lines what a look at the source found."""
    lines = []
    if found.new:
        lines.append(f"{len(found.new)} new: {_names(found.new)}")
    else:
        lines.append(f"no new batch ({len(found.batches)} pinned)")
    if found.accepted:
        lines.append(f"{len(found.accepted)} pinned anew: {_names(found.accepted)}")
    if found.changed:
        lines.append(_changed(found))
    if found.renewed:
        lines.append(
            f"{len(found.renewed)} uploaded again with the pinned content: {_names(found.renewed)};"
            " the pins name the new upload"
        )
    if found.gone:
        lines.append(f"gone upstream: {_names(found.gone)}; the pins stay")
    if found.elsewhere:
        count = len(found.elsewhere)
        pins, they = ("1 pin lies", "it is") if count == 1 else (f"{count} pins lie", "they are")
        lines.append(
            f"{pins} outside of {found.url}, from where {they} still fetched: "
            f"{_names(found.elsewhere)}"
        )
    if found.older:
        lines.append(
            f"{len(found.older)} older than all that is pinned, left alone: {_names(found.older)}; "
            f"to pin them too: ratchet discover --since {found.older[0]}"
        )
    lines += [f"note: {caveat}" for caveat in found.caveats]
    return "\n".join(lines)


def _changed(found: Discovery) -> str:
    """Name what changed, and one command that takes all of it over."""
    who, have, it = f"{_names(found.changed)} has", "the pin stays", "it"
    if len(found.changed) > 1:
        many = f"{len(found.changed)} of {len(found.batches)} pins"
        who, have, it = f"{_names(found.changed)}, {many}, have", "the pins stay", "them"
    line = (
        f"changed upstream: {who} other content than was pinned; {have}. "
        f"To take {it} over: ratchet discover --accept-changed {' '.join(found.changed)}"
    )
    if found.cut and len(found.changed) > 1:
        line += (
            f"\n{found.url} is cut by time, and its old rows changed: if they do so again and "
            f"again, let each content be a batch: ratchet init {found.url} --target COL --split "
            "none --force"
        )
    return line


def _are(number: int, one: str, more: str) -> str:
    return f"1 {one} is" if number == 1 else f"{number} {more} are"


def _names(ids: Sequence[str]) -> str:
    shown = ids if len(ids) <= 3 else [ids[0], "…", ids[-1]]
    return " ".join(shown)
