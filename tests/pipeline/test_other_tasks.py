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
  {target}: {column}
"""


@dataclass(frozen=True)
class Case:
    """A task: its target with its line of the contract, and rules in its own unit."""

    task: str
    target: str
    column: str
    metric: str
    significant: float
    floor: float
    more: str  # what the report says of the rows
    picture: str


CASES = [
    Case(
        "multiclass", "arrives", "{type: category, categories: [early, late, on time]}",
        "log_loss", 0.02, 1.2, "3 classes", "calibration.png",
    ),
    Case("regression", "seconds", "{type: number}", "rmse", 8.0, 500.0, "seconds is",
         "predictions.png"),
]  # fmt: skip


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


def deliver(project: Project, case: Case, *days: int) -> None:
    """Deliver days of rides and pin them."""
    project.path("inbox").mkdir(exist_ok=True)
    for day in days:
        path = project.path(f"inbox/2025-03-{day:02}.csv")
        names = ["stop", "load", "rain", case.target]
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, names, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rides(day))
    assert project.ratchet("discover")[0] == 0


def gate(project: Project, base: str) -> tuple[int, dict[str, Any], str]:
    code, _ = project.ratchet("gate", "--base", base, "--no-remote", "--no-pictures")
    return code, json.loads(project.read("reports/gate.json")), project.read("reports/gate.md")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.task)
def test_from_files_to_verdicts(case: Case, tmp_path: Path) -> None:
    project = Project.make(tmp_path / "project")
    project.path("schema.yaml").write_text(SCHEMA.format(target=case.target, column=case.column))
    project.set(
        "params.yaml",
        task=case.task,
        source__url="inbox",
        window__train=10,
        window__holdout=4,
        window__reference=0,
        train__parameters={"hist_gradient_boosting": {"max_iter": 40}},
        evaluate__slices=["stop"],
        evaluate__bootstrap__replicates=100,
        gate={
            "metrics": {
                case.metric: {"significant_loss": case.significant, "floor": case.floor}
            },
            "moved_above": 0.3,
            "slices": {
                "columns": ["stop"], "metric": case.metric, "margin": case.significant,
                "chance": 0.05, "min_rows": 50,
            },
            "more": {
                "calibration": {"most": 0.05, "action": "warn"},
                "churn": {"most": 0.5, "action": "block"},
                "same_inputs": "block",
            },
            "bootstrap": {"replicates": 200, "confidence": 0.95, "seed": 0},
        },
    )  # fmt: skip
    deliver(project, case, *range(1, 15))
    printed = project.repro()
    assert ran(printed) == list(STAGES)
    assert "WARNING" not in printed
    project.commit()
    project.run("git", "branch", "first")

    deliver(project, case, 15)
    project.repro()
    project.commit()
    code, told, report = gate(project, "first")
    assert (code, told["verdict"]) == (0, "PASS"), report
    assert case.metric in told["differences"]
    assert case.more in report
    unjudged = {each["rule"] for each in told["outcomes"] if each["status"] == "not judged"}
    assert ({"calibration", "churn"} <= unjudged) == (case.task == "regression")
    for word in () if case.task == "multiclass" else ("probabilit", "positive", "AUC", "decisions"):
        assert word not in report.replace("no probabilities", "").replace("no decisions", "")

    project.set("params.yaml", train__parameters__hist_gradient_boosting__max_iter=4)
    project.run("dvc", "repro", "--single-item", "train", "evaluate")
    project.commit()
    code, told, _ = gate(project, "HEAD~1")
    assert (code, told["verdict"]) == (4, "BLOCK")
    blocking = {each["rule"] for each in told["outcomes"] if each["status"] == "blocks"}
    assert blocking >= {"significant_loss", "slices"}
    assert project.run("git", "status", "--porcelain", "--untracked-files=no") == ""
