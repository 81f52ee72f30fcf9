"""Batches in S3: each object below a prefix, or each version of one key that is overwritten."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

from ratchet.data import landing
from ratchet.data.listing import (
    Listed,
    LostError,
    batch_ids,
    check_content,
    content_id,
    endings,
    is_deep,
    is_hidden,
    several,
)
from ratchet.data.manifest import Batch, check_id
from ratchet.data.progress import Transfer
from ratchet.data.s3_download import Downloader
from ratchet.data.s3_listing import versions
from ratchet.data.weather import FaultError, Limits, Patience, StoppedError, explain
from ratchet.errors import ConfigError, EvidenceError
from ratchet.files import atomic_write, sha256_file

WORKERS = 8  # waiting for the network, not computing
NO_VERSION = "null"  # what S3 calls the version of an object in a bucket that keeps none

Item = TypeVar("Item", Listed, Batch)


class S3Source:
    """What `s3://bucket/prefix/` or `s3://bucket/key` holds.

    Below a prefix each object whose name matches `pattern` is a batch, pinned with the version that
    is in force; objects in sub-folders are none, unless the pattern has a `/`. A single key is
    overwritten: where the bucket keeps versions each of them is a batch, else what lies there now.
    """

    def __init__(self, url: str, pattern: str, limits: Limits) -> None:
        self.bucket, _, self.path = url.removeprefix("s3://").partition("/")
        if not self.bucket:
            raise ConfigError(f"params.yaml: source.url: {url} names no bucket")
        self.url = url
        self.pattern = pattern
        self.limits = limits
        self.unmatched: Counter[str] = Counter()
        self.overwritten = False
        self.caveats: list[str] = []
        self._in_force: Listed | None = None

    def list(self) -> Sequence[Listed]:
        """Return the batches, sorted by id; one request for each 1,000 versions.

        Raises EvidenceError when the bucket can't be listed or the key isn't there, ConfigError
        when a name can't be an id or two objects would be one batch.
        """
        self.unmatched, self.overwritten, self.caveats = Counter(), False, []
        self._in_force = None
        return self._list_key() if self._is_key else self._list_prefix()

    def newest(self) -> Listed:
        """Return the object at a single key as it is in force.

        Raises ConfigError for a prefix, EvidenceError when there is no such object.
        """
        if not self._is_key:
            raise several(self.url)
        self.list()
        if self._in_force is None:
            raise self._absent()
        return self._in_force

    def holds(self, uri: str) -> bool:
        """Whether a pin with this URI was made here."""
        place = f"s3://{self.bucket}/{self.path}"
        if self._is_key:
            return uri == place
        inside = is_deep(self.pattern) or "/" not in uri.removeprefix(place)
        return uri.startswith(place) and inside

    @property
    def _is_key(self) -> bool:
        return bool(self.path) and not self.path.endswith("/")

    def _list_prefix(self) -> Sequence[Listed]:
        found = []
        deep = is_deep(self.pattern)
        for version in versions(self.bucket, self.path, self.limits, deep=deep):
            name = version["Key"].removeprefix(self.path)
            # Consoles make an empty object for a folder: `dt=2024-01-01/`.
            if not version["IsLatest"] or not name or name.endswith("/") or is_hidden(name):
                continue
            if not fnmatchcase(name, self.pattern):
                self.unmatched += endings([name])
            else:
                found.append((name, version["VersionId"], version["ETag"], version["Size"]))
        ids = batch_ids([name for name, *_ in found], self.url)
        listed = sorted(
            Listed(
                batch_id,
                f"s3://{self.bucket}/{self.path}{name}",
                "" if version == NO_VERSION else version,
                etag.strip('"'),
                size,
            )
            for batch_id, (name, version, etag, size) in zip(ids, found, strict=True)
        )
        unversioned = sum(not item.version for item in listed)
        if unversioned:
            self.caveats.append(
                f"{unversioned} of {len(listed)} objects in {self.url} have no version: one that "
                "is overwritten or deleted there lives on in DVC's cache and remote alone; turn on "
                "the bucket's versioning"
            )
        return listed

    def _list_key(self) -> Sequence[Listed]:
        found = [
            version
            for version in versions(self.bucket, self.path, self.limits)
            if version["Key"] == self.path
        ]
        if not found:
            raise self._absent()
        listed = []
        for version in found:
            etag, number = version["ETag"].strip('"'), version["VersionId"]
            tag = etag if number == NO_VERSION else number
            batch_id = content_id(version["LastModified"], hashlib.sha256(tag.encode()).hexdigest())
            check_id(batch_id, self.url)
            # Without a version it can be had only as long as it is in force.
            named = "" if number == NO_VERSION and version["IsLatest"] else number
            listed.append(Listed(batch_id, self.url, named, etag, version["Size"]))
            if version["IsLatest"]:
                self._in_force = listed[-1]
        if any(item.version in ("", NO_VERSION) for item in listed):
            self.overwritten = True
            self.caveats.append(
                f"{self.url} is overwritten in a bucket that keeps no versions: content that is "
                "replaced between two looks is missed, and older batches live in DVC's cache and "
                "remote alone; turn on the bucket's versioning"
            )
        return sorted(listed)

    def _absent(self) -> EvidenceError:
        return EvidenceError(
            f"{self.url}: there is no such object; check source.url in params.yaml (the URL of a "
            "prefix ends with /)"
        )

    def hashes(self, items: Sequence[Listed], incoming: Path) -> Sequence[str]:
        """Return the SHA-256 of the items' content; what isn't in `incoming` is downloaded to it.

        Raises EvidenceError when an object can't be had or is overwritten meanwhile.
        """
        known: dict[str, str] = {}
        for item in items:
            path = landing.path_of(incoming, item)
            if path.is_file():
                known[item.id] = sha256_file(path)
        new = [item for item in items if item.id not in known]

        def land(downloader: Downloader, item: Listed, patience: Patience, bar: Transfer) -> str:
            try:
                with atomic_write(landing.path_of(incoming, item)) as partial:
                    return downloader.download(item, partial, patience, bar.add)
            except LostError:
                raise explain(FaultError("changed"), item.uri, downloader.endpoint, 0) from None

        landed = _in_parallel("discover", new, land, self.limits) if new else []
        known |= {item.id: sha256 for item, sha256 in zip(new, landed, strict=True)}
        return [known[item.id] for item in items]


def bring(batches: Sequence[tuple[Batch, Path]], limits: Limits) -> Sequence[str]:
    """Download each batch to the path beside it, if the bucket still has what is pinned.

    Returns for each what is wrong with the object, empty where the file was written.

    Raises EvidenceError when the server can't be asked or refuses.
    """
    places = dict(batches)

    def fetch(downloader: Downloader, batch: Batch, patience: Patience, bar: Transfer) -> str:
        try:
            with atomic_write(places[batch]) as partial:
                sha256 = downloader.download(batch, partial, patience, bar.add)
                check_content(batch, sha256)
        except LostError as lost:
            return str(lost)
        return ""

    return _in_parallel("fetch", list(places), fetch, limits)


def _in_parallel(
    title: str,
    items: Sequence[Item],
    work: Callable[[Downloader, Item, Patience, Transfer], str],
    limits: Limits,
) -> Sequence[str]:
    """Do `work` for each item in threads, with a bar.

    When one fails the others end soon and leave no half-written file behind.
    """
    downloader = Downloader(limits)
    size = sum(item.bytes for item in items)
    patience = Patience(limits, size)
    with Transfer(title, len(items), size) as bar, ThreadPoolExecutor(WORKERS) as pool:

        def one(item: Item) -> str:
            done = work(downloader, item, patience, bar)
            bar.add(files=1)
            return done

        futures = [pool.submit(one, item) for item in items]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            patience.stop()
            pool.shutdown(cancel_futures=True)
    failed = [f.exception() for f in futures if not f.cancelled() and f.exception()]
    for error in failed:
        if not isinstance(error, StoppedError):
            assert error is not None
            raise error
    return [future.result() for future in futures]
