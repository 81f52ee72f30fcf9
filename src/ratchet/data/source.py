"""Where batches come from: what `source.url` names, and how a manifest's URIs are brought.

The S3 client takes half a second to import, so only an s3:// URL imports it.
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ratchet.data import folder
from ratchet.data.listing import Source
from ratchet.data.manifest import Batch
from ratchet.data.weather import LIMITS, Limits
from ratchet.errors import ConfigError

BUCKET = "DATA_BUCKET"
_VARIABLE = re.compile(r"\$\{?(\w*)\}?")


def open_source(
    url: str,
    pattern: str,
    *,
    environment: Mapping[str, str] = os.environ,
    limits: Limits = LIMITS,
) -> Source:
    """Return the source that `source.url` in params.yaml names.

    `s3://bucket/prefix/` or a folder: each object in it that matches `pattern` is a batch.
    `s3://bucket/key.csv` or a file: it is overwritten, and each content is a batch.
    `${DATA_BUCKET}` in an S3 URL is filled from the environment.

    Raises ConfigError for a kind of URL that isn't known or a variable that isn't set.
    """
    where = "params.yaml: source.url"
    if not _is_s3(url, where):
        return folder.FileSource(url) if Path(url).is_file() else folder.FolderSource(url, pattern)
    from ratchet.data import s3

    return s3.S3Source(_fill(url, environment, where), pattern, limits)


def bring(batches: Sequence[tuple[Batch, Path]], limits: Limits = LIMITS) -> dict[str, str]:
    """Bring each batch from its source to the path beside it: whole and as pinned, or not at all.

    Returns, by batch id, what is wrong with those that the source no longer holds as pinned.

    Raises EvidenceError when a source can't be reached or refuses us.
    """
    remote: list[tuple[Batch, Path]] = []
    local: list[tuple[Batch, Path]] = []
    for pair in batches:
        (remote if _is_s3(pair[0].uri, "data/manifest.csv") else local).append(pair)
    wrong = [*zip(local, folder.copy(local), strict=True)]
    if remote:
        from ratchet.data import s3

        wrong += zip(remote, s3.bring(remote, limits), strict=True)
    return {batch.id: reason for (batch, _), reason in wrong if reason}


def _is_s3(url: str, where: str) -> bool:
    if url.startswith("s3://"):
        return True
    if "://" in url:
        raise ConfigError(
            f"{where}: {url} is not supported; use s3://bucket/prefix/, s3://bucket/key, "
            "a folder or a file"
        )
    return False


def _fill(url: str, environment: Mapping[str, str], where: str) -> str:
    """Put the bucket's name from the environment into the URL."""
    found = _VARIABLE.search(url)
    if found is None:
        return url
    if found.group(0) != f"${{{BUCKET}}}":
        raise ConfigError(f"{where}: {found.group(0)} in {url}: only ${{{BUCKET}}} may stand there")
    name = environment.get(BUCKET, "")
    if not name:
        raise ConfigError(
            f"{where}: {url} needs the environment variable {BUCKET}; set it to the bucket's name"
        )
    return url.replace(found.group(0), name)
