"""What speaks against a model besides its metrics."""

from itertools import accumulate, cycle

import pytest
from test_gate_report import card

from ratchet.config import Limit, More
from ratchet.gate.more import Compared, judge_inputs, judge_more, seconds
from ratchet.gate.rules import Status

RULES = More(
    size=Limit(most=2, action="warn"),
    latency=Limit(most=2, action="block"),
    calibration=Limit(most=0.05, action="warn"),
    churn=Limit(most=0.2, action="off"),
    same_inputs="block",
    same_model="warn",
)
SAME = Compared(10, 10)


def statuses(rules: More = RULES, **changed: Compared) -> dict[str, Status]:
    sides = {"size": SAME, "latency": SAME, "calibration": SAME} | changed
    return {each.rule: each.status for each in judge_more(**sides, flips=0.5, rules=rules)}


def test_what_stays_within_its_limit_is_fine() -> None:
    fine = dict.fromkeys(("size", "latency", "calibration"), Status.FINE)
    assert statuses() == fine | {"churn": Status.UNJUDGED}


@pytest.mark.parametrize(
    ("rule", "status"),
    [("size", Status.WARNS), ("latency", Status.BLOCKS), ("calibration", Status.WARNS)],
)
def test_what_grows_beyond_it_does_as_the_rule_says(rule: str, status: Status) -> None:
    assert statuses(**{rule: Compared(10, 21)})[rule] == status


def test_what_shrinks_never_speaks_against_a_model() -> None:
    small = Compared(10, 1)
    assert Status.WARNS not in statuses(size=small, latency=small, calibration=small).values()


def test_what_cannot_be_measured_is_an_error() -> None:
    assert statuses(latency=Compared(0, 0))["latency"] == Status.ERROR


def test_what_is_not_written_is_not_asked() -> None:
    assert set(statuses(More()).values()) == {Status.UNJUDGED}


def test_both_are_run_in_turns_and_medians_told() -> None:
    runs: list[str] = []
    durations = cycle([5.0, 0.0, 7.0, 0.0])  # of the champion, between, of the challenger, between
    ticks = accumulate(durations, initial=0.0)
    taken = seconds(lambda: runs.append("a"), lambda: runs.append("b"), lambda: next(ticks))
    assert runs[:4] == ["a", "b", "a", "b"]
    assert taken == Compared(5.0, 7.0)


def test_another_model_from_the_same_inputs_is_told() -> None:
    assert judge_inputs(card("a"), card("b"), RULES).status == Status.BLOCKS


def test_a_model_that_its_inputs_explain_is_fine() -> None:
    made = judge_inputs(card("a"), card("b").model_copy(update={"seed": 1}), RULES)
    assert (made.status, made.reason) == (Status.FINE, "changed since the champion: seed")


def test_the_same_model_from_other_data_is_told() -> None:
    other = card("a").train.model_copy(update={"rows": 1})
    made = judge_inputs(card("a"), card("a").model_copy(update={"train": other}), RULES)
    assert (made.rule, made.status) == ("same_model", Status.WARNS)
