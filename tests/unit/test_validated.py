"""The typed rows of the window."""

from pathlib import Path

import pyarrow as pa
import pytest

from ratchet.data.validated import part_name, read_batch, read_window, write_part
from ratchet.errors import EvidenceError

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
