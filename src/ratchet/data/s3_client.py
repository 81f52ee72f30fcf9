"""The wire to S3: list versions, download objects; with retries, time limits, and clear ends.

Two clients share the work. botocore has AWS's own chain of credentials and can list versions; it
is asked for one page at a time. obstore downloads at a multiple of botocore's speed and a fraction
of its CPU (docs/dependencies.md), with the same credentials. Both do single attempts: the repeating
is ours, so that one place bounds it.

Endpoint, region, profile and proxies come from the environment as for every AWS tool. Addresses
are written in path style, which AWS and all other servers understand.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import botocore.session
import obstore
from botocore import exceptions as boto
from botocore.config import Config
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.store import S3Store
from urllib3.exceptions import HTTPError

from ratchet.data.landing import Tagged
from ratchet.data.listing import LostError
from ratchet.data.weather import FaultError, Limits, Patience, explain, of_answer
from ratchet.errors import ConfigError

CHUNK = 1 << 18
# Where credentials run out, botocore has new ones some minutes before; ask it often enough.
_CREDENTIALS_LIVE = timedelta(minutes=2)
# The object isn't there (as it was); everything else that goes wrong is an error.
_LOST = {
    "NoSuchKey": "is gone from the bucket",
    "NoSuchVersion": "no longer has the pinned version: it was deleted for good",
    "MethodNotAllowed": "has a delete marker where the pinned version was",
    "PreconditionFailed": "was overwritten with other content",
}


class Connection:
    """An S3 server as the environment describes it: endpoint, region, credentials.

    Raises EvidenceError when there are no credentials, ConfigError for an unusable setting.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        session = botocore.session.get_session()
        try:
            self._client: Any = session.create_client(
                "s3",
                config=Config(
                    connect_timeout=limits.connect,
                    read_timeout=limits.read,
                    retries={"total_max_attempts": 1, "mode": "standard"},
                    s3={"addressing_style": "path"},
                ),
            )
            credentials = session.get_credentials()
        except (boto.BotoCoreError, ValueError) as error:
            raise ConfigError(
                f"S3: {' '.join(str(error).split())}; check AWS_PROFILE, AWS_ENDPOINT_URL and the "
                "files in ~/.aws"
            ) from None
        self.endpoint: str = self._client.meta.endpoint_url
        if credentials is None:
            raise explain(FaultError("no-credentials"), "S3", self.endpoint, 0)
        self._provider = Boto3CredentialProvider(session, ttl=_CREDENTIALS_LIVE)
        self._bundle: str | None = session.get_config_variable("ca_bundle")
        self._stores: dict[str, S3Store] = {}

    def versions(self, bucket: str, prefix: str) -> Iterator[Mapping[str, Any]]:
        """Yield the versions of all objects directly below `prefix`, or at it, page by page.

        Each is as S3 gives it: Key, VersionId ("null" where there are no versions), ETag, Size,
        LastModified, IsLatest. Delete markers are left out.

        Raises EvidenceError when the server can't be asked.
        """
        marker: dict[str, str] = {}
        while True:
            page = self._page(bucket, prefix, marker)
            yield from page.get("Versions", [])
            if not page.get("IsTruncated"):
                return
            marker = {
                ours: page[theirs]
                for ours, theirs in [
                    ("KeyMarker", "NextKeyMarker"),
                    ("VersionIdMarker", "NextVersionIdMarker"),
                ]
                if page.get(theirs)
            }

    def _page(self, bucket: str, prefix: str, marker: Mapping[str, str]) -> Mapping[str, Any]:
        uri = f"s3://{bucket}/{prefix}"
        patience, start, count = Patience(self.limits), time.monotonic(), 0
        while True:
            try:
                page: Mapping[str, Any] = self._client.list_object_versions(
                    Bucket=bucket, Prefix=prefix, Delimiter="/", **marker
                )
                if "IsTruncated" in page:
                    return page
                # A page of a proxy would read as an empty bucket.
                self._wait(FaultError("not-s3"), count, uri, patience, start)
            except boto.ParamValidationError:
                raise ConfigError(f"{uri}: {bucket!r} can't be a bucket's name") from None
            except (boto.BotoCoreError, boto.ClientError, HTTPError) as error:
                self._wait(_of_boto(error), count, uri, patience, start)
            count += 1

    def _wait(
        self, fault: FaultError, count: int, uri: str, patience: Patience, start: float
    ) -> None:
        """Pause before the next attempt; raise EvidenceError when there is to be none."""
        try:
            patience.wait(fault, count)
        except FaultError as last:
            raise explain(last, uri, self.endpoint, time.monotonic() - start) from None

    def download(
        self, item: Tagged, target: Path, patience: Patience, tell: Callable[[int], None]
    ) -> str:
        """Write the item's content to the file `target` and return its SHA-256.

        With a version it is that version, without one what lies there now if its ETag is the same.
        After a fault it goes on at the byte where it was. `tell` gets the number of new bytes.

        Raises LostError when there is no such object of that size, EvidenceError when the server
        can't be asked, StoppedError when `patience` was told to stop.
        """
        bucket, key = split(item.uri)
        options = {"version": item.version} if item.version else {"if_match": f'"{item.etag}"'}
        digest, start, count, done = hashlib.sha256(), time.monotonic(), 0, 0
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
                    self._wait(fault, count, item.uri, patience, start)

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
                raise LostError(f"now has {found} bytes, not the {size} that are pinned")
            yield from answer.stream(min_chunk_size=CHUNK)
        except (obstore.exceptions.BaseError, OSError, ValueError) as error:
            raise _of_obstore(error) from None

    def _store(self, bucket: str) -> S3Store:
        if bucket not in self._stores:
            region = self._client.meta.region_name
            options: Any = {
                "allow_http": self.endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=self.limits.connect),
                "read_timeout": timedelta(seconds=self.limits.read),
                # Of the whole answer, body and all: `Patience` bounds that.
                "timeout": timedelta(days=1),
            }
            if self._bundle:
                options["root_certificate"] = Path(self._bundle).read_bytes()
            self._stores[bucket] = S3Store(
                bucket,
                endpoint=self.endpoint,
                region="us-east-1" if region in (None, "aws-global") else region,
                virtual_hosted_style_request=False,
                client_options=options,
                retry_config={"max_retries": 0},
                credential_provider=self._provider,
            )
        return self._stores[bucket]


def split(uri: str) -> tuple[str, str]:
    """Return the bucket and the key (or prefix) of an s3:// URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def _of_boto(error: Exception) -> FaultError:
    """Return the fault that an exception of boto3 means."""
    if isinstance(error, boto.ClientError):
        answer = error.response
        status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        return of_answer(str(answer.get("Error", {}).get("Code", "")), status)
    for kinds, kind in _BOTO:
        if isinstance(error, kinds):
            return FaultError(kind, passing=kind not in _LASTING)
    # What was wrong with the connection stands in the exception inside.
    inner = getattr(error, "kwargs", {}).get("error", "")
    kind = _connection_kind(f"{error!r} {inner!r}")
    return FaultError(kind, passing=kind not in _LASTING)


_LASTING = {"tls", "no-credentials", "bad-credentials"}
_BOTO: list[tuple[tuple[type[Exception], ...], str]] = [
    ((boto.NoCredentialsError, boto.PartialCredentialsError), "no-credentials"),
    (
        (boto.CredentialRetrievalError, boto.SSOError, boto.TokenRetrievalError),
        "bad-credentials",
    ),
    ((boto.SSLError,), "tls"),
    ((boto.ProxyConnectionError,), "proxy"),
    ((boto.ConnectTimeoutError, boto.ReadTimeoutError), "stalled"),
    ((boto.ConnectionClosedError, boto.ResponseStreamingError), "reset"),
]
# What the text of a failed connection holds, in boto3's words or obstore's.
_SIGNS = {
    "tls": r"certificate|CERTIFICATE|InvalidCertificate|SSL",
    "unknown-host": r"dns error|NameResolution|Name or service|name resolution",
    "refused": r"ConnectionRefused|Connection refused",
    "stalled": r"TimedOut|timed out|Timeout",
    "reset": r"ConnectionReset|IncompleteMessage|UnexpectedEof|body error|IncompleteRead|closed",
}


def _connection_kind(text: str) -> str:
    for kind, sign in _SIGNS.items():
        if re.search(sign, text):
            return kind
    return "unreachable"


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
    kind = _connection_kind(text)
    return FaultError(kind, passing=kind not in _LASTING)
