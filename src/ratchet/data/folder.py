"""Batches on a local disk: a folder with one file each, or one file that is overwritten."""

import shutil
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from ratchet.data.listing import (
    Listed,
    LostError,
    all_in_one,
    batch_ids,
    check_content,
    content_id,
    endings,
    is_deep,
    is_hidden,
    several,
)
from ratchet.data.manifest import Batch
from ratchet.errors import EvidenceError
from ratchet.files import atomic_write, sha256_file

WORKERS = 8  # waiting for a disk, not computing
CHUNK = 1 << 20


class FolderSource:
    """Files in a local folder, in which each file that matches `pattern` is a batch.

    A pattern with `/` is held against the path below the folder, at any depth.

    A folder has no ETags: `etag` stays empty, and only the content tells a change.
    """

    def __init__(self, url: str, pattern: str) -> None:
        self.url = url
        self.folder = Path(url)
        self.pattern = pattern
        self.unmatched: Counter[str] = Counter()
        self.overwritten = False
        self.caveats: list[str] = []

    def list(self) -> Sequence[Listed]:
        """Return the batches, sorted by id.

        Raises EvidenceError when the folder isn't there, ConfigError when two files would be one
        batch or a name can't be a batch id.
        """
        if not self.folder.is_dir():
            raise EvidenceError(
                f"{self.folder}: the source folder does not exist; check source.url in params.yaml"
            )
        below = self.folder.rglob("*") if is_deep(self.pattern) else self.folder.iterdir()
        files = {path.relative_to(self.folder).as_posix(): path for path in below if path.is_file()}
        seen = [name for name in sorted(files) if not is_hidden(name)]
        names = [name for name in seen if fnmatchcase(name, self.pattern)]
        self.unmatched = endings({*seen} - {*names})
        ids = batch_ids(names, f"{self.folder}/")
        return sorted(
            Listed(batch_id, files[name].as_posix(), "", "", files[name].stat().st_size)
            for batch_id, name in zip(ids, names, strict=True)
        )

    def newest(self) -> Listed:
        """Raise ConfigError: a folder may hold many files."""
        if not self.folder.exists():
            raise EvidenceError(f"{self.url}: no such file; check source.url in params.yaml")
        raise several(self.url)

    def holds(self, uri: str) -> bool:
        """Whether a pin with this URI was made here."""
        place, folder = Path(uri).resolve(), self.folder.resolve()
        return folder in place.parents if is_deep(self.pattern) else place.parent == folder

    def hashes(self, items: Sequence[Listed], incoming: Path) -> Sequence[str]:  # noqa: ARG002
        """Return the SHA-256 of the items' content, as it is now. Nothing lands: it is here."""
        return _hashes([item.uri for item in items])


class FileSource:
    """One local file that is overwritten: each content of it is a batch.

    The id is the time of the last change (UTC) and a piece of the content's hash.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.path = Path(url)
        self.unmatched: Counter[str] = Counter()
        self.overwritten = True
        self.caveats = [
            f"{url} is one file that is overwritten: content that is replaced between two looks "
            "is missed, and older batches live in DVC's cache and remote alone"
        ]

    def list(self) -> Sequence[Listed]:
        """Return the file's present content as the only batch.

        Raises EvidenceError when it can't be read.
        """
        sha256, status = sha256_file(self.path), self.path.stat()
        changed = datetime.fromtimestamp(int(status.st_mtime), UTC)
        return [Listed(content_id(changed, sha256), self.path.as_posix(), "", "", status.st_size)]

    def newest(self) -> Listed:
        """Return the file as it is; the time of its last change stands for a tag."""
        status = self.path.stat()
        tag = str(status.st_mtime_ns)
        changed = datetime.fromtimestamp(int(status.st_mtime), UTC)
        return Listed(content_id(changed, tag), self.path.as_posix(), "", tag, status.st_size)

    def holds(self, uri: str) -> bool:
        """Whether a pin with this URI was made here."""
        return Path(uri).resolve() == self.path.resolve()

    def hashes(self, items: Sequence[Listed], incoming: Path) -> Sequence[str]:  # noqa: ARG002
        """Return the SHA-256 of the items' content, as it is now. Nothing lands: it is here."""
        return _hashes([item.uri for item in items])


def copy(batches: Sequence[tuple[Batch, Path]]) -> Sequence[str]:
    """Copy each batch's file to the path beside it, if it still holds what is pinned.

    Returns for each what is wrong with the source's file, empty where the copy was made.

    Raises EvidenceError when a target can't be written.
    """
    with ThreadPoolExecutor(WORKERS) as pool:
        done = list(pool.map(_copy, [batch for batch, _ in batches], [path for _, path in batches]))
    # Each was tried: at the first failure others would still have been half-written.
    refused = [str(failure) for failure in done if isinstance(failure, EvidenceError)]
    if refused:
        raise all_in_one(refused)
    return [reason for reason in done if isinstance(reason, str)]


def _copy(batch: Batch, path: Path) -> str | EvidenceError:
    try:
        # Opened apart, so that what the target refuses isn't said of the source.
        source = Path(batch.uri).open("rb")  # noqa: SIM115
    except (FileNotFoundError, NotADirectoryError):
        return "is pinned but gone from the source"
    except (IsADirectoryError, PermissionError) as error:
        return f"is pinned but can't be read ({error.strerror})"
    try:
        with source, atomic_write(path) as partial:
            with partial.open("wb") as target:
                shutil.copyfileobj(source, target, CHUNK)
            check_content(batch, sha256_file(partial))
    except LostError as lost:
        return str(lost)
    except EvidenceError as refused:
        return refused
    return ""


def _hashes(paths: Sequence[str]) -> Sequence[str]:
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(sha256_file, map(Path, paths)))
