"""Data that are not flights: from the raw file over `ratchet init`, no hand edits, to a verdict.

Each is held against a plain scikit-learn pipeline, written here, on the same split by time.
"""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from project import REPOSITORY, Project

DATA = REPOSITORY / "tests" / "real_data"


@dataclass(frozen=True)
class Case:
    """A data set, and what a person types.

    time: where rows are in one file, the column that cuts it into batches, and `period` how.
    Otherwise each `rows_per_file` rows come as a file.
    """

    name: str
    target: str
    task: str
    time: str = ""
    period: str = ""
    rows_per_file: int = 0


CASES = [
    Case("birdstrikes", "Damaged", "binary", "Flight Date", "month"),
    Case("seattle_weather", "weather", "multiclass", "date", "month"),
    Case("traffic", "traffic_volume", "regression", "date_time", "week"),
    Case("grants", "class", "binary", rows_per_file=100),
]
QUICK = "seattle_weather"  # the others run with the slow ones


def rows_of(case: Case) -> pd.DataFrame:
    return pd.read_csv(DATA / f"{case.name}.csv.gz", keep_default_na=False, na_values=[""])


def batches_of(case: Case, rows: pd.DataFrame) -> pd.Series:
    """Return each row's batch, as an id that sorts in time order."""
    if case.rows_per_file:
        number = np.arange(len(rows)) // case.rows_per_file
        return pd.Series([f"part-{each:03}" for each in number], index=rows.index)
    name = {"month": "%Y-%m", "week": "%G-w%V"}[case.period]
    return pd.to_datetime(rows[case.time]).dt.strftime(name)


def deliver(case: Case, rows: pd.DataFrame, batches: pd.Series, project: Project) -> str:
    """Put the rows where the producer would; return what a person types as URL."""
    inbox = project.folder.parent / "delivery"
    inbox.mkdir(exist_ok=True)
    if not case.rows_per_file:
        write(rows, inbox / f"{case.name}.csv.gz")
        return str(inbox / f"{case.name}.csv.gz")
    for batch, part in rows.groupby(batches):
        write(part, inbox / f"{batch}.csv.gz")
    return str(inbox)


def write(rows: pd.DataFrame, path: Path) -> None:
    path.write_bytes(gzip.compress(rows.to_csv(index=False).encode(), mtime=0))


def plain(case: Case, rows: pd.DataFrame, train: pd.Series, test: pd.Series) -> float:
    """Return the quality of what one writes in ten lines: RMSE, or as `auc` has it."""
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.metrics import root_mean_squared_error
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    X = rows.drop(columns=[case.target])
    if case.time:
        moment = pd.to_datetime(X.pop(case.time))
        X = X.assign(hour=moment.dt.hour, day=moment.dt.day_of_week, month=moment.dt.month)
    words = list(X.select_dtypes(exclude="number"))
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=250
    )
    columns = make_column_transformer((encoder, words), remainder="passthrough")
    regression = case.task == "regression"
    learner = (HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier)(
        random_state=0
    )
    model = make_pipeline(columns, learner).fit(X[train], rows[case.target][train])
    y = rows[case.target][test]
    if regression:
        return float(root_mean_squared_error(y, model.predict(X[test])))
    return auc(y, model.predict_proba(X[test]), list(model.classes_))


def auc(y: pd.Series, p: np.ndarray, classes: list[str]) -> float:
    """Return the mean AUC of each class that is there against the rest."""
    from sklearn.metrics import roc_auc_score

    there = [name for name in classes if 0 < (y == name).mean() < 1]
    return float(np.mean([roc_auc_score(y == name, p[:, classes.index(name)]) for name in there]))


def ours(case: Case, project: Project) -> float:
    """Return the same of the model in the project, from the rows that it was judged on."""
    from ratchet.artifacts.card import read_card
    from ratchet.artifacts.scored import read_scored

    card, scored = (
        read_card(project.path("models/card.json")),
        read_scored(project.path("data/scored.parquet")),
    )
    if case.task == "regression":
        return float(np.sqrt(np.mean((scored.score - scored.label) ** 2)))
    if case.task == "multiclass":
        words = pd.Series([card.classes[label] for label in scored.label])
        return auc(words, scored.score, list(card.classes))
    return auc(pd.Series(scored.label), np.c_[1 - scored.score, scored.score], [0, 1])  # type: ignore[list-item]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=[] if case.name == QUICK else [pytest.mark.slow])
        for case in CASES
    ],
)
def test_from_a_raw_file_to_a_verdict(case: Case, tmp_path: Path) -> None:
    rows = rows_of(case)
    batches = batches_of(case, rows)
    last = sorted(set(batches))[-2]  # of a file that is cut, the newest period isn't complete
    project = Project.make(tmp_path / "project")
    project.commit()

    url = deliver(case, rows[batches <= last], batches[batches <= last], project)
    words = ["--target", case.target, *(["--time", case.time] if case.time else [])]
    words += ["--split", case.period] if case.period else []
    project.run("ratchet", "init", url, *words, "--force")
    assert f"task: {case.task}" in project.read("params.yaml")
    project.run("ratchet", "discover")
    project.repro()
    project.commit()

    card = json.loads(project.read("models/card.json"))
    train, test = (batches.isin(card[part]["batches"]) for part in ("train", "holdout"))
    found, yardstick = ours(case, project), plain(case, rows, train, test)
    print(f"{case.name}: {found:.4f}, plain scikit-learn {yardstick:.4f}")
    if case.task == "regression":
        assert found <= yardstick * 1.02
    else:
        assert found >= yardstick - 0.01

    deliver(case, rows, batches, project)
    project.run("ratchet", "discover")
    project.repro()
    project.commit()
    project.push()
    done = project.try_("ratchet", "gate", "--base", "HEAD~1")
    assert done.returncode in (0, 4), done.stdout
    verdict = json.loads(project.read("reports/gate.json"))["verdict"]
    assert verdict in ("PASS", "BLOCK")
    print(done.stdout.splitlines()[-1])
