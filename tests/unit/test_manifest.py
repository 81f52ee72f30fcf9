"""The manifest: what is written is read again, and every wrong line is named."""

from dataclasses import replace
from pathlib import Path
from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.data.manifest import (
    OVERRIDES,
    Batch,
    check_id,
    read_manifest,
    select_window,
    suffixes,
    write_manifest,
)
from ratchet.errors import ConfigError

HEAD = "id,uri,version,etag,bytes,sha256,override,note"
SHA = "0123456789abcdef" * 4
GOOD = f"day-01,in/day-01.csv,,,12,{SHA},,"


def batch(batch_id: str, override: str = "") -> Batch:
    return Batch(batch_id, f"in/{batch_id}.csv", "", "", 12, SHA, override)


ids = st.text(ascii_letters + digits + "._=-", min_size=1).filter(lambda text: text[0].isalnum())
# What an editor or a spreadsheet can save in a line of text.
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]))
batches = st.builds(
    Batch,
    id=ids,
    uri=words,
    version=words,
    etag=words,
    bytes=st.integers(min_value=0),
    sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
    override=st.sampled_from(OVERRIDES),
    note=words | st.just('two\nlines, "quoted"'),
)


@given(st.lists(batches, max_size=5, unique_by=lambda each: each.id))
def test_what_is_written_is_read_again_sorted(scratch: Path, pinned: list[Batch]) -> None:
    path = scratch / "manifest.csv"
    write_manifest(path, pinned)
    assert read_manifest(path) == sorted(pinned, key=lambda each: each.id)


def test_a_new_batch_is_one_new_line(tmp_path: Path) -> None:
    path = tmp_path / "manifest.csv"
    write_manifest(path, [batch("day-01")])
    before = path.read_text()
    assert before == f"{HEAD}\n{GOOD}\n"
    write_manifest(path, [batch("day-02"), batch("day-01")])
    assert path.read_text() == f"{before}day-02,in/day-02.csv,,,12,{SHA},,\n"


def test_a_file_that_is_not_there_yet_is_an_empty_manifest(tmp_path: Path) -> None:
    assert read_manifest(tmp_path / "manifest.csv") == []


def test_a_manifest_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    path = tmp_path / "manifest.csv"
    path.write_bytes(f"\ufeff{HEAD}\r\n{GOOD}\r\n".encode())
    assert read_manifest(path) == [batch("day-01")]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("day-01", ":2: must have 8 fields: id,uri,version,etag,bytes,sha256,override,note"),
        (f"{GOOD},more", ":2: must have 8 fields"),
        (GOOD.replace(",12,", ",1.5,"), ":2: bytes must be a whole number (got '1.5')"),
        (GOOD.replace(",12,", ",-1,"), ":2: bytes must be a whole number (got '-1')"),
        (GOOD.replace(SHA, "abc"), ":2: sha256 must be 64 hex digits (got 'abc')"),
        (GOOD.replace(SHA, SHA.upper()), ":2: sha256 must be 64 hex digits"),
        (GOOD[:-1] + "yes,", ":2: override must be accept, exclude or empty (got 'yes')"),
        (GOOD.replace("day-01,", "../etc,", 1), ":2: '../etc' can't be a batch id; use letters"),
        (f"{GOOD}\n{GOOD}", ": batch day-01 is pinned twice; keep one line per id, sorted"),
        (f"{GOOD}\n{GOOD.replace('day-01', 'day-00')}", ": batch day-00 is out of order"),
        (f"{GOOD}\n\n{GOOD},", ":4: must have 8 fields"),
        (GOOD + "x" * 200_000, ": after line 1: field larger than field limit"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "manifest.csv"
    path.write_text(f"{HEAD}\n{line}\n")
    with pytest.raises(ConfigError) as caught:
        read_manifest(path)
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"{path}")


@pytest.mark.parametrize("text", ["", "\n", "id,uri\n", f"{GOOD}\n", "<<<<<<< HEAD\n"])
def test_a_wrong_first_line_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "manifest.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=f"the first line must be {HEAD}"):
        read_manifest(path)


def test_a_binary_manifest_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "manifest.csv"
    path.write_bytes(b"\x89PNG\xff")
    with pytest.raises(ConfigError, match="is not text in UTF-8"):
        read_manifest(path)


@pytest.mark.parametrize("name", ["a", "2021-03-01", "day=3", "A_b.c"])
def test_an_id_names_a_file(name: str) -> None:
    check_id(name, "here")


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "..", "-x", "a b", "é", "a\n", "a\\b"])
def test_what_cannot_name_a_file_is_no_id(name: str) -> None:
    with pytest.raises(ConfigError, match=r"here: .* can't be a batch id"):
        check_id(name, "here")


@pytest.mark.parametrize(
    ("uri", "ending"),
    [
        ("in/a.csv", ".csv"),
        ("in/a.csv.gz", ".csv.gz"),
        ("s3://b/a.b.parquet", ".parquet"),
        ("in.csv/a", ""),
        ("a.txt", ""),
    ],
)
def test_a_file_keeps_the_ending_of_its_uri(uri: str, ending: str) -> None:
    assert suffixes(uri) == ending
    assert replace(batch("x.y"), uri=uri).file_name == f"x.y{ending}"


def test_the_window_is_the_newest_batches_that_no_one_excluded() -> None:
    pinned = [batch("1"), batch("2"), batch("3", "exclude"), batch("4", "accept"), batch("5")]
    assert [each.id for each in select_window(pinned, 3)] == ["2", "4", "5"]
    assert [each.id for each in select_window(pinned, 9)] == ["1", "2", "4", "5"]
    assert select_window([], 3) == []
