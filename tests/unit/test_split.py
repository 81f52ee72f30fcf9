"""One big file is cut into batches: nothing is lost, and the same file gives the same bytes."""

import csv
import gzip
import io
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shop import Shop, rows_of, snapshot, write_rows

from ratchet.data import split as splitting
from ratchet.data.discover import describe
from ratchet.data.schema import Format
from ratchet.data.split import Cut, SplitSource, count, split
from ratchet.errors import ConfigError, DataError, EvidenceError
from ratchet.files import sha256_file

BY_DAY = Cut("at", "day")


def cut(folder: Path, content: str | bytes, how: Cut = BY_DAY, name: str = "big.csv") -> list[str]:
    """Cut a file of this content; return the batches' ids."""
    source = SplitSource(str(written(folder, content, name)), how, folder / "inbox", folder)
    return [batch.id for batch in source.list()]


def written(folder: Path, content: str | bytes, name: str = "big.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def pieces(folder: Path) -> dict[str, bytes]:
    found = snapshot(folder / "inbox")
    return {name: content for name, content in found.items() if name != splitting.STAMP}


def table(times: Sequence[str]) -> str:
    return "at,n\n" + "".join(f"{time},{number}\n" for number, time in enumerate(times))


@pytest.mark.parametrize(
    ("period", "ids"),
    [
        ("day", ["2012-12-30", "2012-12-31", "2013-01-01"]),
        ("week", ["2012-w52", "2013-w01"]),  # the last day of 2012 is in the first week of 2013
        ("month", ["2012-12", "2013-01"]),
    ],
)
def test_a_batch_is_named_after_its_period(tmp_path: Path, period: str, ids: list[str]) -> None:
    times = ["2012-12-30", "2012-12-31T23:59:59", "2013-01-01 00:00", "2013-03-01"]
    how = Cut("at", period)  # type: ignore[arg-type]
    assert cut(tmp_path, table(times), how) == ids


def test_the_newest_period_waits_until_a_later_row_shows_that_it_is_over(tmp_path: Path) -> None:
    path = written(tmp_path, table(["2020-01-01", "2020-01-02"]))
    source = SplitSource(str(path), BY_DAY, tmp_path / "inbox", tmp_path)
    assert [batch.id for batch in source.list()] == ["2020-01-01"]
    assert source.caveats == [
        f"2020-01-02 waits: it counts once {tmp_path}/big.csv has a row of a later day"
    ]
    written(tmp_path, table(["2020-01-01", "2020-01-02", "2020-01-02", "2020-01-05"]))
    assert [batch.id for batch in source.list()] == ["2020-01-01", "2020-01-02"]


def test_a_piece_is_the_very_text_of_its_rows(tmp_path: Path) -> None:
    big = 'n;at;"a ""note"""\r\n7;2020-01-02;"a;b\r\nc"\r\n\r\n007;2020-01-01; x \r\n9;2020-01-03;'
    cut(tmp_path, big, Cut("at", "day", Format.model_validate({"delimiter": ";"})))
    header = 'n;at;"a ""note"""\r\n'
    assert pieces(tmp_path) == {
        "2020-01-01.csv": f"{header}007;2020-01-01; x \r\n".encode(),
        "2020-01-02.csv": f'{header}7;2020-01-02;"a;b\r\nc"\r\n'.encode(),
    }


def test_the_last_line_needs_no_end(tmp_path: Path) -> None:
    cut(tmp_path, "at,n\r\n2020-01-02,1\r\n2020-01-01,2")
    assert pieces(tmp_path) == {"2020-01-01.csv": b"at,n\r\n2020-01-01,2\r\n"}


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16", "utf-8-sig"])
def test_pieces_are_written_as_the_file_is(
    tmp_path: Path, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(splitting, "CHUNK", 1)  # so that each piece is opened anew for each row
    text = "at,wo\n2020-01-01,Köln\n2020-01-02,Graz\n2020-01-01,Öd\n"
    spelling = Format.model_validate({"encoding": encoding})
    cut(tmp_path, text.encode(encoding), Cut("at", "day", spelling))
    [piece] = pieces(tmp_path).values()
    assert piece.decode(encoding).splitlines() == ["at,wo", "2020-01-01,Köln", "2020-01-01,Öd"]


def test_a_mark_at_the_start_of_the_file_is_no_part_of_a_name(tmp_path: Path) -> None:
    assert cut(tmp_path, b"\xef\xbb\xbfat,n\n2020-01-01,1\n2020-01-02,2\n") == ["2020-01-01"]


def test_gzip_and_parquet_give_the_same_pieces(tmp_path: Path) -> None:
    times = ["2020-01-01", "2020-01-01", "2020-01-02", "2020-01-03"]
    text = table(times)
    made = []
    for name in ("a.csv", "b.csv.gz", "c.parquet"):
        folder = tmp_path / name
        folder.mkdir()
        content = io.BytesIO()
        pd.DataFrame({"at": times, "n": range(4)}).to_parquet(content)
        by_name = {"a.csv": text.encode(), "b.csv.gz": gzip.compress(text.encode())}
        cut(folder, by_name.get(name, content.getvalue()), name=name)
        made.append(pieces(folder))
    assert made[0] == made[1] == made[2]
    assert list(made[0]) == ["2020-01-01.csv", "2020-01-02.csv"]


def test_moments_with_a_time_zone_are_those_of_utc_as_in_validate(tmp_path: Path) -> None:
    times = ["2020-01-02T00:30:00+02:00", "2020-01-02T00:30:00", "2020-01-03T00:00:00Z"]
    assert cut(tmp_path, table(times)) == ["2020-01-01", "2020-01-02"]


def test_times_may_be_spelt_otherwise(tmp_path: Path) -> None:
    spelling = Format.model_validate({"date": "%d.%m.%Y %H:%M"})
    times = ["31.12.2020 23:59", "01.01.2021 00:00", "02.01.2021 00:00"]
    assert cut(tmp_path, table(times), Cut("at", "month", spelling)) == ["2020-12"]


@pytest.mark.parametrize("wrong", ["", "NA", "soon", "2020-13-01"])
def test_a_row_without_a_readable_time_is_named(
    tmp_path: Path, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(splitting, "CHUNK", 2)
    times = ["2020-01-01", "2020-01-01", "2020-01-02", wrong]
    with pytest.raises(DataError, match=rf"at isn't a time that can be read \(row 4: {wrong}"):
        cut(tmp_path, table(times))
    assert not pieces(tmp_path)


def test_a_row_that_is_too_short_has_no_time(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 2"):
        cut(tmp_path, "n,at\n1,2020-01-01\n2\n")


@pytest.mark.parametrize(
    ("content", "error", "said"),
    [
        ("n,when\n", ConfigError, r"time: .*big\.csv has no column at; it has n, when"),
        ("at,at\n", ConfigError, r"time: .*big\.csv has at more than once"),
        ("at,n\n", DataError, "has no rows"),
        (b"at,n\n2020-01-01,K\xf6ln\n", EvidenceError, "not a readable table: 'utf-8' codec"),
    ],
)
def test_what_can_t_be_cut_is_told(
    tmp_path: Path, content: str | bytes, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        cut(tmp_path, content)


@pytest.mark.parametrize("name", ["big.csv.gz", "big.parquet"])
def test_a_file_that_isn_t_what_its_name_says_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(EvidenceError, match=f"{name}: not a readable table"):
        cut(tmp_path, table(["2020-01-01"]), name=name)


def test_a_parquet_file_has_no_format(tmp_path: Path) -> None:
    how = Cut("at", "day", Format.model_validate({"decimal": ",", "delimiter": ";"}))
    with pytest.raises(ConfigError, match="format is for CSV"):
        cut(tmp_path, b"", how, name="big.parquet")


def test_a_file_that_is_as_it_was_isn_t_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = table(["2020-01-01", "2020-01-02", "2020-01-03"])
    ids = cut(tmp_path, content)
    before = snapshot(tmp_path / "inbox")
    source = SplitSource(str(tmp_path / "big.csv"), BY_DAY, tmp_path / "inbox", tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(splitting, "split", lambda *_: pytest.fail("read again"))
        assert [batch.id for batch in source.list()] == ids
        assert source.caveats[0].startswith("2020-01-03 waits")

    (tmp_path / "inbox/2020-01-01.csv").unlink()  # someone tidied up
    assert [batch.id for batch in source.list()] == ids
    assert pieces(tmp_path) == {n: c for n, c in before.items() if n != splitting.STAMP}

    os.utime(tmp_path / "big.csv", ns=(1, 1))  # copied by someone: another time, the same content
    assert [batch.id for batch in source.list()] == ids
    other = SplitSource(str(tmp_path / "big.csv"), Cut("at", "month"), tmp_path / "inbox", tmp_path)
    assert other.list() == []
    assert pieces(tmp_path) == {}


def test_what_a_killed_run_left_is_cleared(tmp_path: Path) -> None:
    left = tmp_path / "inbox/.partial-split"
    left.mkdir(parents=True)
    (left / "1999-01-01.csv").write_text("at,n\n")
    assert cut(tmp_path, table(["2020-01-01", "2020-01-02"])) == ["2020-01-01"]
    assert list(pieces(tmp_path)) == ["2020-01-01.csv"]


@pytest.mark.parametrize("url", ["inbox", "absent.csv"])
def test_only_one_file_can_be_cut(tmp_path: Path, url: str) -> None:
    (tmp_path / "inbox").mkdir()
    source = SplitSource(str(tmp_path / url), BY_DAY, tmp_path / "data/inbox", tmp_path)
    with pytest.raises((ConfigError, EvidenceError), match=f"{url}.*source.(url|split)"):
        source.list()


days = st.dates(pd.Timestamp("2019-12-28").date(), pd.Timestamp("2020-02-03").date())
words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@settings(max_examples=40)
@given(
    rows=st.lists(st.tuples(days, words), min_size=1, max_size=40),
    period=st.sampled_from(["day", "week", "month"]),
    chunk=st.integers(1, 50),
)
def test_no_row_is_lost_or_moved(
    scratch: Path, rows: list[tuple[object, str]], period: str, chunk: int
) -> None:
    """Each piece has its period's rows, in the order of the file."""
    texts = [[str(day), word] for day, word in rows]
    with (scratch / "big.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["at", "word"], *texts])
    how = Cut("at", period)  # type: ignore[arg-type]
    found = []
    with (
        patch.object(splitting, "CHUNK", chunk),
        tempfile.TemporaryDirectory(dir=scratch) as folder,
    ):
        counts = split(scratch / "big.csv", "big.csv", how, Path(folder, "pieces"))
        assert count(scratch / "big.csv", "big.csv", how) == counts
        for piece in sorted(Path(folder, "pieces").iterdir()):
            with piece.open(newline="", encoding="utf-8") as file:
                header, *lines = csv.reader(file)
            assert header == ["at", "word"]
            assert len(lines) == counts[piece.stem]
            found += lines
    assert sum(counts.values()) == len(rows)
    complete = [row for row in texts if name_of(row[0], period) != max(counts)]
    assert found == sorted(complete, key=lambda row: name_of(row[0], period))


def name_of(day: str, period: str) -> str:
    """Return the period's id by other means than the code's."""
    year, week, _ = pd.Timestamp(day).isocalendar()
    return {"day": day, "week": f"{year}-w{week:02}", "month": day[:7]}[period]


# Through discover


def big_shop(shop: Shop, *days: int) -> None:
    """Let the shop deliver one big file with these days."""
    rows = [row for day in days for row in rows_of(f"day-{day:02}", count=9)]
    write_rows(shop.root / "orders.csv", rows)
    shop.params["source"] |= {"url": str(shop.root / "orders.csv"), "split": "day"}


def test_discover_pins_the_pieces(shop: Shop) -> None:
    big_shop(shop, 1, 2, 3)
    found = shop.discover()
    assert found.new == ["2021-03-01", "2021-03-02"]
    for batch in shop.pins().values():
        assert batch.uri == f"{shop.root}/data/inbox/{batch.id}.csv"
        assert batch.sha256 == sha256_file(Path(batch.uri))
    assert "note: 2021-03-03 waits" in describe(found)

    big_shop(shop, 1, 2, 3, 4)
    assert shop.discover().new == ["2021-03-03"]
    shop.fetch()
    assert sorted(snapshot(shop.raw)) == [f"2021-03-0{day}.csv" for day in (1, 2, 3)]


def test_a_fresh_machine_finds_nothing_new(shop: Shop) -> None:
    big_shop(shop, 1, 2, 3)
    shop.discover()
    before = shop.manifest.read_bytes()
    for name in snapshot(shop.manifest.with_name("inbox")):
        (shop.manifest.with_name("inbox") / name).unlink()
    big_shop(shop, 1, 2, 3)
    assert shop.discover().new == []
    assert shop.manifest.read_bytes() == before


def test_a_correction_of_the_past_is_told_and_so_is_what_vanished(shop: Shop) -> None:
    big_shop(shop, 1, 2, 3, 4)
    shop.discover()
    pins = shop.pins()
    path = shop.root / "orders.csv"
    path.write_text(re.sub(r"(?m)^.*2021-03-01.*\n", "", path.read_text(), count=0))
    text = path.read_text()
    path.write_text(text.replace("2021-03-02T10:01:00", "2021-03-02T10:01:01"))
    found = shop.discover()
    assert (found.changed, found.gone, found.new) == (["2021-03-02"], ["2021-03-01"], [])
    assert shop.pins() == pins
    assert shop.discover(accept_changed=["2021-03-02"]).accepted == ["2021-03-02"]


def test_without_a_column_of_time_nothing_can_be_cut(shop: Shop) -> None:
    big_shop(shop, 1, 2)
    del shop.schema["time"]
    with pytest.raises(ConfigError, match=r"schema\.yaml: time is not set: source\.split"):
        shop.discover()
