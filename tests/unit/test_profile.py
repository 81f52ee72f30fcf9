"""Profiles of batches: what they hold, that they add up, and that they survive the disk."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.checks.profile import MOST_NUMBERS, MOST_PAIRS, Profile, merge, pairs_of, profile
from ratchet.checks.profile_file import read_profile, write_profile
from ratchet.checks.row_sketch import MOST, shared
from ratchet.data.schema import Schema
from ratchet.errors import EvidenceError

SCHEMA = Schema.model_validate(
    {
        "target": {"column": "sold", "positive": True},
        "time": "day",
        "columns": {
            "day": {"type": "date", "feature": False},
            "shop": {"type": "category", "max_null": 1},
            "price": {"type": "number", "min": 0, "max": 100, "max_null": 1},
            "change": {"type": "number", "max_null": 1},
            "items": {"type": "integer", "max_null": 1},
            "sold": {"type": "boolean"},
        },
    }
)
TYPES = {
    "day": pa.timestamp("us"),
    "shop": pa.string(),
    "price": pa.float64(),
    "change": pa.float64(),
    "items": pa.int64(),
    "sold": pa.bool_(),
}


def table(rows: list[tuple[Any, ...]]) -> pa.Table:
    values = list(zip(*rows, strict=True)) or [()] * len(TYPES)
    return pa.table(
        {
            name: pa.array(column, kind)
            for (name, kind), column in zip(TYPES.items(), values, strict=True)
        }
    )


rows = st.tuples(
    st.integers(0, 10**15),
    st.none() | st.sampled_from("abcdef") | st.text(max_size=3),
    st.none() | st.floats(-10, 200, allow_nan=False),
    st.none() | st.floats(-1e12, 1e12, allow_nan=False),
    st.none() | st.integers(-(2**62), 2**62),
    st.booleans(),
)
batches = st.lists(rows, max_size=12).map(lambda found: profile(table(found), SCHEMA))


def same(one: Profile, other: Profile) -> bool:
    """Compare all that is counted, and the sums but for rounding."""
    for a, b in zip(one.columns.values(), other.columns.values(), strict=True):
        assert (a.nulls, a.most, a.present) == (b.nulls, b.most, b.present)
        np.testing.assert_array_equal([a.low, a.high], [b.low, b.high])
        assert (a.values is None) == (b.values is None)
        for left, right in ((a.values, b.values), (a.bins, b.bins)):
            if left is not None and right is not None:
                assert left[0].tolist() == right[0].tolist()
                assert left[1].tolist() == right[1].tolist()
        assert a.total == pytest.approx(b.total, rel=1e-9, abs=1e4)
        assert a.squares == pytest.approx(b.squares, rel=1e-9, abs=1e4)
    assert list(one.columns) == list(other.columns)
    assert [each.tolist() for each in one.cells] == [each.tolist() for each in other.cells]
    np.testing.assert_allclose(one.correlations, other.correlations, atol=1e-9)
    assert one.sketch.level == other.sketch.level
    assert one.sketch.hashes.tolist() == other.sketch.hashes.tolist()
    return (one.rows, one.batches, one.pairs, one.times) == (
        other.rows,
        other.batches,
        other.pairs,
        other.times,
    )


@settings(max_examples=60, deadline=None)
@given(batches, batches, batches)
def test_merging_is_associative_and_commutative(a: Profile, b: Profile, c: Profile) -> None:
    whole = merge([a, b, c])
    assert same(whole, merge([merge([a, b]), c]))
    assert same(whole, merge([a, merge([b, c])]))
    assert same(whole, merge([c, a, b]))


@settings(max_examples=60, deadline=None)
@given(st.lists(rows, min_size=1, max_size=12), st.lists(rows, min_size=1, max_size=12))
def test_the_counts_of_two_batches_are_those_of_all_their_rows(
    first: list[tuple[Any, ...]], second: list[tuple[Any, ...]]
) -> None:
    merged = merge([profile(table(first), SCHEMA), profile(table(second), SCHEMA)])
    whole = profile(table(first + second), SCHEMA)
    for name, column in whole.columns.items():
        assert merged.columns[name].nulls == column.nulls
        assert merged.columns[name].bins[1].tolist() == column.bins[1].tolist()
    assert [each.tolist() for each in merged.cells] == [each.tolist() for each in whole.cells]
    assert merged.times == whole.times
    assert merged.sketch.hashes.tolist() == whole.sketch.hashes.tolist()


@settings(max_examples=30, deadline=None)
@given(batches)
def test_a_profile_comes_back_from_its_file_and_the_bytes_are_stable(
    tmp_path_factory: pytest.TempPathFactory, one: Profile
) -> None:
    folder = tmp_path_factory.mktemp("profiles")
    write_profile(folder / "a", one)
    back = read_profile(folder / "a")
    assert same(one, back)
    write_profile(folder / "b", back)
    assert (folder / "a").read_bytes() == (folder / "b").read_bytes()


@pytest.mark.parametrize("content", [None, b"", b"PAR1"])
def test_a_file_that_is_no_profile_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "p.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EvidenceError, match=r"p\.parquet"):
        read_profile(path)


def test_a_foreign_parquet_file_is_no_profile(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    pq.write_table(pa.table({"rows": [1]}), path)
    with pytest.raises(EvidenceError, match=r"p\.parquet"):
        read_profile(path)


def test_counts_values_nulls_and_sums() -> None:
    one = profile(
        table(
            [
                (0, "b", 1.0, None, 3, True),
                (5, "a", None, None, 3, False),
                (9, "b", 2.0, 0.0, 4, True),
            ]
        ),
        SCHEMA,
    )
    shop, price = one.columns["shop"], one.columns["price"]
    assert shop.values is not None
    assert [each.tolist() for each in shop.values] == [["a", "b"], [1, 2]]
    assert (price.nulls, price.total, price.squares) == (1, 3.0, 5.0)
    assert one.columns["change"].nulls == 2
    assert one.times == (0, 9)
    assert "day" not in one.columns


def test_too_many_values_leave_the_histogram_alone() -> None:
    many = [(0, str(n), n / 10, n, n, True) for n in range(MOST_NUMBERS + 1)]
    one = profile(table(many), SCHEMA)
    assert one.columns["items"].values is None
    assert one.columns["items"].bins[1].sum() == len(many)
    halves = [profile(table(many[half::2]), SCHEMA) for half in (0, 1)]
    assert halves[0].columns["items"].values is not None
    assert merge(halves).columns["items"].values is None


def test_correlation_is_that_of_ranks() -> None:
    up = [(0, "a", float(n), n**3, -n, True) for n in range(10)]
    one = profile(table(up), SCHEMA)
    found = dict(zip(one.pairs, one.correlations.tolist(), strict=True))
    assert found["price", "change"] == pytest.approx(1)
    assert found["price", "items"] == pytest.approx(-1)
    assert np.isnan(found["shop", "price"])


def test_profiles_of_different_schemas_do_not_merge() -> None:
    other = Schema.model_validate(
        {
            "target": {"column": "b", "positive": 1},
            "columns": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        }
    )
    wide = profile(pa.table({"a": [1], "b": [1]}), other)
    with pytest.raises(ValueError, match="schemas"):
        merge([wide, profile(table([]), SCHEMA)])
    with pytest.raises(ValueError, match="no profile"):
        merge([])


def test_the_pairs_of_a_wide_table_are_bounded() -> None:
    columns = {f"c{n}": {"type": "number"} for n in range(500)}
    wide = Schema.model_validate({"target": {"column": "c0", "positive": 1}, "columns": columns})
    pairs = pairs_of(wide)
    assert len(pairs) == len(set(pairs)) == MOST_PAIRS
    assert {name for pair in pairs for name in pair} == set(columns)


def test_a_sketch_of_many_rows_is_a_sample_that_others_share() -> None:
    big = [(0, None, n / 7, None, n, True) for n in range(5000)]
    all_rows, some = (profile(table(each), SCHEMA).sketch for each in (big, big[:500]))
    assert len(all_rows.hashes) <= MOST
    assert shared(some, [all_rows]).all()
    assert shared(all_rows, [some]).mean() == pytest.approx(0.1, abs=0.05)
