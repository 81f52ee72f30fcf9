"""Where batches come from. Today: a folder with one file per batch.

A source lists what it holds and copies one object; it knows neither the manifest nor the window.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from ratchet.data.manifest import check_id, suffixes
from ratchet.errors import ConfigError, EvidenceError
from ratchet.files import sha256_file


@dataclass(frozen=True, order=True)
class Listed:
    """An object as its source lists it. `version` and `etag` are empty where there are none."""

    id: str
    uri: str
    version: str
    etag: str
    bytes: int


class FolderSource:
    """Files in a local folder, below which each file that matches `pattern` is a batch.

    A folder has no ETags: `etag` stays empty, and only the content tells a change.
    """

    def __init__(self, url: str, pattern: str) -> None:
        self.folder = Path(url)
        self.pattern = pattern

    def list(self) -> Iterator[Listed]:
        """Yield the batches, sorted by id.

        Raises EvidenceError when the folder isn't there, ConfigError when two files would be one
        batch or a name can't be a batch id.
        """
        if not self.folder.is_dir():
            raise EvidenceError(
                f"{self.folder}: the source folder does not exist; check source.url in params.yaml"
            )
        seen: dict[str, Path] = {}
        for path in sorted(self.folder.iterdir()):
            if not path.is_file() or not fnmatchcase(path.name, self.pattern):
                continue
            batch_id = path.name.removesuffix(suffixes(path.name))
            check_id(batch_id, str(path))
            if batch_id in seen:
                raise ConfigError(
                    f"{path}: {seen[batch_id].name} has the same batch id; remove one of the two "
                    "or narrow source.pattern in params.yaml"
                )
            seen[batch_id] = path
        for batch_id, path in sorted(seen.items()):
            yield Listed(batch_id, path.as_posix(), "", "", path.stat().st_size)

    def sha256(self, listed: Listed) -> str:
        """Return the SHA-256 of an object's content, as it is now."""
        return sha256_file(Path(listed.uri))


def open_source(url: str, pattern: str) -> FolderSource:
    """Return the source that `source.url` names.

    Raises ConfigError for a kind of URL that isn't known.
    """
    _refuse_scheme(url, "params.yaml: source.url")
    return FolderSource(url, pattern)


def copy_object(uri: str, target: Path) -> None:
    """Copy the object at `uri` to the local file `target`.

    Raises EvidenceError when it is gone from the source or can't be read there.
    """
    _refuse_scheme(uri, "data/manifest.csv")
    try:
        shutil.copyfile(uri, target)
    except FileNotFoundError:
        raise EvidenceError(
            f"{uri}: is pinned but gone from the source; restore it there, or get data/raw from "
            "the cache with `dvc checkout` or from the remote with `dvc pull`"
        ) from None
    except (IsADirectoryError, PermissionError) as error:
        raise EvidenceError(f"{uri}: is pinned but can't be read ({error.strerror})") from error


def _refuse_scheme(url: str, where: str) -> None:
    if "://" in url:
        raise ConfigError(f"{where}: {url} is not supported, only local folders are")
