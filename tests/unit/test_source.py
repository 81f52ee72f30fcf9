"""What `source.url` names, and a folder as the source of batches. (S3: tests/s3.)"""

from pathlib import Path

import pytest

from ratchet.data.listing import Source, earliest
from ratchet.data.manifest import Batch
from ratchet.data.source import bring, open_source
from ratchet.errors import ConfigError, EvidenceError
from ratchet.files import sha256_file, sha256_text


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


def test_hidden_files_are_no_batches(tmp_path: Path) -> None:
    for name in ("a.csv", ".b.csv", "._a.csv", ".csv"):
        (tmp_path / name).touch()
    source = open_source(str(tmp_path), "*.csv")
    assert ids(source) == ["a"]
    assert not source.unmatched


def test_a_pattern_with_a_slash_means_files_in_folders(tmp_path: Path) -> None:
    names = ["dt=2024-01-02/part-0.parquet", "dt=2024-01-01/part-0.parquet", "a.parquet"]
    names += ["_delta_log/1.parquet", "dt=2024-01-02/_SUCCESS", "dt=2024-01-03/deep/b.parquet"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    source = open_source(str(tmp_path), "*/*.parquet")
    assert ids(source) == [
        "dt=2024-01-01.part-0", "dt=2024-01-02.part-0", "dt=2024-01-03.deep.b",
    ]  # fmt: skip
    assert source.unmatched == {".parquet": 1, "no ending": 1}
    assert source.holds(f"{tmp_path}/dt=2024-01-01/part-0.parquet")
    assert not source.holds(f"{tmp_path}-other/dt=2024-01-01/part-0.parquet")
    flat = open_source(str(tmp_path), "*.parquet")
    assert ids(flat) == ["a"]
    assert not flat.holds(f"{tmp_path}/dt=2024-01-01/part-0.parquet")


def test_two_paths_cannot_be_one_batch(tmp_path: Path) -> None:
    for name in ("a/b.csv", "a.b/c.csv", "a/b.c.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(ConfigError, match=r"a/b\.c\.csv: a\.b/c\.csv has the same batch id"):
        ids(open_source(str(tmp_path), "*/*.csv"))


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
    assert source.hashes([listed], tmp_path / "incoming") == [sha256_file(path)]
    assert not (tmp_path / "incoming").exists()


def batch(uri: str, content: str = "abc") -> Batch:
    return Batch("a", uri, "", "", len(content), sha256_text(content))


@pytest.mark.parametrize("url", ["gs://bucket/prefix/", "https://example.org/a"])
def test_a_kind_of_source_that_is_not_known_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match=r"params\.yaml: source\.url: .* is not supported"):
        open_source(url, "*")
    with pytest.raises(ConfigError, match=r"data/manifest\.csv: .* is not supported"):
        bring([(batch(url), tmp_path / "copy")])


def test_an_object_is_brought_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\x00\xff\r\n")
    pin = Batch("a", str(path), "", "", 4, sha256_file(path))
    assert bring([(pin, tmp_path / "copy")]) == {}
    assert (tmp_path / "copy").read_bytes() == path.read_bytes()


def test_what_the_source_no_longer_holds_is_said_and_not_written(tmp_path: Path) -> None:
    target = tmp_path / "copy"
    (tmp_path / "a").write_text("other")
    (tmp_path / "folder").mkdir()
    for name, problem in {
        "a": "batch a is pinned with SHA-256",
        "absent": "is pinned but gone from the source",
        "a/b": "is pinned but gone from the source",
        "folder": "is pinned but can't be read (Is a directory)",
    }.items():
        lost = bring([(batch(f"{tmp_path}/{name}"), target)])
        assert lost["a"].startswith(problem)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "folder"]


def test_ids_of_one_second_have_one_beginning() -> None:
    assert earliest("20261122T031500Z-ab12cd34") == "20261122T031500Z-"
    assert earliest("2026-11-22") == "2026-11-22"
