"""Golden predictions: which rows, kept exactly, and asked again."""

import json
from math import inf, nan
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop import Shop

from ratchet.artifacts import persist
from ratchet.artifacts.answers import TOLERANCE, compared
from ratchet.artifacts.card import read_card
from ratchet.artifacts.golden import (
    FEWEST_ROWS,
    MOST_VALUES,
    ROWS,
    Golden,
    choose,
    read_golden,
    write_golden,
)
from ratchet.artifacts.scored import read_scored
from ratchet.errors import EvidenceError
from ratchet.gate.answers import forged
from ratchet.gate.clean_room import Model

# One of each type that a model can learn from, with what is hard to write down.
HARD = pa.table(
    {
        "batch": ["a", "a", "b"],
        "number": pa.array([0.1 + 0.2, 5e-324, None], pa.float64()),
        "integer": pa.array([2**62 + 1, None, -1], pa.int64()),
        "boolean": pa.array([True, None, False], pa.bool_()),
        "category": pa.array(["NA", 'ü "x",\n', None], pa.string()),
        "empty": pa.array([None, None, None], pa.float64()),
    }
)
SCORE = np.array([0.1 + 0.2, 1e-300, 1.0])


def judging(*sizes: int, width: int = 1) -> pa.Table:
    """Return rows of so many batches, numbered from 0."""
    batch = [f"{number:03}" for number, size in enumerate(sizes) for _ in range(size)]
    return pa.table({"batch": batch} | {str(each): range(len(batch)) for each in range(width)})


def test_values_and_types_come_out_as_they_went_in(tmp_path: Path) -> None:
    write_golden(tmp_path / "golden.json", Golden(HARD, SCORE))
    found = read_golden((tmp_path / "golden.json").read_bytes(), "golden.json")
    assert found.rows.equals(HARD)
    assert found.score.tobytes() == SCORE.tobytes()


@pytest.mark.parametrize(
    "content",
    [
        "", "[]", "{}", '{"columns": {}, "rows": []}',
        '{"columns": {"batch": "string"}, "rows": [["a"]]}',
        '{"columns": {"batch": "string", "_score": "double"}, "rows": [["a", 0.5], ["b"]]}',
        '{"columns": {"batch": "string", "_score": "string"}, "rows": [["a", "b"]]}',
        '{"columns": {"batch": "pickle", "_score": "double"}, "rows": [["a", 0.5]]}',
    ],
)  # fmt: skip
def test_other_files_are_refused(content: str) -> None:
    with pytest.raises(EvidenceError, match=r"here: holds no golden predictions"):
        read_golden(content.encode(), "here")


@given(st.lists(st.integers(1, 120), min_size=1, max_size=70))
def test_rows_are_spread_over_the_batches(sizes: list[int]) -> None:
    rows = judging(*sizes)
    score = np.arange(len(rows)) / len(rows)
    found = choose(rows, score, ["0"])
    chosen = np.array(found.rows["0"])
    assert found.score.tolist() == score[chosen].tolist()
    assert (np.diff(chosen) > 0).all()
    batches, counts = np.unique(np.array(found.rows["batch"]), return_counts=True)
    assert len(batches) == min(len(sizes), ROWS)
    share = ROWS / len(sizes)
    fewest = [min(sizes[int(batch)], int(share)) for batch in batches]
    assert (counts >= fewest).all()
    assert (counts <= share + 1).all()


def test_of_wide_rows_fewer_are_kept() -> None:
    for width, rows in ((10, ROWS), (100, MOST_VALUES // 100), (1500, FEWEST_ROWS)):
        table = judging(300, 300, width=width)
        features = [str(each) for each in range(width)]
        assert len(choose(table, np.zeros(600), features).rows) == rows


def test_train_keeps_what_the_shipped_file_answers(evaluated: Shop) -> None:
    card = read_card(evaluated.card)
    found = read_golden(evaluated.golden.read_bytes(), "golden.json")
    assert found.rows.column_names == ["batch", *card.features]
    assert set(found.rows["batch"].to_pylist()) == card.holdout.batches.keys()
    # These few rows alone, and not among all of the holdout.
    model = Model(card, persist.load(evaluated.model, sha256=card.model_sha256), 0)
    assert model.score(found.rows).tobytes() == found.score.tobytes()


def test_no_key_or_text_gets_into_git(evaluated: Shop) -> None:
    text = evaluated.golden.read_text()
    assert len(text) < 20_000
    assert not {"order_no", "ordered_at", "note"} & json.loads(text)["columns"].keys()


# Asked again


@pytest.mark.parametrize(
    ("shift", "differing", "farthest"),
    [(0.0, 0, 0.0), (TOLERANCE / 2, 0, None), (2 * TOLERANCE, 1, None), (nan, 1, None)],
)
def test_answers_are_compared_to_a_tolerance(
    shift: float, differing: int, farthest: float | None
) -> None:
    found = compared(Golden(HARD, SCORE), SCORE + np.array([0.0, shift, 0.0]), "binary")
    assert (found.differing, found.wrong, found.same) == (differing, differing > 0, not differing)
    if farthest is not None:
        assert found.difference == farthest


def test_answers_are_told() -> None:
    golden = Golden(HARD, SCORE)
    same, other, broken = (compared(golden, SCORE + by, "binary") for by in (0.0, -0.03, inf))
    assert str(same) == "answers 3 golden rows as when it was made (largest difference 0)"
    assert str(other).endswith("than when it was made: 3 of 3 golden rows, by up to 0.03")
    assert str(broken).endswith("3 of 3 golden rows, by up to infinity")
    moved = compared(golden, SCORE, "binary", ("skops 0.15 → 0.16",))
    assert str(moved).endswith("; libraries have moved: skops 0.15 → 0.16")


# In a pull request


def held(shop: Shop, content: bytes | None) -> list[str]:
    """Hold a file of golden predictions against the holdout and its scores."""
    scored = read_scored(shop.scored)
    rows = scored.columns.add_column(0, "batch", pa.array(scored.batch.tolist()))
    card = read_card(shop.card)
    return forged(content, "golden.json", rows, scored.score, card.features, card.task)


def test_what_train_has_written_is_not_forged(evaluated: Shop) -> None:
    assert held(evaluated, evaluated.golden.read_bytes()) == []


def test_forged_predictions_are_found(evaluated: Shop) -> None:
    content = evaluated.golden.read_bytes()
    told = json.loads(content)
    told["rows"][3][-1] += 0.01
    [line] = held(evaluated, json.dumps(told).encode())
    assert line.startswith("forged or stale: the model answers otherwise")
    assert "1 of 50 golden rows, by up to 0.01" in line
    told["rows"][3][2] = 5.0
    assert held(evaluated, json.dumps(told).encode()) == [
        "forged or stale: the rows in golden.json aren't those of this holdout"
    ]
    assert held(evaluated, None) == ["golden.json is missing"]
    assert "holds no golden predictions" in held(evaluated, content[:-9])[0]
