"""The stage train: from the window to a model, its card and the scored holdout."""

import csv
import json
import random
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
from shop import Row, Shop, rows_of, snapshot

from ratchet import summary
from ratchet.artifacts import persist
from ratchet.artifacts.card import read_card
from ratchet.artifacts.golden import read_golden
from ratchet.artifacts.scored import read_scored
from ratchet.code import code_hash
from ratchet.data.features import feature_frame
from ratchet.data.schema import load_schema
from ratchet.errors import ConfigError, DataError, EvidenceError
from ratchet.files import sha256_file
from ratchet.stages.evaluate import describe

ESTIMATORS = {
    "hist_gradient_boosting": {"max_iter": 3},
    "random_forest": {"n_estimators": 3},
    "logistic_regression": {},
}


def made(shop: Shop) -> dict[str, bytes]:
    """Return the five files that the stage writes."""
    files = (shop.model, shop.card, shop.scored, shop.importance, shop.golden)
    return {path.name: path.read_bytes() for path in files}


def test_the_newest_batches_judge_and_never_teach(evaluated: Shop) -> None:
    card = read_card(evaluated.card)
    pins = evaluated.pins()
    assert card.train.batches == {f"day-0{n}": pins[f"day-0{n}"].sha256 for n in (1, 2, 3, 4)}
    assert card.holdout.batches == {f"day-0{n}": pins[f"day-0{n}"].sha256 for n in (5, 6)}
    assert (card.train.rows, card.holdout.rows) == (240, 120)
    assert set(read_scored(evaluated.scored).batch.tolist()) == {"day-05", "day-06"}


def test_the_holdout_leaves_no_trace_in_the_model(shop: Shop, evaluated: Shop) -> None:
    shop.deliver(1, 2, 3, 4, 5)
    rows = rows_of("day-06")
    for row in rows:
        row["outcome"] = "kept" if row["outcome"] == "returned" else "returned"
        row["amount"] = "1"
    shop.deliver_rows(6, rows)
    shop.night()
    shop.train()
    assert shop.model.read_bytes() == evaluated.model.read_bytes()
    assert shop.scored.read_bytes() != evaluated.scored.read_bytes()


def test_the_scores_are_those_of_the_file_that_ships(evaluated: Shop) -> None:
    card = read_card(evaluated.card)
    model = persist.load(evaluated.model, sha256=card.model_sha256)
    scored = read_scored(evaluated.scored)
    features = load_schema(evaluated.schema_file).features
    again = model.predict_proba(feature_frame(scored.columns, features))[:, 1]
    assert again.tobytes() == scored.score.tobytes()


def test_the_labels_are_1_for_the_positive_value(evaluated: Shop) -> None:
    scored = read_scored(evaluated.scored)
    expected = [value == "returned" for value in scored.columns["outcome"].to_pylist()]
    assert scored.label.tolist() == expected
    assert read_card(evaluated.card).holdout.positive_rows == sum(expected)


def test_the_card_says_from_what_the_model_was_made(evaluated: Shop) -> None:
    card = read_card(evaluated.card)
    schema = load_schema(evaluated.schema_file)
    assert card.model_sha256 == sha256_file(evaluated.model)
    assert card.environment_sha256 == sha256_file(evaluated.lock)
    assert card.code_sha256 == code_hash("ratchet.stages.train")
    assert card.libraries["scikit-learn"] == version("scikit-learn")
    assert (card.estimator, card.seed) == ("hist_gradient_boosting", 0)
    assert card.parameters == {"max_iter": 5, "min_samples_leaf": 5}
    assert (card.target, card.positive) == ("outcome", "returned")
    assert card.features == {name: schema.columns[name] for name in schema.features}


def test_the_card_knows_neither_place_nor_time(evaluated: Shop) -> None:
    text = evaluated.card.read_text()
    assert str(evaluated.root) not in text
    assert "/" not in text


def test_importance_names_every_feature_the_most_useful_first(evaluated: Shop) -> None:
    with evaluated.importance.open() as file:
        rows = list(csv.DictReader(file))
    worth = {row["feature"]: float(row["importance"]) for row in rows}
    assert set(worth) == {"channel", "amount", "items", "member", "rating"}
    assert list(worth.values()) == sorted(worth.values(), reverse=True)
    assert next(iter(worth)) == "amount"


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_same_inputs_give_the_same_bytes_on_any_number_of_processors(
    shop: Shop, estimator: str
) -> None:
    shop.validated_with(6)
    shop.params["train"] |= {"estimator": estimator, "parameters": ESTIMATORS}
    results = []
    for n_jobs in (1, 2):
        shop.params["train"]["budget"]["n_jobs"] = n_jobs
        shop.train()
        results.append(made(shop))
    assert results[0] == results[1]


def test_rows_that_taught_and_judge_are_told(
    shop: Shop, evaluated: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.schema["key"] = []
    days = [rows_of(f"day-0{number}") for number in range(1, 7)]
    for number in range(1, 7):  # each delivery has all orders up to its day
        shop.deliver_rows(number, [row for day in days[:number] for row in day])
    shop.night()
    card = shop.train().card
    assert card.repeats == read_card(shop.card).repeats
    assert (card.repeats.rows, card.repeats.repeated) == (660, 480)
    said = describe(shop.evaluate())
    assert "WARNING: 72.7% of the holdout's rows stand word for word" in said
    assert json.loads(shop.evaluation.read_text())["repeats"]["repeated"] == 480
    summary.show(shop.validation, shop.evaluation, shop.card)
    assert "WARNING: 72.7% of the holdout's rows" in " ".join(capsys.readouterr().out.split())

    assert read_card(evaluated.card).repeats is None
    for file in (evaluated.card, evaluated.evaluation):
        assert "repeats" not in json.loads(file.read_text())


def test_the_seed_matters(shop: Shop) -> None:
    shop.validated_with(6)
    shop.params["train"] |= {"estimator": "random_forest", "parameters": ESTIMATORS}
    shop.train()
    before = made(shop)
    shop.params["train"]["seed"] = 1
    shop.train()
    assert made(shop)["model.skops"] != before["model.skops"]


def test_a_learner_without_parameters_gets_its_defaults(shop: Shop) -> None:
    shop.validated_with(6)
    shop.params["train"] |= {"estimator": "logistic_regression", "parameters": {}}
    assert shop.train().card.parameters == {}


def relabelled(shop: Shop, label: Callable[[bool], str]) -> None:
    for number in range(1, 7):
        rows = rows_of(f"day-{number:02}")
        for row in rows:
            row["outcome"] = label(row["outcome"] == "returned")
        shop.deliver_rows(number, rows)
    shop.night()


@pytest.mark.parametrize(
    ("column", "positive", "labels"),
    [
        ({"type": "integer"}, 1, ("0", "1")),
        ({"type": "integer", "values": [0, 1]}, 1, ("0", "1")),
        ({"type": "boolean"}, True, ("false", "true")),
        ({"type": "boolean"}, 1, ("0", "1")),
        ({"type": "number"}, 2, ("0.5", "2.0")),
        ({"type": "text"}, "1", ("0", "1")),
        ({"type": "category"}, "yes", ("no", "yes")),
        ({"type": "date"}, "2021-03-04", ("2021-03-05", "2021-03-04")),
    ],
)
def test_a_target_may_have_any_type(
    shop: Shop, column: dict[str, object], positive: object, labels: tuple[str, str]
) -> None:
    shop.schema["columns"]["outcome"] = column
    shop.schema["target"]["positive"] = positive
    relabelled(shop, lambda returned: labels[returned])
    shop.params["train"]["parameters"]["hist_gradient_boosting"]["max_iter"] = 1
    assert shop.train().card.holdout.positive_rows == 68


@pytest.mark.parametrize("positive", ["returned", 1.5, 2**80])
def test_a_positive_value_that_the_target_cannot_have_is_refused(
    shop: Shop, positive: object
) -> None:
    shop.schema["columns"]["outcome"] = {"type": "integer"}
    shop.schema["target"]["positive"] = positive
    with pytest.raises(ConfigError, match=r"schema\.yaml: target\.positive: .* can't be a value"):
        relabelled(shop, lambda returned: str(int(returned)))


def test_a_positive_value_of_a_kind_that_dates_are_not_is_refused(shop: Shop) -> None:
    shop.schema["columns"]["outcome"] = {"type": "date"}
    shop.schema["target"]["positive"] = 1.5
    with pytest.raises(ConfigError, match="can't be a value of outcome, whose type is timestamp"):
        relabelled(shop, lambda returned: f"2021-03-0{1 + returned}")


# Nothing to learn from


@pytest.mark.parametrize("batches", [1, 2])
def test_fewer_batches_than_the_holdout_needs_are_named(shop: Shop, batches: int) -> None:
    shop.validated_with(batches)
    with pytest.raises(DataError) as caught:
        shop.train()
    assert str(caught.value).startswith(
        f"the window has {batches} accepted batches, window.holdout takes 2, and none is left to "
        "train on; wait for more, lower window.holdout in params.yaml, or see why"
    )


def test_one_batch_more_than_the_holdout_is_enough(shop: Shop) -> None:
    shop.validated_with(3)
    assert list(shop.train().card.train.batches) == ["day-01"]


@pytest.mark.parametrize(
    ("days", "outcome", "says"),
    [
        ((1, 2, 3, 4), "kept", "the training rows (240 in 4 batches) have only negative labels"),
        ((1, 2, 3, 4), "returned", "the training rows (240 in 4 batches) have only positive"),
        ((5, 6), "returned", "the holdout rows (120 in 2 batches) have only positive labels in"),
    ],
)
def test_one_class_only_is_named_with_the_part(
    shop: Shop, days: tuple[int, ...], outcome: str, says: str
) -> None:
    shop.deliver(*(n for n in range(1, 7) if n not in days))
    for number in days:
        rows = rows_of(f"day-{number:02}")
        shop.deliver_rows(number, [{**row, "outcome": outcome} for row in rows])
    shop.night()
    with pytest.raises(DataError) as caught:
        shop.train()
    assert str(caught.value).startswith(says)
    assert not shop.model.exists()


def test_accepted_rows_without_a_label_are_refused(shop: Shop) -> None:
    shop.deliver(1, 3, 4, 5, 6)
    rows = rows_of("day-02")
    rows[7]["outcome"] = ""
    shop.deliver_rows(2, rows)
    shop.night()
    shop.repin(replace(shop.pins()["day-02"], override="accept"))
    shop.validate()
    with pytest.raises(DataError, match="outcome is missing in 1 training rows of day-02"):
        shop.train()


def test_accepted_rows_with_gaps_and_new_categories_can_be_learned_from(shop: Shop) -> None:
    shop.deliver(1, 2, 3, 4, 5)
    rows = rows_of("day-06")
    rows[7] |= {"amount": "", "channel": "fax", "member": ""}
    shop.deliver_rows(6, rows)
    with pytest.raises(DataError):
        shop.night()
    shop.repin(replace(shop.pins()["day-06"], override="accept"))
    shop.validate()
    for estimator in ESTIMATORS:
        shop.params["train"] |= {"estimator": estimator, "parameters": ESTIMATORS}
        assert shop.train().card.holdout.rows == 120


def without_values(shop: Shop, *columns: str) -> None:
    for column in columns:
        shop.schema["columns"][column] |= {"max_null": 1}
    for number in range(1, 7):
        rows = rows_of(f"day-{number:02}")
        shop.deliver_rows(number, [{**row, **dict.fromkeys(columns, "")} for row in rows])
    shop.night()


def test_features_without_any_value_are_named(shop: Shop) -> None:
    without_values(shop, "channel", "rating", "amount")
    shop.schema["columns"]["rating"]["max_null"] = 0.9
    shop.schema["columns"]["amount"]["max_null"] = 0
    with pytest.raises(DataError, match="amount, rating: no value in any of the 240 training"):
        shop.train()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_features_that_may_be_empty_are_dropped_while_they_are(shop: Shop, estimator: str) -> None:
    without_values(shop, "channel", "rating")
    shop.params["train"] |= {"estimator": estimator, "parameters": ESTIMATORS}
    card = shop.train().card
    assert list(card.features) == ["amount", "items", "member"]
    assert card.dropped == dict.fromkeys(["channel", "rating"], "no value in any training row")
    assert read_card(shop.card) == card


# Weights and dates


def weighted(shop: Shop, weigh: Callable[[Row], str], **column: object) -> None:
    shop.schema |= {"weight": "pay"}
    shop.schema["columns"]["pay"] = {"type": "number", "min": 0, **column}
    for number in range(1, 7):
        rows = rows_of(f"day-{number:02}")
        shop.deliver_rows(number, [{**row, "pay": weigh(row)} for row in rows])
    shop.night()


def test_a_row_of_weight_0_teaches_nothing_and_counts_in_the_metrics(shop: Shop) -> None:
    weighted(shop, lambda row: str(int(row["outcome"] == "kept")))
    card = shop.train().card
    assert (card.weight, card.holdout.positive_rows, card.holdout.rows) == ("pay", 68, 120)
    assert "pay" not in card.features
    assert read_scored(shop.scored).score.max() < 0.01


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_each_learner_can_weigh_rows(shop: Shop, estimator: str) -> None:
    weighted(shop, lambda row: row["items"])
    shop.params["train"] |= {"estimator": estimator, "parameters": ESTIMATORS}
    shop.train()
    before = read_scored(shop.scored).score
    shop.schema |= {"weight": None}
    shop.schema["columns"]["pay"]["feature"] = False
    shop.train()
    assert (read_scored(shop.scored).score != before).any()


def test_weights_of_0_alone_teach_nothing(shop: Shop) -> None:
    weighted(shop, lambda _: "0")
    with pytest.raises(DataError, match="pay: weights must be numbers of 0 or more, and not all 0"):
        shop.train()


def test_the_calendar_of_a_date_can_be_learned_from_and_is_asked_again(shop: Shop) -> None:
    shop.schema["columns"]["ordered_at"] = {"type": "date"}
    for number in range(1, 7):
        rows = rows_of(f"day-{number:02}")
        for n, row in enumerate(rows):
            row["ordered_at"] = f"2021-03-{number:02}T{n % 24:02}:00:00"
            row["outcome"] = "returned" if n % 24 > 11 else "kept"
        shop.deliver_rows(number, rows)
    shop.night()
    card = shop.train().card
    assert next(iter(card.features)) == "ordered_at"
    with shop.importance.open() as file:
        assert next(csv.DictReader(file))["feature"] == "ordered_at.hour"
    golden = read_golden(shop.golden.read_bytes(), "golden")
    kinds = {name: column.type for name, column in card.features.items()}
    model = persist.load(shop.model, sha256=card.model_sha256)
    again = model.predict_proba(feature_frame(golden.rows, kinds))[:, 1]
    assert again.tobytes() == golden.score.tobytes()


def test_missing_rows_ask_for_validate(shop: Shop) -> None:
    with pytest.raises(EvidenceError, match="holds no rows; run `dvc repro validate`"):
        shop.train()


# Over budget, or wrong settings


@pytest.mark.parametrize(
    ("budget", "says"),
    [
        (
            {"max_rows": 239},
            "params.yaml: train.budget.max_rows is 239 and the window has 240 training rows; "
            "raise it or shrink window.train",
        ),
        ({"max_seconds": 1e-6}, "params.yaml: train.budget.max_seconds is"),
        ({"max_memory_mb": 1}, "params.yaml: train.budget.max_memory_mb is 1.00 MB, and the"),
    ],
)
def test_over_budget_the_last_model_stays(shop: Shop, budget: dict[str, float], says: str) -> None:
    shop.validated_with(6)
    shop.train()
    before = snapshot(shop.root / "models")
    shop.params["train"]["budget"] |= budget
    # Long enough for the watch to look.
    shop.params["train"] |= {"estimator": "random_forest"}
    shop.params["train"]["parameters"] = {"random_forest": {"n_estimators": 100_000}}
    with pytest.raises(ConfigError) as caught:
        shop.train()
    assert str(caught.value).startswith(says)
    assert snapshot(shop.root / "models") == before


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"estimator": "perceptron"}, "train.estimator: perceptron is not known"),
        (
            {"parameters": {"hist_gradient_boosting": {"max_itre": 5}}},
            "train.parameters.hist_gradient_boosting.max_itre: is not a parameter (did you mean "
            "max_iter?",
        ),
        ({"parameters": {"hist_gradient_boosting": {"max_iter": -5}}}, "train.parameters.hist_"),
    ],
)
def test_wrong_settings_are_named_and_write_nothing(
    shop: Shop, settings: dict[str, object], says: str
) -> None:
    shop.validated_with(3)
    shop.params["train"] |= settings
    with pytest.raises(ConfigError) as caught:
        shop.train()
    assert str(caught.value).startswith(f"params.yaml: {says}")
    assert not shop.model.exists()


def test_what_a_killed_run_left_is_dropped(shop: Shop) -> None:
    shop.validated_with(3)
    shop.train()
    before = snapshot(shop.root)
    for path in (shop.model, shop.card, shop.scored, shop.importance, shop.golden):
        path.with_name(f".partial-{path.name}-{random.randbytes(4).hex()}").touch()
    shop.train()
    assert snapshot(shop.root) == before


def test_the_card_is_json_for_everyone(evaluated: Shop) -> None:
    content: dict[str, object] = json.loads(Path(evaluated.card).read_text())
    assert content["seed"] == 0
