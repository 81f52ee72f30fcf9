"""The gate's statistics, rules and report where classes are several, or numbers are predicted."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sklearn.metrics as sk
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_gate_report import BASE, DRAWS, HEAD, card

from ratchet.artifacts.answers import TOLERANCE, compared
from ratchet.artifacts.card import Card, Rows
from ratchet.artifacts.golden import Golden
from ratchet.artifacts.scored import Scored
from ratchet.config import Evaluate, Gate, Limit, More, Rule, SliceRules
from ratchet.errors import ConfigError
from ratchet.gate import pictures, record, report, words
from ratchet.gate.clean_room import forged, unlike
from ratchet.gate.findings import Findings, Side
from ratchet.gate.more import Compared, judge_more
from ratchet.gate.paired import differences, movement, paired_metrics
from ratchet.gate.policy import Policy
from ratchet.gate.rules import Status, judge_floors, judge_pair, judge_slices, require_fit
from ratchet.gate.slices import by_slice
from ratchet.gate.within import levelled
from ratchet.scoring.metrics import METRICS, score
from ratchet.task import Task

Array = NDArray[Any]
CLASSES = ("cat", "dog", "eel")
OTHERS: Sequence[Task] = ("multiclass", "regression")


@dataclass(frozen=True)
class Judging:
    """Labels, two models' scores, the challenger's being worse, and batch and shop of each row."""

    task: Task
    y: Array
    champion: Array
    challenger: Array
    batch: Array
    shop: Array

    @property
    def models(self) -> tuple[Array, Array, Array, Array]:
        return self.y, self.champion, self.challenger, self.batch


def simulated(task: Task, rows: int = 600, unit: float = 1.0) -> Judging:
    random = np.random.default_rng(0)
    batch = np.repeat([f"2024-01-{day:02}" for day in range(1, 7)], rows // 6)
    shop = random.choice(["north", "south"], rows)
    if task == "regression":
        truth = random.normal(600, 90, rows)
        y = unit * (truth + random.normal(0, 20, rows))
        old, new = (unit * (truth + random.normal(0, each, rows)) for each in (10, 60))
        return Judging(task, y, old, new, batch, shop)
    logits = random.normal(0, 1.5, (rows, 3))
    y = (logits + random.gumbel(size=(rows, 3))).argmax(axis=1)
    old, new = (
        np.exp(logits + random.normal(0, each, (rows, 3))) for each in (0.2, 1.5)
    )  # fmt: skip
    old, new = (each / each.sum(axis=1, keepdims=True) for each in (old, new))
    return Judging(task, y, old, new, batch, shop)


def rules(task: Task, **more: Any) -> Gate:
    loss = "rmse" if task == "regression" else "log_loss"
    return Gate(
        metrics={loss: Rule(significant_loss=0.01, margin_if_moved=0.01)},
        moved_above=0.05,
        slices=SliceRules(columns=["shop"], metric=loss, margin=0.01, chance=0.05, min_rows=20),
        bootstrap=DRAWS,
        **more,
    )


# Differences


@pytest.mark.parametrize("task", OTHERS)
def test_losses_are_scikit_learn_s(task: Task) -> None:
    of = simulated(task)
    found = differences(*of.models, task=task, metrics=paired_metrics(task), seed=0)
    assert list(found) == list(paired_metrics(task))
    known = {
        "multiclass": {"log_loss": sk.log_loss},
        "regression": {
            "rmse": sk.root_mean_squared_error,
            "mae": sk.mean_absolute_error,
            "r2": sk.r2_score,
        },
    }[task]
    for name, function in known.items():
        before, after = function(of.y, of.champion), function(of.y, of.challenger)
        sign = -1 if METRICS[name].greater_is_better else 1
        assert found[name].loss == pytest.approx(sign * (after - before), rel=1e-9)
    for each in found.values():
        assert each.loss > 0
        assert each.low <= each.loss <= each.high


@pytest.mark.parametrize("task", OTHERS)
def test_a_model_loses_nothing_against_itself(task: Task) -> None:
    of = simulated(task)
    same = differences(
        of.y, of.champion, of.champion, of.batch, task=task, metrics=paired_metrics(task), seed=0
    )
    assert {(each.loss, each.low, each.high) for each in same.values()} == {(0, 0, 0)}
    moved = movement(of.y, of.champion, of.champion, task=task)
    assert (moved.mean, moved.flips) == (0, 0 if task == "multiclass" else None)


def test_within_batches_luck_with_the_level_of_the_days_does_not_show() -> None:
    of = simulated("regression")
    lucky = of.champion + 300
    scores = levelled(of.y, lucky, of.batch, "regression")
    for day in set(of.batch):
        inside = of.batch == day
        assert scores[inside].mean() == pytest.approx(of.y[inside].mean())
    found = differences(
        of.y, of.champion, lucky, of.batch, task="regression", metrics=["rmse", "rmse_within"],
        seed=0,
    )  # fmt: skip
    assert found["rmse"].loss > 200
    assert found["rmse_within"].loss == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("task", "metric"),
    [
        ("multiclass", "roc_auc"), ("multiclass", "log_loss_within"), ("multiclass", "rmse"),
        ("regression", "log_loss"), ("regression", "r2_within"), ("binary", "rmse"),
    ],
)  # fmt: skip
def test_rules_about_another_task_s_metric_are_refused(task: Task, metric: str) -> None:
    good = rules(task)
    require_fit(good, task, "params.yaml")
    bad = good.model_copy(update={"metrics": {metric: Rule(floor=0.5)}})
    first = paired_metrics(task)[0]
    said = rf"yaml: gate\.metrics: unknown metric {metric} for task: {task}: choose among {first}"
    with pytest.raises(ConfigError, match=said):
        require_fit(bad, task, "params.yaml")
    slices = good.slices.model_copy(update={"metric": metric})
    with pytest.raises(ConfigError, match=r"gate\.slices\.metric"):
        require_fit(good.model_copy(update={"slices": slices}), task, "params.yaml")
    nowhere = good.model_copy(update={"slices": slices.model_copy(update={"columns": []})})
    require_fit(nowhere, task, "params.yaml")  # nothing is asked of it


# How far predictions move


def test_of_several_classes_movement_is_the_total_variation() -> None:
    old = np.array([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6]])
    new = np.array([[0.2, 0.7, 0.1], [0.2, 0.2, 0.6]])
    moved = movement([0, 1], old, new, task="multiclass")
    assert (moved.mean, moved.level, moved.flips) == (pytest.approx(0.4 / 2), None, 0.5)


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_movement_is_a_share_whichever_model_is_named_first(seed: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    old, new = (random.dirichlet(np.full(classes, 0.3), 20) for _ in range(2))
    y = random.integers(0, classes, 20)
    there, back = (movement(y, *pair, task="multiclass") for pair in ((old, new), (new, old)))
    assert there == back
    assert there.flips is not None
    assert 0 <= there.flips <= 1
    assert 0 < there.mean <= 1 + 1e-9


def test_the_movement_of_numbers_does_not_depend_on_their_unit() -> None:
    seconds, hours = (simulated("regression", unit=unit) for unit in (1.0, 1 / 3600))
    moved = [
        movement(of.y, of.champion, of.challenger, task="regression") for of in (seconds, hours)
    ]
    assert moved[0].mean == pytest.approx(moved[1].mean, rel=1e-9)
    assert moved[0].level == pytest.approx(moved[1].level, rel=1e-9)
    shift = movement(seconds.y, seconds.y, seconds.y + seconds.y.std() / 4, task="regression")
    assert (shift.mean, shift.level, shift.flips) == (
        pytest.approx(0.25),
        pytest.approx(0.25),
        None,
    )


def test_where_labels_do_not_vary_movement_has_no_measure() -> None:
    moved = movement([5.0, 5.0], [5.0, 5.1], [5.0, 5.2], task="regression")
    [outcome] = judge_pair({}, moved, 1, rules("regression"))
    assert outcome.status == Status.ERROR


# Rules


@pytest.mark.parametrize("task", OTHERS)
def test_a_worse_challenger_is_blocked_and_a_better_one_is_not(task: Task) -> None:
    of, asked = simulated(task), rules(task)
    loss = next(iter(asked.metrics))
    for old, new, status in (
        (of.champion, of.challenger, Status.BLOCKS),
        (of.challenger, of.champion, Status.FINE),
    ):
        options: dict[str, Any] = {"task": task, "seed": 0, "replicates": 100}
        found = differences(of.y, old, new, of.batch, metrics=[loss], **options)
        moved = movement(of.y, old, new, task=task)
        outcomes = {each.rule: each for each in judge_pair(found, moved, 1, asked)}
        assert outcomes["significant_loss"].status == status
        assert outcomes["moved_above"].status == Status.UNJUDGED  # far: more is asked
        assert outcomes["margin_if_moved"].status == status
        parts = by_slice(
            of.y, old, new, of.batch, {"shop": of.shop}, metric=loss, min_rows=20, **options
        )
        assert {each.status for each in judge_slices(parts, asked.slices)} == {status}


def test_numbers_have_neither_calibration_nor_decisions() -> None:
    asked = More(
        calibration=Limit(most=0.05, action="block"), churn=Limit(most=0.1, action="block")
    )
    same = Compared(10, 10)
    found = {each.rule: each for each in judge_more(same, same, None, None, asked)}
    for rule, what in {"calibration": "no probabilities", "churn": "no decisions"}.items():
        assert found[rule].status == Status.UNJUDGED
        assert found[rule].reason.endswith(what)


def test_a_floor_that_the_holdout_can_not_have_is_an_error() -> None:
    asked = rules("regression").model_copy(update={"metrics": {"r2": Rule(floor=0.2)}})
    [fine] = judge_floors({"rmse": 3.0, "r2": 0.5}, asked)
    assert fine.reason == "r2 of the new model is 0.5; asked is at least 0.2"
    [outcome] = judge_floors({"rmse": 3.0}, asked)
    assert outcome.status == Status.ERROR


# How figures are spelt


@pytest.mark.parametrize(
    ("metric", "figure", "said"),
    [
        ("rmse", 612.3456, "612.3"), ("mae", 0.0031234, "0.003123"), ("rmse", 48_204.4, "48,204"),
        ("rmse_within", 0.5, "0.5000"), ("baseline_rmse", 12.0, "12"), ("r2", 0.51234, "0.5123"),
        ("log_loss", 0.0031234, "0.0031"), ("rmse", 0.0, "0.0000"), ("rows", 1200.0, "1,200"),
    ],
)  # fmt: skip
def test_figures_in_the_labels_unit_have_the_digits_that_count(
    metric: str, figure: float, said: str
) -> None:
    assert words.figure(figure, words.decimals(metric, figure)) == said


@pytest.mark.parametrize(
    ("name", "base", "head", "said"),
    [("rows", 334, 334, "none"), ("rows", 334, 400, "+66"), ("log_loss", 0.5, 0.4966, "-0.0034")],
)
def test_what_did_not_change_has_no_digits(name: str, base: float, head: float, said: str) -> None:
    assert words.difference({name: base}, {name: head}, name) == said
    assert words.difference({}, {name: head}, name) == ""


def test_a_figure_and_its_change_have_the_same_digits() -> None:
    of = simulated("regression")
    found = differences(*of.models, task="regression", metrics=["rmse"], seed=0)
    outcomes = list(
        judge_pair(found, movement(*of.models[:3], task="regression"), 1, rules("regression"))
    )
    each = found["rmse"]
    assert f"rmse is {each.loss:.2f} worse (90% interval {each.low:+.2f} to {each.high:+.2f})" in (
        outcomes[1].reason
    )
    assert "of the labels' standard deviation on average" in outcomes[0].reason


# What models are, and what they answer


def other_card(task: Task, sha256: str = "c") -> Card:
    of = simulated(task)
    judged = dict.fromkeys(sorted(set(of.batch.tolist())), "0" * 64)
    rows = Rows.of(judged, of.y, task, len(CLASSES))
    return card(sha256).model_copy(
        update={
            "task": task, "positive": None, "train": rows, "holdout": rows,
            "classes": CLASSES if task == "multiclass" else (),
        }
    )  # fmt: skip


def test_models_of_other_tasks_or_classes_are_unlike() -> None:
    many, number = other_card("multiclass"), other_card("regression")
    fewer = many.model_copy(update={"classes": ("cat", "dog")})
    assert unlike(many, many) == ""
    assert unlike(card("a"), many) == "task binary and not multiclass"
    assert unlike(number, many) == "task regression and not multiclass"
    assert unlike(fewer, many) == "classes cat, dog and not cat, dog, eel"


ROWS = pa.table({"batch": ["a", "a", "b"]})


def test_an_answer_of_several_classes_differs_as_a_whole() -> None:
    score_ = np.array([[0.2, 0.8], [0.5, 0.5], [1.0, 0.0]])
    moved = score_ + np.array([[0, 0], [0.01, -0.01], [0, 0]])
    assert compared(Golden(ROWS, score_), score_, "multiclass").same
    found = compared(Golden(ROWS, score_), moved, "multiclass")
    assert (found.rows, found.differing, found.difference) == (3, 1, pytest.approx(0.01))
    assert "it gives (3,) answers" in str(
        compared(Golden(ROWS, score_), score_[:, 0], "multiclass")
    )


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_numbers_may_differ_by_a_millionth_of_their_span(unit: float) -> None:
    score_ = unit * np.array([3.0, 5.0, 13.0])
    for by, same in ((TOLERANCE / 2, True), (TOLERANCE * 2, False)):
        found = compared(Golden(ROWS, score_), score_ + by * 10 * unit, "regression")
        assert found.same == same
    constant = np.full(3, 7 * unit)
    assert compared(Golden(ROWS, constant), constant, "regression").same
    assert compared(Golden(ROWS, constant), constant * 1.01, "regression").differing == 3


def test_large_figures_may_differ_in_the_last_of_their_digits() -> None:
    assert forged({"rmse": 48_204.123456}, {"rmse": 48_204.12}) == []
    assert forged({"rmse": 48_204.5}, {"rmse": 48_204.1}) != []


# The report


@pytest.fixture(params=OTHERS)
def judged(request: pytest.FixtureRequest) -> Findings:
    """Findings about a worse challenger of either task."""
    task: Task = request.param
    of = simulated(task)
    rows = pa.table({"shop": of.shop})
    old, new = (
        Side(
            other_card(task, sha), 1000, score(of.y, p, task=task), Scored(of.batch, of.y, p, rows)
        )
        for sha, p in (("c", of.champion), ("d", of.challenger))
    )
    measured = Evaluate(threshold=0.5, slices=[], min_slice_rows=20, bootstrap=DRAWS)
    asked = rules(task)
    found = Findings("origin/main", BASE, HEAD, policy=Policy(asked, measured, frozenset(), BASE))
    found.champion, found.challenger = old, new
    found.compare()
    return found


def test_the_report_is_in_the_task_s_words(judged: Findings) -> None:
    told = report.markdown(judged)
    assert told.startswith("# ⛔ BLOCK")
    rows = [line for line in told.splitlines() if line.startswith("|")]
    assert max(line.count("|") for line in rows) <= 5
    assert "ROC" not in told
    assert "positive" not in told
    assert judged.challenger
    if judged.challenger.card.task == "multiclass":
        assert "| ⛔ log loss | 0." in told
        assert "3 classes" in told
        assert "of the decisions flip" in told
        assert " F1, weighted" in judged.in_words
    else:
        assert "| ⛔ RMSE | 2" in told
        assert f"2024-01-06; t is {judged.challenger.card.holdout.label}." in told
        assert "of the labels' standard deviation on average." in told
        assert "decisions" not in told
        assert judged.in_words.count("worse in") == 2
    assert json.loads(record.content(judged))["movement"]["mean"] > 0


def test_its_pictures_are_the_task_s(judged: Findings, tmp_path: Path) -> None:
    assert judged.challenger
    curve = report.CURVES[judged.challenger.card.task]
    assert pictures.draw(judged, tmp_path) == ["differences.png", curve, "batches.png"]
    (tmp_path / "gate").mkdir()
    (tmp_path / "gate/roc.png").touch()  # of a time when the task was another
    report.write(judged, tmp_path / "gate.md", None, ["differences.png", curve, "batches.png"])
    assert not (tmp_path / "gate/roc.png").exists()
