"""The stage validate: who is judged, who is quarantined, and what a person's word does."""

import csv
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from shop import Shop, rows_of, snapshot

from ratchet.checks.records import load_records
from ratchet.config import Checks
from ratchet.data.validated import read_window
from ratchet.errors import DataError, EvidenceError
from ratchet.stages import validate


def state(shop: Shop) -> dict[str, bytes]:
    """Return all that the stage has written."""
    return {**snapshot(shop.root / "data"), **snapshot(shop.root / "reports")}


def afresh(shop: Shop) -> dict[str, bytes]:
    """Return what the stage writes when nothing is remembered."""
    folders = shop.validated, shop.profiles, shop.plots
    for path in (*(path for each in folders for path in each.iterdir()), shop.records):
        path.unlink()
    shop.validate()
    return state(shop)


def report(shop: Shop) -> Any:
    return json.loads(shop.validation.read_text())


def batches(shop: Shop) -> list[str]:
    return list(read_window(shop.validated)[1])


def days(numbers: Iterable[int]) -> list[str]:
    return [f"day-{number:02}" for number in numbers]


def spoil(shop: Shop, *numbers: int) -> None:
    """Deliver batches with one amount out of range."""
    for number in numbers:
        rows = rows_of(f"day-{number:02}")
        rows[3]["amount"] = "1001"
        shop.deliver_rows(number, rows)


def test_good_batches_are_typed_counted_and_reported(shop: Shop) -> None:
    done = shop.validated_with(3)
    rows, hashes = read_window(shop.validated)
    assert done.accepted == {"day-01": 60, "day-02": 60, "day-03": 60}
    assert hashes == {batch.id: batch.sha256 for batch in shop.pins().values()}
    assert rows.column_names == ["batch", *shop.schema["columns"]]
    assert report(shop) == {
        "batches": 3,
        "rows": 180,
        "compared": 0,
        "accepted": {"day-01": 60, "day-02": 60, "day-03": 60},
        "quarantined": {},
        "overruled": {},
        "warnings": {},
        "suspects": [],
        "overrides": {},
    }


def test_numbers_and_classes_are_judged_and_told_as_well(shop: Shop) -> None:
    shop.params["task"] = "regression"
    shop.schema["target"] = {"column": "amount"}
    shop.params["window"] |= {"reference": 30, "pool": 3, "train": 29, "holdout": 1}
    assert len(shop.validated_with(30).accepted) == 30
    with (shop.plots / "arrivals.csv").open(encoding="utf-8") as file:
        [first, *_] = csv.DictReader(file)
    amounts = [float(row["amount"]) for row in rows_of("day-01")]
    assert float(first["label"]) == pytest.approx(np.mean(amounts), abs=1e-6)
    assert "label: mean amount" in shop.validation_text.read_text(encoding="utf-8")
    figures = load_records(shop.records).batches["day-30"].statistics
    assert {"label_rate amount", "label_direction", "label_noise"} <= figures.keys()

    shop.params["task"] = "multiclass"
    shop.schema["target"] = {"column": "channel"}
    assert shop.validate().judged == 30
    figures = load_records(shop.records).batches["day-30"].statistics
    assert {"label_rate channel", "label_direction", "label_noise"} <= figures.keys()
    assert "label: " in shop.validation_text.read_text(encoding="utf-8")


def test_a_bad_batch_is_set_aside_with_its_reasons_and_the_run_goes_on(shop: Shop) -> None:
    spoil(shop, 2)
    shop.deliver(1, 3)
    done = shop.night()
    assert list(done.accepted) == batches(shop) == ["day-01", "day-03"]
    assert report(shop)["quarantined"] == {
        "day-02": [
            {
                "code": "range",
                "column": "amount",
                "message": "above 1000",
                "count": 1,
                "examples": ["row 4: 1001.0"],
            }
        ]
    }


def test_only_a_new_batch_is_judged(shop: Shop) -> None:
    assert shop.validated_with(6).judged == 6
    assert shop.validate().judged == 0
    shop.deliver(7)
    assert shop.night().judged == 1
    assert batches(shop) == days(range(2, 8))
    assert state(shop) == afresh(shop)


def test_a_batch_that_is_settled_is_not_even_opened(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(shop, 2)
    shop.deliver(1, 3)
    shop.night()
    opened: list[str] = []

    def judge(paths: Any, contract: Any) -> Any:
        opened.extend(path.name for path in paths)
        return contract_judge(paths, contract)

    contract_judge = validate.judge
    judge.__module__ = contract_judge.__module__  # the stage hashes this module's code
    monkeypatch.setattr(validate, "judge", judge)
    shop.deliver(4)
    shop.night()
    assert opened == ["day-04.csv"]  # nor the quarantined one


def test_a_changed_batch_is_judged_again(shop: Shop) -> None:
    shop.validated_with(4)
    shop.deliver(2, count=50)
    shop.discover(accept_changed=["day-02"])
    shop.fetch()
    done = shop.validate()
    assert (done.judged, done.accepted["day-02"]) == (1, 50)
    assert state(shop) == afresh(shop)


def test_another_contract_judges_all_batches_again(shop: Shop) -> None:
    shop.validated_with(4)
    shop.schema["columns"]["amount"]["max"] = 10_000
    assert shop.validate().judged == 4
    assert shop.validate().judged == 0


def test_a_contract_changed_and_changed_back_gives_the_same_files(shop: Shop) -> None:
    shop.validated_with(3)
    before = state(shop)
    shop.schema["columns"]["items"]["type"] = "number"
    shop.validate()
    assert state(shop) != before
    shop.schema["columns"]["items"]["type"] = "integer"
    shop.validate()
    assert state(shop) == before


def test_other_libraries_or_code_judge_all_batches_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.validated_with(2)
    before = state(shop)["records.json"]
    monkeypatch.setattr(validate, "version", lambda name: f"another {name}")
    assert shop.validate().judged == 2
    assert state(shop)["records.json"] != before
    monkeypatch.undo()
    assert [shop.validate().judged, shop.validate().judged] == [2, 0]
    monkeypatch.setattr(validate, "code_hash", lambda _: "another")
    assert shop.validate().judged == 2


def test_a_late_batch_is_the_only_one_judged(shop: Shop) -> None:
    shop.deliver(1, 2, 4, 5)
    shop.night()
    shop.deliver(3)
    assert shop.night().judged == 1
    assert batches(shop) == days(range(1, 6))
    assert state(shop) == afresh(shop)


def test_a_late_batch_that_moves_others_to_the_next_part_loses_none(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validate, "BATCHES_PER_PART", 2)
    shop.deliver(1, 3, 4, 5, 6)
    shop.night()
    shop.deliver(2)
    assert shop.night().judged == 1
    assert batches(shop) == days(range(1, 7))
    assert len(list(shop.validated.iterdir())) == 3
    assert state(shop) == afresh(shop)


def test_parts_stay_as_they_are_while_the_window_moves_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validate, "BATCHES_PER_PART", 2)
    shop.validated_with(6)
    inodes = {path.name: path.stat().st_ino for path in shop.validated.iterdir()}
    for number in (7, 8):
        shop.deliver(number)
        shop.night()
    kept = {path.name for path in shop.validated.iterdir()} & inodes.keys()
    assert len(kept) == 2  # days 3 and 4, days 5 and 6; days 1 and 2 have left, 7 and 8 are new
    assert all((shop.validated / name).stat().st_ino == inodes[name] for name in kept)


def test_a_comment_in_the_contract_judges_nothing_again(shop: Shop) -> None:
    shop.validated_with(3)
    params = shop.configure()
    shop.schema_file.write_text(f"# a remark\n{shop.schema_file.read_text()}")
    done = validate.run(params, **shop.validate_paths())
    assert done.judged == 0


def test_the_number_of_processes_changes_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validate, "BATCHES_PER_PART", 1)
    shop.params["window"]["train"] = 10
    shop.params["validate"]["n_jobs"] = 2
    spoil(shop, 3)
    shop.deliver(*(n for n in range(1, 11) if n != 3), count=8)
    shop.night()
    two = state(shop)
    shop.params["validate"]["n_jobs"] = 1
    assert afresh(shop) == two


# A person's word


def test_an_accepted_batch_is_used_and_its_failures_stay_on_record(shop: Shop) -> None:
    spoil(shop, 2)
    shop.deliver(1, 3)
    shop.night()
    shop.repin(replace(shop.pins()["day-02"], override="accept"))
    done = shop.validate()
    assert done.judged == 0  # it's known how bad it is
    assert batches(shop) == days(range(1, 4))
    assert (list(done.quarantined), list(done.overruled)) == ([], ["day-02"])
    assert list(report(shop)["overruled"]) == ["day-02"]
    assert shop.validate().judged == 0
    assert state(shop) == afresh(shop)


def test_taking_the_word_back_sets_the_batch_aside_again(shop: Shop) -> None:
    spoil(shop, 2)
    shop.deliver(1, 3)
    shop.night()
    before = state(shop)
    shop.repin(replace(shop.pins()["day-02"], override="accept"))
    shop.validate()
    shop.repin(replace(shop.pins()["day-02"], override=""))
    assert shop.validate().judged == 0
    assert state(shop) == before


def test_an_accepted_newest_batch_lets_the_run_go_on(shop: Shop) -> None:
    spoil(shop, 3)
    shop.deliver(1, 2)
    with pytest.raises(DataError, match="the newest batch, day-03, is refused"):
        shop.night()
    shop.repin(replace(shop.pins()["day-03"], override="accept"))
    assert list(shop.validate().accepted) == days(range(1, 4))


def test_an_excluded_batch_is_out_of_the_window(shop: Shop) -> None:
    shop.validated_with(3)
    shop.repin(replace(shop.pins()["day-02"], override="exclude"))
    shop.fetch()
    assert shop.validate().judged == 0
    assert batches(shop) == ["day-01", "day-03"]
    assert report(shop)["batches"] == 2


def test_a_batch_that_cannot_be_read_stays_out_whatever_a_person_says(shop: Shop) -> None:
    shop.deliver(1, 3)
    shop.deliver_bytes(2, b"\x89PNG\xff")
    shop.night()
    shop.repin(replace(shop.pins()["day-02"], override="accept"))
    done = shop.validate()
    assert (done.judged, list(done.quarantined)) == (0, ["day-02"])


# Too bad to go on


def test_a_bad_newest_batch_stops_the_run_with_a_report_on_disk(shop: Shop) -> None:
    spoil(shop, 3)
    shop.deliver(1, 2)
    with pytest.raises(DataError) as caught:
        shop.night()
    assert str(caught.value).splitlines() == [
        "the newest batch, day-03, is refused: range amount: above 1000 (1 row; row 4: 1001.0)",
        f"see {shop.validation_text}; have it delivered again and run `ratchet discover "
        "--accept-changed day-03`, or `ratchet batch exclude day-03 --note WHY`, or where its rows "
        "can be read `ratchet batch accept day-03 --note WHY`",
    ]
    assert list(report(shop)["quarantined"]) == ["day-03"]
    assert batches(shop) == ["day-01", "day-02"]


def test_a_run_that_stopped_does_not_judge_again_what_it_knows(shop: Shop) -> None:
    spoil(shop, 3)
    shop.deliver(1, 2)
    with pytest.raises(DataError):
        shop.night()
    shop.deliver(4)
    assert shop.night().judged == 1


@pytest.mark.parametrize(("limit", "stops"), [(0.5, False), (0.49, True), (0, True)])
def test_more_than_a_share_of_bad_batches_stops_the_run(
    shop: Shop, limit: float, stops: bool
) -> None:
    shop.params["validate"]["max_quarantined"] = limit
    spoil(shop, 1, 3)
    shop.deliver(2, 4)
    if not stops:
        assert list(shop.night().quarantined) == ["day-01", "day-03"]
        return
    with pytest.raises(DataError, match=r"2 of 4 batches \(50%\) are quarantined, validate\.max_"):
        shop.night()
    assert list(report(shop)["quarantined"]) == ["day-01", "day-03"]


def test_a_window_without_one_good_batch_is_reported_too(shop: Shop) -> None:
    spoil(shop, 1, 2)
    with pytest.raises(DataError, match="the newest batch, day-02, is refused"):
        shop.night()
    assert list(report(shop)["quarantined"]) == ["day-01", "day-02"]
    assert snapshot(shop.validated) == {}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"order_no,ordered_at\n", "empty"),
        (b"\x89PNG\r\n\x1a\n\0", "unreadable"),
        ("größe\n1\n".encode("latin-1"), "unreadable"),
        ("order_no\n1\n".encode("utf-16"), "unreadable"),
        (b"a;b\n1;2\n", "missing_column"),
    ],
)
def test_a_file_that_is_no_such_table_is_quarantined(shop: Shop, content: bytes, code: str) -> None:
    shop.deliver(1, 3)
    shop.deliver_bytes(2, content)
    shop.night()
    assert report(shop)["quarantined"]["day-02"][0]["code"] == code


def test_a_truncated_file_is_quarantined(shop: Shop) -> None:
    shop.deliver(1, 2, 3)
    path = shop.inbox / "day-02.csv"
    path.write_bytes(path.read_bytes()[:-20])
    shop.night()
    [failure] = report(shop)["quarantined"]["day-02"]
    assert failure["code"] == "unreadable"


# What the stage stands on


def test_an_empty_folder_asks_for_fetch(shop: Shop) -> None:
    shop.deliver(1)
    shop.discover()
    with pytest.raises(EvidenceError, match="holds no batch; run `dvc repro fetch`"):
        shop.validate()


def test_a_raw_file_that_someone_edited_is_noticed(shop: Shop) -> None:
    shop.validated_with(2)
    before = state(shop)
    shop.raw_file(2).write_bytes(shop.raw_file(2).read_bytes().replace(b"web", b"fax"))
    with pytest.raises(EvidenceError, match=r"day-02\.csv: isn't what .* pins, someone edited it"):
        shop.validate()
    assert {**state(shop), "raw/day-02.csv": b""} == {**before, "raw/day-02.csv": b""}


def test_a_part_that_someone_edited_is_made_anew(shop: Shop) -> None:
    shop.validated_with(3)
    before = state(shop)
    [part] = shop.validated.iterdir()
    part.write_bytes(part.read_bytes() + b" ")
    assert shop.validate().judged == 3
    assert state(shop) == before


@pytest.mark.parametrize("lost", ["records", "validated"])
def test_what_is_lost_is_made_anew(shop: Shop, lost: str) -> None:
    shop.validated_with(3)
    before = state(shop)
    for path in list(shop.validated.iterdir()) if lost == "validated" else [shop.records]:
        path.unlink()
    assert shop.validate().judged == 3
    assert state(shop) == before


def test_what_a_killed_run_left_is_dropped(shop: Shop) -> None:
    shop.validated_with(3)
    before = state(shop)
    for path in (
        shop.validated / ".partial-part-00000-ab.parquet-01234567",
        shop.validated / "part-00000-0123456789ab.parquet",
        shop.records.with_name(".partial-records.json-01234567"),
        shop.validation.with_name(".partial-validation.json-01234567"),
    ):
        path.write_text("half")
    shop.validate()
    assert state(shop) == before


# Against the batches before

DELAYS = 16  # batches before the first one that is compared


def watch(shop: Shop, **checks: dict[str, object]) -> None:
    """Compare each batch with the 16 before it, by these checks alone."""
    shop.params["window"] |= {"train": 4, "holdout": 2, "reference": 16, "pool": 3}
    quiet = {name: {"severity": "off", "threshold": 0} for name in Checks.model_fields}
    shop.params["validate"]["checks"] = quiet | checks


ROWS = {"severity": "quarantine", "threshold": 0.5}


def test_a_batch_unlike_those_before_is_set_aside(shop: Shop) -> None:
    watch(shop, row_count=ROWS)
    shop.deliver(*range(1, 24), *range(25, 27))
    shop.deliver(24, count=20)
    done = shop.night()
    assert list(done.quarantined) == ["day-24"]
    [failure] = report(shop)["quarantined"]["day-24"]
    assert (failure["code"], failure["count"]) == ("row_count", 20)
    assert failure["message"].startswith("20 rows, the median of the 16 batches before is 60")
    assert batches(shop) == ["day-21", "day-22", "day-23", "day-25", "day-26"]
    assert report(shop)["compared"] == 6
    assert len(list(shop.profiles.iterdir())) == 25  # 6 + 16 + 3


def test_the_first_batches_have_nothing_to_be_compared_with(shop: Shop) -> None:
    watch(shop, row_count=ROWS)
    shop.deliver(*range(1, DELAYS))
    shop.deliver(DELAYS, count=20)
    assert shop.night().quarantined == {}
    shop.deliver(DELAYS + 1, count=20)
    with pytest.raises(DataError, match="the newest batch, day-17, is refused: row_count: 20 rows"):
        shop.night()


@pytest.mark.parametrize(
    ("severity", "accepted", "stops"),
    [("warn", True, False), ("quarantine", False, False), ("fail", False, True)],
)
def test_what_an_alarm_does(shop: Shop, severity: str, accepted: bool, stops: bool) -> None:
    watch(shop, row_count=ROWS | {"severity": severity})
    shop.deliver(*range(1, 18), 19)
    shop.deliver(18, count=20)
    if stops:
        with pytest.raises(DataError, match=r"^day-18, is refused: row_count: 20 rows"):
            shop.night()
    else:
        shop.night()
    assert ("day-18" in report(shop)["accepted"]) == accepted
    assert ("day-18" in report(shop)["warnings"]) == accepted
    assert ("day-18" in report(shop)["quarantined"]) == (not accepted)


def test_night_by_night_gives_the_same_as_all_at_once(shop: Shop) -> None:
    watch(shop, row_count=ROWS, distance={"severity": "warn", "threshold": 0.1})
    shop.deliver(*range(1, 16))
    shop.night()
    for number in range(16, 32):
        shop.deliver(number, count=20 if number in {18, 25} else 60)
        try:
            judged = shop.night().judged
        except DataError:
            assert number in {18, 25}
        else:
            assert judged == 1 or number > 25  # then what was compared with is leaving
    assert state(shop) == afresh(shop)


def test_an_accepted_batch_is_one_to_compare_with(shop: Shop) -> None:
    watch(shop, row_count=ROWS)
    shop.deliver(*range(1, 17))
    shop.night()
    for number in range(17, 23):
        shop.deliver(number, count=20)
        with pytest.raises(DataError):
            shop.night()
    for number in range(17, 23):
        shop.repin(replace(shop.pins()[f"day-{number}"], override="accept", note="moved (Ada)"))
    shop.validate()
    assert report(shop)["overrides"]["day-22"] == {"override": "accept", "note": "moved (Ada)"}
    # What a person lets in is usual from then on.
    assert list(report(shop)["overruled"]) == ["day-17", "day-18"]
    assert list(report(shop)["accepted"]) == days(range(17, 23))
    assert state(shop) == afresh(shop)


def test_another_threshold_judges_all_batches_again(shop: Shop) -> None:
    watch(shop, row_count=ROWS)
    shop.deliver(*range(1, 18))
    assert shop.night().judged == 17
    assert shop.validate().judged == 0
    shop.params["validate"]["checks"]["row_count"] = ROWS | {"threshold": 0.6}
    assert shop.validate().judged == 17
