"""A model's card."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.artifacts.card import Card, Rows, read_card, write_card
from ratchet.data.schema import Column
from ratchet.errors import EvidenceError


def card(**changes: Any) -> Card:
    content = {
        "model_sha256": "0" * 64,
        "estimator": "random_forest",
        "parameters": {"n_estimators": 10, "max_depth": None, "max_features": 0.5},
        "seed": 0,
        "target": "outcome",
        "positive": "returned",
        "features": {
            "amount": Column(type="number", min=0, max_null=0.5),
            "channel": Column(type="category", categories=["web", "phone"]),
        },
        "train": Rows.of({"b": "1" * 64, "a": "2" * 64}, np.arange(8) < 2),
        "holdout": Rows.of({"c": "3" * 64}, np.ones(4)),
        "code_sha256": "4" * 64,
        "environment_sha256": "5" * 64,
        "libraries": {"numpy": "2.4.0"},
    }
    return Card(**{**content, **changes})


@given(
    positive=st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans() | st.text(st.characters(exclude_categories=["Cs"])),
    seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_a_card_is_read_as_it_was_written(scratch: Path, positive: Any, seed: int) -> None:
    path = scratch / "card.json"
    written = card(positive=positive, seed=seed)
    write_card(path, written)
    found = read_card(path)
    assert found == written
    assert type(found.positive) is type(positive)  # 1 and True are equal, but not the same label


def test_the_order_of_features_and_batches_is_kept(tmp_path: Path) -> None:
    write_card(tmp_path / "card.json", card())
    found = read_card(tmp_path / "card.json")
    assert list(found.features) == ["amount", "channel"]
    assert list(found.train.batches) == ["b", "a"]


def test_what_is_said_of_a_column_is_only_what_the_contract_says(tmp_path: Path) -> None:
    write_card(tmp_path / "card.json", card())
    assert json.loads((tmp_path / "card.json").read_text())["features"]["channel"] == {
        "type": "category",
        "categories": ["web", "phone"],
    }


def test_one_hash_stands_for_all_training_data() -> None:
    batches = {"a": "1" * 64, "b": "2" * 64}
    same = Rows.of(dict(batches), np.arange(9) < 3)
    assert Rows.of(batches, np.arange(9) < 3) == same
    others = [{"b": "2" * 64, "a": "1" * 64}, {"a": "1" * 64}, {"a": "1" * 64, "b": "3" * 64}]
    hashes = {Rows.of(other, np.arange(9) < 3).sha256 for other in others}
    assert len(hashes | {same.sha256}) == 4
    assert same.prior == pytest.approx(1 / 3)


def test_a_missing_card_says_who_writes_it(tmp_path: Path) -> None:
    with pytest.raises(
        EvidenceError,
        match=r"card\.json: no such file; run in the top folder of the repository, or",
    ):
        read_card(tmp_path / "card.json")


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b'{"estimator": 1'])
def test_what_is_no_card_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "card.json"
    path.write_bytes(content)
    with pytest.raises(EvidenceError, match="is not a model's card"):
        read_card(path)


def test_a_card_with_an_unknown_entry_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    write_card(path, card())
    path.write_text(json.dumps({**json.loads(path.read_text()), "approved": True}))
    with pytest.raises(EvidenceError, match="approved"):
        read_card(path)


def test_labels_of_any_task_have_a_prior_and_a_description(tmp_path: Path) -> None:
    batches = {"a": "1" * 64}
    classes = Rows.of(batches, np.array([0, 2, 2, 1]), "multiclass", 4)
    assert classes.prior.tolist() == [0.25, 0.25, 0.5, 0]
    assert classes.label == "4 classes, the largest 50.0%"
    numbers = Rows.of(batches, np.array([1.0, 3.0]), "regression")
    assert float(numbers.prior) == 2
    assert numbers.label == "2.000 ± 1.0"
    path = tmp_path / "card.json"
    write_card(path, card(task="regression", positive=None, train=numbers, holdout=numbers))
    assert read_card(path).train == numbers
