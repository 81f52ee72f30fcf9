"""When a night trains."""

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from shop import Shop, rows_of

from ratchet.artifacts.card import read_card, write_card
from ratchet.config import Trigger
from ratchet.data.schema import load_schema
from ratchet.errors import EvidenceError
from ratchet.nights import trigger
from ratchet.nights.trigger import Decision, Figures, advantage, decide
from ratchet.task import Task

THRESHOLDS = Trigger(new_rows=1000, age=7, drift=0.3, loss=0.05)
QUIET = {"new": ("b",), "rows": 999, "age": 6, "drift": 0.3, "drifted": "x", "loss": 0.05}


def asked(**changed: Any) -> Decision:
    return decide(Figures(**(QUIET | changed)), THRESHOLDS, "a")


def test_below_all_thresholds_the_night_is_skipped() -> None:
    decision = asked()
    assert decision.word == "SKIP"
    assert len(decision.reasons) == 4


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"rows": 1000}, "1,000 new rows: trigger.new_rows, 1,000, is reached"),
        ({"age": 7}, "7 batches came after the model's newest one: trigger.age, 7, is reached"),
        ({"drift": 0.31}, "x is 0.310 farther from the training data than usual"),
        (
            {"loss": 0.051},
            "0.0510 nats smaller than on its holdout: trigger.loss, 0.05, is exceeded",
        ),
        ({"loss": math.nan}, "trigger.loss, 0.05, is exceeded"),  # what can't be known isn't fine
    ],
)
def test_each_threshold_is_enough_and_named_first(changed: dict[str, Any], reason: str) -> None:
    decision = asked(**changed)
    assert decision.word == "RETRAIN"
    assert reason in decision.reasons[0]
    [met] = {"new_rows" if name == "rows" else name for name in changed}
    assert decision.met == (met,)


def test_what_is_not_met_says_so_and_a_gain_is_no_loss_below_zero() -> None:
    decision = asked(age=1, loss=-0.0039)
    unmet = ("is not reached", "is not exceeded")
    assert all(reason.endswith(unmet) for reason in decision.reasons)
    assert any("1 batch came after" in reason for reason in decision.reasons)
    assert "is 0.0039 nats larger than on its holdout" in decision.reasons[3]


def test_a_column_that_came_nearer_is_said_to_be_nearer() -> None:
    assert "x is 0.053 nearer to the training data than usual" in asked(drift=-0.053).reasons[2]


def test_without_an_accepted_batch_there_is_nothing_to_learn() -> None:
    decision = asked(new=(), rows=0, age=99, drift=math.nan, loss=math.nan)
    assert (decision.word, decision.reasons) == ("SKIP", ("no batch was accepted after a",))


def test_of_numbers_the_advantage_is_a_share_of_the_mean_s_error() -> None:
    y = np.array([1.0, 2.0, 6.0, 7.0])
    prior = np.asarray(4.0)
    shares = [advantage(unit * y, unit * (y + 1), unit * prior, "regression") for unit in (1, 1e3)]
    assert shares == pytest.approx([1 - 1 / y.std()] * 2)
    assert math.isnan(advantage(np.array([4.0, 4.0]), np.array([4.0, 5.0]), prior, "regression"))


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("multiclass", "over the class prior is 0.0600 nats smaller than on its holdout"),
        ("regression", "over the mean is 0.0600 of the mean's RMSE smaller than on its holdout"),
    ],
)
def test_a_lost_advantage_is_told_in_the_task_s_words(task: Task, said: str) -> None:
    found = decide(Figures(**(QUIET | {"loss": 0.06})), THRESHOLDS, "a", task)
    assert found.retrain
    assert said in found.reasons[0]


# On files


@pytest.fixture
def trained(shop: Shop) -> Shop:
    shop.validated_with(6)
    shop.train()
    return shop


def decision(shop: Shop) -> Decision:
    return trigger.run(
        shop.configure(),
        manifest=shop.manifest,
        schema=shop.schema_file,
        validated=shop.validated,
        profiles=shop.profiles,
        records=shop.records,
        model=shop.model,
        card=shop.card,
        environment=shop.lock,
    )


def test_a_repository_without_a_model_trains(shop: Shop) -> None:
    assert decision(shop).reasons == ("there is no model yet",)


def test_nothing_new_is_skipped(trained: Shop) -> None:
    assert decision(trained).reasons == ("no batch was accepted after day-06",)


def test_enough_new_rows_train(trained: Shop) -> None:
    trained.deliver(7)
    trained.night()
    assert decision(trained).word == "SKIP"
    trained.deliver(8)
    trained.night()
    found = decision(trained)
    assert found.word == "RETRAIN"
    assert "120 new rows" in found.reasons[0]
    assert found.figures is not None
    assert found.figures.new == ("day-07", "day-08")


@pytest.mark.parametrize(("task", "target"), [("multiclass", "outcome"), ("regression", "amount")])
def test_a_model_of_another_task_that_got_worse_is_seen(
    shop: Shop, task: Task, target: str
) -> None:
    shop.params["trigger"] |= {"new_rows": 10_000, "age": 100, "drift": 1.0, "loss": 0.1}
    shop.validated_with(6)
    shop.params["task"], shop.schema["target"] = task, {"column": target}
    shop.train()
    rows = rows_of("day-07")
    shop.deliver_rows(7, rows)
    shop.night()
    assert decision(shop).word == "SKIP"
    turned: dict[str, Callable[[str], str]] = {
        "outcome": {"kept": "returned", "returned": "kept"}.__getitem__,
        "amount": lambda amount: str(999 - float(amount)),
    }
    shop.deliver_rows(7, [{**row, target: turned[target](row[target])} for row in rows])
    shop.discover(accept_changed=["day-07"])
    shop.fetch()
    shop.validate()
    found = decision(shop)
    assert (found.word, "advantage over" in found.reasons[0]) == ("RETRAIN", True)


def test_another_task_or_other_classes_train(trained: Shop) -> None:
    trained.params["task"], trained.schema["target"] = "multiclass", {"column": "channel"}
    assert "task changed" in decision(trained).reasons
    trained.train()
    trained.schema["columns"]["channel"]["categories"].append("fair")
    assert "the classes in schema.yaml changed" in decision(trained).reasons


def test_other_data_and_a_worse_model_are_seen(trained: Shop) -> None:
    trained.params["trigger"] |= {"new_rows": 10_000, "age": 100, "drift": 0.6, "loss": 0.2}
    rows = rows_of("day-07")
    trained.deliver_rows(7, [{**row, "amount": "999"} for row in rows])
    trained.night()
    assert decision(trained).reasons[0].startswith("amount is ")
    wrong = {"kept": "returned", "returned": "kept"}
    trained.deliver_rows(7, [{**row, "outcome": wrong[row["outcome"]]} for row in rows])
    trained.discover(accept_changed=["day-07"])
    trained.fetch()
    trained.validate()
    found = decision(trained)
    assert found.word == "RETRAIN"
    assert "advantage over the class prior" in found.reasons[0]


@pytest.mark.parametrize(
    ("section", "key", "value", "reason"),
    [
        ("train", "seed", 1, "train.seed changed"),
        ("train", "estimator", "logistic_regression", "train.estimator changed"),
    ],
)
def test_other_parameters_train(
    trained: Shop, section: str, key: str, value: Any, reason: str
) -> None:
    trained.params[section]["parameters"]["logistic_regression"] = {"C": 1.0}
    trained.params[section][key] = value
    assert decision(trained).reasons[0] == reason


def test_numbers_as_keys_are_the_parameters_that_the_card_has(trained: Shop) -> None:
    params = trained.configure()
    weighted = params.train.parameters[params.train.estimator]
    weighted["class_weight"] = {0: 1, 1: 5}  # as YAML has it
    write_card(trained.card, read_card(trained.card).model_copy(update={"parameters": weighted}))
    champion, schema = read_card(trained.card), load_schema(trained.schema_file)
    assert trigger.changed(champion, params, schema, trained.lock) == []
    weighted["class_weight"] = {0: 1, 1: 6}
    assert trigger.changed(champion, params, schema, trained.lock) == ["train.parameters"]


def test_another_environment_or_contract_trains(trained: Shop) -> None:
    trained.lock.write_text("a==2\n")
    trained.schema["columns"]["items"]["max"] = 30
    trained.validate()
    assert decision(trained).reasons == (
        "the features in schema.yaml changed",
        f"{trained.lock} changed",
    )


def test_a_model_that_is_not_the_one_on_the_card_is_evidence_lost(trained: Shop) -> None:
    trained.deliver(7)
    trained.night()
    trained.model.write_bytes(trained.model.read_bytes()[:-1])
    with pytest.raises(EvidenceError, match=r"model\.skops"):
        decision(trained)


def test_without_records_it_says_what_to_run(trained: Shop) -> None:
    trained.records.unlink()
    with pytest.raises(EvidenceError, match="run `dvc repro validate`"):
        decision(trained)


def test_it_is_said_to_people_and_machines(trained: Shop) -> None:
    found = decision(trained)
    assert trigger.describe(found) == "SKIP\n  no batch was accepted after day-06"
    assert json.loads(trigger.to_json(found)) == {
        "decision": "SKIP",
        "reasons": ["no batch was accepted after day-06"],
        "figures": {
            "new": [],
            "rows": 0,
            "age": 0,
            "drift": None,
            "drifted": "",
            "loss": None,
        },
    }
