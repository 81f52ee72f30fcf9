"""What is remembered of each batch."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from ratchet.checks.alarms import Alarm
from ratchet.checks.records import Record, Records, profile_path, read_records, write_records
from ratchet.checks.statistic import Statistic
from ratchet.data.failure import Failure
from ratchet.data.validated import write_part
from ratchet.files import sha256_file, sha256_text

HASHES = {"a": "1" * 64, "b": "2" * 64, "c": "3" * 64}
ALARM = Alarm("warn", 0.5, Statistic("distance", "x", 0.75, "far away", 3, ("7",)))


def table(*values: int) -> pa.Table:
    return pa.table({"x": pa.array(values, pa.int64())})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two parts, with three batches between them, and their profiles."""
    folder = tmp_path / "validated"
    write_part(folder / "part-00000-0.parquet", {"a": table(3, 1), "b": table(2)}, HASHES)
    write_part(folder / "part-00001-0.parquet", {"c": table(9, 8)}, HASHES)
    profiles(folder).mkdir()
    for batch in HASHES:
        profile_path(profiles(folder), batch).write_text(batch)
    return folder


def profiles(folder: Path) -> Path:
    return folder.with_name("profiles")


def remembered(folder: Path) -> Records:
    parts = {path.name: sha256_file(path) for path in sorted(folder.glob("part-*"))}
    first, second = parts
    failure = Failure("range", "x", "above 5", 2, ("row 1: 9", "row 2: 8"))
    profile = {batch: sha256_text(batch) for batch in HASHES}
    return Records(
        "fingerprint",
        {
            "a": Record(HASHES["a"], 2, True, profile=profile["a"], part=first),
            "b": Record(
                HASHES["b"],
                1,
                True,
                profile=profile["b"],
                against="those",
                statistics={"distance x": 0.75},
                alarms=(ALARM,),
                part=first,
            ),
            "c": Record(HASHES["c"], 2, True, (failure,), profile=profile["c"], part=second),
            "d": Record("4" * 64, 0, False, (Failure("empty", "", "no content"),)),
        },
        parts,
    )


@pytest.mark.parametrize("lost", [True, False])
def test_a_profile_that_is_not_what_was_recorded_is_forgotten_with_its_batch(
    folder: Path, tmp_path: Path, lost: bool
) -> None:
    write_records(tmp_path / "records.json", remembered(folder), folder, profiles(folder))
    path = profile_path(profiles(folder), "a")
    path.unlink() if lost else path.write_text("edited")
    found = read_records(tmp_path / "records.json", "fingerprint", folder, profiles(folder))
    assert list(found.batches) == ["b", "c", "d"]


def test_profiles_that_the_records_do_not_name_are_dropped(folder: Path, tmp_path: Path) -> None:
    profile_path(profiles(folder), "old").touch()
    write_records(tmp_path / "records.json", remembered(folder), folder, profiles(folder))
    assert sorted(path.stem for path in profiles(folder).iterdir()) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("record", "override", "accepted"),
    [
        (Record("", 1, True), "", True),
        (Record("", 1, True, alarms=(ALARM,)), "", True),
        (Record("", 1, True, alarms=(Alarm("quarantine", 0.5, ALARM.statistic),)), "", False),
        (Record("", 1, True, alarms=(Alarm("fail", 0.5, ALARM.statistic),)), "", False),
        (Record("", 1, True, alarms=(Alarm("fail", 0.5, ALARM.statistic),)), "accept", True),
        (Record("", 1, True, (Failure("range", "x", "above"),)), "", False),
        (Record("", 1, True, (Failure("range", "x", "above"),)), "accept", True),
        (Record("", 1, False, (Failure("empty", "", "empty"),)), "accept", False),
    ],
)
def test_who_is_accepted(record: Record, override: str, accepted: bool) -> None:
    assert record.accepted(override) is accepted


def test_records_are_read_as_they_were_written(folder: Path, tmp_path: Path) -> None:
    records = remembered(folder)
    write_records(tmp_path / "records.json", records, folder, profiles(folder))
    assert (
        read_records(tmp_path / "records.json", "fingerprint", folder, profiles(folder)) == records
    )


def test_another_contract_or_code_forgets_everything(folder: Path, tmp_path: Path) -> None:
    write_records(tmp_path / "records.json", remembered(folder), folder, profiles(folder))
    assert read_records(tmp_path / "records.json", "other", folder, profiles(folder)) == Records(
        "other"
    )


def test_a_part_that_someone_edited_is_forgotten_with_its_batches(
    folder: Path, tmp_path: Path
) -> None:
    write_records(tmp_path / "records.json", remembered(folder), folder, profiles(folder))
    write_part(folder / "part-00000-0.parquet", {"a": table(3, 1), "b": table(7)}, HASHES)
    found = read_records(tmp_path / "records.json", "fingerprint", folder, profiles(folder))
    assert list(found.batches) == ["c", "d"]
    assert list(found.parts) == ["part-00001-0.parquet"]


def test_a_part_that_is_gone_is_forgotten_too(folder: Path, tmp_path: Path) -> None:
    write_records(tmp_path / "records.json", remembered(folder), folder, profiles(folder))
    (folder / "part-00001-0.parquet").unlink()
    found = read_records(tmp_path / "records.json", "fingerprint", folder, profiles(folder))
    assert list(found.batches) == ["a", "b", "d"]


def test_files_that_the_records_do_not_name_are_dropped(folder: Path, tmp_path: Path) -> None:
    records = remembered(folder)
    for name in ("part-00007-0.parquet", ".partial-part-00000-0.parquet-ab", "notes.txt"):
        (folder / name).touch()
    write_records(tmp_path / "records.json", records, folder, profiles(folder))
    assert sorted(path.name for path in folder.iterdir()) == sorted(records.parts)


def test_records_without_any_accepted_batch_can_be_written(tmp_path: Path) -> None:
    records = Records("f", {"d": Record("4" * 64, 0, False)})
    write_records(tmp_path / "records.json", records, tmp_path / "validated", tmp_path / "p")
    assert (
        read_records(tmp_path / "records.json", "f", tmp_path / "validated", tmp_path / "p")
        == records
    )


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
        # As an earlier version wrote them.
        b'{"fingerprint": "f", "parts": {}, "batches": {"a": {"sha256": "1", "rows": 1, '
        b'"readable": true, "failures": [], "positive": 0, "alarms": []}}}',
    ],
)
def test_records_that_make_no_sense_are_like_none(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "records.json"
    if content is not None:
        path.write_bytes(content)
    assert read_records(path, "f", tmp_path, tmp_path) == Records("f")


def test_records_do_not_depend_on_the_order_in_which_batches_were_judged(
    folder: Path, tmp_path: Path
) -> None:
    records = remembered(folder)
    write_records(tmp_path / "1", records, folder, profiles(folder))
    backwards = dict(reversed(records.batches.items()))
    other = Records("fingerprint", backwards, records.parts)
    write_records(tmp_path / "2", other, folder, profiles(folder))
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    assert list(json.loads((tmp_path / "1").read_text())["batches"]) == ["a", "b", "c", "d"]
