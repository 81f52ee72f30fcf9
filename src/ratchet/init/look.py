"""What lies at a URL: batches in a folder or bucket, one file that is overwritten, or a big one."""

import gzip
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from ratchet.data import landing
from ratchet.data.listing import Listed, Source
from ratchet.data.manifest import suffixes
from ratchet.data.order import misplaced
from ratchet.data.parse import is_csv, nested_columns
from ratchet.data.schema import Format
from ratchet.data.source import open_source
from ratchet.data.split import Cut, Period, SplitSource, count
from ratchet.errors import ConfigError, DataError, EvidenceError
from ratchet.init.sample import HEAD, Sample, read_sample
from ratchet.init.spelling import delimiter_of, encoding_of, spelling_of

BYTES = 200_000_000  # that are looked at, or downloaded for it
NEWEST = 7  # batches that are looked at first; the others are spread over the window
COMPARED = 28  # batches that the checks need before they compare
FULL = 100  # rows that make a batch worth judging by itself
PATTERNS = ("*.csv", "*.csv.gz", "*.parquet", "*.csv*", "*.tsv", "*.txt", "*.CSV")
OTHERS = (".zip", ".7z", ".tar", ".tgz", ".json", ".jsonl", ".xml", ".xls", ".xlsx", ".ods", ".orc")
DEEP = ("*/*.csv", "*/*.csv.gz", "*/*.parquet")  # folders as of Hive, `dt=2024-01-01/`
Splitting: TypeAlias = Period | Literal["none"]  # what a person may wish


@dataclass(frozen=True)
class Found:
    """The batches at a URL, oldest first, and where the content of some of them lies on this disk.

    pattern, split: for params.yaml. paths: of the batches that are looked at. dialect: encoding and
    delimiter of their CSV. notes: what a person should know. periods: rows of each period of a big
    file, the waiting one too. overwritten: whether it is one place whose content is replaced.
    swapped: two batches whose names sort against time. nested: the types of columns of a big file
    that hold lists or structs, which its pieces have as text.
    """

    pattern: str
    split: Period | None
    listed: Sequence[Listed]
    paths: Mapping[str, Path]
    dialect: Format
    notes: Sequence[str] = ()
    periods: Mapping[str, int] | None = None
    time: str | None = None
    overwritten: bool = False
    swapped: tuple[str, str] | None = None
    nested: Mapping[str, str] = field(default_factory=dict)


def look(
    url: str,
    *,
    pattern: str | None,
    period: Splitting | None,
    time: str | None,
    incoming: Path,
    scratch: Path,
) -> Found:
    """Look at what lies at `url`, with files in the folder `scratch`.

    What is downloaded stays in `incoming`, where `discover` finds it. period: how to cut one big
    file, None for a guess.

    Raises EvidenceError when nothing can be read there, ConfigError when the URL or the wish to
    split can't be.
    """
    if not url.startswith("s3://") and "://" not in url and not Path(url).exists():
        raise EvidenceError(f"{url}: there is no such file or folder; check the URL")
    _refuse_other(url)
    source = open_source(url, pattern or "*")
    single = _single(source)
    if single is None:
        if period not in (None, "none"):
            raise ConfigError(f"--split {period}: {url} is a place of many files; leave it out")
        return _batches(url, pattern, incoming, scratch)
    [path] = _bring(source, [single], incoming)
    linked = _link(scratch / "whole", {"whole": (path, single)})["whole"]
    dialect = _dialect(linked)
    if period != "none":
        found = _split(url, linked, dialect, period, time, incoming, scratch)
        if found is not None:
            return found
    listed = source.list()[-NEWEST:]
    paths = dict(zip([each.id for each in listed], _bring(source, listed, incoming), strict=True))
    places = {each.id: (paths[each.id], each) for each in listed}
    return Found(
        "*",
        None,
        listed,
        _link(scratch / "raw", places),
        dialect,
        [f"one file that is overwritten: each content of it is a batch; {len(listed)} so far"],
        overwritten=True,
    )


def _refuse_other(url: str) -> None:
    """Raise EvidenceError for one file that its name says to be neither CSV nor Parquet."""
    ending = PurePosixPath(url).suffix.lower()
    if ending in OTHERS and not url.endswith("/") and not Path(url).is_dir():
        raise EvidenceError(
            f"{url}: files of the kind {ending} can't be read; unpack it, or write it as CSV, "
            "CSV.gz or Parquet"
        )


def _single(source: Source) -> Listed | None:
    try:
        return source.newest()
    except ConfigError:
        return None


def _batches(url: str, pattern: str | None, incoming: Path, scratch: Path) -> Found:
    source, listed, pattern = _matching(url, pattern)
    if not listed:
        lies = ", ".join(f"{count} {ending}" for ending, count in source.unmatched.most_common(3))
        raise EvidenceError(
            f"{url}: no batch lies there whose name matches {pattern} (there: {lies or 'nothing'})"
            "; name the folder or prefix (ending with /) that holds the files, or the one file, "
            "or give --pattern; what is read is CSV, CSV.gz and Parquet"
        )
    chosen = _choose(listed)
    brought = _bring(source, chosen, incoming)
    places = {each.id: (path, each) for each, path in zip(chosen, brought, strict=True)}
    paths = _link(scratch / "raw", places)
    dialect = _dialect(next(reversed(paths.values())))
    swapped = misplaced([each.id for each in listed])
    return Found(pattern, None, listed, paths, dialect, [*source.caveats], swapped=swapped)


def _split(
    url: str,
    path: Path,
    dialect: Format,
    period: Period | None,
    time: str | None,
    incoming: Path,
    scratch: Path,
) -> Found | None:
    """Cut the file, if it has a column of time that spans several periods, or a person says so."""
    head = _head(path, dialect)
    spelling = spelling_of({n: c.dictionary for n, c in head.columns.items()}, dialect).format
    times = [time] if time else _times(head, spelling)
    if not times:
        if period is None:
            return None
        raise ConfigError(
            f"--split {period}: {url} has no column of time that can be read; name it with "
            "--time, and let it be written as ISO 8601 (2026-11-23T03:00:00)"
        )
    how = replace(Cut(times[0], period or "day"), spelling=spelling)
    if not is_csv(path):
        how = replace(how, spelling=Format.model_validate({}))
    try:
        counts = count(path, url, how)
    except DataError:
        if period is None and time is None:
            return None
        raise
    chosen = period or best_period(counts)
    if chosen is None:
        return None
    how = replace(how, period=chosen)
    pieces = SplitSource(url, how, inbox_in(scratch), incoming)
    listed = pieces.list()
    rows = count(path, url, how)
    if not listed:
        raise DataError(
            f"{url}: all its rows are of one {chosen}, {max(rows)}, which counts once a later one "
            "has begun; choose a shorter period with --split"
        )
    paths = {each.id: Path(each.uri) for each in _choose(listed)}
    words = {"day": "days", "week": "weeks", "month": "months"}
    why = (
        f"{sum(rows.values()):,} rows cut by {times[0]} into {len(listed)} {words[chosen]}; "
        f"{max(rows)} waits for a later row"
    )
    nested = nested_columns(path)
    return Found("*.csv", chosen, listed, paths, dialect, [why], rows, times[0], nested=nested)


def inbox_in(scratch: Path) -> Path:
    """Return where the pieces of a big file lie, beside the manifest of a trial."""
    return scratch / "data/inbox"


def best_period(days: Mapping[str, int]) -> Period | None:
    """Return the shortest period with enough rows in each, of which there are enough.

    `days` counts the rows of each day. None when all are of one or two days: that is a delivery
    and no history.
    """
    by_period: dict[Period, dict[str, int]] = {}
    days_of = pa.array(list(days)).cast(pa.timestamp("us"))
    for period, form in (("day", "%Y-%m-%d"), ("week", "%G-%V"), ("month", "%Y-%m")):
        counts: dict[str, int] = {}
        for name, rows in zip(pc.strftime(days_of, form).to_pylist(), days.values(), strict=True):
            counts[name] = counts.get(name, 0) + rows
        by_period[period] = counts  # type: ignore[index]
    if len(by_period["day"]) <= 3:
        return None
    full = [p for p, counts in by_period.items() if _middle(counts.values()) >= FULL]
    many = [p for p, counts in by_period.items() if len(counts) > COMPARED]
    both = [period for period in full if period in many]
    if both:
        return both[0]
    return many[-1] if many else "day"


def _middle(counts: object) -> float:
    ordered = sorted(counts)  # type: ignore[call-overload]
    return float(ordered[len(ordered) // 2])


def _times(head: Sample, spelling: Format) -> Sequence[str]:
    """Return the columns that are dates in all rows, the most telling first."""
    from ratchet.init.columns import draft
    from ratchet.init.roles import time_of

    drafts = [draft(name, head, spelling) for name in head.columns]
    found = time_of(drafts, head, spelling)
    return [found] if found else []


def _head(path: Path, dialect: Format) -> Sample:
    """Return the first rows of a file."""
    if is_csv(path):
        text = _first(path).decode(dialect.encoding, "replace").removeprefix("\ufeff")
        whole = _whole(text) if len(text) * 4 >= HEAD else text
        small = path.with_name("head.csv")
        small.write_text(whole, encoding=dialect.encoding, newline="")
    else:
        small = path.with_name("head.parquet")
        with pyarrow.parquet.ParquetFile(path) as table:
            first = next(table.iter_batches(batch_size=10_000), None)
        if first is None:
            raise DataError(f"{path}: has no row")
        pyarrow.parquet.write_table(pa.Table.from_batches([first]), small)
    return read_sample({"head": small}, dialect)


def _whole(text: str) -> str:
    """Return the text without its last line or, where that is within quotes, lines."""
    end = text.rfind("\n") + 1
    while end and text.count('"', 0, end) % 2:
        end = text.rfind("\n", 0, end - 1) + 1
    return text[:end] or text


def _dialect(path: Path) -> Format:
    if not is_csv(path):
        return Format.model_validate({})
    content = _first(path)
    encoding = encoding_of(content)
    delimiter = delimiter_of(content.decode(encoding, "replace").removeprefix("\ufeff"))
    given = {"encoding": encoding, "delimiter": delimiter}
    usual = Format.model_validate({})
    return Format.model_validate({n: v for n, v in given.items() if v != getattr(usual, n)})


def _first(path: Path) -> bytes:
    """Return the first bytes of a CSV, unpacked."""
    try:
        with (gzip.open if path.name.endswith(".gz") else open)(path, "rb") as file:
            content: bytes = file.read(HEAD)
    except (OSError, EOFError, zlib.error) as error:
        raise EvidenceError(f"{path.resolve()}: can't be read: {error}") from None
    if not content:
        raise DataError(f"{path.resolve()}: the file has no content")
    return content


def _choose(listed: Sequence[Listed]) -> Sequence[Listed]:
    """Return the newest, and of those before them as many as may be read, evenly spread."""
    newest, older = [*listed[-NEWEST:]], [*listed[:-NEWEST]]
    left = BYTES - sum(each.bytes for each in newest)
    usual = max(1, sum(each.bytes for each in older) // max(1, len(older)))
    room = max(0, left // usual)
    if room < len(older):
        step = len(older) / room if room else 0
        older = [older[-1 - int(number * step)] for number in reversed(range(room))]
    return [*older, *newest]


def _bring(source: Source, items: Sequence[Listed], incoming: Path) -> Sequence[Path]:
    if not items or not items[0].uri.startswith("s3://"):
        return [Path(item.uri) for item in items]
    source.hashes(items, incoming)
    return [landing.path_of(incoming, item) for item in items]


def _link(folder: Path, places: Mapping[str, tuple[Path, Listed]]) -> dict[str, Path]:
    """Give the files in `folder` the names that tell what they are."""
    folder.mkdir()
    made = {}
    for name, (path, item) in places.items():
        made[name] = folder / f"{name}{suffixes(item.uri)}"
        made[name].symlink_to(path.resolve())
    return made


def _matching(url: str, pattern: str | None) -> tuple[Source, Sequence[Listed], str]:
    """Return the source with the pattern, by default the first of those that fit most objects."""
    if pattern:
        return _best(url, [pattern])
    found = _best(url, PATTERNS)
    deep = found if found[1] else _best(url, DEEP)
    return deep if deep[1] else found


def _best(url: str, patterns: Sequence[str]) -> tuple[Source, Sequence[Listed], str]:
    best: tuple[Source, Sequence[Listed], str] | None = None
    for pattern in patterns:
        source = open_source(url, pattern)
        try:
            listed = source.list()
        except ConfigError:  # a wider pattern takes what can't be a batch
            if best is None:
                raise
            continue
        if best is None or len(listed) > len(best[1]):
            best = source, listed, pattern
        if len(listed) >= 10 * source.unmatched.total() and listed:
            break
    assert best is not None
    return best
