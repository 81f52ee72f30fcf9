"""List what a bucket holds, version by version, a page at a time."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
from botocore import exceptions as boto
from botocore.config import Config
from urllib3.exceptions import HTTPError

from ratchet.data.s3_access import region_of
from ratchet.data.weather import (
    LASTING,
    FaultError,
    Limits,
    Patience,
    connection_kind,
    explain,
    of_answer,
)
from ratchet.errors import ConfigError


def versions(
    bucket: str, prefix: str, limits: Limits, *, deep: bool = False
) -> Iterator[Mapping[str, Any]]:
    """Yield the versions of all objects directly below `prefix`, or at it; at any depth if `deep`.

    Each is as S3 gives it: Key, VersionId ("null" where there are no versions), ETag, Size,
    LastModified, IsLatest. Delete markers are left out. A page of 1,000 is held at a time.

    Raises EvidenceError when the server can't be asked, ConfigError for an unusable setting.
    """
    client = _client(limits)
    marker: dict[str, str] = {}
    divided = {} if deep else {"Delimiter": "/"}
    while True:
        page = _page(client, bucket, prefix, {**divided, **marker}, limits)
        yield from page.get("Versions", [])
        if not page["IsTruncated"]:
            return
        following = {
            name: page[f"Next{name}"]
            for name in ("KeyMarker", "VersionIdMarker")
            if page.get(f"Next{name}")
        }
        if following in ({}, marker):
            # The same page for ever.
            raise explain(
                FaultError("not-s3"), f"s3://{bucket}/{prefix}", client.meta.endpoint_url, 0
            )
        marker = following


def _client(limits: Limits) -> Any:
    """Return a client that asks once: the repeating is `weather`'s, where it has one bound."""
    session = botocore.session.get_session()
    try:
        return session.create_client(
            "s3",
            region_name=region_of(os.environ) or None,
            config=Config(
                connect_timeout=limits.connect,
                read_timeout=limits.read,
                retries={"total_max_attempts": 1, "mode": "standard"},
                s3={"addressing_style": "path"},
            ),
        )
    except (boto.BotoCoreError, ValueError) as error:
        raise ConfigError(
            f"S3: {' '.join(str(error).split())}; check AWS_PROFILE, AWS_ENDPOINT_URL and the "
            "files in ~/.aws"
        ) from None


def _page(
    client: Any, bucket: str, prefix: str, how: Mapping[str, str], limits: Limits
) -> Mapping[str, Any]:
    uri = f"s3://{bucket}/{prefix}"
    patience, count = Patience(limits), 0
    while True:
        try:
            page: Mapping[str, Any] = client.list_object_versions(
                Bucket=bucket, Prefix=prefix, **how
            )
            if "IsTruncated" in page:
                return page
            # A proxy's own page: it would read as an empty bucket.
            fault = FaultError("not-s3")
        except boto.ParamValidationError:
            raise ConfigError(f"{uri}: {bucket!r} can't be a bucket's name") from None
        except (boto.BotoCoreError, boto.ClientError, HTTPError) as error:
            fault = _of_boto(error)
        patience.wait_or_explain(fault, count, uri, client.meta.endpoint_url)
        count += 1


def _of_boto(error: Exception) -> FaultError:
    """Return the fault that an exception of boto3 means."""
    if isinstance(error, boto.ClientError):
        answer = error.response
        status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        return of_answer(str(answer.get("Error", {}).get("Code", "")), status)
    for kinds, kind in _BOTO:
        if isinstance(error, kinds):
            return FaultError(kind, passing=kind not in LASTING)
    # What was wrong with the connection stands in the exception inside.
    inner = getattr(error, "kwargs", {}).get("error", "")
    kind = connection_kind(f"{error!r} {inner!r}")
    return FaultError(kind, passing=kind not in LASTING)


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
