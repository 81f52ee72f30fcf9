"""The gate on real repositories: two revisions each, made as good or bad as can be."""

import hashlib
import json
import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cases import documented
from once import once
from project import MODEL, REPOSITORY, Project
from ruamel.yaml import YAML
from sklearn.linear_model import LogisticRegression

from ratchet.artifacts import persist
from ratchet.files import sha256_file

CARD, METRICS, VALIDATED = "models/card.json", "reports/metrics.json", "data/validated"
GOLDEN = "models/golden.json"

# Small and sure: the project's own rules are made for a longer holdout.
RULES = {
    "metrics": {
        "log_loss": {"unit": "row", "significant_loss": 0.005, "margin": 0.05, "max_drop": 0.5},
        "roc_auc": {"unit": "row", "significant_loss": 0.02, "floor": 0.5},
    },
    "moved_above": 0.2,
    "slices": {
        "columns": ["origin"],
        "metric": "log_loss",
        "margin": 0.02,
        "chance": 0.05,
        "min_rows": 200,
    },
    "bootstrap": {"replicates": 500, "confidence": 0.95, "seed": 0},
}


@pytest.fixture(scope="session")
def base(template: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose model is committed, pushed, and called main. Nobody may change it."""

    def make(folder: Path) -> None:
        project = template.copy(folder / "project")
        more = YAML(typ="safe").load(REPOSITORY / "params.yaml")["gate"]["more"]
        more["latency"] = {"most": 1000, "action": "warn"}
        project.set("params.yaml", gate=RULES | {"more": more})
        lock, outputs = project.read("dvc.lock"), project.lock()
        assert outputs
        project.path("dvc.lock").unlink()
        project.path(CARD).unlink()
        project.commit()
        project.run("git", "branch", "empty")  # as a project is before its first night
        project.path("dvc.lock").write_text(lock)
        project.run("git", "checkout", "--quiet", "HEAD~1", "--", CARD)
        _learn(project, max_iter=25)
        project.run("git", "branch", "--force", "champion")

    return Project(once(tmp_path_factory, "base", make) / "project")


@pytest.fixture
def change(base: Project, tmp_path: Path) -> Project:
    """A copy of the base, to make a pull request in."""
    return base.copy(tmp_path / "project")


def _learn(project: Project, **parameters: Any) -> None:
    """Train with other parameters of boosting, commit and push."""
    for name, value in parameters.items():
        project.set("params.yaml", **{f"train__parameters__hist_gradient_boosting__{name}": value})
    project.run("dvc", "repro", "--single-item", "train", "evaluate")
    project.commit()
    project.push()


def _forge(project: Project, name: str, content: bytes) -> None:
    """Put a file in the place of an output, and everything in order that DVC looks at."""
    project.path(name).write_bytes(content)
    _relock(project, name, _keep(project, content), len(content))


def _keep(project: Project, content: bytes, suffix: str = "") -> str:
    """Put content into DVC's cache and remote; return its MD5."""
    md5 = hashlib.md5(content).hexdigest() + suffix
    for store in ("cache", "remote"):
        path = project.path(f".dvc/{store}/files/md5/{md5[:2]}/{md5[2:]}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return md5


def _relock(project: Project, name: str, md5: str, size: int) -> None:
    """Write another hash of a file wherever dvc.lock has it."""
    yaml = YAML()
    lock = yaml.load(project.path("dvc.lock"))
    entries = [
        entry
        for stage in lock["stages"].values()
        for entry in [*stage["deps"], *stage["outs"]]
        if entry["path"] == name
    ]
    assert entries
    for entry in entries:
        entry["md5"], entry["size"] = md5, size
    yaml.dump(lock, project.path("dvc.lock"))


def _forge_text(project: Project, name: str, old: str, new: str) -> None:
    text, count = re.subn(old, new, project.read(name))
    assert count == 1, f"{name}: {old} found {count} times"
    _forge(project, name, text.encode())


def _forge_model(project: Project, content: bytes) -> None:
    """Put a file in the model's place, and its hash on the card."""
    _forge(project, MODEL, content)
    found = sha256_file(project.path(MODEL))
    _forge_text(project, CARD, r'"model_sha256": "\w+"', f'"model_sha256": "{found}"')


def _other_model(project: Project, columns: int = 2) -> bytes:
    """Return a sound model file that isn't this project's."""
    X = np.arange(4.0 * columns).reshape(4, columns)
    path = project.folder.parent / "other.skops"
    persist.save(LogisticRegression().fit(X, [0, 1, 0, 1]), path)
    return path.read_bytes()


def _forge_labels(project: Project, spoil: Callable[[Any, Any], Any]) -> None:
    """Change labels in data/validated, a function of each row's day and label."""
    [part] = project.path(VALIDATED).iterdir()
    table = pq.read_table(part)
    days = table["batch"].to_numpy(zero_copy_only=False)
    late = pa.array(spoil(days, table["late"].to_numpy()), table["late"].type)
    place = table.column_names.index("late")
    pq.write_table(table.set_column(place, table.schema.field("late"), late), part)
    md5 = _keep(project, part.read_bytes())
    listing = json.dumps([{"md5": md5, "relpath": part.name}]).encode()
    _relock(project, VALIDATED, _keep(project, listing, ".dir"), part.stat().st_size)


# The cases. Each turns a copy of the base into a pull request; docs/gate.md has their verdicts.


def better(project: Project) -> None:
    _learn(project, max_iter=60)


def equal(project: Project) -> None:
    project.path("README.md").write_text("Nothing that the model rests on.\n")


def slightly_worse(project: Project) -> None:
    _learn(project, max_iter=24)


def clearly_worse(project: Project) -> None:
    _learn(project, max_iter=100, learning_rate=1.0)


def collapse(project: Project) -> None:
    """Accuracy falls from some 80 % to less than 60 %: every fourth case is called positive."""
    _learn(project, class_weight={0: 1, 1: 8})


def one_slice_collapsed(project: Project) -> None:
    """A change of code turns the labels of one airport around."""
    project.replace(
        "src/ratchet/stages/train.py",
        "fit(estimator, X_train, y_train, weight)",
        "inverted = np.array(teaching['origin'].to_pylist()) == 'JFK'\n"
        "            fit(estimator, X_train, np.where(inverted, 1 - y_train, y_train), weight)",
    )
    _learn(project)


def nan_in_metrics(project: Project) -> None:
    _forge_text(project, METRICS, r'"log_loss": [\d.]+', '"log_loss": NaN')


def metrics_missing(project: Project) -> None:
    project.path(METRICS).unlink()


def metrics_corrupt(project: Project) -> None:
    _forge(project, METRICS, b'{"roc_auc": 0.9')


def metrics_forged(project: Project) -> None:
    _forge_text(project, METRICS, r'"roc_auc": [\d.]+', '"roc_auc": 0.97')


def golden_predictions_forged(project: Project) -> None:
    _forge_text(project, GOLDEN, r'("rows": \[\n  \[.*), [\d.e-]+\]', r"\1, 0.5]")


def metric_added(project: Project) -> None:
    _forge_text(project, METRICS, r'"roc_auc":', '"auc_of_the_year": 0.99, "roc_auc":')


def model_swapped(project: Project) -> None:
    _forge(project, MODEL, _other_model(project))


def model_and_card_swapped(project: Project) -> None:
    """The model of another revision, with its card's hash: sound, but not what was measured."""
    old = project.read(CARD), project.read(METRICS)
    _learn(project, max_iter=3)
    other = project.path(MODEL).read_bytes()
    project.run("git", "reset", "--quiet", "--hard", "champion")
    project.run("dvc", "checkout", "--quiet")
    assert (project.read(CARD), project.read(METRICS)) == old
    _forge_model(project, other)


def model_truncated(project: Project) -> None:
    _forge_model(project, project.path(MODEL).read_bytes()[:-1000])


def pickle_renamed(project: Project) -> None:
    _forge_model(project, pickle.dumps(os.system))


def rules_loosened(project: Project) -> None:
    project.set("params.yaml", gate__metrics__log_loss__significant_loss=9.0)
    project.set("params.yaml", gate__metrics__roc_auc__significant_loss=9.0)
    clearly_worse(project)


def rules_loosened_alone(project: Project) -> None:
    project.set("params.yaml", gate__metrics__log_loss__margin=9.0)


def allow_list_widened(project: Project) -> None:
    path = project.path("src/ratchet/artifacts/trusted.txt")
    path.write_text(path.read_text() + "posix.system\n")
    _learn(project)


def base_without_model(project: Project) -> None:
    equal(project)


def remote_object_missing(project: Project) -> None:
    equal(project)
    md5 = project.outputs()[MODEL]
    project.path(f".dvc/remote/files/md5/{md5[:2]}/{md5[2:]}").unlink()


def one_class(project: Project) -> None:
    """All labels of the holdout are 0. `dvc repro` would refuse; so this is forged, too."""
    _forge_labels(project, lambda days, late: np.where(days >= sorted(set(days))[-3], 0, late))


def not_committed(project: Project) -> None:
    equal(project)
    project.commit()
    project.set("params.yaml", train__seed=5)


def not_reproduced(project: Project) -> None:
    project.set("params.yaml", train__seed=5)


def trained_on_the_holdout(project: Project) -> None:
    project.set("params.yaml", window__holdout=5, window__train=8)
    project.run("git", "commit", "--quiet", "--all", "--message", "a longer holdout")
    project.run("git", "branch", "--force", "champion")  # the rules, not the model
    project.repro()
    project.commit()
    project.push()


CASES: dict[str, Callable[[Project], None]] = {
    name.replace("_", " "): case
    for name, case in list(globals().items())
    if callable(case) and getattr(case, "__module__", "") == __name__
    if not name.startswith("_") and name not in ("base", "change", "Project")
}


def _judge(project: Project, *options: str, base: str = "champion") -> tuple[Any, str, int]:
    """Run the gate of this repository, as CI runs the base's; return JSON, report, exit code."""
    code, printed = project.ratchet("gate", "--base", base, *options)
    told = json.loads(project.read("reports/gate.json"))
    report = project.read("reports/gate.md")
    assert told["verdict"] in printed
    assert told["verdict"] in report.splitlines()[0]
    return told, report, code


def _told_from_the_verdict_down(change: Project, told: Any, report: str) -> None:
    blocking = {each["subject"] for each in told["outcomes"] if each["status"] == "blocks"}
    assert blocking == {"log_loss", "roc_auc", "origin=JFK"}
    lines = report.splitlines()
    assert lines[0].startswith("# ⛔ BLOCK")
    assert told["reason"] in lines[2]
    assert "with 95% confidence the new model is at most" in report
    assert len(report) < 65_536
    pictures = re.findall(r"!\[\w+\]\(([\w/.]+)\)", report)
    assert len(pictures) == 3
    for name in pictures:
        assert change.path(f"reports/{name}").read_bytes().startswith(b"\x89PNG")
    # Tables of more columns don't fit a phone.
    assert max(line.count("|") for line in lines if line.startswith("|")) <= 5


def _not_loosened_by_approval(change: Project, *_: Any) -> None:
    told, _, code = _judge(change, "--approve-policy-change")
    assert (told["verdict"], code) == ("BLOCK", 4)
    assert any("a loss above 0.005" in each["reason"] for each in told["outcomes"])


# What else is looked at where a case has been made anyway.
FURTHER: dict[str, Callable[[Project, Any, str], None]] = {
    "one slice collapsed": _told_from_the_verdict_down,
    "rules loosened": _not_loosened_by_approval,
}


def test_the_documented_cases_are_the_tested_ones() -> None:
    assert list(documented("Cases")) == list(CASES)


@pytest.mark.parametrize("case", CASES)
def test_case(case: str, change: Project) -> None:
    CASES[case](change)
    if case != "not committed":
        change.run("git", "add", "--all")
        change.try_("git", "commit", "--quiet", "--message", case)
    told, report, code = _judge(
        change, base="empty" if case == "base without model" else "champion"
    )
    assert (told["verdict"], code) == documented("Cases")[case], report
    if case in FURTHER:
        FURTHER[case](change, told, report)


@pytest.mark.parametrize(
    ("case", "code"), [("equal", 0), ("rules loosened alone", 4), ("metrics forged", 5)]
)
def test_the_command_ends_with_the_code(case: str, code: int, change: Project) -> None:
    CASES[case](change)
    change.commit()
    command = ("ratchet", "gate", "--base", "champion")
    done = change.try_(*command, PYTHONPATH=str(REPOSITORY / "src"))
    assert done.returncode == code, done.stdout
    assert documented("Cases")[case][0] in done.stdout


def test_a_person_can_approve_a_change_of_policy(change: Project) -> None:
    rules_loosened_alone(change)
    change.commit()
    told, report, code = _judge(change, "--approve-policy-change")
    assert (told["verdict"], code) == ("PASS", 0)
    assert "THIS REVISION CHANGES THE POLICY" in report
    assert "gate.metrics.log_loss.margin: 0.05 → 9.0" in report


def test_a_fresh_clone_needs_no_more_than_models_and_rows(base: Project, tmp_path: Path) -> None:
    """As in CI: nothing is pulled before, and only what the gate reads is brought."""
    clone = base.clone(tmp_path / "elsewhere" / "clone")
    clone.run("git", "fetch", "--quiet", "origin", "champion")
    remote = base.path(".dvc/remote")
    clone.run("dvc", "remote", "modify", "--local", "local", "url", str(remote))
    told, report, _ = _judge(clone, base="origin/champion")
    assert told["verdict"] == "PASS", report
    brought = [path for path in clone.path(".dvc/cache/files").rglob("*") if path.is_file()]
    assert len(brought) < 10
    assert not clone.path("data/raw").exists()


def test_two_names_of_one_commit_are_one_model(base: Project, tmp_path: Path) -> None:
    project = base.copy(tmp_path / "project")
    told, _, code = _judge(project, base="HEAD")
    assert (told["verdict"], told["same_model"], code) == ("PASS", True, 0)
    assert told["recorded"]["base"] == told["recorded"]["head"]


def test_an_unknown_base_is_told_in_a_report(base: Project, tmp_path: Path) -> None:
    project = base.copy(tmp_path / "project")
    told, report, code = _judge(project, base="origin/nowhere")
    assert (told["verdict"], code) == ("ERROR", 5)
    assert "git fetch origin" in report


@pytest.mark.slow
def test_only_a_rebuild_finds_rows_that_were_never_delivered(change: Project) -> None:
    """Labels turned in data/validated, and everything after it made honestly from them."""
    _forge_labels(change, lambda _, late: np.where(np.arange(len(late)) < 20, 1 - late, late))
    change.run("dvc", "repro", "--single-item", "--force", "train", "evaluate")
    change.commit()
    change.push()
    assert _judge(change)[0]["verdict"] == "PASS"
    told, report, code = _judge(change, "--rebuild")
    assert (told["verdict"], code) == ("ERROR", 5)
    assert "not what this commit makes" in report


@pytest.mark.slow
def test_an_honest_commit_is_rebuilt_bit_for_bit(base: Project, tmp_path: Path) -> None:
    project = base.copy(tmp_path / "project")
    told, report, code = _judge(project, "--rebuild")
    assert (told["verdict"], code) == ("PASS", 0), report
    assert "rebuilt bit for bit" in {each["reason"] for each in told["outcomes"]}
