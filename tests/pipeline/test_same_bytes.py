"""The same commit gives the same bytes: on any path, with any number of cores, any hash seed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from project import NEWEST, Project, ran
from warm import COLD

from ratchet.learners import known_for

OTHER_MACHINE = COLD | {
    "OMP_NUM_THREADS": "2",
    "OPENBLAS_NUM_THREADS": "2",
    "PYTHONHASHSEED": "1",
}


@pytest.mark.slow
def test_a_clone_on_another_machine_agrees(project: Project, tmp_path: Path) -> None:
    clone = project.clone(tmp_path / "a" / "much deeper" / "path" / "clone")
    clone.publish("--until", NEWEST)
    there: list[str] = []
    for estimator in known_for("binary"):
        for each, jobs in ((project, 1), (clone, 2)):
            each.set("params.yaml", train__estimator=estimator, train__budget__n_jobs=jobs)
        project.repro()
        there += ran(clone.repro(**OTHER_MACHINE))
        assert clone.lock()["train"]["params"] != project.lock()["train"]["params"]
        assert clone.outputs() == project.outputs()
        assert estimator in project.read("models/card.json")
    assert there[:3] == ["fetch", "validate", "train"]
    assert there.count("train") == len(known_for("binary"))


@pytest.mark.slow
def test_two_cores_do_not_show_in_a_regression_on_numbers(tmp_path: Path) -> None:
    """Large enough for BLAS to share the work out; categories would make the matrix sparse."""
    project = Project.make(tmp_path / "project")
    inbox = project.path("sample/inbox")
    inbox.mkdir(parents=True)
    random = np.random.default_rng(0)
    names = [f"x{i}" for i in range(12)]
    for batch in ("a", "b", "c"):
        rows = pd.DataFrame(random.normal(size=(20_000, 12)), columns=names)
        rows["y"] = (rows.sum(axis=1) + random.normal(size=len(rows)) > 0).astype(int)
        rows.to_parquet(inbox / f"{batch}.parquet")
    columns = ", ".join(f"{name}: {{type: number}}" for name in names)
    project.path("schema.yaml").write_text(
        f"target: {{column: y, positive: 1}}\ncolumns: {{{columns}, y: {{type: integer}}}}\n"
    )
    project.set(
        "params.yaml",
        source__pattern="*.parquet",
        window__holdout=1,
        train__estimator="logistic_regression",
        evaluate__slices=[],
        evaluate__bootstrap__replicates=100,
    )
    project.run("ratchet", "discover")
    project.run("dvc", "repro", "train")
    alone = project.outputs()
    project.set("params.yaml", train__budget__n_jobs=2)
    printed = project.run("dvc", "repro", "train", **OTHER_MACHINE)
    assert ran(printed) == ["train"]
    assert project.outputs() == alone
