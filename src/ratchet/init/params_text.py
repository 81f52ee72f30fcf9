"""The text of `params.yaml`: what stands there, with what other data must change."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ratchet import round_trip
from ratchet.task import Task

JUDGED = 1000  # rows that the holdout should have
TAUGHT = 20_000  # rows that should teach, where batches are small
HOLDOUT, TRAIN = 7, 90  # batches, of the size of the sample's
# A rule of the gate is about a loss in the metric's own unit. With classes a metric of the sample,
# whose prior has a log loss of .56, is scaled; a number's is a share of its standard deviation.
SAMPLE_LOSS = 0.56
LINEAR = {"logistic_regression": {"C": 1.0}, "ridge": {"alpha": 1.0}}


@dataclass(frozen=True)
class Facts:
    """What params.yaml must know of the data.

    batches: how many there are. rows: in a usual one. spread: log loss of the class prior, or of a
    number what `metric`, by which it is judged, has for a unit (see `skew.Spread`). slices: columns
    whose values are measured apart. days: whether a batch is the day that its id says, None where
    ids are no days.
    """

    task: Task
    url: str
    pattern: str
    split: str | None
    batches: int
    rows: int
    spread: float
    slices: Sequence[str]
    days: bool | None
    metric: str = "rmse"


def write(text: str, facts: Facts) -> str:
    """Return the text of params.yaml with the facts in it; comments and order stay."""
    content = round_trip.load(text)
    for section, values in changes(facts, content).items():
        _put(content, section, values)
    _fit(content["train"]["parameters"], facts.task)
    for check in content["validate"]["checks"].values():
        check.pop("columns", None)  # of the columns that were
    return round_trip.dump(content)


def soften(text: str) -> str:
    """Return the text of params.yaml with checks that warn where they would quarantine.

    Thresholds that come from other data shall set nothing aside. A file that is there twice is
    wrong in any data.
    """
    content = round_trip.load(text)
    for name, check in content["validate"]["checks"].items():
        if check["severity"] == "quarantine" and name != "duplicate_batch":
            check["severity"] = "warn"
    return round_trip.dump(content)


def changes(facts: Facts, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is to be changed, by key."""
    train, holdout = window(facts.batches, facts.rows)
    rows = facts.rows * train
    judged = facts.rows * holdout
    fewest = max(20, min(200, judged // 10 // 10 * 10))
    budget = content["train"]["budget"]
    found: dict[str, Any] = {
        "task": facts.task,
        "source": {"url": facts.url, "pattern": facts.pattern, "split": facts.split},
        "window": {"train": train, "holdout": holdout},
        "train": {"budget": {"max_rows": max(budget["max_rows"], _round(2 * rows))}},
        "evaluate": {"slices": list(facts.slices), "min_slice_rows": fewest},
        "trigger": {"new_rows": _round(6 * facts.rows)},
        "gate": {
            "metrics": _rules(facts),
            "slices": {
                "columns": list(facts.slices),
                "metric": facts.metric if facts.task == "regression" else "log_loss",
                "margin": _round(0.03 * _unit(facts)),
                "min_rows": fewest,
            },
        },
    }
    if facts.days is False:
        # The id of a week or month is no day, and that of a day may be the day of delivery.
        found["validate"] = {"checks": {"out_of_day": {"severity": "off"}}}
    return found


def window(batches: int, rows: int) -> tuple[int, int]:
    """Return how many batches teach and how many judge, of so many with so many rows each.

    Small batches must be more of them to judge anything, but a quarter at most.
    """
    holdout = max(HOLDOUT, math.ceil(JUDGED / rows))
    holdout = max(1, min(holdout, batches // 4))
    train = max(TRAIN, math.ceil(TAUGHT / rows))
    return max(TRAIN, min(train, batches - holdout)), holdout


def _fit(parameters: Any, task: Task) -> None:
    """Let the linear learner's parameters be those of the task's own."""
    old, new = ("logistic_regression", "ridge")[:: 1 if task == "regression" else -1]
    if old not in parameters or new in parameters:
        return
    place = list(parameters).index(old)
    del parameters[old]
    parameters.insert(place, new, None)
    _put(parameters, new, LINEAR[new])


def _rules(facts: Facts) -> dict[str, Any]:
    unit = _unit(facts)
    loss = {
        "significant_loss": _round(0.01 * unit),
        "margin_if_moved": _round(0.01 * unit),
        "max_drop": _round(0.35 * unit),
    }
    others: dict[Task, dict[str, Any]] = {
        "binary": {"log_loss": loss, "roc_auc": {"max_drop": 0.25, "floor": 0.55}},
        "multiclass": {"log_loss": loss, "accuracy": {"max_drop": 0.25}},
        "regression": {"rmse": loss, "r2": {"max_drop": 0.5, "floor": 0.0}}
        if facts.metric == "rmse"
        else {facts.metric: loss},
    }
    return others[facts.task]


def _unit(facts: Facts) -> float:
    """Return what 1 of the sample's log loss is here."""
    return facts.spread if facts.task == "regression" else facts.spread / SAMPLE_LOSS


def _round(value: float) -> Any:
    """Return the value with two digits: no more is meant."""
    if value >= 10:
        digits = len(str(int(value))) - 2
        return int(round(value / 10**digits) * 10**digits)
    return float(f"{value:.2g}") or 1e-6


def _put(section: Any, key: str, value: Any) -> None:
    """Set a key, below it only what is named; a list or a new mapping stands on its line."""
    if isinstance(value, dict) and key in section and isinstance(section[key], dict):
        if key == "metrics":
            for old in [each for each in section[key] if each not in value]:
                del section[key][old]
        for each, inner in value.items():
            _put(section[key], each, inner)
        return
    if isinstance(value, dict | list):
        from ruamel.yaml.comments import CommentedMap, CommentedSeq

        made = CommentedMap(value) if isinstance(value, dict) else CommentedSeq(value)
        made.fa.set_flow_style()
        value = made
    if key == "task" and key not in section:
        section.insert(0, key, value)
    else:
        section[key] = value
