"""The typed rows of the window, and what is remembered of each batch."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from ratchet.data.failure import Failure
from ratchet.data.validated import (
    Record,
    Records,
    part_name,
    read_batch,
    read_records,
    read_window,
    write_part,
    write_records,
)
from ratchet.errors import EvidenceError
from ratchet.files import sha256_file

HASHES = {"a": "1" * 64, "b": "2" * 64, "c": "3" * 64}


def table(*values: int) -> pa.Table:
    return pa.table({"x": pa.array(values, pa.int64()), "word": [str(v) for v in values]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two parts, with three batches between them."""
    folder = tmp_path / "validated"
    write_part(folder / "part-00000-0.parquet", {"a": table(3, 1), "b": table(2)}, HASHES)
    write_part(folder / "part-00001-0.parquet", {"c": table(9, 8)}, HASHES)
    return folder


def remembered(folder: Path) -> Records:
    parts = {path.name: sha256_file(path) for path in sorted(folder.glob("part-*"))}
    first, second = parts
    failure = Failure("range", "x", "above 5", 2, ("row 1: 9", "row 2: 8"))
    return Records(
        "fingerprint",
        {
            "a": Record(HASHES["a"], 2, True, (), first),
            "b": Record(HASHES["b"], 1, True, (), first),
            "c": Record(HASHES["c"], 2, True, (failure,), second),
            "d": Record("4" * 64, 0, False, (Failure("empty", "", "no content"),)),
        },
        parts,
    )


def test_the_window_is_read_in_the_order_of_time_with_its_hashes(folder: Path) -> None:
    rows, hashes = read_window(folder)
    assert rows.to_pydict() == {
        "batch": ["a", "a", "b", "c", "c"],
        "x": [3, 1, 2, 9, 8],
        "word": ["3", "1", "2", "9", "8"],
    }
    assert list(hashes.items()) == list(HASHES.items())


def test_one_batch_can_be_had_from_its_part(folder: Path) -> None:
    assert read_batch(folder / "part-00000-0.parquet", "a") == table(3, 1)
    assert read_batch(folder / "part-00000-0.parquet", "b") == table(2)


def test_the_same_rows_give_the_same_bytes_however_they_lie_in_memory(tmp_path: Path) -> None:
    # Enough for a second page, which begins where the writer took a breath.
    rows = table(*(number * 7919 % 1_000_003 for number in range(200_000)))
    chunks = pa.concat_tables([rows.slice(start, 777) for start in range(0, len(rows), 777)])
    write_part(tmp_path / "1", {"a": rows, "b": table(2)}, HASHES)
    write_part(tmp_path / "2", {"a": chunks, "b": table(2)}, HASHES)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_a_part_is_named_after_the_batches_that_it_holds() -> None:
    members = [("a", HASHES["a"]), ("b", HASHES["b"])]
    names = {
        part_name(0, members),
        part_name(1, members),
        part_name(0, members[:1]),
        part_name(0, members[::-1]),
        part_name(0, [("a", HASHES["c"]), members[1]]),
    }
    assert len(names) == 5
    assert part_name(0, members) == part_name(0, list(members))
    assert sorted(part_name(n, []) for n in (2, 10, 9)) == [part_name(n, []) for n in (2, 9, 10)]


def test_an_empty_folder_is_no_window(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="holds no rows; run `dvc repro validate`"):
        read_window(tmp_path)


def test_a_part_that_cannot_be_read_is_an_error(folder: Path) -> None:
    path = folder / "part-00001-0.parquet"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(EvidenceError, match="run `dvc repro --force validate`"):
        read_window(folder)


def test_records_are_read_as_they_were_written(folder: Path, tmp_path: Path) -> None:
    records = remembered(folder)
    write_records(tmp_path / "records.json", records, folder)
    assert read_records(tmp_path / "records.json", "fingerprint", folder) == records


def test_another_contract_or_code_forgets_everything(folder: Path, tmp_path: Path) -> None:
    write_records(tmp_path / "records.json", remembered(folder), folder)
    assert read_records(tmp_path / "records.json", "other", folder) == Records("other")


def test_a_part_that_someone_edited_is_forgotten_with_its_batches(
    folder: Path, tmp_path: Path
) -> None:
    write_records(tmp_path / "records.json", remembered(folder), folder)
    write_part(folder / "part-00000-0.parquet", {"a": table(3, 1), "b": table(7)}, HASHES)
    found = read_records(tmp_path / "records.json", "fingerprint", folder)
    assert list(found.batches) == ["c", "d"]
    assert list(found.parts) == ["part-00001-0.parquet"]


def test_a_part_that_is_gone_is_forgotten_too(folder: Path, tmp_path: Path) -> None:
    write_records(tmp_path / "records.json", remembered(folder), folder)
    (folder / "part-00001-0.parquet").unlink()
    found = read_records(tmp_path / "records.json", "fingerprint", folder)
    assert list(found.batches) == ["a", "b", "d"]


def test_files_that_the_records_do_not_name_are_dropped(folder: Path, tmp_path: Path) -> None:
    records = remembered(folder)
    for name in ("part-00007-0.parquet", ".partial-part-00000-0.parquet-ab", "notes.txt"):
        (folder / name).touch()
    write_records(tmp_path / "records.json", records, folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(records.parts)


def test_records_without_any_accepted_batch_can_be_written(tmp_path: Path) -> None:
    records = Records("f", {"d": Record("4" * 64, 0, False)})
    write_records(tmp_path / "records.json", records, tmp_path / "validated")
    assert read_records(tmp_path / "records.json", "f", tmp_path / "validated") == records


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"fingerprint": "f", "parts": {}, "batches": {"a": {"rows": 1}}}',
        b'{"fingerprint": "f", "parts": {}, "batches": {"a": null}}',
        b'{"fingerprint": "f", "parts": [], "batches": {}}',
    ],
)
def test_records_that_make_no_sense_are_like_none(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "records.json"
    if content is not None:
        path.write_bytes(content)
    assert read_records(path, "f", tmp_path) == Records("f")


def test_records_do_not_depend_on_the_order_in_which_batches_were_judged(
    folder: Path, tmp_path: Path
) -> None:
    records = remembered(folder)
    write_records(tmp_path / "1", records, folder)
    backwards = dict(reversed(records.batches.items()))
    write_records(tmp_path / "2", Records("fingerprint", backwards, records.parts), folder)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    assert list(json.loads((tmp_path / "1").read_text())["batches"]) == ["a", "b", "c", "d"]
