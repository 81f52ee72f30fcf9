"""`models/rolled_back.csv`: the models that were taken out of service, and why.

Lines are only ever added. What is named here must not come back by itself: the gate blocks it.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from ratchet.errors import EvidenceError

FILE = "models/rolled_back.csv"
REPORT = "reports/rollback.md"  # what the last one restored, and left behind


@dataclass(frozen=True)
class RolledBack:
    """A model that was rolled back.

    version: its tag, empty when it never was registered. by: who did it. restored: the tag of the
    version that took its place. date: in ISO format.
    """

    model_sha256: str
    version: str
    reason: str
    by: str
    restored: str
    date: str


COLUMNS = tuple(field.name for field in fields(RolledBack))


def parse(text: str, where: str = FILE) -> list[RolledBack]:
    """Return the lines of the file, oldest first; none of an empty text.

    Raises EvidenceError, naming the place `where`, when a line can't be understood.
    """
    if not text:
        return []
    rows = csv.DictReader(io.StringIO(text), strict=True)
    try:
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise EvidenceError(f"{where}: the first line must be {','.join(COLUMNS)}")
        listed = []
        for row in rows:
            if None in row or None in row.values():
                raise EvidenceError(f"{where}:{rows.line_num}: must have {len(COLUMNS)} fields")
            listed.append(RolledBack(**row))
    except csv.Error as error:
        raise EvidenceError(f"{where}: after line {rows.line_num}: {error}") from error
    return listed


def append(text: str, line: RolledBack) -> str:
    """Return the text of the file with one more line; what was there stays as it is."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    if not text:
        writer.writeheader()
    elif not text.endswith("\n"):
        buffer.write("\n")
    writer.writerow(asdict(line))
    return text + buffer.getvalue()


def naming(listed: Sequence[RolledBack], model_sha256: str) -> RolledBack | None:
    """Return the newest line about a model; None when it never was rolled back."""
    return next((each for each in reversed(listed) if each.model_sha256 == model_sha256), None)
