"""What `ratchet init` says of data that it doesn't understand, or that a person must look at."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_init import deliver, drafted, one, shop

from ratchet.errors import ConfigError, DataError, EvidenceError
from ratchet.git import git, signature
from ratchet.init.look import Found, look
from ratchet.init.place import is_committed
from ratchet.init.report import NEXT, counted
from ratchet.init.sample import read_sample

LISTS = "list<element: string>, of which no model can learn"  # as Parquet calls it


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


# What a person must look at


def reviews(folder: Path, values: Sequence[Any], name: str = "x") -> list[str]:
    draft, _ = one(folder, values, name)
    return list(draft.reviews)


def test_a_code_that_is_spelt_like_a_gap_is_to_be_reviewed(tmp_path: Path) -> None:
    [said] = reviews(tmp_path, ["N", "S", "E", "NA"] * 10)
    assert said.startswith("'NA' counts as missing, in 25.0% of the rows: if it is a code, ")


@pytest.mark.parametrize("words", [["north", "south", "NA"], ["N", "S", ""], ["1", "2", "NA"]])
def test_a_plain_gap_is_not(tmp_path: Path, words: list[str]) -> None:
    assert reviews(tmp_path, [*words, words[0]] * 10) == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["12.3%", "4%", "0.5 %", "17%"], "looks like numbers with a sign such as % or $"),
        (["$12", "$1,200.50", "-$3", "$ 4"], "looks like numbers with a sign such as % or $"),
        (["5 €", "6 €", "7,50 €", "8 €"], "looks like numbers with a sign such as % or $"),
        ([1700000000, 1700003600, 1700007200, 1800000000], "looks like Unix time"),
        ([1700000000123, 1700003600456, 1700007200789, 1700009200789], "looks like Unix time"),
        (["2024-01-01T10:00:00", "2024-01-01T10:00:00+01:00"] * 2, "these are taken for UTC"),
        (["$", "%", "a", "b"], ""),
        ([17, 1700003600, 1700007200, 1800000000], ""),
        (["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"], ""),
        (["2024-01-01T10:00Z", "2024-01-02T10:00Z", "2024-01-03T10:00Z"] * 4, ""),
    ],
)
def test_what_looks_like_something_else(tmp_path: Path, values: list[Any], said: str) -> None:
    found = reviews(tmp_path, (values * 10)[:40])
    assert (len(found) == 1 and said in found[0]) if said else not found


def test_times_with_an_offset_become_utc_and_it_is_told(tmp_path: Path) -> None:
    frames = shop()
    contract, _ = drafted(deliver(tmp_path / "plain", frames))
    assert contract.notes == []
    for frame in frames.values():
        frame["ordered_at"] += "+02:00"
    contract, _ = drafted(deliver(tmp_path / "in", frames))
    assert contract.notes[0].startswith("ordered_at: times with an offset (+01:00) become those of")
    [draft] = [each for each in contract.columns if each.name == "ordered_at"]
    assert draft.note == "hour and weekday, in UTC"


@pytest.mark.parametrize("kind", [pa.list_(pa.string()), pa.struct({"a": pa.int64()})])
def test_a_column_of_lists_is_left_out_with_the_reason(tmp_path: Path, kind: pa.DataType) -> None:
    rows = 40
    value = ["é", "b"] if pa.types.is_list(kind) else {"a": 1}
    made = {"tags": pa.array([value, None] * (rows // 2), kind), "x": [1, 2] * (rows // 2)}
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({**made, "y": ["a", "b"] * (rows // 2)}), tmp_path / "in/b1.parquet")
    contract, schema = drafted(tmp_path / "in", "y")
    [draft] = [each for each in contract.columns if each.name == "tags"]
    assert draft.note in (f"{kind}, of which no model can learn", LISTS)
    assert (schema.columns["tags"].type, schema.columns["tags"].feature) == ("text", False)


def test_lists_of_a_big_file_are_left_out_of_its_pieces(tmp_path: Path) -> None:
    frame = pd.concat(shop(9).values())
    frame["tags"] = [["a"], ["b"]] * (len(frame) // 2)
    frame.to_parquet(tmp_path / "big.parquet")
    contract, schema = drafted(tmp_path / "big.parquet")
    assert (contract.time_why, schema.columns["tags"].feature) == ("the file is cut by it", False)
    assert schema.columns["tags"].type == "text"


def test_the_newest_batch_is_named_by_its_place_and_the_column_by_its_type(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "b1.parquet"
    pq.write_table(pa.table({"raw": pa.array([b"\xff"]), "y": ["a"]}), path)
    found = looked(tmp_path / "in")
    with pytest.raises(DataError) as caught:
        read_sample(found.paths, found.dialect, {each.id: each.uri for each in found.listed})
    assert str(caught.value).startswith(f"{path}: the newest batch can't be read: not a readable")
    assert "column raw (binary)" in str(caught.value)


def test_batches_with_another_delimiter_are_told_by_their_header(tmp_path: Path) -> None:
    frames = shop(4)
    place = deliver(tmp_path / "in", frames)
    for name in list(frames)[:2]:
        frames[name].to_csv(place / f"{name}.csv", index=False, sep=";")
    with pytest.raises(DataError) as caught:
        drafted(place)
    assert "returned is no column of 2 of 4 batches, the newest of them 2024-03-02" in str(
        caught.value
    )
    assert "is ';' its delimiter?" in str(caught.value)


def test_rows_without_a_label_are_counted_and_one_is_shown(tmp_path: Path) -> None:
    place = deliver(tmp_path / "in", shop())
    for path in place.iterdir():
        path.write_text(path.read_text() + "Total,,,9000,,\n")
    with pytest.raises(
        DataError, match=r"missing in 3 rows of 3 of 3 .* \(row 61 of 61: Total, 90"
    ):
        drafted(place)


def test_the_file_is_named_whose_columns_are_others(tmp_path: Path) -> None:
    place = deliver(tmp_path / "in", shop())
    (place / "lookup.csv").write_text("c,name\n1,a\n2,b\n")
    with pytest.raises(ConfigError) as caught:
        drafted(place)
    assert str(caught.value).endswith(f"the newest batch, {place}/lookup.csv, has c, name")


def test_a_file_without_a_header_is_guessed(tmp_path: Path) -> None:
    place = deliver(tmp_path / "in", shop(), header=False)
    with pytest.raises(ConfigError, match="is its first line no header, but a row"):
        drafted(place)


@pytest.mark.parametrize("name", ["X.zip", "x.jsonl", "x.xlsx"])
def test_a_file_of_another_kind_isn_t_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04")
    with pytest.raises(EvidenceError, match=r"can't be read; unpack it, or write it as CSV, "):
        looked(tmp_path / name)


def test_no_task_is_quoted_that_nobody_named(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"y": [f"n{n}" for n in range(101)] * 2, "x": [*range(7), 3.5] * 25 + [1, 2]}
    )
    place = deliver(tmp_path / "in", {"b1": frame})
    with pytest.raises(ConfigError, match=r"^y has 101 different values"):
        drafted(place, "y")
    with pytest.raises(ConfigError, match=r"^--task multiclass: y has 101 different values"):
        drafted(place, "y", task="multiclass")


@pytest.mark.parametrize(
    ("number", "what", "said"), [(1, "batch", "1 batch"), (2, "batch", "2 batches"),
    (1, "content", "1 content"), (1200, "content", "1,200 contents")],
)  # fmt: skip
def test_one_is_no_plural(number: int, what: str, said: str) -> None:
    assert counted(number, what) == said


def test_git_has_only_what_was_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("manifest.csv").write_text("pins")
    assert not is_committed(Path("manifest.csv"))  # no repository at all
    git(tmp_path, "init", "-q")
    assert not is_committed(Path("manifest.csv"))
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "x", **signature(tmp_path))
    assert is_committed(Path("manifest.csv"))
    Path("manifest.csv").write_text("more")
    assert not is_committed(Path("manifest.csv"))


def test_the_contract_is_committed_before_the_first_model() -> None:
    """Otherwise the first model comes with a change of the policy that judges it."""
    steps = [step for line in NEXT.splitlines() for step in line[15:].split(" && ")]
    commits = [place for place, step in enumerate(steps) if step.startswith("git commit")]
    assert commits[0] < steps.index("ratchet discover") < steps.index("dvc repro") < commits[1]
