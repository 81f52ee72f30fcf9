"""What `ratchet init` says of data that it doesn't understand, or that a person must look at."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from test_init import deliver, drafted, shop

from ratchet.errors import EvidenceError
from ratchet.init.look import Found, look


def looked(place: Path, **how: Any) -> Found:
    scratch = place.parent / f"look-{len(list(place.parent.iterdir()))}"
    scratch.mkdir()
    usual: dict[str, Any] = {"pattern": None, "period": None, "time": None}
    return look(str(place), incoming=scratch, scratch=scratch, **{**usual, **how})


# Time and order


def test_a_big_file_need_not_be_cut(tmp_path: Path) -> None:
    big = tmp_path / "big.csv"
    pd.concat(shop(9).values()).to_csv(big, index=False)
    assert looked(big).split == "day"
    found = looked(big, period="none")
    assert (found.split, found.overwritten, len(found.listed)) == (None, True, 1)
    assert looked(deliver(tmp_path / "in", shop(2)), period="none").split is None


def test_a_cut_that_nobody_wished_is_to_be_reviewed(tmp_path: Path) -> None:
    big = tmp_path / "big.csv"
    pd.concat(shop(9).values()).to_csv(big, index=False)
    contract, _ = drafted(big)
    assert contract.time_why == "the file is cut by it"
    assert "do rows of the past ever change? Then say --split none" in contract.reviews["time"][0]
    contract, _ = drafted(big, time="ordered_at")
    assert contract.time_why == "as you said"
    assert "time" not in contract.reviews


def test_why_a_column_is_the_time_is_true(tmp_path: Path) -> None:
    frames = shop()
    for frame in frames.values():
        frame["a_date"] = "9999-12-31"
    contract, _ = drafted(deliver(tmp_path / "rises", frames))
    assert (contract.time, contract.time_why) == ("ordered_at", "dates that rise with the batches")

    only = {name: frame.drop(columns="ordered_at") for name, frame in frames.items()}
    contract, _ = drafted(deliver(tmp_path / "stays", only))
    assert (contract.time, contract.time_why) == (None, "no date rises with the batches")

    none = {name: frame.drop(columns="a_date") for name, frame in only.items()}
    contract, _ = drafted(deliver(tmp_path / "none", none))
    assert (contract.time, contract.time_why) == (None, "no column holds dates")

    swapped = dict(zip(frames, reversed(frames.values()), strict=True))
    contract, _ = drafted(deliver(tmp_path / "wavers", swapped))
    assert contract.time_why == "dates, but they don't rise with the batches"
    assert contract.reviews["time"]


@pytest.mark.parametrize(("day", "swapped"), [("%d.%m.%Y", True), ("shop_%Y%m%d", False)])
def test_names_of_days_sort_in_time_or_it_is_told(tmp_path: Path, day: str, swapped: bool) -> None:
    frame = shop(1)["2024-03-01"]
    days = pd.date_range("2024-01-30", periods=4).strftime(day)
    found = looked(deliver(tmp_path / "in", dict.fromkeys(days, frame)))
    assert (found.swapped is not None) == swapped


# What lies there


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_folders_as_of_hive_are_found(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "in"
    for name, frame in shop().items():
        path = place / f"dt={name}" / f"part-0.{kind}"
        path.parent.mkdir(parents=True)
        frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    (place / "README.md").touch()
    found = looked(place)
    assert found.pattern == f"*/*.{kind}"
    assert found.listed[0].id == "dt=2024-03-01.part-0"
    contract, _ = drafted(place)
    assert contract.time == "ordered_at"
    assert [each.name for each in contract.columns] == list(shop()["2024-03-01"])


def test_capital_endings_are_endings(tmp_path: Path) -> None:
    place = deliver(tmp_path / "in", shop())
    for path in place.iterdir():
        path.rename(path.with_suffix(".CSV"))
    found = looked(place)
    assert (found.pattern, [each.id for each in found.listed]) == ("*.CSV", [*shop()])
    drafted(place)


def test_what_can_t_be_read_is_told_by_its_ending(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.zip", "b.zip", "c.jsonl"):
        (tmp_path / "in" / name).touch()
    with pytest.raises(EvidenceError, match=r"matches \*\.csv \(there: 2 \.zip, 1 \.jsonl\);"):
        looked(tmp_path / "in")
