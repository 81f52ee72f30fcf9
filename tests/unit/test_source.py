"""A folder as the source of batches."""

from pathlib import Path

import pytest

from ratchet.data.source import FolderSource, copy_object, open_source
from ratchet.errors import ConfigError, EvidenceError
from ratchet.files import sha256_file


def ids(source: FolderSource) -> list[str]:
    return [listed.id for listed in source.list()]


def test_batches_are_listed_in_the_order_of_their_ids(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv.gz", "a-2.csv", "c.parquet"):
        (tmp_path / name).write_text("abc")
    listed = list(open_source(str(tmp_path), "*").list())
    assert [each.id for each in listed] == ["a", "a-2", "b", "c"]
    assert listed[0].uri == f"{tmp_path}/a.csv.gz"
    assert [(each.bytes, each.etag, each.version) for each in listed] == [(3, "", "")] * 4


def test_only_files_that_match_the_pattern_are_batches(tmp_path: Path) -> None:
    for name in ("a.csv", "a.txt", "A.CSV", "old-a.csv"):
        (tmp_path / name).touch()
    (tmp_path / "a folder.csv").mkdir()
    assert ids(open_source(str(tmp_path), "a*.csv")) == ["a"]


def test_an_empty_folder_has_no_batch(tmp_path: Path) -> None:
    assert ids(open_source(str(tmp_path), "*.csv")) == []


def test_a_missing_folder_is_an_error_and_not_an_empty_source(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"does not exist; check source\.url in params\.yaml"):
        ids(open_source(f"{tmp_path}/absent", "*.csv"))


def test_two_files_cannot_be_one_batch(tmp_path: Path) -> None:
    for name in ("a.csv", "a.parquet"):
        (tmp_path / name).touch()
    with pytest.raises(ConfigError, match=r"a\.parquet: a\.csv has the same batch id"):
        ids(open_source(str(tmp_path), "a.*"))


def test_a_name_that_is_no_id_is_named(tmp_path: Path) -> None:
    (tmp_path / "a day.csv").touch()
    with pytest.raises(ConfigError, match=r"a day\.csv: 'a day' can't be a batch id"):
        ids(open_source(str(tmp_path), "*.csv"))


def test_the_hash_is_of_the_present_content(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("first")
    source = open_source(str(tmp_path), "*.csv")
    [listed] = source.list()
    path.write_text("second")
    assert source.sha256(listed) == sha256_file(path)


@pytest.mark.parametrize("url", ["s3://bucket/prefix", "https://example.org/a"])
def test_a_kind_of_source_that_is_not_known_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match=r"params\.yaml: source\.url: .* is not supported"):
        open_source(url, "*")
    with pytest.raises(ConfigError, match=r"data/manifest\.csv: .* is not supported"):
        copy_object(url, tmp_path / "copy")


def test_an_object_is_copied_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\x00\xff\r\n")
    copy_object(str(tmp_path / "a"), tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"\x00\xff\r\n"


def test_an_object_that_is_gone_says_where_else_it_may_be(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"pinned but gone from the source.*`dvc pull`"):
        copy_object(str(tmp_path / "a"), tmp_path / "copy")


def test_an_object_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"pinned but can't be read \(Is a directory\)"):
        copy_object(str(tmp_path), tmp_path / "copy")
