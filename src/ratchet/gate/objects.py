"""What DVC keeps, as files: each is named by the MD5 of its content, and a folder is a listing."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from ratchet.errors import EvidenceError

FOLDER = ".dir"  # behind the MD5 of a listing


def md5_of(path: Path) -> str:
    """Return the MD5 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


@cache
def md5_as_of(path: Path, _changed: int, _size: int) -> str:
    """Return a file's MD5, looked at once: versions have most of their objects in common."""
    return md5_of(path)


def files_in(listing: Path) -> dict[str, str]:
    """Return the MD5 of each file in a folder that DVC keeps, by its path there.

    Raises EvidenceError when the file isn't a listing.
    """
    try:
        return {each["relpath"]: each["md5"] for each in json.loads(listing.read_bytes())}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvidenceError(
            f"{listing}: is no listing of a folder ({error}); delete it and run `dvc pull`"
        ) from error


def whole(store: Any, listing: str) -> bool:
    """Tell whether a remote's listing is what its name says, or isn't there."""
    try:
        content = store.fs.cat_file(store.oid_to_path(listing))
    except FileNotFoundError:
        return True
    return hashlib.md5(content).hexdigest() == listing.removesuffix(FOLDER)


def unlisted(oids: Iterable[str], listing: Callable[[str], object]) -> dict[str, str]:
    """Return what is wrong with folders among these objects that can't be listed, by their MD5.

    listing: what gets one, or raises EvidenceError.
    """
    found = {}
    for oid in oids:
        if oid.endswith(FOLDER):
            try:
                listing(oid)
            except EvidenceError as error:
                found[oid] = f"can't be listed: {error}"
    return found


@contextmanager
def quiet() -> Iterator[None]:
    """Keep DVC from telling of what is missing or removed: it is told here, by path and version."""
    loud = logging.getLogger("dvc")
    before = loud.level
    loud.setLevel(logging.ERROR)
    try:
        yield
    finally:
        loud.setLevel(before)
