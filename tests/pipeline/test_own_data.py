"""Other people's data: nothing in the code knows the sample."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from project import STAGES, Project, ran

SCHEMA = """
target: {column: outcome, positive: broken}
extra_columns: ignore
columns:
  machine: {type: text, feature: false}
  kind: {type: category, categories: [press, lathe, "007"]}
  outdoors: {type: boolean}
  load: {type: number, min: 0, max_null: 0.2}
  serviced: {type: date, feature: false, max_null: 1}
  outcome: {type: category, categories: [fine, broken]}
"""


def machines(week: int) -> pd.DataFrame:
    random = np.random.default_rng(week)
    size = 300
    load = random.gamma(2.0, 1.0, size)
    broken = random.random(size) < 1 / (1 + np.exp(3 - load))
    return pd.DataFrame(
        {
            "machine": [f"M {i}, hall {i % 3}" for i in range(size)],
            "kind": random.choice(["press", "lathe", "007"], size),
            "outdoors": random.random(size) < 0.3,
            "load": np.where(random.random(size) < 0.1, np.nan, load),
            "serviced": pd.Timestamp("2025-01-01")
            + pd.to_timedelta(random.integers(0, 99, size), "D"),
            "outcome": np.where(broken, "broken", "fine"),
            "remark": "anything",
        }
    )


def test_weeks_of_machines_in_three_formats(tmp_path: Path) -> None:
    project = Project.make(tmp_path / "project")
    source = tmp_path / "delivered elsewhere"
    source.mkdir()
    for week in range(1, 10):
        rows = machines(week)
        if week % 3 == 0:
            rows.to_parquet(source / f"2025-w{week:02}.parquet")
        elif week % 3 == 1:
            rows.to_csv(source / f"2025-w{week:02}.csv.gz", index=False)
        else:
            rows.to_csv(source / f"2025-w{week:02}.csv", index=False)
    (source / "README.txt").write_text("not a batch")
    project.path("schema.yaml").write_text(SCHEMA)
    project.set(
        "params.yaml",
        source__url=str(source),
        source__pattern="2025-w*",
        window__train=6,
        window__holdout=3,
        train__estimator="logistic_regression",
        evaluate__slices=["kind", "outdoors"],
        evaluate__min_slice_rows=50,
        evaluate__bootstrap__replicates=100,
    )
    assert "9 new" in project.run("ratchet", "discover")
    printed = project.repro()
    assert ran(printed) == list(STAGES)
    assert "validate: 9 batches judged, 9 accepted (2700 rows)" in printed
    assert "WARNING" not in printed  # a model that learned beats the class prior

    card = json.loads(project.read("models/card.json"))
    assert list(card["features"]) == ["kind", "outdoors", "load"]
    assert list(card["holdout"]["batches"]) == ["2025-w07", "2025-w08", "2025-w09"]
    found = json.loads(project.read("reports/evaluation.json"))
    assert found["slices"]["kind"].keys() == {"press", "lathe", "007"}
    assert found["slices"]["outdoors"].keys() == {"true", "false"}
    assert found["metrics"]["roc_auc"]["value"] > 0.6

    rows = machines(10).drop(columns="outcome")
    rows.to_parquet(project.path("new.parquet"))
    rows.to_csv(project.path("new.csv.gz"), index=False)
    scores = [
        project.run("ratchet", "predict", "models/model.skops", name)
        for name in ("new.parquet", "new.csv.gz")
    ]
    assert scores[0] == scores[1]
    assert len(scores[0].splitlines()) == 301
    rows.assign(kind="robot").to_parquet(project.path("new.parquet"))
    printed = project.fail("ratchet", "predict", "models/model.skops", "new.parquet", code=3)
    assert "value kind: not among the values (300 rows; row 1: robot" in printed
