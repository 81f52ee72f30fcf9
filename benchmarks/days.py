"""Write days of flights as the sample publishes them: as many as are asked for, as large as asked.

    python days.py TABLE FOLDER FIRST COUNT TIMES

TABLE is the sample's Parquet file, FIRST the number of the first day, 0 being 1 January 2013. After
the year's last day the year comes again, under the dates that follow. A day TIMES as large has its
flights so many times, each time a minute later and under flight numbers of their own.
"""

import datetime
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

FIRST = datetime.date(2013, 1, 1)
APART = 10_000  # between the flight numbers of two copies; real ones have four digits
LAST_MINUTE = 1439
CSV = pyarrow.csv.WriteOptions(quoting_style="none", quoting_header="none")


def main(table: Path, folder: Path, first: int, count: int, times: int) -> None:
    year = pq.read_table(table)
    dates = year["date"].unique()
    folder.mkdir(exist_ok=True)
    for number in range(first, first + count):
        again, day = divmod(number, len(dates))
        rows = year.filter(pc.equal(year["date"], dates[day]))
        date = FIRST + datetime.timedelta(days=number)
        copies = pa.concat_tables(_shifted(rows, date, copy, again + copy) for copy in range(times))
        pyarrow.csv.write_csv(copies, folder / f"{date}.csv", CSV)


def _shifted(rows: pa.Table, date: datetime.date, copy: int, minutes: int) -> pa.Table:
    new = {
        "date": pa.repeat(pa.scalar(date), rows.num_rows),
        "flight": pc.add(rows["flight"].cast(pa.int64()), APART * copy),
        "sched_dep": pc.min_element_wise(pc.add(rows["sched_dep"], minutes), LAST_MINUTE),
    }
    for name, values in new.items():
        rows = rows.set_column(rows.column_names.index(name), name, values)
    return rows


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
