"""One big file as a source of batches: cut by time into `data/inbox/`, a CSV for each period.

A period's file holds the very text of its rows, in the order of the big file, below its header. So
the same file gives the same bytes on every machine, and a batch is pinned by its SHA-256 like one
that was delivered by itself. The newest period waits: only a row of a later one shows that it is
over, and no clock is asked.
"""

import csv
import gzip
import json
import shutil
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal, TextIO, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from ratchet.data import landing
from ratchet.data.failure import EXAMPLES, quoted
from ratchet.data.folder import FolderSource
from ratchet.data.listing import Listed
from ratchet.data.parse import PLAIN, as_text, convert, is_csv
from ratchet.data.schema import Column, Format, Schema
from ratchet.data.source import open_source
from ratchet.data.weather import LIMITS, Limits
from ratchet.errors import ConfigError, DataError, EvidenceError
from ratchet.files import write_text

Period: TypeAlias = Literal["day", "week", "month"]

CHUNK = 50_000  # rows that are held at a time
STAMP = ".split.json"  # says of what the files beside it are the pieces
_SCRATCH = ".partial-split"
_UNREADABLE = (OSError, EOFError, zlib.error, UnicodeError, csv.Error, pa.ArrowException)
# A week's id is none that reads as a day: the rows of a batch 2013-01-07 must be of that day.
_IDS: dict[Period, str] = {"day": "%Y-%m-%d", "week": "%G-w%V", "month": "%Y-%m"}
_TIME = Column.model_validate({"type": "date", "max_null": 1})

# Some rows: the text of the time of each (null where there is none), and the text of each.
Chunk = tuple[pa.Array, Sequence[str]]


@dataclass(frozen=True)
class Cut:
    """How a file is cut: by which column of time, into what, and how its CSV is spelt."""

    time: str
    period: Period
    spelling: Format = PLAIN

    @classmethod
    def of(cls, schema: Schema, period: Period) -> "Cut":
        """Return how the contract wants it; ConfigError when it names no column of time."""
        if schema.time is None:
            raise ConfigError(
                "schema.yaml: time is not set: source.split in params.yaml needs the column that "
                "says when a row happened"
            )
        return cls(schema.time, period, schema.format)

    def as_json(self) -> dict[str, object]:
        """Return this as JSON can hold it."""
        return {
            "time": self.time,
            "period": self.period,
            "spelling": self.spelling.model_dump(mode="json"),
        }


class SplitSource:
    """The big file at `url`, seen as the batches in the folder `inbox` that it is cut into.

    From a bucket it is downloaded to the folder `incoming` first.

    A file that is as it was isn't read again: its version, ETag or time of change tell, and the
    sizes of the pieces.
    """

    def __init__(
        self, url: str, cut: Cut, inbox: Path, incoming: Path, *, limits: Limits = LIMITS
    ) -> None:
        self._original = open_source(url, "*", limits=limits)
        self._cut = cut
        self._incoming = incoming
        self._inbox = FolderSource(inbox.as_posix(), "*.csv")
        self.url = self._original.url
        self.unmatched: Counter[str] = Counter()
        self.overwritten = False
        self.caveats: list[str] = []

    def list(self) -> Sequence[Listed]:
        """Return the complete periods as batches, sorted by id.

        Raises EvidenceError when the file can't be read, DataError when a row has no readable time,
        ConfigError when there is no such column, or the URL isn't that of one file.
        """
        original, folder = self._original.newest(), self._inbox.folder
        stamp = {"of": asdict(original), "by": self._cut.as_json()}
        known = _read_stamp(folder)
        if known is None or {name: known.get(name) for name in stamp} != stamp:
            pieces = folder / _SCRATCH
            shutil.rmtree(pieces, ignore_errors=True)
            try:
                rows = split(self._bring(original), original.uri, self._cut, pieces)
                _replace(folder, pieces)
            finally:
                shutil.rmtree(pieces, ignore_errors=True)
            sizes = {path.name: path.stat().st_size for path in sorted(folder.glob("*.csv"))}
            known = {**stamp, "waits": max(rows), "files": sizes}
            write_text(folder / STAMP, json.dumps(known, indent=1) + "\n")
        self.caveats = [
            f"{known['waits']} waits: it counts once {self.url} has a row of a later "
            f"{self._cut.period}"
        ]
        return self._inbox.list()

    def newest(self) -> Listed:
        """Return the big file itself."""
        return self._original.newest()

    def holds(self, uri: str) -> bool:
        """Whether a pin with this URI was made here."""
        return self._inbox.holds(uri)

    def hashes(self, items: Sequence[Listed], incoming: Path) -> Sequence[str]:
        """Return the SHA-256 of the items' content, as it is now. Nothing lands: it is here."""
        return self._inbox.hashes(items, incoming)

    def _bring(self, original: Listed) -> Path:
        if not original.uri.startswith("s3://"):
            return Path(original.uri)
        self._original.hashes([original], self._incoming)
        return landing.path_of(self._incoming, original)


def split(path: Path, name: str, cut: Cut, folder: Path) -> dict[str, int]:
    """Cut the file at `path` into the new folder `folder`; return the rows of each period.

    `name` is the file's own name, whose ending tells what it is. The newest period is counted and
    not written.

    Raises EvidenceError when the file isn't a table, DataError when it has no row, or rows without
    a readable time, ConfigError when it has no such column.
    """
    folder.mkdir(parents=True)
    counts: dict[str, int] = defaultdict(int)
    try:
        with _open(path, name, cut) as (header, chunks):
            for chunk, (times, texts) in enumerate(chunks):
                found = _periods(times, cut, name, first=chunk * CHUNK)
                groups: dict[str, list[str]] = defaultdict(list)
                for period, text in zip(found, texts, strict=True):
                    groups[period].append(text)
                for period, group in groups.items():
                    piece = folder / f"{period}.csv"
                    lines = chain([] if period in counts else [header], group)
                    with piece.open("a", encoding=cut.spelling.encoding, newline="") as file:
                        file.writelines(lines)
                    counts[period] += len(group)
    except _UNREADABLE as error:
        if isinstance(error, OSError) and error.filename and Path(error.filename) != path:
            raise  # not the file's fault
        reason = "".join(filter(str.isprintable, " ".join(str(error).split())))
        raise EvidenceError(
            f"{name}: not a readable table: {reason}; open it, and see whether schema.yaml says "
            "how it is written"
        ) from None
    if not counts:
        raise DataError(f"{name}: has no rows; nothing can be cut by {cut.time}")
    (folder / f"{max(counts)}.csv").unlink()
    return dict(counts)


def count(path: Path, name: str, cut: Cut) -> dict[str, int]:
    """Return the rows of each period of the file, as `split` does, and write nothing."""
    counts: dict[str, int] = defaultdict(int)
    with _open(path, name, cut) as (_, chunks):
        for chunk, (times, _texts) in enumerate(chunks):
            for each in pc.value_counts(
                pa.array(_periods(times, cut, name, first=chunk * CHUNK))
            ).to_pylist():
                counts[each["values"]] += each["counts"]
    return dict(counts)


def _periods(times: pa.Array, cut: Cut, name: str, first: int) -> Sequence[str]:
    """Return the id of each row's period; the rows before these are `first`."""
    column = pc.if_else(pc.is_in(times, pa.array(cut.spelling.nulls)), None, times)
    typed, _ = convert(pa.table({cut.time: column}), {cut.time: _TIME}, cut.spelling)
    moments = typed[cut.time].combine_chunks()
    if moments.null_count:
        rows = pc.indices_nonzero(pc.is_null(moments)).to_pylist()
        shown = [f"row {first + row + 1}: {quoted(times[row])}" for row in rows[:EXAMPLES]]
        more = f", and {len(rows) - EXAMPLES} more" if len(rows) > EXAMPLES else ""
        raise DataError(
            f"{name}: {cut.time} isn't a time that can be read ({', '.join(shown)}{more}); a row "
            "without a time belongs to no batch: mend it there (ISO 8601), or name another column "
            "as time in schema.yaml"
        )
    days = pc.floor_temporal(moments, unit="day").dictionary_encode()
    names = pc.strftime(days.dictionary, _IDS[cut.period])
    return names.take(days.indices).to_pylist()  # type: ignore[no-any-return]


@contextmanager
def _open(path: Path, name: str, cut: Cut) -> Iterator[tuple[str, Iterator[Chunk]]]:
    """Open a table; give the text of its header and its rows, chunk by chunk."""
    if not is_csv(Path(name)):
        if cut.spelling != PLAIN:
            raise ConfigError(
                f"schema.yaml: format is for CSV, and {name} has types of its own; take it out"
            )
        with pyarrow.parquet.ParquetFile(path) as table:
            names = table.schema_arrow.names
            at = _place(names, cut, name)
            yield _text(names), _of_parquet(table, at)
        return
    opened = gzip.open if name.endswith(".gz") else open
    with opened(path, "rt", encoding=cut.spelling.encoding, newline="") as file:
        records = _records(file, cut.spelling.delimiter)
        names, header = next(records, ([], ""))
        at = _place(names, cut, name)
        yield header, _of_csv(records, at, header)


def _place(names: Sequence[str], cut: Cut, name: str) -> int:
    if names.count(cut.time) != 1:
        if cut.time in names:
            raise ConfigError(f"schema.yaml: time: {name} has {cut.time} more than once")
        raise ConfigError(
            f"schema.yaml: time: {name} has no column {cut.time}; it has {', '.join(names[:20])}"
        )
    return names.index(cut.time)


def _records(file: TextIO, delimiter: str) -> Iterator[tuple[list[str], str]]:
    """Yield the fields of each record of a CSV, and the very text in which they stand."""
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for line in file:
            taken.append(line.removeprefix("\ufeff"))  # a byte order mark is no part of a name
            yield taken[-1]

    for fields in csv.reader(lines(), delimiter=delimiter):
        if fields:
            yield fields, "".join(taken)
        taken.clear()


def _of_csv(records: Iterator[tuple[list[str], str]], at: int, header: str) -> Iterator[Chunk]:
    end = header[len(header.rstrip("\r\n")) :]
    times: list[str | None] = []
    texts: list[str] = []
    for fields, text in records:
        times.append(fields[at] if at < len(fields) else None)
        # The last line may have no end, until another follows.
        texts.append(text if text.endswith(("\n", "\r")) else text + end)
        if len(texts) == CHUNK:
            yield pa.array(times, pa.string()), texts
            times, texts = [], []
    if texts:
        yield pa.array(times, pa.string()), texts


def _of_parquet(table: pyarrow.parquet.ParquetFile, at: int) -> Iterator[Chunk]:
    for batch in table.iter_batches(batch_size=CHUNK):
        columns = [as_text(column) for column in batch.columns]
        rows = zip(*(column.to_pylist() for column in columns), strict=True)
        yield columns[at], [_text(row) for row in rows]


def _text(fields: Sequence[str | None]) -> str:
    """Return the fields as a line of CSV."""
    line: str = csv.writer(_Echo(), lineterminator="\n").writerow(fields)  # what write returns
    return line


class _Echo:
    def write(self, text: str) -> Any:
        return text


def _read_stamp(folder: Path) -> dict[str, object] | None:
    """Return what stands in the stamp, None when the files beside it aren't those it names."""
    try:
        known: dict[str, object] = json.loads((folder / STAMP).read_text(encoding="utf-8"))
        sizes = {path.name: path.stat().st_size for path in folder.glob("*.csv")}
        return known if known["files"] == sizes and known["waits"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _replace(folder: Path, pieces: Path) -> None:
    """Let `folder` hold the pieces and nothing else."""
    (folder / STAMP).unlink(missing_ok=True)  # until all is done it says nothing
    for old in folder.glob("*.csv"):
        if not (pieces / old.name).exists():
            old.unlink()
    for piece in pieces.iterdir():
        piece.replace(folder / piece.name)
