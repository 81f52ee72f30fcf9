"""Whole files or none: atomic writes, and content hashes."""

import errno
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ratchet.errors import EvidenceError

PARTIAL = ".partial-"
_REFUSED = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is synced and renamed to `path`.

    On any error the temporary file is removed and `path` is left as it was. A process killed in
    between leaves a file whose name starts with `.partial-`, which `remove_partials` clears.

    Raises EvidenceError when the file system refuses: disk full, file too large, read-only.
    """
    partial = path.with_name(f"{PARTIAL}{path.name}-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.touch(exist_ok=False)
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        raise EvidenceError(
            f"{path}: cannot be written ({os.strerror(error.errno)}); free space or mend the "
            "permissions and run again: what was there before is untouched"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 `text` to `path`, atomically."""
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def remove_partials(*paths: Path) -> None:
    """Delete what killed processes left of the files at `paths`, half-written beside them."""
    for path in paths:
        # More than once where a temporary file was itself written in this way.
        name = re.compile(f"({re.escape(PARTIAL)})+{re.escape(path.name)}(-[0-9a-f]{{8}})+")
        for partial in path.parent.glob(f"{PARTIAL}*"):
            if name.fullmatch(partial.name):
                partial.unlink(missing_ok=True)


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's content as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_text(text: str) -> str:
    """Return the SHA-256 of the UTF-8 bytes of `text` as 64 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()
