"""What a rollback makes of manifest and parameters: the version's, but for what must stay."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ratchet.config import Params
from ratchet.data.manifest import Batch, dump, parse
from ratchet.errors import ConfigError, EvidenceError
from ratchet.gate.restoration import restore_manifest, restore_params

PARAMS = (Path(__file__).parents[2] / "params.yaml").read_text(encoding="utf-8")


def batch(day: int, override: str = "", note: str = "", content: str = "0") -> Batch:
    return Batch(f"d{day}", f"s3://b/{day}.csv", "", "", 9, content * 64, override, note)


def params(text: str = PARAMS) -> Any:
    return YAML(typ="safe").load(text)


# The manifest


def test_pins_made_since_are_left_behind() -> None:
    then = dump([batch(1), batch(2)])
    now = [batch(1), batch(2), batch(3), batch(4, "accept", "fine")]
    made = restore_manifest(now, then, "then")
    assert made.text == then
    assert made.left == ["d3", "d4"]
    assert made.left_words == {"d4": "accept: fine"}
    assert made.carried == {}


def test_what_people_have_said_since_is_carried_over() -> None:
    then = dump([batch(2), batch(3, "exclude", "hm"), batch(4, "accept", "same")])
    now = [
        batch(1, "exclude", "pinned later, and older"),
        batch(2, "accept", 'looked at, "twice"'),
        batch(3),
        batch(4, "accept", "same"),
        batch(5),
        batch(6, "exclude", "bad"),
    ]
    made = restore_manifest(now, then, "then")
    assert parse(made.text, "made") == [
        batch(1, "exclude", "pinned later, and older"),
        batch(2, "accept", 'looked at, "twice"'),
        batch(3),
        batch(4, "accept", "same"),
        batch(6, "exclude", "bad"),
    ]
    assert made.carried == {
        "d1": "exclude: pinned later, and older",
        "d2": 'accept: looked at, "twice"',
        "d3": "no word any more",
        "d6": "exclude: bad",
    }
    assert made.left == ["d5"]


def test_content_that_was_pinned_anew_is_the_version_s_again() -> None:
    then = dump([batch(1)])
    made = restore_manifest([batch(1, content="f")], then, "then")
    assert (made.text, made.repinned) == (then, ["d1"])


def test_what_the_version_had_pinned_and_today_hasn_t_is_pinned_again() -> None:
    then = dump([batch(1), batch(2), batch(3)])
    made = restore_manifest([batch(1)], then, "then")
    assert (made.text, made.left, made.again) == (then, [], ["d2", "d3"])


def test_a_manifest_of_an_older_form_gets_todays_columns() -> None:
    then = dump([batch(1)]).replace(",override,note", "").replace(",,\n", "\n")
    said = [batch(1, "accept", "fine")]
    assert restore_manifest(said, then, "then").text == dump(said)


def test_a_version_s_manifest_that_is_none_is_named() -> None:
    with pytest.raises(ConfigError, match="then: the first line must be"):
        restore_manifest([batch(1)], "<<<<<<< HEAD\n", "then")


# params.yaml


def test_equal_policy_gives_the_version_s_bytes() -> None:
    then = PARAMS.replace("seed: 0\n  parameters", "seed: 7\n  parameters")
    assert then != PARAMS
    made = restore_params(PARAMS, then, "params.yaml")
    assert (made.text, made.kept, made.adapted) == (then, [], [])


def test_policy_stays_todays_and_all_else_is_the_version_s() -> None:
    yaml = YAML()
    then = PARAMS.replace("holdout: 7 ", "holdout: 3 ").replace("train: 90 ", "train: 30 ")
    then = then.replace("floor: 0.55", "floor: 0.01").replace("threshold: 0.5 ", "threshold: 0.9 ")
    made = restore_params(PARAMS, then, "params.yaml")
    found, expected = params(made.text), params()
    assert found["window"].pop("train") == 30
    assert expected["window"].pop("train") == 90
    assert found == expected
    assert list(made.kept) == [
        "evaluate.threshold: 0.9 → 0.5",
        "gate.metrics.roc_auc.floor: 0.01 → 0.55",
        "window.holdout: 3 → 7",
    ]
    assert "# these teach" in made.text
    assert restore_params(PARAMS, made.text, "params.yaml").text == made.text
    assert yaml.load(made.text)


def test_a_version_of_older_code_gets_the_keys_that_todays_needs() -> None:
    content = params()
    del content["trigger"], content["window"]["pool"], content["gate"]["moved_above"]
    content["train"]["patience"] = 3
    content["train"]["seed"] = 7
    then = dumped(content)
    made = restore_params(PARAMS, then, "params.yaml")
    found = Params.model_validate(params(made.text))
    assert found.train.seed == 7
    assert found.trigger == Params.model_validate(params()).trigger
    assert sorted(made.adapted) == [
        "train.patience: unknown to today's code; left out",
        "trigger: unknown to the version; as it is today",
        "window.pool: unknown to the version; as it is today",
    ]
    assert list(made.kept) == ["gate.moved_above: absent → 0.04"]


def test_a_version_from_before_there_were_tasks_is_binary() -> None:
    content = params()
    del content["task"]
    made = restore_params(PARAMS, dumped(content), "params.yaml")
    assert params(made.text)["task"] == "binary"  # the stages ask for the key
    assert (list(made.kept), list(made.adapted)) == (
        [],
        ["task: unknown to the version, which is binary"],
    )


def test_rules_that_can_not_judge_the_version_s_task_stay_the_version_s() -> None:
    today = params()
    today["task"] = "regression"
    today["gate"]["metrics"] = {"rmse": {"floor": 500}}
    today["evaluate"]["threshold"] = 0.9
    made = restore_params(dumped(today), PARAMS, "params.yaml")
    found = params(made.text)
    assert (found["task"], found["gate"]) == ("binary", params()["gate"])
    assert list(made.kept) == ["evaluate.threshold: 0.5 → 0.9"]
    assert list(made.adapted) == ["gate: today's rules aren't for task: binary; the version's"]


@pytest.mark.parametrize(
    ("then", "message"),
    [
        (PARAMS.replace("seed: 0\n  parameters", "seed: zero\n  parameters"), "train.seed"),
        ("a: [", "is not valid YAML"),
    ],
)
def test_parameters_that_todays_code_can_not_work_with_are_refused(then: str, message: str) -> None:
    with pytest.raises(EvidenceError, match=message):
        restore_params(PARAMS, then, "params.yaml of model@v1.0.0")


def dumped(content: Any) -> str:
    stream = StringIO()
    YAML().dump(content, stream)
    return stream.getvalue()
