"""Accepted versions in a real MLflow registry: its server on SQLite, its client, no pickle."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from project import MODEL, Project

from ratchet.artifacts.golden import read_golden
from ratchet.data.features import feature_frame
from ratchet.files import sha256_file
from ratchet.versions.export_mlflow import INSTALL

FIRST, SECOND, THIRD = (f"model@v{number}.0.0" for number in (1, 2, 3))
NAME = "late-flights"
PATIENCE = 120  # seconds until the server must answer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an MLflow server of its own; MLFLOW_SERVER is its program."""
    program = os.environ.get("MLFLOW_SERVER")
    if not program:
        pytest.skip("`make test-mlflow` installs MLflow and runs this")
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [
        program, "server", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination", str(folder / "artifacts"),
    ]  # fmt: skip
    environment = {
        "PATH": f"{Path(program).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    end = time.monotonic() + PATIENCE
    while not answers(url):
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < end, (folder / "log").read_text()
        time.sleep(0.2)
    yield url
    os.killpg(process.pid, signal.SIGTERM)
    process.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health"):
            return True
    except OSError:
        return False


@pytest.fixture
def project(three_versions: Project, tmp_path: Path) -> Project:
    """A copy of three accepted versions, to do with what you like."""
    return three_versions.copy(tmp_path / "project")


def exported(project: Project, url: str, name: str = NAME) -> Any:
    """Export; return what is told to machines."""
    told = project.run(
        "ratchet", "export", "mlflow", "--tracking-uri", url, "--name", name, "--json"
    )
    return json.loads(told)


@pytest.mark.mlflow
def test_all_versions_are_mirrored_once_and_a_rollback_moves_the_alias(
    project: Project, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient, sklearn

    done = exported(project, server)
    assert done["made"] == {FIRST: "1", SECOND: "2", THIRD: "3"}
    assert (done["aliases"], done["left_out"]) == ({"prod": THIRD}, {})

    # What MLflow has is what git has.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    client = MlflowClient(server)
    version = client.get_model_version_by_alias(NAME, "prod")
    card = json.loads(project.read("models/card.json"))
    commit = project.run("git", "rev-parse", f"{THIRD}^{{}}").strip()
    batches = list(card["train"]["batches"])
    assert {
        name.removeprefix("ratchet."): value for name, value in version.tags.items()
    }.items() >= {
        "version": THIRD,
        "commit": commit,
        "model_sha256": card["model_sha256"],
        "data_sha256": card["train"]["sha256"],
        "data_window": f"{batches[0]} to {batches[-1]}",
        "stages": "prod",
    }.items()
    run = client.get_run(version.run_id)
    assert run.data.tags["mlflow.source.git.commit"] == commit
    assert run.data.params == {
        "estimator": "hist_gradient_boosting", "seed": "0", "max_iter": "6",
        "learning_rate": "0.05", "max_leaf_nodes": "15",
    }  # fmt: skip
    figures = json.loads(project.read("reports/evaluation.json"))["metrics"]
    for name, figure in figures.items():
        found = [run.data.metrics[key] for key in (name, f"{name}_low", f"{name}_high")]
        assert found == [figure["value"], figure["low"], figure["high"]]

    # The very file; MLflow's own loader reads it, without pickle.
    got = Path(client.download_artifacts(version.run_id, "model", str(tmp_path)))
    assert sha256_file(got / "model.skops") == card["model_sha256"]
    assert {path.suffix for path in got.iterdir()} == {".skops", ".json", ".txt", ""}
    golden = read_golden((got / "golden.json").read_bytes(), "golden.json")
    kinds = {name: column["type"] for name, column in card["features"].items()}
    loaded = sklearn.load_model(f"models:/{NAME}@prod")
    score = loaded.predict_proba(feature_frame(golden.rows, kinds))[:, 1]
    np.testing.assert_array_equal(score, golden.score)

    # Again: nothing.
    done = exported(project, server)
    assert (done["made"], done["aliases"], done["tagged"], done["same"]) == ({}, {}, [], 3)
    assert len(client.search_runs([run.info.experiment_id])) == 3

    # Back: the alias moves, and what was taken back says so.
    project.run("ratchet", "rollback", "v2", "--reason", "late flights were predicted as on time")
    project.run("ratchet", "register")
    done = exported(project, server)
    assert (done["made"], done["aliases"]) == ({}, {"prod": SECOND})
    assert done["tagged"] == [SECOND, THIRD]
    assert client.get_model_version_by_alias(NAME, "prod").version == "2"
    third = client.get_model_version(NAME, "3").tags
    assert (third["ratchet.stages"], "by Test: late flights" in third["ratchet.rolled_back"]) == (
        "", True,
    )  # fmt: skip

    # Out of its stage: the alias goes, and nobody else's does.
    client.set_registered_model_alias(NAME, "a-person-s", "1")
    project.run("git", "tag", "-a", "model#prod!#5", "-m", "out", f"{SECOND}^{{}}")
    assert exported(project, server)["aliases"] == {"prod": ""}
    assert client.get_registered_model(NAME).aliases == {"a-person-s": "1"}


@pytest.mark.mlflow
def test_an_export_that_was_cut_off_is_made_good(project: Project, server: str) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(server)
    experiment = client.create_experiment("cut-off")
    left = client.create_run(experiment, tags={"ratchet.version": SECOND}).info.run_id
    assert len(exported(project, server, "cut-off")["made"]) == 3
    runs = client.search_runs([experiment])
    assert len(runs) == 3
    assert left not in {run.info.run_id for run in runs}


@pytest.mark.mlflow
def test_a_version_whose_model_is_lost_is_left_out_by_name(project: Project, server: str) -> None:
    lost = project.outputs()[MODEL]  # the third's, which is in prod
    for store in ("cache", "remote"):
        project.path(f".dvc/{store}/files/md5/{lost[:2]}/{lost[2:]}").unlink()
    told = project.fail(
        "ratchet", "export", "mlflow", "--tracking-uri", server, "--name", "lost", code=5
    )
    assert f"left out: {THIRD}: neither DVC's cache nor its remote has" in told
    assert f"what is in a stage isn't in MLflow: prod: {THIRD}" in told
    assert "2 new, 0 there already" in told


@pytest.mark.mlflow
def test_a_server_that_does_not_answer_or_is_none_is_named(project: Project, server: str) -> None:
    command = ("ratchet", "export", "mlflow", "--name", NAME, "--tracking-uri")
    told = project.fail(*command, "http://127.0.0.1:9", code=5, MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
    assert "ratchet export: http://127.0.0.1:9: MLflow says no: " in told
    told = project.fail(*command, "sqlite:///here.db", code=5)
    assert "sqlite:///here.db: MLflow says no: " in told
    shutil.rmtree(project.path(".dvc/cache"))
    assert len(exported(project, server, "from-the-remote")["made"]) == 3


def test_without_mlflow_the_command_says_how_to_get_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    command = ("export", "mlflow", "--name", NAME)
    code, told = project.ratchet(*command, "--tracking-uri", "http://127.0.0.1:9")
    assert (code, told.endswith(f"{INSTALL}\n")) == (2, True), told
    code, told = project.ratchet(*command)
    assert (code, "which MLflow?" in told) == (2, True)
