"""A folder as the source of batches."""

from pathlib import Path

import pytest

from ratchet.data.listing import Source
from ratchet.data.manifest import Batch
from ratchet.data.source import bring, open_source
from ratchet.errors import ConfigError, EvidenceError
from ratchet.files import sha256_file


def pin(path: Path, **changes: str | int) -> Batch:
    """Pin the file at `path` as it is, but for `changes`."""
    exact = {"bytes": path.stat().st_size, "sha256": sha256_file(path)} if path.is_file() else {}
    return Batch(
        **{
            "id": "a",
            "uri": str(path),
            "version": "",
            "etag": "",
            "bytes": 1,
            "sha256": "0" * 64,
            **exact,
            **changes,
        }
    )  # type: ignore[arg-type]


def ids(source: Source) -> list[str]:
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
    listed = source.list()
    path.write_text("second")
    assert source.hashes(listed, tmp_path / "incoming") == [sha256_file(path)]
    assert not (tmp_path / "incoming").exists()


@pytest.mark.parametrize("url", ["https://example.org/a", "gs://bucket/prefix"])
def test_a_kind_of_source_that_is_not_known_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match=r"params\.yaml: source\.url: .* is not supported"):
        open_source(url, "*")
    with pytest.raises(ConfigError, match=r"data/manifest\.csv: .* is not supported"):
        bring([(pin(tmp_path / "a", uri=url), tmp_path / "copy")])


def test_a_file_is_brought_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\x00\xff\r\n")
    assert bring([(pin(tmp_path / "a"), tmp_path / "copy")]) == {}
    assert (tmp_path / "copy").read_bytes() == b"\x00\xff\r\n"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sha256": "0" * 64}, "now has SHA-256 "),
        ({"bytes": 7}, "now has 3 bytes, not the 7 that are pinned"),
    ],
)
def test_other_content_than_was_pinned_is_not_brought(
    tmp_path: Path, changes: dict[str, str | int], reason: str
) -> None:
    (tmp_path / "a").write_text("abc")
    lost = bring([(pin(tmp_path / "a", **changes), tmp_path / "copy")])
    assert lost["a"].startswith(reason)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    assert bring([(pin(tmp_path / "a"), tmp_path / "copy")]) == {"a": "is gone from the source"}


def test_a_file_that_is_overwritten_is_one_batch_for_each_content(tmp_path: Path) -> None:
    path = tmp_path / "daily.csv"
    path.write_text("first")
    source = open_source(str(path), "*")
    first = ids(source)
    path.write_text("second")
    assert len(first) == len(ids(source)) == 1
    assert first != ids(source)
    assert "one file that is overwritten" in source.caveats[0]
