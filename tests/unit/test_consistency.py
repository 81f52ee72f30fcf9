"""Labels that no longer go with the features are seen; a bad day isn't taken for it."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from ratchet.checks.coding import Coded, code, coherences
from ratchet.checks.consistency import measure
from ratchet.data.schema import Schema
from ratchet.data.target import target_of

SCHEMA = Schema.model_validate(
    {
        "target": {"column": "bought", "positive": "yes"},
        "rows": {"min": 1},
        "columns": {
            "shop": {"type": "category"},
            "hour": {"type": "integer", "min": 0, "max": 23},
            "price": {"type": "number", "max_null": 0.5},
            "member": {"type": "boolean"},
            "note": {"type": "text", "feature": False},
            "bought": {"type": "category", "categories": ["no", "yes"]},
        },
    }
)
TARGET = target_of("binary", SCHEMA)
ROWS = 600


def a_batch(seed: int, weather: float = 0.0) -> pa.Table:
    """One day of a shop: `weather` moves every row's log-odds."""
    rng = np.random.default_rng(seed)
    shop = rng.choice(["north", "south", "east", "west"], ROWS)
    hour = rng.integers(0, 24, ROWS)
    price = rng.lognormal(1, 1, ROWS)
    odds = weather - 3 + 1.5 * (shop == "north") + 4 * (hour > 16) - 0.3 * np.log(price)
    bought = rng.random(ROWS) < 1 / (1 + np.exp(-odds))
    price[rng.random(ROWS) < 0.1] = np.nan
    return pa.table(
        {
            "shop": shop,
            "hour": pa.array(hour, pa.int16()),
            "price": pa.array(price, from_pandas=True),
            "member": rng.random(ROWS) < 0.5,
            "note": ["x"] * ROWS,
            "bought": np.where(bought, "yes", "no"),
        }
    )


TABLES = [a_batch(seed, np.sin(seed)) for seed in range(28)]
CODED = [code(table, SCHEMA, TARGET) for table in TABLES]
REFERENCE, POOL = CODED[:21], CODED[21:]


def values(pool: list[Coded]) -> dict[str, float]:
    return {each.check: each.value for each in measure(pool, REFERENCE, SCHEMA, TARGET)}


def relabelled(batch: Coded, labels: np.ndarray) -> Coded:
    return replace(batch, labels=labels, coherence=coherences(batch.codes, labels, SCHEMA))


def flipped(batch: Coded, share: float) -> Coded:
    flip = np.random.default_rng(len(batch.labels)).random(ROWS) < share
    return relabelled(batch, np.where(flip, 1 - batch.labels, batch.labels))


CLEAN = values(POOL)


def test_each_figure_is_finite_and_named() -> None:
    found = measure(POOL, REFERENCE, SCHEMA, TARGET)
    assert [each.check for each in found] == [
        "label_noise",
        "label_direction",
        "label_coherence",
        "label_slice",
    ]
    assert all(np.isfinite(each.value) and each.message for each in found)


def test_flipped_labels_in_every_batch_of_the_pool_are_noise() -> None:
    shares = [
        values([flipped(each, share) for each in POOL])["label_noise"] for share in (0.1, 0.2)
    ]
    assert CLEAN["label_noise"] < 0.05
    assert shares[0] > 0.08
    assert shares[1] > 0.16


def test_the_noise_is_the_same_when_the_other_class_counts_as_positive() -> None:
    target = SCHEMA.target.model_copy(update={"positive": "no"})
    other = SCHEMA.model_copy(update={"target": target})
    coded = [code(table, other, target_of("binary", other)) for table in TABLES]
    found = {
        each.check: each.value
        for each in measure(coded[21:], coded[:21], other, target_of("binary", other))
    }
    for check in ("label_noise", "label_direction", "label_coherence", "label_slice"):
        assert found[check] == pytest.approx(CLEAN[check], abs=0.02), check


def test_a_date_among_the_features_moves_no_other_column() -> None:
    """What is measured goes by position, and a date has none: it isn't compared."""
    columns = {"day": {"type": "date"}, **SCHEMA.model_dump(exclude_unset=True)["columns"]}
    dated = Schema.model_validate(SCHEMA.model_dump(exclude_unset=True) | {"columns": columns})
    assert next(iter(dated.features)) == "day"
    pool = [relabelled(each, np.where(each.codes[0] == 1, 0, each.labels)) for each in POOL]
    assert measure(pool, REFERENCE, dated, TARGET) == measure(pool, REFERENCE, SCHEMA, TARGET)


def test_inverted_labels_run_against_the_model() -> None:
    assert CLEAN["label_direction"] < 0.3
    assert values([*POOL[:-1], flipped(POOL[-1], 1)])["label_direction"] > 1.7


@pytest.mark.parametrize("weather", [-1.5, 2.0])
def test_a_batch_with_another_rate_is_no_alarm(weather: float) -> None:
    found = values([*POOL[:-1], code(a_batch(99, weather), SCHEMA, TARGET)])
    assert found["label_direction"] < 0.6
    assert found["label_noise"] < 0.05
    assert found["label_slice"] < 6


def test_shuffled_labels_cohere_with_nothing() -> None:
    mix = np.random.default_rng(1).permutation
    shuffled = [relabelled(batch, mix(batch.labels)) for batch in POOL]
    assert CLEAN["label_coherence"] < 0.3
    assert values(shuffled)["label_coherence"] > 0.85


@pytest.mark.parametrize(
    ("label", "shop", "first", "last"), [(0.0, "north", 18, 20), (1.0, "south", 0, 8)]
)
def test_a_relabelled_slice_is_found_and_named(
    label: float, shop: str, first: int, last: int
) -> None:

    def poisoned(batch: Coded, table: pa.Table) -> Coded:
        hour = table["hour"].to_numpy()
        rows = (table["shop"].to_numpy() == shop) & (hour >= first) & (hour <= last)
        return relabelled(batch, np.where(rows, label, batch.labels))

    pool = [poisoned(batch, table) for batch, table in zip(POOL, TABLES[21:], strict=True)]
    found = measure(pool, REFERENCE, SCHEMA, TARGET)[3]
    assert CLEAN["label_slice"] < 5 < 10 < found.value
    assert "hour" in found.message
    assert f"shop {shop}" in found.message
    assert " are " in found.message
    assert found.count > 50


def test_the_figures_are_the_same_each_time_and_do_not_depend_on_the_order_of_the_reference() -> (
    None
):
    turned = {each.check: each.value for each in measure(POOL, REFERENCE[::-1], SCHEMA, TARGET)}
    assert turned == pytest.approx(CLEAN)
    assert values(POOL) == CLEAN


def test_codes_depend_on_the_value_alone() -> None:
    table = TABLES[0]
    whole, turned = (
        code(each, SCHEMA, TARGET) for each in (table, table.take(list(range(ROWS))[::-1]))
    )
    assert (whole.codes[:, ::-1] == turned.codes).all()
    assert (code(table.slice(5, 50), SCHEMA, TARGET).codes == whole.codes[:, 5:55]).all()


def test_codes_of_a_number_without_bounds_ascend_with_it() -> None:
    numbers = [-1e30, -70.0, -3.0, -1e-9, 0.0, 1e-9, 2.0, 2.5, 900.0, 1e30]
    size = len(numbers)
    table = TABLES[0].slice(0, size).set_column(2, "price", pa.array([*numbers]))
    codes = code(table, SCHEMA, TARGET).codes[2].tolist()
    assert codes == sorted(set(codes))
    assert min(codes) > 0


@pytest.mark.parametrize(
    "make",
    [
        lambda table: table.set_column(5, "bought", pa.array(["no"] * len(table))),
        lambda table: table.set_column(5, "bought", pa.array(["yes"] * len(table))),
        lambda table: table.slice(0, 1),
        lambda table: table.set_column(2, "price", pa.nulls(len(table), pa.float64())),
        lambda table: table.set_column(0, "shop", pa.array(["new"] * len(table))),
    ],
    ids=["none", "all", "one row", "null column", "unseen category"],
)
def test_a_degenerate_batch_has_finite_figures(make: Callable[[pa.Table], pa.Table]) -> None:
    odd = code(make(TABLES[-1]), SCHEMA, TARGET)
    assert all(np.isfinite(value) for value in values([*POOL[:-1], odd]).values())
    assert all(np.isfinite(value) for value in values([odd]).values())


def test_a_schema_without_pairs_has_figures_too() -> None:
    columns = {name: SCHEMA.columns[name] for name in ("hour", "price", "bought")}
    narrow = SCHEMA.model_copy(update={"columns": columns})
    coded = [code(table, narrow, TARGET) for table in TABLES]
    found = {each.check: each.value for each in measure(coded[21:], coded[:21], narrow, TARGET)}
    assert found["label_direction"] < 0.5
    assert np.isfinite(found["label_slice"])


def test_the_checks_import_no_heavy_library() -> None:
    program = (
        "import sys, ratchet.checks.consistency; "
        "print([each for each in ('sklearn', 'scipy', 'pandas') if each in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
