"""Versions of a real project: listed, explained, compared, and had with the tools of others."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from once import once
from project import MODEL, Project

from ratchet.files import sha256_file

PROJECT = Path(__file__).parents[2]
FIRST, SECOND, THIRD = (f"model@v{number}.0.0" for number in (1, 2, 3))
REASON = "late flights were predicted as on time"
WHY = "more trees </script><b>&amp;"


def said(project: Project, *command: str) -> str:
    """Run a command that must succeed; return what it printed."""
    code, printed = project.ratchet(*command)
    assert code == 0, printed
    return printed


def told(project: Project, *command: str) -> Any:
    return json.loads(said(project, *command, "--json"))


@pytest.fixture(scope="session")
def past(next_night: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Three versions, pushed; the gate judged the second, which the third was rolled back to.

    Nobody may change it.
    """

    def make(folder: Path) -> None:
        project = next_night.copy(folder / "project")
        project.run("git", "checkout", "--quiet", "HEAD~1")
        said(project, "register", "--message", "the first")
        project.run("git", "checkout", "--quiet", "main")
        code, printed = project.ratchet("gate", "--base", "HEAD~1", "--no-remote", "--no-pictures")
        assert code in (0, 4), printed
        shutil.copy(project.path("reports/gate.json"), project.path("reports/verdict.json"))
        project.path("reports/ledger.csv").write_text(
            "night,run,base,decision,verdict,exit_code,reason\n"
            "2013-01-20T02:00:00+00:00,here,abc,RETRAIN,BLOCK,4,<i>log loss & more</i>\n"
        )
        project.commit()
        said(project, "register", "--message", "one day more")
        project.publish("--days", "1")
        project.set("params.yaml", train__parameters__hist_gradient_boosting__max_iter=6)
        path = project.path("requirements/run.txt")
        path.write_text(re.sub(r"^numpy==\S+", "numpy==0.1", path.read_text(), flags=re.M))
        project.repro()
        project.commit()
        said(project, "register", "--message", WHY)
        said(project, "rollback", "v2", "--reason", REASON)
        said(project, "register")
        project.push()

    return Project(once(tmp_path_factory, "past", make) / "project")


@pytest.fixture
def copy(past: Project, tmp_path: Path) -> Project:
    """A copy of the project, to do with what you like."""
    return past.copy(tmp_path / "project")


def model_of(project: Project, version: str) -> str:
    """Return the SHA-256 of a version's model, as its card has it."""
    card = json.loads(project.run("git", "show", f"{version}:models/card.json"))
    return str(card["model_sha256"])


def registered(project: Project, number: int, **changed: Any) -> None:
    """Register HEAD's model again, with a card that says something else."""
    project.run("git", "checkout", "--quiet", THIRD)
    card = json.loads(project.read("models/card.json"))
    for name, value in changed.items():
        section, _, key = name.partition("__")
        if key:
            card[section][key] = {**card[section][key], **value}
        else:
            card[section] = value
    project.path("models/card.json").write_text(json.dumps(card))
    project.commit()
    project.run("git", "tag", "--annotate", f"model@v{number}.0.0", "--message", "made up")


# history


def test_history_names_all(past: Project) -> None:
    printed = said(past, "history")
    assert [line.split()[0] for line in printed.splitlines() if re.match(r"v\d", line)] == [
        "v3", "v2", "v1",
    ]  # fmt: skip
    versions = told(past, "history")["versions"]
    assert [each["version"] for each in versions] == [THIRD, SECOND, FIRST]
    assert [each["stages"] for each in versions] == [[], ["prod"], []]
    assert [each["verdict"] is None for each in versions] == [True, False, True]
    assert [each["why"] for each in versions] == [WHY, "one day more", "the first"]
    for each in versions:
        assert each["model_sha256"] == model_of(past, each["version"])
    assert versions[0]["rolled_back"]["reason"] == REASON
    assert versions[0]["rolled_back"]["restored"] == SECOND
    assert [stay["back"] for stay in versions[1]["stays"]] == [False, True]
    metrics = json.loads(past.run("git", "show", f"{THIRD}:reports/evaluation.json"))["metrics"]
    assert versions[0]["metrics"] == metrics
    assert said(past, "history", "--limit", "1").endswith("2 older: --limit 3 shows all\n")


def test_history_needs_git_alone(past: Project, tmp_path: Path) -> None:
    clone = past.clone(tmp_path / "clone" / "project")
    shutil.rmtree(clone.path(".dvc"))
    page = tmp_path / "page.html"
    assert said(clone, "history", "--html", str(page)) == (
        f"history: {page} written; it needs no network\n"
    )
    text = page.read_text(encoding="utf-8")
    assert "more trees &lt;/script&gt;&lt;b&gt;&amp;amp;" in text
    assert "&lt;i&gt;log loss &amp; more" in text
    assert "http" not in text.replace("http-equiv", "")
    assert said(clone, "history") == said(past, "history")
    assert SECOND in said(clone, "show", "v2")
    assert "1 new (2013-01-13)" in said(clone, "diff", "v2", "v3", "--no-scores")


# show


def test_show_tells_everything(past: Project) -> None:
    printed = " ".join(said(past, "show", "v2").split())
    assert printed.startswith(f"{SECOND} in prod accepted ")
    for each in (
        "one day more",
        model_of(past, SECOND),
        "max_iter 5",
        "10 batches, 2013-01-03 to 2013-01-12",
        "gate PASS: ",
        "by a rollback",
        "not HEAD's: numpy ",
        "dvc artifacts get . model --rev v2.0.0",
        f"git checkout {SECOND} && dvc pull",
    ):
        assert each in printed
    printed = said(past, "show", "3")
    assert "the same as HEAD's" in printed  # a rollback keeps today's environment
    assert REASON in " ".join(printed.split())
    assert "a gate run by hand doesn't" in printed


def test_show_as_json_has_all_batches_and_packages(past: Project) -> None:
    shown = told(past, "show", "v2")
    card = json.loads(past.run("git", "show", f"{SECOND}:models/card.json"))
    assert shown["card"]["train"]["batches"] == card["train"]["batches"]
    assert shown["params"]["window"]["holdout"] == 3
    assert "scikit-learn" in shown["packages"]
    assert shown["same_environment"] is False
    [numpy] = shown["environment_differs"]
    assert re.fullmatch(r"numpy \S+ → 0\.1", numpy)


def test_an_unknown_version_is_refused(past: Project) -> None:
    for command in (["show", "v9"], ["diff", "v1", "v9"], ["diff", "HEAD~1", "v1"]):
        code, printed = past.ratchet(*command)
        assert code == 2
        assert f"the newest are {THIRD}, {SECOND}, {FIRST}" in printed


# diff


def test_diff_tells_what_differs(past: Project) -> None:
    printed = said(past, "diff", "v2", "v3")
    assert " taught by: 1 new (2013-01-13), 1 gone (2013-01-03), 9 the same" in printed
    assert " train.parameters.hist_gradient_boosting.max_iter: 5 → 6" in printed
    assert re.search(r"^ numpy \S+ → 0\.1$", printed, flags=re.M)
    assert "Scored again, on the same " in printed


def test_both_models_are_scored_on_the_newest_holdout(past: Project) -> None:
    found = told(past, "diff", "v1", "v3")
    again = found["rescored"]
    assert again["holdout_of"] == THIRD
    assert again["batches"] == ["2013-01-14", "2013-01-15", "2013-01-16"]
    # The third was measured on these very rows when it was made.
    recorded = found["recorded"]["roc_auc"]["to"]["value"]
    assert again["metrics"]["roc_auc"]["to"] == pytest.approx(recorded, abs=1e-6)
    assert again["metrics"]["roc_auc"]["from"] != pytest.approx(
        found["recorded"]["roc_auc"]["from"]["value"], abs=1e-3
    )
    loss = again["metrics"]["log_loss"]
    assert loss["low"] <= loss["loss"] <= loss["high"]
    assert loss["loss"] == pytest.approx(loss["to"] - loss["from"])
    # The newest version that stands judges where neither is newer.
    assert told(past, "diff", "v1", "v2")["rescored"]["holdout_of"] == SECOND


def test_a_model_and_itself(past: Project) -> None:
    found = told(past, "diff", "v2", "HEAD")
    assert found["same_model"] is True
    assert found["rescored"] is None
    assert "the same model, byte for byte" in found["not_rescored"]
    assert [line for line in found["environment"] if line.startswith("the model of HEAD was made")]


def test_diff_needs_git_and_the_remote_alone(past: Project, tmp_path: Path) -> None:
    clone = past.clone(tmp_path / "clone" / "project")
    shutil.copytree(past.path(".dvc/remote"), clone.path(".dvc/remote"))
    expected = told(past, "diff", "v2", "v3")["rescored"]
    assert told(clone, "diff", "v2", "v3")["rescored"] == expected
    assert clone.run("git", "status", "--porcelain") == ""


def test_without_the_model_the_rest_is_told(copy: Project) -> None:
    lock = copy.run("git", "show", f"{FIRST}:dvc.lock")
    [md5] = re.findall(rf"path: {MODEL}\n +hash: md5\n +md5: (\w+)", lock)
    for store in ("cache", "remote"):
        copy.path(f".dvc/{store}/files/md5/{md5[:2]}/{md5[2:]}").unlink()
    code, printed = copy.ratchet("diff", "v1", "v2")
    assert code == 5
    assert "1 new (2013-01-12)" in printed
    assert "neither DVC's cache nor its remote has" in printed


def test_what_can_t_be_compared_is_said(copy: Project) -> None:
    registered(copy, 4, target="origin")
    printed = said(copy, "diff", "v2", "v4")
    assert "the same: that of model@v2.0.0 has the target late and not origin" in (
        " ".join(printed.split())
    )
    registered(copy, 5, features={"no_such": {"type": "number"}})
    printed = said(copy, "diff", "v5", "v2")
    assert "lack columns that one of them needs: no_such" in " ".join(printed.split())
    card = json.loads(copy.run("git", "show", f"{THIRD}:models/card.json"))
    judged = card["holdout"]["batches"]
    first = dict(list(judged.items())[:1])
    registered(copy, 6, train__batches=first)
    again = told(copy, "diff", "v2", "v6")["rescored"]
    assert again["left_out"] == list(first)
    assert again["batches"] == list(judged)[1:]
    registered(copy, 7, train__batches=judged)
    printed = said(copy, "diff", "v2", "v7")
    assert "every batch of model@v7.0.0's holdout taught one of them" in " ".join(printed.split())


# The tools of others


def test_gto_knows_the_versions(past: Project) -> None:
    shown = past.run("gto", "show", "model")
    assert re.findall(r"v\d\.0\.0 +│ (\w*)", shown) == ["", "prod", ""]
    assert past.run("gto", "show", "model#prod", "--ref").split() == ["model@v2.0.0"]


def test_dvc_brings_a_version_s_model(past: Project, tmp_path: Path) -> None:
    clone = past.clone(tmp_path / "clone" / "project")
    shutil.copytree(past.path(".dvc/remote"), clone.path(".dvc/remote"))
    for options, version in (
        (("--rev", "v1.0.0"), FIRST),
        (("--stage", "prod"), SECOND),
        ((), THIRD),  # the highest number, rolled back or not: docs/versions.md warns of it
    ):
        out = tmp_path / version
        clone.run("dvc", "artifacts", "get", ".", "model", *options, "--out", str(out))
        assert sha256_file(out) == model_of(past, version)


def test_dvc_s_api_reads_the_model_in_production(past: Project, tmp_path: Path) -> None:
    clone = past.clone(tmp_path / "clone" / "project")
    shutil.copytree(past.path(".dvc/remote"), clone.path(".dvc/remote"))
    documented = (PROJECT / "docs/versions.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```python\n(.*?)```", documented, flags=re.S)
    printed = clone.run("python", "-c", code.replace("URL", str(clone.folder)))
    assert printed.strip() == model_of(past, SECOND)
