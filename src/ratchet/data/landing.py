"""`data/incoming/`: what `discover` had to download to hash it waits here for `fetch`.

So a new object crosses the network once, and a `discover` that was interrupted goes on where it
was. A file's name derives from the object's address and tags, not from its content: who knows the
object finds the file. Nothing here is trusted without a look at its hash, and all of it may be
deleted at any time.
"""

import errno
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from ratchet.files import PARTIAL, sha256_file, sha256_text

SCRATCH = "recovery-"  # folders of `recovery`
_OURS = re.compile(rf"{re.escape(PARTIAL)}.*|[0-9a-f]{{32}}")


class Tagged(Protocol):
    """What tells one object's content from another's, as the source sees it."""

    @property
    def uri(self) -> str: ...  # noqa: D102
    @property
    def version(self) -> str: ...  # noqa: D102
    @property
    def etag(self) -> str: ...  # noqa: D102
    @property
    def bytes(self) -> int: ...  # noqa: D102


def beside(manifest: Path) -> Path:
    """Return the folder in which the content of a manifest's batches lands."""
    return manifest.with_name("incoming")


def path_of(folder: Path, item: Tagged) -> Path:
    """Return where in `folder` the content of `item` lands."""
    tags = f"{item.uri}\n{item.version}\n{item.etag}\n{item.bytes}\n"
    return folder / sha256_text(tags)[:32]


def take(folder: Path, item: Tagged, sha256: str, target: Path) -> bool:
    """Move the landed content of `item` to `target` if it is there with that SHA-256."""
    path = path_of(folder, item)
    if not path.is_file() or sha256_file(path) != sha256:
        return False
    try:
        path.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # Another file system: the source has it too.
        return False
    return True


def clear(folder: Path, keep: Iterable[Tagged] = ()) -> None:
    """Delete what has landed, half or whole, but the content of the items in `keep`.

    Files that have no name of ours stay: the folder may be someone's mistake.
    """
    if not folder.is_dir():
        return
    kept = {path_of(folder, item) for item in keep}
    for path in folder.iterdir():
        if path.name.startswith(SCRATCH):
            shutil.rmtree(path)
        elif path not in kept and _OURS.fullmatch(path.name):
            path.unlink()
