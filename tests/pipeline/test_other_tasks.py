"""Several classes and a number: from delivered files to verdicts of the gate, with real commits."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from project import STAGES, Project, ran

SCHEMA = """
target: {{column: {target}}}
columns:
  stop: {{type: category, categories: [north, south, west]}}
  load: {{type: number, min: 0}}
  rain: {{type: boolean}}
  seconds: {{type: number, feature: {no}}}
  arrives: {{type: category, categories: [early, late, on time], feature: {no}}}
"""


@dataclass(frozen=True)
class Case:
    """A task with its target, rules in its own unit, and what the report says of the rows."""

    task: str
    target: str
    metric: str
    significant: float
    floor: float
    rows: str


CLASSES = Case("multiclass", "arrives", "log_loss", 0.02, 1.0, "3 classes")
NUMBER = Case("regression", "seconds", "rmse", 8.0, 500.0, "seconds is")


def rides(day: int) -> list[dict[str, Any]]:
    random = np.random.default_rng(day)
    rows = []
    for _ in range(150):
        stop, load, rain = random.choice(["north", "south", "west"]), random.gamma(2), day % 2
        seconds = 600 + 90 * load + {"north": 0, "south": 300, "west": -200}[stop] + 60 * rain
        seconds += random.normal(0, 60)
        arrives = "early" if seconds < 600 else "late" if seconds > 1000 else "on time"
        rows.append({"stop": stop, "load": f"{load:.3f}", "rain": ("false", "true")[rain],
                     "arrives": arrives, "seconds": f"{seconds:.1f}"})  # fmt: skip
    return rows


def predict(project: Project, case: Case) -> None:
    """Set the project up for a task."""
    project.path("schema.yaml").write_text(SCHEMA.format(target=case.target, no="false"))
    asked = {"significant_loss": case.significant, "floor": case.floor}
    slices = {"columns": ["stop"], "metric": case.metric, "margin": case.significant}
    project.set(
        "params.yaml",
        task=case.task,
        gate={
            "metrics": {case.metric: asked},
            "moved_above": 0.3,
            "slices": slices | {"chance": 0.05, "min_rows": 50},
            "more": {
                "calibration": {"most": 0.05, "action": "warn"},
                "churn": {"most": 0.5, "action": "block"},
            },
            "bootstrap": {"replicates": 200, "confidence": 0.95, "seed": 0},
        },
    )


def learn(project: Project, trees: int) -> None:
    """Make the model of so many trees and commit it."""
    project.set("params.yaml", train__parameters__hist_gradient_boosting__max_iter=trees)
    project.run("dvc", "repro", "--single-item", "train", "evaluate")
    project.commit()


def gate(project: Project, base: str, *options: str) -> tuple[int, dict[str, Any], str]:
    command = ("gate", "--base", base, "--no-remote", "--no-pictures", *options)
    code, _ = project.ratchet(*command)
    return code, json.loads(project.read("reports/gate.json")), project.read("reports/gate.md")


def rules_that(told: dict[str, Any], status: str) -> set[str]:
    return {each["rule"] for each in told["outcomes"] if each["status"] == status}


@pytest.fixture(
    params=[pytest.param(CLASSES, marks=pytest.mark.slow), NUMBER], ids=lambda case: case.task
)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture
def champion(case: Case, tmp_path: Path) -> Project:
    """A project with a first model, committed."""
    project = Project.make(tmp_path / "project")
    predict(project, case)
    project.set(
        "params.yaml",
        source__url="inbox",
        window__train=10,
        window__holdout=4,
        window__reference=0,
        train__parameters={"hist_gradient_boosting": {"max_iter": 40}},
        evaluate__slices=["stop"],
        evaluate__bootstrap__replicates=100,
    )
    project.path("inbox").mkdir()
    for day in range(1, 15):
        rows = rides(day)
        with project.path(f"inbox/2025-03-{day:02}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    assert project.ratchet("discover")[0] == 0
    printed = project.repro()
    assert ran(printed) == list(STAGES)
    assert "WARNING" not in printed
    project.commit()
    return project


def test_from_files_to_verdicts(case: Case, champion: Project) -> None:
    project = champion
    learn(project, trees=42)
    code, told, report = gate(project, "HEAD~1")
    assert (code, told["verdict"]) == (0, "PASS"), report
    assert case.metric in told["differences"]
    assert case.rows in report
    numbers = case.task == "regression"
    assert ({"calibration", "churn"} <= rules_that(told, "not judged")) == numbers
    for word in ("probabilit", "positive", "AUC", "decisions") if numbers else ("positive", "AUC"):
        assert word not in report.replace("no probabilities", "").replace("no decisions", "")

    learn(project, trees=4)
    code, told, _ = gate(project, "HEAD~1")
    assert (code, told["verdict"]) == (4, "BLOCK")
    assert rules_that(told, "blocks") >= {"significant_loss", "slices"}
    assert project.run("git", "status", "--porcelain", "--untracked-files=no") == ""

    if case is CLASSES:  # one way is enough
        return
    predict(project, CLASSES)
    project.set("params.yaml", train__parameters__hist_gradient_boosting__max_iter=40)
    project.repro()
    project.commit()
    code, told, report = gate(project, "HEAD~1")
    assert (code, rules_that(told, "blocks")) == (4, {"policy", "comparable"}), report
    assert "its task regression and not multiclass" in report
    code, told, report = gate(project, "HEAD~1", "--approve-policy-change")
    assert (code, told["verdict"]) == (0, "FIRST"), report
    assert "floor" in rules_that(told, "fine")
