"""What a source of batches is: something that lists objects and can bring their content.

A source knows neither the manifest nor the window.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Protocol

from ratchet.data.manifest import Batch, check_id, suffixes
from ratchet.errors import ConfigError, EvidenceError

EXAMPLES = 3  # failures told one by one
_CONTENT_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")


@dataclass(frozen=True, order=True, slots=True)
class Listed:
    """An object as its source lists it. `version` and `etag` are empty where there are none."""

    id: str
    uri: str
    version: str
    etag: str
    bytes: int


class Source(Protocol):
    """A place where batches arrive.

    `url` is what params.yaml names, filled in. `unmatched` counts, by the
    ending of their names, the objects that the last `list` saw there and that the pattern leaves
    out; hidden ones don't count. `overwritten` says that it
    is one place whose content is replaced without a trace, so that batches that were pinned earlier
    aren't listed any more. `caveats` are sentences about what the source can't promise; they are
    complete once `list` has returned.
    """

    url: str
    unmatched: Counter[str]
    overwritten: bool
    caveats: list[str]

    def list(self) -> Sequence[Listed]:
        """Return the batches, sorted by id.

        Raises EvidenceError when the source can't be read, ConfigError when a name can't be a
        batch's id or two objects would be one batch.
        """
        ...

    def newest(self) -> Listed:
        """Return what lies at this one place now; ConfigError where there may be several objects.

        Its tags change when it is overwritten.
        """
        ...

    def holds(self, uri: str) -> bool:
        """Whether a pin with this URI was made here: its object lies, or lay, in this place."""
        ...

    def hashes(self, items: Sequence[Listed], incoming: Path) -> Sequence[str]:
        """Return the SHA-256 of the content of each of the items.

        What had to be downloaded for it stays in the folder `incoming` (see `landing`).
        """
        ...


class LostError(Exception):
    """A source no longer holds what a manifest's line pins; the text says how, after its URI."""


def check_content(batch: Batch, sha256: str) -> None:
    """Raise LostError when content with this SHA-256 isn't what `batch` pins."""
    if sha256 != batch.sha256:
        raise LostError(
            f"batch {batch.id} is pinned with SHA-256 {batch.sha256[:12]}… but its content has "
            f"{sha256[:12]}…: it changed upstream, or the manifest's line is wrong"
        )


def all_in_one(failures: Sequence[str]) -> EvidenceError:
    """Return one error for what failed with several batches: a line for each of the first."""
    lines = [*failures[:EXAMPLES]]
    if len(failures) > EXAMPLES:
        lines.append(f"and {len(failures) - EXAMPLES} batches more")
    return EvidenceError("\n".join(lines))


def several(url: str) -> ConfigError:
    """Return the error for a place of many objects where one is asked for."""
    return ConfigError(
        f"params.yaml: source.split cuts one big file, but {url} is a place of many; name the "
        "file in source.url, or leave source.split empty"
    )


def is_hidden(name: str) -> bool:
    """Whether an object is what a file manager or a half-done copy leaves: `.x.csv`, `._x.csv`.

    Of folders also those of other programs: `_delta_log/`, `_temporary/`.
    """
    *folders, last = name.split("/")
    return last.startswith(".") or any(each.startswith((".", "_")) for each in folders)


def is_deep(pattern: str) -> bool:
    """Whether objects in sub-folders are meant, as in `dt=2024-01-01/part-0.parquet`."""
    return "/" in pattern


def endings(names: Iterable[str]) -> Counter[str]:
    """Count names by their endings, such as `.zip`; what has none by `no ending`."""
    return Counter(PurePosixPath(name).suffix or "no ending" for name in names)


def batch_ids(names: Sequence[str], where: str) -> Sequence[str]:
    """Return the batch id of each object name: the name without its file-type ending.

    A `/` in it becomes a dot, which sorts beside it, so that files in `data/raw` lie flat.

    Raises ConfigError, naming the place `where`, when a name can't be an id or two are one.
    """
    seen: dict[str, str] = {}
    for name in names:
        batch_id = name.removesuffix(suffixes(name)).replace("/", ".")
        check_id(batch_id, where + name)
        if batch_id in seen:
            raise ConfigError(
                f"{where}{name}: {seen[batch_id]} has the same batch id; remove one of the two "
                "or narrow source.pattern in params.yaml"
            )
        seen[batch_id] = name
    return list(seen)


def content_id(changed: datetime, tag: str) -> str:
    """Return an id for what lay at one place from `changed` on: `20261122T031500Z-` and 8 digits.

    `tag` is what tells it from other content of the same second; ids of one second sort by chance.
    """
    return f"{changed:%Y%m%dT%H%M%SZ}-{tag[:8]}"


def is_content_id(batch_id: str) -> bool:
    """Whether a batch is one of the contents of a place that is overwritten."""
    return bool(_CONTENT_ID.fullmatch(batch_id))


def earliest(batch_id: str) -> str:
    """Return the least id of the time that `batch_id` stands for; `batch_id` itself without one."""
    return batch_id[:-8] if is_content_id(batch_id) else batch_id
