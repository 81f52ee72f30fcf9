"""What the gate holds against a pull request's claims, piece by piece."""

from math import nan
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop import Shop

from ratchet.artifacts.card import Card, read_card
from ratchet.artifacts.holdout import labels, split
from ratchet.code import code_hash
from ratchet.config import load_params
from ratchet.data.manifest import Batch
from ratchet.data.schema import load_schema
from ratchet.data.target import target_of
from ratchet.data.validated import read_window
from ratchet.errors import EvidenceError
from ratchet.files import sha256_file
from ratchet.gate.clean_room import Model, Window, foreign_inputs, forged, seen

FIGURES = st.dictionaries(st.text(max_size=3), st.floats(0, 1, allow_nan=False), max_size=4)


@given(FIGURES)
def test_equal_metrics_are_not_forged(figures: dict[str, float]) -> None:
    rounded = {name: round(figure, 6) for name, figure in figures.items()}
    assert forged(rounded, figures) == []


@pytest.mark.parametrize("committed", [{}, {"auc": 0.70001}, {"auc": nan}])
def test_other_metrics_are_forged(committed: dict[str, float]) -> None:
    [line] = forged(committed, {"auc": 0.7})
    assert line.startswith("auc: committed ")
    assert line.endswith("found 0.7")


def test_a_metric_that_nobody_finds_is_forged() -> None:
    assert forged({"auc": 0.7, "praise": 1.0}, {"auc": 0.7}) == [
        "praise: committed 1, found nothing"
    ]


@pytest.fixture(scope="module")
def window(evaluated: Shop) -> Window:
    schema = load_schema(evaluated.root / "schema.yaml")
    holdout = load_params(evaluated.root / "params.yaml").window.holdout
    rows, hashes = read_window(evaluated.validated)
    teaching, judging = split(rows, hashes, holdout)
    target = target_of("binary", schema)
    known = [labels(part, target, "") for part in (teaching, judging)]
    return Window(teaching, judging, hashes, target, *known)


def found(evaluated: Shop, window: Window, card: Card, *drop: str) -> list[str]:
    """Return what is wrong with a card, with the batches but `drop` in the manifest."""
    pins = [
        Batch(batch, f"x/{batch}.csv", "", "", 1, sha256)
        for batch, sha256 in window.hashes.items()
        if batch not in drop
    ]
    hashes = {
        "code_sha256": code_hash("ratchet.stages.train"),
        "environment_sha256": sha256_file(evaluated.lock),
    }
    params = load_params(evaluated.root / "params.yaml").train
    schema = load_schema(evaluated.root / "schema.yaml")
    return foreign_inputs(card, window, pins, schema, params, hashes)


def test_the_card_of_an_honest_training_is_this_commit_s(evaluated: Shop, window: Window) -> None:
    assert found(evaluated, window, read_card(evaluated.card)) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", 99),
        ("parameters", {"C": 2}),
        ("target", "other"),
        ("features", {}),
        ("code_sha256", "0" * 64),
        ("environment_sha256", "0" * 64),
    ],
)
def test_a_foreign_input_is_named(
    name: str, value: object, evaluated: Shop, window: Window
) -> None:
    card = read_card(evaluated.card).model_copy(update={name: value})
    assert found(evaluated, window, card) == [f"the card's {name} is not that of this commit"]


def test_other_training_rows_are_named(evaluated: Shop, window: Window) -> None:
    card = read_card(evaluated.card)
    assert card.train.positive_rows
    fewer = card.train.model_copy(update={"positive_rows": card.train.positive_rows - 1})
    card = card.model_copy(update={"train": fewer})
    assert found(evaluated, window, card) == ["the card's train is not that of this commit"]


def test_rows_that_the_manifest_does_not_pin_are_named(evaluated: Shop, window: Window) -> None:
    batch = next(iter(window.hashes))
    [line] = found(evaluated, window, read_card(evaluated.card), batch)
    assert line == f"rows of batches that the manifest doesn't pin: {batch}"


def test_a_champion_has_seen_a_batch_under_another_name_too(evaluated: Shop) -> None:
    card = read_card(evaluated.card)
    name, sha256 = next(iter(card.train.batches.items()))
    assert seen(card, card.holdout.batches) == []
    assert seen(card, {name: "changed since"}) == [name]
    assert seen(card, {"renamed": sha256}) == ["renamed"]


def test_rows_without_a_feature_cannot_be_scored(evaluated: Shop) -> None:
    model = Model(read_card(evaluated.card), estimator=None, bytes=1)
    with pytest.raises(EvidenceError, match="needs columns that the data doesn't have: "):
        model.frame(pa.table({"nothing": [1]}))


def test_code_is_hashed_where_it_lies(tmp_path: Path) -> None:
    """The gate runs from the base and judges another tree."""
    (tmp_path / "ratchet/stages").mkdir(parents=True)
    (tmp_path / "ratchet/stages/train.py").write_text("import ratchet.model\n")
    (tmp_path / "ratchet/model.py").write_text("x = 1\n")
    first = code_hash("ratchet.stages.train", tmp_path)
    assert first != code_hash("ratchet.stages.train")
    (tmp_path / "ratchet/model.py").write_text("x = 2\n")
    assert code_hash("ratchet.stages.train", tmp_path) != first
