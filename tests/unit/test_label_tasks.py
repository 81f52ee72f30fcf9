"""Labels of several classes and numbers: their share, their record, and whether they still fit."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ratchet.checks.coding import Coded, code
from ratchet.checks.consistency import measure
from ratchet.checks.label_rate import measure_label_rate
from ratchet.checks.labels import summary, tell
from ratchet.checks.profile import profile
from ratchet.checks.records import Record
from ratchet.checks.statistic import Statistic
from ratchet.data.schema import Schema
from ratchet.data.target import Target, target_of
from ratchet.task import Task

ROWS = 300
CLASSES = ["fog", "rain", "sun"]
COLUMNS: dict[Task, dict[str, Any]] = {
    "binary": {"type": "category", "categories": CLASSES},
    "multiclass": {"type": "category", "categories": CLASSES},
    "regression": {"type": "number"},
}


def made(task: Task, positive: str | None = None) -> tuple[Schema, Target]:
    columns = {"hour": {"type": "integer", "min": 0, "max": 23}, "place": {"type": "category"}}
    target = {"column": "y", "positive": positive}
    schema = Schema.model_validate({"target": target, "columns": {**columns, "y": COLUMNS[task]}})
    return schema, target_of(task, schema)


def a_batch(seed: int, task: Task, rows: int = ROWS) -> pa.Table:
    """One batch in which the label goes with hour and place."""
    rng = np.random.default_rng(seed)
    hour, place = rng.integers(0, 24, rows), rng.choice(["north", "south"], rows)
    level = 0.3 * hour + 3.0 * (place == "south") + rng.normal(0, 1, rows) + 0.3 * np.sin(seed)
    y = np.exp(level / 3) if task == "regression" else np.digitize(level, [3.0, 6.0])
    return pa.table(
        {
            "hour": pa.array(hour, pa.int16()),
            "place": place,
            "y": y if task == "regression" else np.array(CLASSES)[y],
        }
    )


def put(table: pa.Table, labels: np.ndarray) -> pa.Table:
    return table.set_column(2, "y", pa.array(labels))


@cache
def reference(task: Task) -> tuple[list[Coded], list[Coded]]:
    schema, target = made(task)
    coded = [code(a_batch(seed, task), schema, target) for seed in range(28)]
    return coded[:21], coded[21:]


def figures(task: Task, spoil: Callable[[pa.Table], pa.Table], spoilt: int) -> dict[str, float]:
    """Return the figures of a pool whose newest `spoilt` batches are spoilt."""
    schema, target = made(task)
    old, pool = reference(task)
    tables = [spoil(a_batch(seed, task)) for seed in range(28 - spoilt, 28)]
    bad = [code(table, schema, target) for table in tables]
    found = measure([*pool[: 7 - spoilt], *bad], old, schema, target)
    assert [each.check for each in found] == [
        "label_noise",
        "label_direction",
        "label_coherence",
        "label_slice",
    ]
    assert all(np.isfinite(each.value) and each.message for each in found)
    return {each.check: each.value for each in found}


def turned(table: pa.Table) -> pa.Table:
    y = table["y"].to_numpy()
    if y.dtype.kind == "f":
        ranks = np.argsort(np.argsort(y))
        return put(table, np.sort(y)[::-1][ranks])
    after = dict(zip(CLASSES, [*CLASSES[1:], CLASSES[0]], strict=True))
    return put(table, np.array([after[str(each)] for each in y]))


def shuffled(table: pa.Table) -> pa.Table:
    return put(table, np.random.default_rng(1).permutation(table["y"].to_numpy()))


def relabelled(table: pa.Table) -> pa.Table:
    y, inside = table["y"].to_numpy(), table["hour"].to_numpy() >= 20
    return put(table, np.where(inside, y.min() if y.dtype.kind == "f" else CLASSES[0], y))


TASKS: list[Task] = ["multiclass", "regression"]


@pytest.mark.parametrize("task", TASKS)
def test_good_labels_are_quiet_and_each_fault_is_seen(task: Task) -> None:
    good = figures(task, lambda table: table, 0)
    assert good["label_noise"] < 0.1
    assert good["label_direction"] < 0.5
    assert good["label_coherence"] < 0.3
    assert good["label_slice"] < 7
    assert figures(task, turned, 1)["label_direction"] > 1.25
    mixed = figures(task, shuffled, 7)
    assert mixed["label_coherence"] > 0.87
    assert mixed["label_noise"] > 0.16
    assert figures(task, relabelled, 7)["label_slice"] > 7


def test_numbers_in_another_unit_are_too_steep() -> None:
    found = figures("regression", lambda table: put(table, table["y"].to_numpy() * 2.54), 1)
    assert found["label_direction"] > 1.25


def test_two_classes_are_judged_as_a_binary_target_is() -> None:
    def both(seed: int) -> pa.Table:
        table = a_batch(seed, "multiclass")
        return put(table, np.where(table["y"].to_numpy() == "fog", "rain", table["y"].to_numpy()))

    answers = []
    for task, positive in (("multiclass", None), ("binary", "rain")):
        schema, target = made(task, positive)  # type: ignore[arg-type]
        coded = [code(both(seed), schema, target) for seed in range(28)]
        answers.append({s.check: s.value for s in measure(coded[21:], coded[:21], schema, target)})
    for check in ("label_noise", "label_coherence", "label_slice"):
        assert answers[0][check] == pytest.approx(answers[1][check], abs=1e-9)


def test_few_rows_without_a_pattern_raise_no_alarm() -> None:
    """Seven rows a batch, labels by chance: nothing could be told, and nothing is said."""
    schema, target = made("multiclass")
    rng = np.random.default_rng(5)
    for _ in range(20):
        tables = [a_batch(int(rng.integers(1 << 30)), "multiclass", 7) for _ in range(28)]
        coded = [code(put(t, rng.choice(CLASSES, 7)), schema, target) for t in tables]
        found = {s.check: s.value for s in measure(coded[21:], coded[:21], schema, target)}
        assert found["label_direction"] <= 1.25
        assert found["label_slice"] <= 7


# The rate


def rate(task: Task, tables: list[pa.Table], positive: str | None = None) -> Statistic:
    schema, target = made(task, positive)
    *old, new = [profile(table, schema) for table in tables]
    [found] = measure_label_rate(new, old, target)
    assert found.series == "label_rate y"
    return found


def of(fog: int, rain: int, sun: int) -> pa.Table:
    y = np.repeat(CLASSES, [fog, rain, sun])
    return pa.table({"hour": [0] * len(y), "place": ["x"] * len(y), "y": y})


def test_classes_are_as_far_off_as_the_mix_is_from_the_usual_ones() -> None:
    usual = [of(20, 50, 30), of(30, 50, 20), of(20, 50, 30), of(30, 50, 20)]
    found = rate("multiclass", [*usual, of(20, 20, 60)])
    assert found.value == pytest.approx(0.3)
    assert "20.0% are rain, usually 50.0% to 50.0%" in found.message
    assert rate("multiclass", [*usual, of(25, 50, 25)]).value <= 0


def test_two_classes_are_as_far_off_as_their_share() -> None:
    tables = [of(0, 50, 50), of(0, 60, 40), of(0, 50, 50), of(0, 60, 40), of(0, 80, 20)]
    several, one = rate("multiclass", tables), rate("binary", tables, "rain")
    assert several.value == pytest.approx(one.value) == pytest.approx(0.2)


def test_numbers_are_as_far_off_as_the_share_below_some_value() -> None:
    tables = [a_batch(seed, "regression") for seed in range(29)]
    assert rate("regression", tables).value < 0.1
    high = put(tables[-1], tables[-1]["y"].to_numpy() * 2.54)
    found = rate("regression", [*tables[:-1], high])
    assert found.value > 0.2
    assert "mean" in found.message


# The record


def test_a_record_keeps_a_share_each_class_s_share_or_the_mean() -> None:
    table = of(1, 2, 5)
    assert summary(table, made("binary", "sun")[1]) == (5 / 8,)
    assert summary(table, made("multiclass")[1]) == (1 / 8, 2 / 8, 5 / 8)
    assert summary(pa.table({"y": [1.0, None, 4.0]}), made("regression")[1]) == (2.5,)
    assert summary(pa.table({"y": pa.array([], pa.float64())}), made("regression")[1]) == ()


def test_of_several_classes_the_commonest_of_all_batches_is_told() -> None:
    records = {
        "a": Record("", 10, True, label=(0.6, 0.4, 0.0)),
        "b": Record("", 30, True, label=(0.2, 0.8, 0.0)),
        "c": Record("", 0, False),
    }
    told = tell(records, made("multiclass")[1])
    assert (told.what, told.numbers) == ("rain", {"a": 0.4, "b": 0.8})
    assert told.spell(0.4) == "40.0%"
    mean = tell({"a": Record("", 1, True, label=(1234.5,))}, made("regression")[1])
    assert (mean.what, mean.spell(mean.numbers["a"])) == ("mean y", "1234")
