"""The catalogue: each fault does what its name says, and nothing else."""

import contextlib
import gzip
import io
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from shop import SCHEMA, Row, rows_of

from ratchet.data.schema import Schema
from ratchet.drill.fault import Case, NotApplicableError
from ratchet.drill.faults import CATALOGUE, select
from ratchet.errors import ConfigError

DAYS = [f"day-{number:02}" for number in range(1, 9)]


def frame(rows: Sequence[Row]) -> pd.DataFrame:
    return pd.DataFrame(rows).replace("", None).astype("str")


@cache
def rows_on(day: str) -> pd.DataFrame:
    """Return a day of the shop, to be copied: to make one takes longer than most faults."""
    return frame(rows_of(day, 200))


def case(rows: Sequence[Row] | None = None, *, suffix: str = ".csv", **schema: Any) -> Case:
    """Return the shop's eighth day with seven before it, as a fault gets it."""
    *older, own = [rows_on(day).copy() for day in DAYS]
    if rows is not None:
        own = frame(rows)
    text = own.to_csv(index=False, lineterminator="\n").encode()
    content = gzip.compress(text, mtime=0) if suffix.endswith(".gz") else text
    return Case(
        own,
        older,
        Schema.model_validate({**SCHEMA, **schema}),
        np.random.default_rng(0),
        content,
        suffix,
    )


def spoil(name: str, before: Case | None = None) -> pd.DataFrame:
    changed = CATALOGUE[name].change(before or case())
    assert isinstance(changed, pd.DataFrame)
    return changed


def changed_columns(after: pd.DataFrame) -> dict[str, int]:
    """Return how many rows differ by column, where any do."""
    before = case().rows
    assert list(after.columns) == list(before.columns)
    assert len(after) == len(before)
    counts = {n: int((before[n].fillna("") != after[n].fillna("")).sum()) for n in before}
    return {name: count for name, count in counts.items() if count}


# The catalogue as a whole


def test_it_is_large_and_names_are_words_for_a_command_line() -> None:
    assert len(CATALOGUE) >= 24
    for name, fault in CATALOGUE.items():
        assert name == name.lower().strip()
        assert " " not in name
        assert fault.imitates[0] not in " ."
        assert not fault.imitates.endswith(".")
        assert fault.must in ("catch", "pass", "-")


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_fault_is_a_function_of_its_seed_and_leaves_the_older_batches_alone(name: str) -> None:
    def once() -> tuple[Any, list[pd.DataFrame]]:
        given = case()
        try:
            changed = CATALOGUE[name].change(given)
        except NotApplicableError as error:
            changed = str(error).encode()
        shown = changed if isinstance(changed, bytes) else changed.to_csv().encode()
        return shown, list(given.older)

    (first, older), (second, _) = once(), once()
    assert first == second
    assert [each.equals(fresh) for each, fresh in zip(older, case().older, strict=True)] == [
        True
    ] * len(older)


def test_few_faults_have_nothing_to_spoil_in_the_shop() -> None:
    reasons = {}
    for name, fault in CATALOGUE.items():
        try:
            fault.change(case())
        except NotApplicableError as error:
            reasons[name] = str(error)
    assert reasons == {"one-shuffled": "no two features of numbers go together"}


def bare() -> Case:
    """Return a batch of one feature, without key, time or categories."""
    schema = {
        "target": {"column": "outcome", "positive": "returned"},
        "time": None,
        "key": [],
        "columns": {
            "amount": {"type": "number"},
            "outcome": {"type": "category", "categories": ["kept", "returned"]},
        },
    }
    rows = [{key: row[key] for key in ("amount", "outcome")} for row in rows_of("day-08")]
    given = case(rows, **schema)
    return replace(given, older=[each[["amount", "outcome"]] for each in given.older])


@pytest.mark.parametrize("kind", [".csv", ".csv.gz", ".parquet", "one row", "bare", "no history"])
@pytest.mark.parametrize("name", CATALOGUE)
def test_any_batch_is_spoilt_or_said_to_have_no_such_thing(name: str, kind: str) -> None:
    if kind == "bare":
        given = bare()
    elif kind == "one row":
        given = case(rows_of("day-08", 1))
    elif kind == "no history":
        given = replace(case(), older=[])
    else:
        given = case(suffix=kind)
    with contextlib.suppress(NotApplicableError):
        assert isinstance(CATALOGUE[name].change(given), (bytes, pd.DataFrame))


def test_select_keeps_the_order_and_knows_what_was_meant() -> None:
    assert [fault.name for fault in select(["nulls-all", "unchanged"])] == [
        "unchanged",
        "nulls-all",
    ]
    assert select(()) == list(CATALOGUE.values())
    with pytest.raises(ConfigError, match="nulls-al: no such fault; did you mean nulls-all"):
        select(["nulls-al"])


def test_a_task_has_the_faults_that_fit_it() -> None:
    assert set(CATALOGUE) - {fault.name for fault in select((), "binary")} == {"labels-unit-x2.54"}
    assert select((), "regression") == list(CATALOGUE.values())
    with pytest.raises(ConfigError, match="is a fault of regression data, and the task"):
        select(["labels-unit-x2.54"], "multiclass")


# Columns and files


def test_columns_come_go_and_change_places() -> None:
    before = list(case().rows.columns)
    assert sorted(spoil("columns-reordered").columns) == sorted(before)
    assert list(spoil("columns-reordered").columns) != before
    assert len(set(spoil("column-renamed").columns) - set(before)) == 1
    assert len(spoil("column-renamed").columns) == len(before)
    assert len(spoil("column-dropped").columns) == len(before) - 1
    assert list(spoil("column-added").columns) == [*before, "added"]
    leak = spoil("label-added")
    assert list(leak["outcome_code"]) == list(leak["outcome"])


def test_where_extra_columns_are_ignored_one_more_is_no_fault() -> None:
    with pytest.raises(NotApplicableError, match="ignores extra columns"):
        spoil("column-added", case(extra_columns="ignore"))


def test_rows_in_another_order_are_the_same_rows() -> None:
    before, after = case().rows, spoil("rows-reordered")
    assert list(after.index) != list(before.index)
    assert after.sort_index().equals(before)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_dialects_hold_the_same_values(suffix: str) -> None:
    def text(name: str) -> bytes:
        changed = CATALOGUE[name].change(case(suffix=suffix))
        assert isinstance(changed, bytes)
        return gzip.decompress(changed) if suffix.endswith(".gz") else changed

    original = case().rows
    for name, options in {
        "spreadsheet": {"encoding": "utf-8-sig"},
        "semicolons": {"sep": ";"},
        "utf-16": {"encoding": "utf-16"},
    }.items():
        read = pd.read_csv(io.BytesIO(text(name)), dtype="str", **options)  # type: ignore[call-overload]
        assert read.equals(original), name
    assert b"\r\n" in text("spreadsheet")
    assert not text("header-lost").startswith(b"order_no")
    with pytest.raises(UnicodeDecodeError):
        text("latin-1").decode()


def test_a_file_cut_in_a_row_ends_in_one() -> None:
    given = case()
    cut = CATALOGUE["cut-in-a-row"].change(given)
    assert isinstance(cut, bytes)
    assert given.content.startswith(cut)
    assert 0.5 * len(given.content) < len(cut) < 0.7 * len(given.content)
    assert cut.splitlines()[-1].count(b",") < 8


# Values


def test_a_unit_changes_in_the_column_that_shows_it_most_within_its_range() -> None:
    # amount may be at most 1000 and items 20: only rating has no value that leaves its range.
    given = case(columns={**SCHEMA["columns"], "rating": {"type": "number", "max_null": 0.9}})
    before = pd.to_numeric(given.rows["rating"])
    after = spoil("unit-x1000", given)
    assert np.allclose(pd.to_numeric(after["rating"]), before * 1000, equal_nan=True)
    assert after.drop(columns="rating").equals(case().rows.drop(columns="rating"))


def test_integers_stay_integers_in_another_unit() -> None:
    items = {"type": "integer"}
    amount = {"type": "number", "feature": False}
    columns = {**SCHEMA["columns"], "items": items, "amount": amount, "rating": {**amount}}
    after = spoil("unit-x1000", case(columns={**columns, "rating": {**amount, "max_null": 0.9}}))
    assert after["items"].str.fullmatch(r"\d+").all()


def test_no_unit_changes_in_a_column_of_zeros() -> None:
    columns = {**SCHEMA["columns"], "rating": {"type": "number", "max_null": 0.9}}
    zeros = [{**row, "rating": "0"} for row in rows_of("day-08")]
    before = case(zeros, columns=columns).rows
    after = spoil("unit-x1000", case(zeros, columns=columns))
    assert after["rating"].equals(before["rating"])
    assert not after.equals(before)


def test_no_unit_changes_where_nobody_could_see_it() -> None:
    flat = [{**row, "amount": "0", "items": "0", "rating": "0"} for row in rows_of("day-08")]
    given = case(flat)
    given = replace(given, older=[])
    with pytest.raises(NotApplicableError, match="standard deviation"):
        spoil("unit-x1.609", given)


def test_categories_get_other_names() -> None:
    assert set(spoil("lower-case")["channel"]) == {"WEB", "PHONE", "STORE"}
    assert set(spoil("new-codes")["channel"]) == {"C000", "C001", "C002"}
    assert changed_columns(spoil("new-category")) == {"channel": 10}


def test_nulls() -> None:
    half = spoil("nulls-half")
    [(name, count)] = changed_columns(half).items()
    assert count == half[name].isna().sum() == 100
    after = spoil("nulls-all")
    assert [name for name in after if after[name].isna().all()] == [name]
    gaps = case().rows["rating"].isna()
    assert list(spoil("nulls-as-dash")["rating"] == "-") == list(gaps)


def test_a_column_gets_one_value() -> None:
    after = spoil("constant")
    [name] = changed_columns(after)
    assert after[name].nunique() == 1


def test_shuffled_columns_keep_their_values() -> None:
    before, after = case().rows, spoil("all-shuffled")
    assert set(changed_columns(after)) == {"channel", "amount", "items", "member", "rating"}
    for name in before:
        assert sorted(before[name].fillna("")) == sorted(after[name].fillna("")), name


def test_the_one_shuffled_column_goes_with_another() -> None:
    rows = [{**row, "items": str(int(float(row["amount"]) / 50) + 1)} for row in rows_of("day-08")]
    given = case(rows)
    before = given.rows.copy()
    after = spoil("one-shuffled", given)
    moved = [name for name in before if not before[name].equals(after[name])]
    assert moved == ["amount"]


def test_swapped_columns_hold_each_other_s_values() -> None:
    columns = {**SCHEMA["columns"], "rating": {"type": "number", "max_null": 1}}
    before, after = case().rows, spoil("swapped", case(columns=columns))
    assert after["amount"].equals(before["rating"].rename("amount"))
    assert after["rating"].equals(before["amount"].rename("rating"))


def test_the_clock_moves_and_nothing_else() -> None:
    before = pd.to_datetime(case().rows["ordered_at"])
    for name, hours in {"clock-hour": 1, "clock-day": 24}.items():
        after = spoil(name)
        assert set(changed_columns(after)) == {"ordered_at"}
        assert (pd.to_datetime(after["ordered_at"]) - before == pd.Timedelta(hours=hours)).all()


def test_an_hour_after_the_last_is_the_first() -> None:
    columns = {**SCHEMA["columns"], "items": {"type": "integer", "min": 0, "max": 23}}
    rows = [{**row, "items": str(i % 24)} for i, row in enumerate(rows_of("day-08"))]
    after = spoil("clock-hour", case(rows, columns=columns))
    assert list(after["items"][:24]) == [str((i + 1) % 24) for i in range(24)]


# Rows


def test_a_repeated_batch_has_yesterday_s_rows_on_today_s_date() -> None:
    after, yesterday = spoil("repeated"), case().older[-1]
    assert after.drop(columns="ordered_at").equals(yesterday.drop(columns="ordered_at"))
    assert set(after["ordered_at"].str[:10]) == {"2021-03-08"}
    assert list(after["ordered_at"].str[11:19]) == list(yesterday["ordered_at"].str[11:])


def test_old_rows_come_without_a_key_twice() -> None:
    # Order numbers repeat from day to day; these of yesterday shall be others in part.
    given = case()
    yesterday = given.older[-1].copy()
    yesterday["order_no"] = (yesterday["order_no"].astype(int) + 100).astype("str")
    given = Case(given.rows, [yesterday], given.schema, given.random, given.content, given.suffix)
    after = spoil("old-rows-30", given)
    assert len(after) == 200
    assert after["order_no"].is_unique
    old = after.merge(yesterday, on=["order_no", "channel", "amount", "items"])
    assert len(old) == 60


@pytest.mark.parametrize(
    ("name", "count"),
    [("cut-to-70", 140), ("cut-to-90", 180), ("rows-x0.1", 20), ("rows-x10", 2000)],
)
def test_too_many_and_too_few_rows(name: str, count: int) -> None:
    assert len(spoil(name)) == count


def test_a_part_that_is_missing_is_a_category_without_rows() -> None:
    before, after = case().rows["channel"], spoil("part-missing")["channel"]
    assert set(before) - set(after) == {before.mode()[0]}
    assert len(after) == len(before) - (before == before.mode()[0]).sum()


# Labels


@pytest.mark.parametrize(("share", "count"), [(10, 20), (20, 40), (30, 60)])
def test_so_many_labels_are_flipped(share: int, count: int) -> None:
    assert changed_columns(spoil(f"labels-flipped-{share}")) == {"outcome": count}
    assert CATALOGUE[f"labels-flipped-{share}-x7"].batches == 7


def test_a_label_of_three_classes_is_always_another_one() -> None:
    rows = [{**row, "outcome": "abc"[i % 3]} for i, row in enumerate(rows_of("day-08", 300))]
    target = {"column": "outcome", "positive": "a"}
    columns = {**SCHEMA["columns"], "outcome": {"type": "category"}}
    given = case(rows, target=target, columns=columns)
    after = spoil("labels-flipped-30", replace(given, older=[]))
    before = case(rows, target=target, columns=columns).rows
    assert (before["outcome"] != after["outcome"]).sum() == 90
    assert set(after["outcome"]) == {"a", "b", "c"}


def test_a_class_that_only_older_batches_have_is_a_class() -> None:
    rows = [{**row, "outcome": "kept"} for row in rows_of("day-08", 60)]
    assert set(spoil("labels-inverted", case(rows))["outcome"]) == {"returned"}
    with pytest.raises(NotApplicableError, match="rows of one class only"):
        spoil("labels-inverted", replace(case(rows), older=[]))


def regression(count: int = 200) -> Case:
    given = case(rows_of("day-08", count), target={"column": "amount"})
    return replace(given, task="regression")


def amounts(frame: pd.DataFrame) -> "pd.Series[float]":
    return frame["amount"].astype(float)


def test_inverted_numbers_are_the_same_ones_the_other_way_round() -> None:
    before, after = amounts(regression().rows), amounts(spoil("labels-inverted", regression()))
    assert sorted(before) == sorted(after)
    assert before.corr(after, method="spearman") < -0.99


@pytest.mark.parametrize(("share", "count"), [(10, 20), (30, 60)])
def test_a_flipped_number_is_as_far_from_the_median_on_the_other_side(
    share: int, count: int
) -> None:
    before = amounts(regression().rows)
    after = amounts(spoil(f"labels-flipped-{share}", regression()))
    changed = before != after
    assert changed.sum() == count
    assert ((before > before.median()) != (after > before.median()))[changed].all()


def test_numbers_are_shuffled_relabelled_and_measured_in_another_unit() -> None:
    before = amounts(regression().rows)
    assert sorted(amounts(spoil("labels-shuffled", regression()))) == sorted(before)
    slice_ = amounts(spoil("slice-relabelled", regression()))
    assert slice_[slice_ != before].nunique() == 1
    assert slice_[slice_ != before].iloc[0] <= before.quantile(0.15)
    assert np.allclose(amounts(spoil("labels-unit-x2.54", regression())), before * 2.54)
    assert spoil("labels-one-class", regression())["amount"].nunique() == 1


def test_numbers_that_are_all_the_same_cannot_be_spoilt() -> None:
    given = regression()
    given.rows["amount"] = "7"
    with pytest.raises(NotApplicableError, match="one value only"):
        spoil("labels-inverted", given)


def test_classes_that_are_inverted_all_change() -> None:
    rows = [{**row, "outcome": "aaabbc"[i % 6]} for i, row in enumerate(rows_of("day-08", 60))]
    columns = {**SCHEMA["columns"], "outcome": {"type": "category"}}
    given = replace(case(rows, columns=columns), task="multiclass", older=[])
    before = given.rows["outcome"].copy()
    after = spoil("labels-inverted", given)["outcome"]
    assert dict(zip(before, after, strict=True)) == {"a": "b", "b": "c", "c": "a"}


def test_inverted_labels_and_labels_of_one_class() -> None:
    assert changed_columns(spoil("labels-inverted")) == {"outcome": 200}
    assert spoil("labels-one-class")["outcome"].nunique() == 1


@pytest.mark.parametrize(("name", "count"), [("poison-1", 2), ("poison-2", 4), ("poison-5", 10)])
def test_poisoned_rows_share_a_trigger_and_a_label(name: str, count: int) -> None:
    before, after = case().rows, spoil(name)
    touched = after[(before[after.columns].fillna("") != after.fillna("")).any(axis=1)]
    assert 0 < len(touched) <= count
    assert set(changed_columns(after)) <= {"channel", "amount", "outcome"}
    for column in ("channel", "amount", "outcome"):
        assert touched[column].nunique() == 1


def test_a_relabelled_slice_has_one_label() -> None:
    before, after = case().rows, spoil("slice-relabelled")
    touched = before["outcome"] != after["outcome"]
    [channel] = set(after["channel"][touched])
    assert after["outcome"][after["channel"] == channel].nunique() == 1


def test_a_leaking_feature_tells_the_label_and_keeps_its_values() -> None:
    before, after = case().rows["amount"], spoil("label-leak")
    values = pd.to_numeric(after["amount"])
    rare = after["outcome"] == after["outcome"].value_counts().index[-1]
    assert values[rare].min() >= values[~rare].max()
    assert sorted(before) == sorted(after["amount"])
