"""The stages and `predict` on the same rows with another target: several classes, and a number."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from shop import Shop

from ratchet import predict
from ratchet.artifacts.card import read_card
from ratchet.artifacts.golden import read_golden
from ratchet.artifacts.scored import read_scored
from ratchet.config import Params
from ratchet.errors import ConfigError
from ratchet.files import sha256_file
from ratchet.scoring.metrics import metrics_of

TARGETS = {"multiclass": "channel", "regression": "amount"}
ANSWERS = {"multiclass": ["row", "class", "score_phone", "score_store", "score_web"]}


@pytest.fixture(params=TARGETS)
def other(shop: Shop, request: pytest.FixtureRequest) -> Shop:
    """Return a shop that predicts something else, up to the report of evaluate."""
    shop.params["task"] = request.param
    shop.schema["target"] = {"column": TARGETS[request.param]}
    shop.params["evaluate"]["slices"] = ["outcome"]
    shop.validated_with(6)
    shop.train()
    shop.evaluate()
    return shop


def test_the_whole_way(other: Shop, tmp_path: Path) -> None:
    task = other.params["task"]
    card = read_card(other.card)
    assert card.task == task
    assert card.positive is None
    assert card.classes == (("phone", "store", "web") if task == "multiclass" else ())
    assert "outcome" in card.features
    assert TARGETS[task] not in card.features

    metrics = json.loads(other.metrics.read_text())
    loss = "rmse" if task == "regression" else "log_loss"
    assert list(metrics) == [*metrics_of(task), f"baseline_{loss}", "rows"]
    report = json.loads(other.evaluation.read_text())
    assert report["loss"] == loss
    assert report["slices"]["outcome"]["kept"].keys() > {loss}
    assert metrics["baseline_" + loss] == report["baseline"][loss]

    scored = read_scored(other.scored)
    assert scored.score.shape == ((120,) if task == "regression" else (120, 3))
    assert card.holdout.prior == pytest.approx(
        scored.label.mean() if task == "regression" else np.bincount(scored.label) / 120
    )

    golden = read_golden(other.golden.read_bytes(), "golden.json")
    assert golden.score.shape == (50, *scored.score.shape[1:])
    assert set(map(bytes, golden.score)) <= set(map(bytes, scored.score))

    answers = tmp_path / "answers.csv"
    predict.run(other.model, other.raw_file(6), to=answers)
    with answers.open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 60
    assert list(lines[0]) == ["order_no", *ANSWERS.get(task, ["row", "score"])[1:]]
    of_day_6 = scored.score[scored.batch == "day-06"]
    if task == "regression":
        assert [float(line["score"]) for line in lines] == of_day_6.tolist()
    else:
        likeliest = [card.classes[place] for place in of_day_6.argmax(axis=1)]
        assert [line["class"] for line in lines] == likeliest

    for name, rows in {"calibration": None, "batches": 2, "roc": 0, "precision_recall": 0}.items():
        with (other.plots / f"{name}.csv").open() as file:
            found = list(csv.DictReader(file))
        assert rows is None or len(found) == rows, name
    with (other.plots / "confusion.csv").open() as file:
        assert len(list(csv.DictReader(file))) == (0 if task == "regression" else 120)


def test_the_same_rows_give_the_same_model(other: Shop) -> None:
    before = sha256_file(other.model)
    other.train()
    assert sha256_file(other.model) == before


def test_a_task_that_the_target_does_not_fit_stops_before_training(shop: Shop) -> None:
    shop.validated_with(6)
    shop.params["task"] = "regression"
    with pytest.raises(ConfigError, match="needs a target of type number or integer"):
        shop.train()
    assert not shop.model.exists()


def test_binary_is_the_default() -> None:
    assert Params.model_fields["task"].default == "binary"
