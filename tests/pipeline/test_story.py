"""What a person does in the first two days, and back."""

from pathlib import Path

from project import MODEL, NEWEST, NEXT, Project, ran
from ruamel.yaml import YAML

from ratchet.files import sha256_file


def test_the_first_run_makes_everything(template: Project) -> None:
    outputs = template.outputs()
    assert {MODEL, "models/card.json", "reports/metrics.json", "data/raw"} < outputs.keys()
    assert all(template.path(name).exists() for name in outputs)
    assert template.leftovers() == []
    assert list(template.home.iterdir()) == [template.home / "dvc"]  # put there by us


def test_the_second_run_runs_nothing(project: Project) -> None:
    before = project.read("dvc.lock")
    printed = project.repro()
    assert ran(printed) == []
    assert "up to date" in printed
    assert project.read("dvc.lock") == before
    assert NEWEST in project.run("ratchet", "summary")


def test_dvc_shows_metrics_and_every_plot(project: Project) -> None:
    metrics = project.run("dvc", "metrics", "show")
    for name in ("roc_auc", "log_loss", "baseline_log_loss", "calibration_error"):
        assert name in metrics
    assert project.run("dvc", "params", "diff") == ""

    project.run("dvc", "plots", "show")
    page = project.read("dvc_plots/index.html")
    plots = YAML(typ="safe").load(project.path("dvc.yaml"))["plots"]
    divisions = page.split('<div id = "')[1:]
    names = [each.split('"')[0] for each in divisions]
    assert names == [name.replace(" ", "_") for plot in plots for name in plot]
    empty = [
        name for name, each in zip(names, divisions, strict=True) if '"values": [{' not in each
    ]
    assert empty == ["How_close_to_an_alarm"]  # these few batches were compared with none


def test_a_new_day_and_the_way_back(project: Project) -> None:
    old = sha256_file(project.path(MODEL))
    assert "no new batch (14 pinned)" in project.run("ratchet", "discover")
    assert project.run("git", "status", "--porcelain") == ""

    project.publish("--days", "1")
    changes = project.run("git", "diff", "--numstat", "data/manifest.csv")
    assert changes.split() == ["1", "0", "data/manifest.csv"]
    printed = project.repro()
    assert "fetch: 1 of 13 batches fetched" in printed
    assert "1 dropped" in printed
    assert "validate: 1 batch judged, 13 accepted" in printed
    raw = sorted(path.stem for path in project.path("data/raw").iterdir())
    assert (raw[0], raw[-1], len(raw)) == ("2013-01-03", NEXT, 13)

    new = sha256_file(project.path(MODEL))
    assert new != old
    assert f'"model_sha256": "{new}"' in project.read("models/card.json")
    assert "roc_auc" in project.run("dvc", "metrics", "diff")
    project.set("params.yaml", train__seed=7)
    assert "train.seed" in project.run("dvc", "params", "diff")

    project.run("git", "stash")
    project.run("dvc", "checkout")
    assert sha256_file(project.path(MODEL)) == old
    assert project.path(f"data/raw/{NEWEST}.csv").is_file()
    assert not project.path(f"data/raw/{NEXT}.csv").exists()
    assert project.run("dvc", "status").strip() == "Data and pipelines are up to date."
    assert ran(project.repro()) == []


def test_a_night_ends_where_a_fresh_start_ends(next_night: Project, tmp_path: Path) -> None:
    """What was kept from the day before leaves no trace in any output."""
    fresh = next_night.clone(tmp_path / "elsewhere" / "clone")
    fresh.publish("--until", NEXT)
    assert ran(fresh.repro()) == ["fetch", "validate", "train"]  # git has what evaluate wrote
    assert fresh.run("git", "status", "--porcelain") == ""
