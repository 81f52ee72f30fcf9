"""Download objects from S3: quickly, in constant memory, and on from where a fault struck.

obstore downloads at a multiple of botocore's speed and a fraction of its CPU (figures in
docs/dependencies.md).
It is told to try once: the repeating is `weather`'s, where it has one bound.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
from obstore.store import S3Store

from ratchet.data.landing import Tagged
from ratchet.data.listing import LostError
from ratchet.data.s3_access import find_access
from ratchet.data.weather import (
    LASTING,
    FaultError,
    Limits,
    Patience,
    connection_kind,
    of_answer,
)

CHUNK = 1 << 18
# The object isn't there (as it was); everything else that goes wrong is an error.
_LOST = {
    "NoSuchKey": "is pinned but gone from the bucket",
    "NoSuchVersion": "is pinned in a version that was deleted for good",
    "MethodNotAllowed": "is pinned in a version that is a delete marker now",
    "PreconditionFailed": "is pinned but was overwritten with other content",
}


class Downloader:
    """A connection to the S3 server that the environment describes, for several threads.

    Raises EvidenceError when there are no credentials, ConfigError for an unusable setting.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._access = find_access()
        self.endpoint = self._access.endpoint
        self._stores: dict[str, S3Store] = {}

    def download(
        self, item: Tagged, target: Path, patience: Patience, tell: Callable[[int], None]
    ) -> str:
        """Write the item's content to the file `target` and return its SHA-256.

        With a version it is that version, without one what lies there now if its ETag is the same.
        After a fault it goes on at the byte where it was. `tell` gets the number of new bytes.

        Raises LostError when there is no such object of that size, EvidenceError when the server
        can't be asked, StoppedError when `patience` was told to stop.
        """
        bucket, _, key = item.uri.removeprefix("s3://").partition("/")
        options = {"version": item.version} if item.version else {"if_match": f'"{item.etag}"'}
        digest, count, done = hashlib.sha256(), 0, 0
        with target.open("wb") as file:
            while True:
                before = done
                try:
                    for chunk in self._stream(bucket, key, options, done, item.bytes):
                        patience.progress()
                        digest.update(chunk)
                        done += file.write(chunk)
                        tell(len(chunk))
                    if done != item.bytes:
                        raise FaultError("reset", passing=True)
                    return digest.hexdigest()
                except FaultError as fault:
                    count = 0 if done > before else count + 1
                    patience.wait_or_explain(fault, count, item.uri, self.endpoint)

    def _stream(
        self, bucket: str, key: str, options: Mapping[str, Any], offset: int, size: int
    ) -> Iterator[Any]:
        """Yield the object's bytes from `offset` on, in pieces of at least CHUNK but the last."""
        if offset:
            options = {**options, "range": {"offset": offset}}
        try:
            answer = obstore.get(self._store(bucket), key, options=options)  # type: ignore[arg-type]
            if answer.meta["size"] != size:
                found = answer.meta["size"]
                raise LostError(f"is pinned with {size} bytes but has {found} there now")
            yield from answer.stream(min_chunk_size=CHUNK)
        except (obstore.exceptions.BaseError, OSError, ValueError) as error:
            raise _of_obstore(error) from None

    def _store(self, bucket: str) -> S3Store:
        if bucket not in self._stores:
            options: Any = {
                "allow_http": self.endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=self._limits.connect),
                "read_timeout": timedelta(seconds=self._limits.read),
                # Of the whole answer, body and all: `Patience` bounds that.
                "timeout": timedelta(days=1),
            }
            if self._access.ca_bundle:
                options["root_certificate"] = Path(self._access.ca_bundle).read_bytes()
            self._stores[bucket] = S3Store(
                bucket,
                endpoint=self.endpoint,
                region=self._access.region,
                # Path style: every server understands it, AWS too.
                virtual_hosted_style_request=False,
                client_options=options,
                retry_config={"max_retries": 0},
                credential_provider=self._access.credentials,
            )
        return self._stores[bucket]


def _of_obstore(error: Exception) -> FaultError:
    """Return the fault that an exception of obstore means.

    obstore gives S3's answer as text. Raises LostError when it says that the object isn't there.
    """
    text = str(error)
    code = re.search(r"<Code>(\w+)</Code>", text)
    status = re.search(r"status code: (\d{3})", text)
    name = code.group(1) if code else ""
    if isinstance(error, obstore.exceptions.PreconditionError):
        name = "PreconditionFailed"
    if name in _LOST:
        raise LostError(_LOST[name])
    # AWS's answer to a version id that it could never have given.
    if name == "InvalidArgument" and "version id" in text:
        raise LostError(_LOST["NoSuchVersion"])
    if status:
        return of_answer(name, int(status.group(1)))
    if "redirect" in text:
        return FaultError("moved")
    if "credential" in text.lower():
        return FaultError("bad-credentials")
    kind = connection_kind(text)
    return FaultError(kind, passing=kind not in LASTING)
