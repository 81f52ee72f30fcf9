"""`data/manifest.csv`: one line for each batch that is pinned, in git."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from itertools import pairwise
from pathlib import Path

from ratchet.errors import ConfigError
from ratchet.files import write_text

OVERRIDES = ("", "accept", "exclude")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, order=True)
class Batch:
    """A pinned batch: what to fetch, from where, and what its content must be.

    `id` sorts in time order and is a safe file name. `version` is the object's version id and
    `etag` the source's own content tag, both empty where the source has none. `override` is a
    person's word, empty, `accept` or `exclude`, and `note` the reason for it.
    """

    id: str
    uri: str
    version: str
    etag: str
    bytes: int
    sha256: str
    override: str = ""
    note: str = ""

    @property
    def file_name(self) -> str:
        """The batch's name in `data/raw/`: its id and the suffixes of its URI."""
        return self.id + suffixes(self.uri)

    @property
    def excluded(self) -> bool:
        """Whether a person takes it out of the window."""
        return self.override == "exclude"


COLUMNS = tuple(field.name for field in fields(Batch))
_PINS = tuple(field.name for field in fields(Batch) if field.default is MISSING)


def suffixes(uri: str) -> str:
    """Return the file-type ending of a URI: `.csv`, `.csv.gz`, `.parquet`; empty without one."""
    found = re.search(r"(\.csv|\.parquet)(\.gz)?$", uri, re.IGNORECASE)
    return found.group(0) if found else ""


def check_id(batch_id: str, where: str) -> None:
    """Raise ConfigError, naming the place `where`, if `batch_id` can't name a file."""
    if not _ID.fullmatch(batch_id):
        raise ConfigError(
            f"{where}: {batch_id!r} can't be a batch id; use letters, digits and . _ = -, "
            "beginning with a letter or digit"
        )


def read_manifest(path: Path) -> list[Batch]:
    """Read the pinned batches, oldest first. A file that isn't there yet is an empty manifest.

    Raises ConfigError with the line number when a line can't be understood.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not text in UTF-8 ({error})") from error
    return parse(text, str(path))


def parse(text: str, where: str) -> list[Batch]:
    """Return the batches in the text of a manifest, oldest first.

    The columns of a person's word may be missing: older manifests have none.

    Raises ConfigError, which names the place `where` and the line, for what can't be understood.
    """
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))  # a spreadsheet's mark
    try:
        if tuple(rows.fieldnames or ()) not in (COLUMNS, _PINS):
            raise ConfigError(f"{where}: the first line must be {','.join(COLUMNS)}")
        batches = [_parse(row, f"{where}:{rows.line_num}") for row in rows]
    except csv.Error as error:
        raise ConfigError(f"{where}: after line {rows.line_num}: {error}") from error
    for earlier, later in pairwise(batches):
        if later.id <= earlier.id:
            problem = "is pinned twice" if later.id == earlier.id else "is out of order"
            raise ConfigError(f"{where}: batch {later.id} {problem}; keep one line per id, sorted")
    return batches


def write_manifest(path: Path, batches: Iterable[Batch]) -> None:
    """Write the batches to `path`, sorted by id, atomically."""
    write_text(path, dump(batches))


def dump(batches: Iterable[Batch]) -> str:
    """Return the text of a manifest with these batches, sorted by id."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(batch) for batch in sorted(batches))
    return buffer.getvalue()


def select_window(batches: Sequence[Batch], size: int) -> list[Batch]:
    """Return the newest `size` batches that no person excluded, oldest first."""
    return [batch for batch in batches if not batch.excluded][-size:]


def _parse(row: dict[str, str], where: str) -> Batch:
    if None in row.values() or None in row:
        names = [name for name in row if name]
        raise ConfigError(f"{where}: must have {len(names)} fields: {','.join(names)}")
    if not row["bytes"].isdecimal():
        raise ConfigError(f"{where}: bytes must be a whole number (got {row['bytes']!r})")
    if not _SHA256.fullmatch(row["sha256"]):
        raise ConfigError(f"{where}: sha256 must be 64 hex digits (got {row['sha256']!r})")
    if row.get("override", "") not in OVERRIDES:
        raise ConfigError(
            f"{where}: override must be accept, exclude or empty (got {row['override']!r})"
        )
    check_id(row["id"], where)
    return Batch(**{**row, "bytes": int(row["bytes"])})  # type: ignore[arg-type]
