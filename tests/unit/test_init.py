"""What `ratchet init` guesses of data that it has never seen, and that the guess holds them."""

import gzip
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from ratchet.checks.binning import bin_of
from ratchet.config import load_params
from ratchet.data.contract import Contract as Judge
from ratchet.data.contract import judge
from ratchet.data.schema import Schema, load_schema
from ratchet.data.target import target_of
from ratchet.errors import ConfigError, DataError, EvidenceError, RatchetError
from ratchet.init import params_text, plots_text, schema_text
from ratchet.init.look import best_period, look
from ratchet.init.params_text import Facts, window
from ratchet.init.place import replace_all
from ratchet.init.run import Wish, draft_contract
from ratchet.init.sample import read_sample
from ratchet.init.schema_text import Contract
from ratchet.init.skew import FEW_BINS, Spread, open_end
from ratchet.task import Task

PROJECT = Path(__file__).parents[2]
Frames = Mapping[str, pd.DataFrame]


def shop(batches: int = 3, rows: int = 60) -> dict[str, pd.DataFrame]:
    """Return some batches of a shop, each with a target that its columns tell something about."""
    frames = {}
    for day in range(1, batches + 1):
        dice = np.random.default_rng(day)
        amount = dice.gamma(2.0, 50.0, rows).round(2)
        frames[f"2024-03-{day:02}"] = pd.DataFrame(
            {
                "order_id": np.arange(rows) + 1000 * day,
                "ordered_at": [f"2024-03-{day:02}T{n % 24:02}:00:00" for n in range(rows)],
                "channel": dice.choice(["web", "phone", "store"], rows),
                "amount": amount,
                "items": dice.integers(1, 9, rows),
                "returned": np.where(dice.random(rows) < amount / 400, "yes", "no"),
            }
        )
    return frames


def deliver(folder: Path, frames: Frames, **how: Any) -> Path:
    folder.mkdir(exist_ok=True)
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name}.csv", index=False, **how)
    return folder


def drafted(place: Path, target: str = "returned", **wish: Any) -> tuple[Contract, Schema]:
    """Draft the contract for what lies at `place`; every batch that was seen must keep it."""
    contract, schema, _ = drafted_with_spread(place, target, **wish)
    return contract, schema


def drafted_with_spread(place: Path, target: str, **wish: Any) -> tuple[Contract, Schema, Spread]:
    """As `drafted`, and how the target spreads."""
    base = place.parent
    scratch = base / f"scratch-{len(list(base.iterdir()))}"
    scratch.mkdir()
    found = look(
        str(place),
        pattern=wish.get("pattern"),
        period=wish.get("split"),
        time=wish.get("time"),
        incoming=base / "incoming",
        scratch=scratch,
    )
    sample = read_sample(found.paths, found.dialect)
    contract, spread = draft_contract(Wish(str(place), target, **wish), found, sample)
    (scratch / "schema.yaml").write_text(schema_text.write(contract, "somewhere"), encoding="utf-8")
    schema = load_schema(scratch / "schema.yaml")
    target_of(contract.task, schema)
    for path, judged in zip(
        found.paths.values(), judge(list(found.paths.values()), Judge.of(schema)), strict=True
    ):
        assert list(map(str, judged.failures)) == [], path
    return contract, schema, spread


def one(folder: Path, values: Sequence[Any], name: str = "x", **more: Any) -> tuple[Any, Any]:
    """Draft a column with these values, beside a target; return its draft and its contract."""
    frame = pd.DataFrame({name: values, "y": ["a", "b"] * (len(values) // 2)})
    frame["z"] = [1.5, 2.5, 3.0, 4.0] * (len(values) // 4)
    contract, schema = drafted(deliver(folder / "in", {"b1": frame}), "y", **more)
    [draft] = [each for each in contract.columns if each.name == name]
    return draft, schema.columns[name]


# Roles


def test_a_shop_is_understood(tmp_path: Path) -> None:
    contract, schema = drafted(deliver(tmp_path / "in", shop()))
    assert contract.task == "binary"
    assert schema.target.model_dump() == {"column": "returned", "positive": "yes"}
    assert schema.time == "ordered_at"
    assert schema.key == ["order_id"]
    types = {name: (column.type, column.feature) for name, column in schema.columns.items()}
    assert types == {
        "order_id": ("integer", False),
        "ordered_at": ("date", True),  # hours recur
        "channel": ("category", True),
        "amount": ("number", True),
        "items": ("integer", True),
        "returned": ("category", True),
    }
    assert schema.columns["channel"].categories == ["phone", "store", "web"]
    assert schema.columns["amount"].min == 0
    assert (schema.rows.min, schema.rows.max) == (30, 120)


def test_what_a_person_says_counts(tmp_path: Path) -> None:
    place = deliver(tmp_path / "in", shop())
    contract, schema = drafted(
        place, "items", time="ordered_at", key=["ordered_at", "order_id"], task="regression",
        weight="amount",
    )  # fmt: skip
    assert (contract.task, schema.key) == ("regression", ["ordered_at", "order_id"])
    assert schema.weight == "amount"
    assert schema.target.positive is None


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"target": "retuned"}, r"--target: there is no column 'retuned'; did you mean returned\?"),
        ({"target": "Amount"}, r"did you mean amount\?"),
        ({"time": "orderd"}, "--time: there is no column"),
        ({"key": ["channel"]}, "--key channel: some batch has several rows with the same"),
        ({"time": "channel"}, "--time channel: holds values that can't be read as times"),
        ({"weight": "channel"}, "--weight channel: must be a column of numbers"),
        ({"task": "regression"}, "--task regression: returned has 2 different values that aren't"),
        ({"target": "amount", "task": "multiclass"}, r"--task multiclass: amount .*--task regress"),
        ({"target": "items", "task": "binary"}, "--task binary: items has 8 different values, and"),
        ({"target": "ordered_at"}, "ordered_at is a date, which can't be a target"),
        ({"split": "day"}, "--split day: .* is a place of many files"),
    ],
)
def test_a_wish_that_doesn_t_fit_is_refused(
    tmp_path: Path, wish: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        drafted(deliver(tmp_path / "in", shop()), **{"target": "returned", **wish})


def test_a_target_without_difference_is_refused(tmp_path: Path) -> None:
    frames = shop()
    for frame in frames.values():
        frame["same"], frame["none"] = "x", None
    place = deliver(tmp_path / "in", frames)
    with pytest.raises(DataError, match="same is always 'x' in 180 rows"):
        drafted(place, "same")
    with pytest.raises(DataError, match="none has no value in any of 180 rows"):
        drafted(place, "none")


def test_labels_that_aren_t_known_yet_are_refused(tmp_path: Path) -> None:
    frames = shop()
    frames["2024-03-03"].loc[5:, "returned"] = None
    with pytest.raises(
        DataError, match=r"missing in 55 rows of 1 of 3 batches, the .*03-03 \(row 6 of 60: 3005, "
    ):
        drafted(deliver(tmp_path / "in", frames))


# The task


@pytest.mark.parametrize(
    ("values", "task", "positive"),
    [
        (["no", "yes", "no", "no"], "binary", "yes"),
        (["N", "Y", "Y", "Y"], "binary", "Y"),
        ([0, 1, 1, 1], "binary", 1),
        ([True, False, False, False], "binary", True),
        (["lost", "won", "won", "won"], "binary", "lost"),  # the rarer one
        ([1, 2, 2, 2], "binary", 1),
        (["red", "green", "blue", "red"], "multiclass", None),
        ([1, 2, 3, 3], "multiclass", None),
        ([1.5, 2, 3, 3], "regression", None),
        (list(range(60)), "regression", None),
    ],
)
def test_the_task_follows_the_target(
    tmp_path: Path, values: list[Any], task: str, positive: Any
) -> None:
    repeated = (values * 60)[:60]
    frame = pd.DataFrame({"y": repeated, "x": np.random.default_rng(1).random(60)})
    contract, _ = drafted(deliver(tmp_path / "in", {"b1": frame}), "y")
    assert (contract.task, contract.positive) == (task, positive)


def test_a_doubtful_task_is_to_be_reviewed(tmp_path: Path) -> None:
    place = deliver(tmp_path / "in", shop())
    assert "whole numbers are taken for classes" in drafted(place, "items")[0].target.reviews[0]
    assert not drafted(place, "returned")[0].target.reviews


def test_too_many_names_are_no_classes(tmp_path: Path) -> None:
    frame = pd.DataFrame({"y": [f"n{n}" for n in range(101)] * 2, "x": np.arange(202) % 7})
    with pytest.raises(ConfigError, match="101 different values, and at most 100 can be classes"):
        drafted(deliver(tmp_path / "in", {"b1": frame}), "y")


# Columns


def test_ranges_have_head_room(tmp_path: Path) -> None:
    _, column = one(tmp_path, [10.5, 20.5] * 10)
    assert (column.type, column.min, column.max) == ("number", 0.5, 31)
    (tmp_path / "2").mkdir()
    _, column = one(tmp_path / "2", [-10, 20, 7, 8] * 10)
    assert (column.type, column.min, column.max) == ("integer", -40, 50)


@pytest.mark.parametrize(
    ("values", "kind", "feature"),
    [
        (["007", "012", "007", "100"] * 10, "category", True),  # a code and no number
        (["1.0", "2.0", "", "3.0"] * 10, "number", True),
        (["yes", "no", "no", "yes"] * 10, "boolean", True),
        (["TRUE", "FALSE", "TRUE", "TRUE"] * 10, "boolean", True),
        (["0", "1", "1", "0"] * 10, "integer", True),
        ([f"id-{n}" for n in range(40)], "text", False),
        ([f"a long remark, and number {n} of many" for n in range(40)], "text", False),
        (["same"] * 40, "category", False),
        ([""] * 40, "text", False),
        (list(range(500, 540)), "integer", False),  # counts the rows
        (["2024-01-01", "2024-01-02", "2024-02-03", "2024-03-01"] * 10, "date", False),
        (["2021-01-01", "2024-01-02", "2024-02-03", "2024-03-01"] * 10, "date", True),
        (["20240101", "20240102", "20240203", "20240301"] * 10, "integer", True),
    ],
)
def test_a_column_is_what_its_values_are(
    tmp_path: Path, values: list[Any], kind: str, feature: bool
) -> None:
    draft, column = one(tmp_path, values)
    assert (column.type, column.feature) == (kind, feature)
    assert column.feature or draft.note  # it says why


def test_many_categories_are_encoded_and_not_listed(tmp_path: Path) -> None:
    values = [f"shop {n % 251}" for n in range(1004)]
    draft, column = one(tmp_path, values)
    assert (column.type, column.categories, column.encoding) == ("category", None, "target")
    assert draft.note == "251 different ones"


def test_a_category_that_seldom_comes_leaves_the_list_open(tmp_path: Path) -> None:
    frames = shop()
    frames["2024-03-01"].loc[3, "channel"] = "fax"
    contract, schema = drafted(deliver(tmp_path / "in", frames))
    assert schema.columns["channel"].categories is None
    [draft] = [each for each in contract.columns if each.name == "channel"]
    assert draft.note == "4 different ones, not listed: 1 came but once, or lately"


def test_gaps_get_head_room(tmp_path: Path) -> None:
    frames = shop(rows=400)
    frames["2024-03-02"].loc[:79, "amount"] = None  # a fifth
    _, schema = drafted(deliver(tmp_path / "in", frames))
    assert schema.columns["amount"].max_null == 0.4
    assert schema.columns["items"].max_null == 0


@pytest.mark.parametrize(
    ("sigma", "sign", "ends"),
    [(0.4, 1, (1, 1)), (2.0, 1, (1, 0)), (2.0, -1, (0, 1)), (0.4, -1, (1, 1))],
)
def test_a_long_tail_is_left_open_so_that_usual_values_have_bins(
    tmp_path: Path, sigma: float, sign: int, ends: tuple[bool, bool]
) -> None:
    values = sign * np.random.default_rng(1).lognormal(1, sigma, 2000).round(3)
    draft, column = one(tmp_path, list(values))
    assert (column.min is not None, column.max is not None) == ends
    usual = np.quantile(values, [0.01, 0.99])
    assert np.ptp(bin_of(usual, column)) > FEW_BINS
    assert draft.note.startswith("no m") == (not all(ends))


def test_a_share_keeps_its_end(tmp_path: Path) -> None:
    values = np.random.default_rng(1).lognormal(-8, 1.5, 2000).clip(max=1)
    values[7] = 1
    _, column = one(tmp_path, list(values))
    assert (column.min, column.max) == (0, 1)


@given(
    st.lists(st.floats(-1e9, 1e9), min_size=1, unique=True).map(sorted),
    st.none() | st.floats(-2e9, 2e9),
    st.none() | st.floats(-2e9, 2e9),
)
def test_an_end_is_left_open_only_where_there_are_two(
    values: list[float], low: float | None, high: float | None
) -> None:
    found = open_end(np.array(values), np.ones(len(values)), low, high)
    assert found in (None, "min", "max")
    assert found is None or None not in (low, high)


def test_a_target_that_few_rows_rule_is_judged_by_all_of_them(tmp_path: Path) -> None:
    frames = shop(rows=400)
    for frame in frames.values():
        frame["fare"] = frame["amount"]
        frame.loc[5, "fare"] = 90_000 + frame["amount"].sum()
    contract, _, spreads = drafted_with_spread(deliver(tmp_path / "in", frames), "fare")
    assert spreads.metric == "mae"
    [review] = contract.target.reviews
    assert "make half of its variance" in review
    text = (PROJECT / "params.yaml").read_text()
    made = facts(task="regression", spread=spreads.unit, metric=spreads.metric)
    rules = params_text.changes(made, YAML().load(text))["gate"]
    assert list(rules["metrics"]) == ["mae"]
    assert rules["slices"]["metric"] == "mae"

    usual, _, spreads = drafted_with_spread(deliver(tmp_path / "2", shop(rows=400)), "amount")
    assert (usual.target.reviews, spreads.metric) == ([], "rmse")


def test_a_value_far_from_all_others_is_to_be_reviewed(tmp_path: Path) -> None:
    frames = shop(rows=500)
    frames["2024-03-02"].loc[7, "amount"] = 99999
    contract, schema = drafted(deliver(tmp_path / "in", frames))
    [draft] = [each for each in contract.columns if each.name == "amount"]
    assert draft.reviews[0].startswith("the largest is 99999, 99.9 % are up to ")
    assert schema.columns["amount"].max is None


def test_names_that_no_contract_can_have_are_left_out(tmp_path: Path) -> None:
    frames = shop()
    for frame in frames.values():
        frame.insert(0, "", range(len(frame)))
        frame["batch"], frame["_x"] = 1, 2
        frame.insert(0, "amount", 0, allow_duplicates=True)
    contract, schema = drafted(deliver(tmp_path / "in", frames), task="binary")
    assert list(schema.columns) == ["order_id", "ordered_at", "channel", "items", "returned"]
    assert schema.extra_columns == "ignore"
    assert contract.ignore_extra.endswith("can be called that: '', '_x', 'amount', 'batch'")


def test_a_column_that_older_batches_lack_is_told(tmp_path: Path) -> None:
    frames = shop()
    frames["2024-03-01"]["gone"] = 1
    contract, schema = drafted(deliver(tmp_path / "in", frames))
    assert schema.extra_columns == "ignore"
    assert contract.ignore_extra == "not in all batches: gone"


# Leakage


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_column_that_knows_the_target_is_a_suspect(tmp_path: Path, task: str) -> None:
    frames = shop(rows=200)
    for frame in frames.values():
        frame["kind"] = np.where(frame["amount"] > 100, frame["channel"], "small")
        target = {"binary": "returned", "multiclass": "kind", "regression": "amount"}[task]
        copies = {"binary": frame["returned"].map({"yes": "refund", "no": "kept"})}
        copies |= {"multiclass": frame["kind"].str.upper(), "regression": frame["amount"] * 1.1 + 3}
        frame["told"] = copies[task]
    contract, schema = drafted(deliver(tmp_path / "in", frames), target)
    assert contract.task == task
    draft = next(each for each in contract.columns if each.name == "told")
    assert not schema.columns["told"].feature
    assert "alone it" in draft.reviews[-1]
    others = [each.name for each in contract.columns if each.reviews and each.name != "told"]
    assert others == []


# How it is written


SPELT = """Datum;Ort;Menge;Preis;Neu;Rabatt;Folge
01.02.2024 10:00;Köln;1.234;1.234,50;ja;-;{}
13.02.2024 11:00;Öd;17;3,5;nein;0,5;{}
14.02.2024 12:00;Köln;2.500.000;12,25;ja;k.A.;{}
15.02.2024 13:00;Öd;3;0,5;nein;1,5;{}
"""


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_from_another_country(tmp_path: Path, encoding: str, packed: bool) -> None:
    (tmp_path / "in").mkdir()
    rows = SPELT.format("gut", "schlecht", "gut", "gut").splitlines(keepends=True)
    content = "".join([rows[0], *rows[1:] * 10]).encode(encoding)
    name = "b1.csv.gz" if packed else "b1.csv"
    (tmp_path / "in" / name).write_bytes(gzip.compress(content) if packed else content)
    contract, schema = drafted(tmp_path / "in", "Folge")
    spelt = schema.format
    assert (spelt.delimiter, spelt.decimal, spelt.thousands) == (";", ",", ".")
    assert spelt.date == "%d.%m.%Y %H:%M"
    assert (spelt.true[-1], spelt.false[-1]) == ("ja", "nein")
    assert {"-", "k.A."} <= set(spelt.nulls)
    types = {name: column.type for name, column in schema.columns.items()}
    assert types == {
        "Datum": "date", "Ort": "category", "Menge": "integer", "Preis": "number",
        "Neu": "boolean", "Rabatt": "number", "Folge": "category",
    }  # fmt: skip
    assert contract.reviews["format"]


def test_a_day_that_could_be_a_month_is_to_be_reviewed(tmp_path: Path) -> None:
    frames = shop()
    for frame in frames.values():
        frame["ordered_at"] = "03/04/2024"
    contract, schema = drafted(deliver(tmp_path / "in", frames))
    assert schema.format.date == "%d/%m/%Y"
    assert contract.reviews["format"] == [
        "dates are read as %d/%m/%Y, and could as well be %m/%d/%Y"
    ]


names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1)
cells = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**12), 10**12), st.floats(allow_nan=False), st.text(),
    st.dates().map(str), st.sampled_from(["yes", "no", "-", "1,5", "1.234,5", "NA", "007"]),
)  # fmt: skip


@settings(max_examples=60)
@given(
    columns=st.dictionaries(names, st.lists(cells, min_size=6, max_size=6), min_size=1, max_size=4),
)
def test_a_drafted_contract_keeps_what_it_was_drafted_from(
    scratch: Path, columns: dict[str, list[Any]]
) -> None:
    """Whatever lies there: a contract that holds it, or a plain refusal."""
    folder = scratch / f"case-{len(list(scratch.iterdir()))}"
    folder.mkdir()
    frame = pd.DataFrame({**columns, "y": ["a", "b", "b"] * 2, "z": [1, 2, 3, 4, 9, 6]})
    with suppress(RatchetError):
        drafted(deliver(folder / "in", {"b1": frame}), "y")


@given(st.one_of(names, st.text(), st.floats(allow_nan=False, allow_infinity=False), st.integers()))
def test_a_scalar_is_read_as_it_was_meant(value: Any) -> None:
    read = YAML(typ="safe").load(f"{{a: {schema_text.scalar(value)}}}")
    assert read == {"a": value}
    assert type(read["a"]) is type(value) or float(value).is_integer()


# What lies there


def test_what_lies_there_is_found(tmp_path: Path) -> None:
    place = deliver(tmp_path / "in", shop(2))
    (place / "README.md").write_text("read me")
    (place / "2024-03-01.csv").rename(place / "2024-03-01 copy.csv.bak")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    how: Any = {"period": None, "time": None, "incoming": tmp_path, "scratch": scratch}
    found = look(str(place), pattern=None, **how)
    assert (found.pattern, [each.id for each in found.listed]) == ("*.csv", ["2024-03-02"])
    with pytest.raises(EvidenceError, match=r"no batch lies there whose name matches \*"):
        look(str(tmp_path), pattern="*.parquet", **how)
    with pytest.raises(EvidenceError, match="there is no such file or folder"):
        look(str(tmp_path / "absent"), pattern=None, **how)


def test_names_that_don_t_sort_in_time_are_told(tmp_path: Path) -> None:
    first = next(iter(shop(1).values()))
    place = deliver(tmp_path / "in", {"week2": first, "week10": first})
    (tmp_path / "s").mkdir()
    found = look(
        str(place), pattern=None, period=None, time=None, incoming=tmp_path, scratch=tmp_path / "s"
    )
    assert found.swapped == ("week10", "week2")


@pytest.mark.parametrize(
    ("days", "rows", "period"),
    [(365, 500, "day"), (365, 40, "week"), (1500, 1, "month"), (60, 5, "day"), (2, 900, None)],
)
def test_a_period_has_rows_enough_and_there_are_periods_enough(
    days: int, rows: int, period: str | None
) -> None:
    dates = pd.date_range("2020-01-01", periods=days).strftime("%Y-%m-%d")
    assert best_period(dict.fromkeys(dates, rows)) == period


def test_one_big_file_is_cut_and_one_delivery_isn_t(tmp_path: Path) -> None:
    frames = shop(9)
    big = tmp_path / "big.csv"
    pd.concat(frames.values()).to_csv(big, index=False)
    small = tmp_path / "small.csv"
    frames["2024-03-01"].to_csv(small, index=False)
    found = {}
    for path in (big, small):
        scratch = tmp_path / path.stem
        scratch.mkdir()
        found[path] = look(
            str(path), pattern=None, period=None, time=None, incoming=tmp_path, scratch=scratch
        )
    assert (found[big].split, len(found[big].listed), found[big].time) == ("day", 8, "ordered_at")
    assert (found[small].split, len(found[small].listed)) == (None, 1)
    assert found[small].overwritten


# Parameters


def facts(**more: Any) -> Facts:
    usual: dict[str, Any] = {
        "task": "binary", "url": "in", "pattern": "*.csv", "split": None, "batches": 400,
        "rows": 800, "spread": 0.56, "slices": ["channel"], "days": True,
    }  # fmt: skip
    return Facts(**{**usual, **more})


@pytest.mark.parametrize(
    ("batches", "rows", "expected"),
    [
        (400, 800, (90, 7)),
        (268, 168, (120, 7)),
        (47, 30, (90, 11)),
        (1, 50, (90, 1)),
        (8, 50, (90, 2)),
        (1000, 10, (900, 100)),
    ],
)
def test_the_window_has_rows_enough(batches: int, rows: int, expected: tuple[int, int]) -> None:
    assert window(batches, rows) == expected


@pytest.mark.parametrize(
    ("task", "metrics"),
    [
        ("binary", ["log_loss", "roc_auc"]),
        ("multiclass", ["log_loss", "accuracy"]),
        ("regression", ["rmse", "r2"]),
    ],
)
def test_params_are_those_that_stood_there_with_what_must_change(
    tmp_path: Path, task: str, metrics: list[str]
) -> None:
    text = (PROJECT / "params.yaml").read_text()
    made = params_text.write(text, facts(task=task, spread=2000.0, split="week", days=False))
    path = tmp_path / "params.yaml"
    path.write_text(made)
    params = load_params(path)
    assert (params.task, params.source.url, params.source.split) == (task, "in", "week")
    assert list(params.gate.metrics) == metrics
    assert params.gate.slices.metric == metrics[0]
    if task == "regression":
        assert params.gate.metrics["rmse"].significant_loss == 20
    assert params.validate_.checks.out_of_day.severity == "off"
    assert not params.validate_.checks.null_share.columns
    # Lines stay where they are, with their comments.
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        line for line in made.splitlines() if line.startswith("#")
    ]
    same = set(text.splitlines()) & set(made.splitlines())
    assert len(same) > 0.7 * len(text.splitlines())


def test_the_linear_learner_is_that_of_the_task() -> None:
    text = (PROJECT / "params.yaml").read_text()
    numbers = params_text.write(text, facts(task="regression"))
    assert "    ridge: {alpha: 1.0}\n" in numbers
    assert "logistic_regression" not in numbers
    classes = params_text.write(numbers, facts(task="multiclass"))
    assert "    logistic_regression: {C: 1.0}\n" in classes
    assert "ridge" not in classes


PLOTS = {
    "binary": set(),
    "multiclass": {"ROC curve", "Precision and recall"},
    "regression": {"ROC curve", "Precision and recall", "Confusion"},
}


@pytest.mark.parametrize("task", PLOTS)
def test_plots_that_a_task_does_not_have_are_comments(task: Task) -> None:
    text = (PROJECT / "dvc.yaml").read_text()
    made = plots_text.write(text, task)

    def names(text: str) -> list[str]:
        return [name for plot in YAML(typ="safe").load(text)["plots"] for name in plot]

    assert names(made) == [name for name in names(text) if name not in PLOTS[task]]
    assert made.partition("plots:")[0] == text.partition("plots:")[0]
    # Nothing is lost: another task brings them back, and the same one changes nothing.
    for other in get_args(Task):
        again = plots_text.write(made, other)
        assert again == plots_text.write(text, other)


@pytest.mark.parametrize("indent", ["", "  ", "    "])
def test_plots_and_comments_of_one_s_own_stay(indent: str) -> None:
    lines = [
        "- Mine:",
        "    y: {mine.csv: y}",
        "# why the next one is here",
        "- Hits:",
        "    x: actual",
        "    # counted by DVC",
        "    y: {reports/plots/confusion.csv: predicted}",
        "# and the last",
        "- reports/plots/roc.csv: {x: fpr}",
    ]
    text = "plots:\n" + "".join(f"{indent}{line}\n" for line in lines) + "\nvars: []\n"
    made = plots_text.write(text, "regression")
    assert YAML(typ="safe").load(made) == {
        "plots": [{"Mine": {"y": {"mine.csv": "y"}}}],
        "vars": [],
    }
    assert plots_text.write(made, "binary") == text


@pytest.mark.parametrize("text", ["stages: {}\n", "plots: []\n", "plots:\nstages: {}\n"])
def test_a_pipeline_without_plots_stays(text: str) -> None:
    assert plots_text.write(text, "regression") == text


def test_thresholds_of_other_data_only_warn() -> None:
    text = (PROJECT / "params.yaml").read_text()
    soft = params_text.soften(text)
    changed = [line for line in soft.splitlines() if line not in text.splitlines()]
    assert all("severity: warn" in line for line in changed)
    quarantined = [
        line.split(":")[0].strip() for line in soft.splitlines() if "quarantine," in line
    ]
    assert quarantined == ["duplicate_batch"]


# All or nothing


def test_all_files_are_written_or_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old a")
    (tmp_path / "gone").write_text("old gone")
    (tmp_path / "folder").mkdir()
    files = {
        tmp_path / "a": "new",
        tmp_path / "new": "new",
        tmp_path / "gone": None,
        tmp_path / "folder": "can't be",
    }
    with pytest.raises(OSError, match="folder"):
        replace_all(files)
    assert (tmp_path / "a").read_text() == "old a"
    assert (tmp_path / "gone").read_text() == "old gone"
    assert not (tmp_path / "new").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "folder", "gone"]
    del files[tmp_path / "folder"]
    replace_all(files)
    assert (tmp_path / "a").read_text() == (tmp_path / "new").read_text() == "new"
    assert not (tmp_path / "gone").exists()
