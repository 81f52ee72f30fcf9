"""Play the data producer: deliver the sample's days, one CSV file each, into a folder.

The pipeline knows nothing of this module. It sees the files, as with anybody's data.
"""

import datetime
import re
from itertools import accumulate
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from ratchet.errors import ConfigError, EvidenceError
from ratchet.files import atomic_write

# Nothing in the sample needs quotes, and "none" refuses to write what would.
_CSV = pc.WriteOptions(quoting_style="none", quoting_header="none")
_DAY_FILE = re.compile(r"\d{4}-\d{2}-\d{2}\.csv")


def publish(
    table: Path, inbox: Path, *, until: datetime.date | None = None, days: int | None = None
) -> list[Path]:
    """Write the days of `table` that the inbox lacks as `inbox`/YYYY-MM-DD.csv, oldest first.

    `table` is a Parquet file sorted by its column `date`. With `until`, every missing day up to
    and including that date; with `days`, the next so many after the newest in the inbox. A file
    that lies there already is never touched. Returns the files written: the same bytes each time.

    Raises ConfigError when not exactly one of `until` and `days` is given, the table is missing,
    `until` lies outside of it or fewer than `days` days are left; EvidenceError when the table
    can't be read or the inbox not be written.
    """
    if (until is None) == (days is None):
        raise ConfigError("sample publish: give either --until DATE or --days N")
    if days is not None and days < 1:
        raise ConfigError(f"sample publish: --days must be >= 1 (got {days})")
    if not table.is_file():
        raise ConfigError(
            f"{table}: no such file; `git checkout -- {table}` brings the sample back, "
            "sample/README.md says how to rebuild it"
        )
    if inbox.exists() and not inbox.is_dir():
        raise ConfigError(f"{inbox}: is a file; name a folder for the sample's days")
    present = {path.stem for path in inbox.glob("*.csv") if _DAY_FILE.fullmatch(path.name)}
    try:
        with pq.ParquetFile(table) as file:
            # In the order of appearance. (to_numpy would import pandas: half a second.)
            calendar = file.read(columns=["date"]).column("date").value_counts()
            names = [str(day) for day in calendar.field("values").to_pylist()]
            bounds = [0, *accumulate(calendar.field("counts").to_pylist())]
            wanted = _choose(names, present, until, days)
            if not wanted:
                return []
            start, rows = _read_rows(file, bounds[wanted[0]], bounds[wanted[-1] + 1])
    except (pa.ArrowInvalid, KeyError) as error:
        raise EvidenceError(
            f"{table}: cannot be read as the sample ({error}); `git checkout -- {table}` brings "
            "it back"
        ) from error

    written = []
    for index in wanted:
        path = inbox / f"{names[index]}.csv"
        day = rows.slice(bounds[index] - start, bounds[index + 1] - bounds[index])
        with atomic_write(path) as partial:
            pc.write_csv(day, partial, _CSV)
        written.append(path)
    return written


def _choose(
    names: list[str], present: set[str], until: datetime.date | None, days: int | None
) -> list[int]:
    """Return the positions in `names` (ISO dates, ascending) of the days to write."""
    if until is not None:
        if not names[0] <= until.isoformat() <= names[-1]:
            raise ConfigError(
                f"sample publish: --until must lie between {names[0]} and {names[-1]} (got {until})"
            )
        return [i for i, name in enumerate(names) if name <= str(until) and name not in present]
    newest = max(present, default="")
    left = [i for i, name in enumerate(names) if name > newest]
    assert days is not None
    if days > len(left):
        where = f"after {newest}" if newest else "in all"
        raise ConfigError(
            f"sample publish: --days {days} is more than the sample has left "
            f"({len(left)} {where}); it ends on {names[-1]}"
        )
    return left[:days]


def _read_rows(file: pq.ParquetFile, first: int, stop: int) -> tuple[int, pa.Table]:
    """Return the row groups that hold the rows from `first` to before `stop`, and their start."""
    groups, starts, end = [], [], 0
    for group in range(file.num_row_groups):
        begin, end = end, end + file.metadata.row_group(group).num_rows
        if begin < stop and end > first:
            groups.append(group)
            starts.append(begin)
    return starts[0], file.read_row_groups(groups)
