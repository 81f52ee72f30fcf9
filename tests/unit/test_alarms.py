"""Which figures are alarms, and how they are explained."""

import math

import pytest

from ratchet.checks.alarms import Alarm, explain, raise_alarms
from ratchet.checks.statistic import Statistic
from ratchet.config import Checks


def checks(**given: object) -> Checks:
    quiet = {name: {"severity": "off", "threshold": 0} for name in Checks.model_fields}
    return Checks.model_validate({**quiet, **given})


def figure(value: float, column: str = "x", check: str = "distance") -> Statistic:
    return Statistic(check, column, value, "far away", 3, ("7",))


DISTANCE = {"severity": "quarantine", "threshold": 0.5, "columns": {"wild": 2}}


@pytest.mark.parametrize(
    ("statistic", "alarms"),
    [
        (figure(0.5), 0),
        (figure(0.51), 1),
        (figure(-3), 0),
        (figure(1.9, "wild"), 0),
        (figure(2.1, "wild"), 1),
        (figure(math.inf), 1),
        (figure(math.nan), 1),
        (figure(99, check="level"), 0),  # it is off
    ],
)
def test_what_is_above_its_threshold_is_an_alarm(statistic: Statistic, alarms: int) -> None:
    found = raise_alarms([statistic], checks(distance=DISTANCE))
    assert [each.statistic for each in found] == [statistic] * alarms
    assert all(each.severity == "quarantine" for each in found)


def test_the_worst_comes_first() -> None:
    rules = checks(distance=DISTANCE, level={"severity": "warn", "threshold": 10})
    found = raise_alarms([figure(0.6), figure(50, check="level"), figure(0.7, "y")], rules)
    assert [(each.statistic.check, each.statistic.column) for each in found] == [
        ("level", "x"),
        ("distance", "y"),
        ("distance", "x"),
    ]


def test_an_alarm_says_how_often_it_was_as_high_before() -> None:
    earlier = [{"distance x": 0.1}, {"distance x": 0.9}, {"distance y": 5.0}, {}]
    failure = explain(Alarm("warn", 0.5, figure(0.75)), earlier)
    assert (failure.code, failure.column, failure.count) == ("distance", "x", 3)
    assert failure.examples == ("7",)
    assert "far away" in failure.message
    assert "0.75" in failure.message
    assert "1 of the 2 batches" in failure.message


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (2.192, "2.192 is above the limit 2.189"),
        (2.5, "2.5 is above the limit 2.19"),
        (math.nan, "nan is above the limit 2.19"),
    ],
)
def test_a_figure_just_above_its_limit_is_shown_to_be(value: float, says: str) -> None:
    assert says in explain(Alarm("warn", 2.189, figure(value)), []).message
