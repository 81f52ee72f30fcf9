"""Accepted versions: registered in git, brought back by one command, known to the gate."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cases import documented
from once import once
from project import MODEL, NEXT, Project
from ruamel.yaml import YAML

from ratchet.files import sha256_file
from ratchet.journal import accepted, rolled_back

CARD, GOLDEN = "models/card.json", "models/golden.json"
FIRST, SECOND = "model@v1.0.0", "model@v2.0.0"
EXCLUDED, LATER = "2013-01-16", "2013-01-17"  # after the first version
REASON = "late flights were predicted as on time"


@pytest.fixture(scope="session")
def story(template: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two accepted versions, pushed; people decided things in between. Nobody may change it."""

    def make(folder: Path) -> None:
        project = template.copy(folder / "project")
        said(project, "register", "--message", "the first")
        project.publish("--days", "3")
        said(project, "batch", "exclude", EXCLUDED, "--note", "half of it is a test")
        said(project, "batch", "accept", "2013-01-05", "--note", "looked at")
        said(project, "batch", "accept", LATER, "--note", "looked at as well")
        project.set(
            "params.yaml", gate__metrics__roc_auc__floor=0.52, gate__bootstrap__replicates=100
        )
        project.set("params.yaml", train__parameters__hist_gradient_boosting__max_iter=6)
        project.repro()
        project.commit()
        said(project, "register")
        project.push()

    return Project(once(tmp_path_factory, "story", make) / "project")


@pytest.fixture(scope="session")
def rolled(story: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The story with a pull request that rolls back to the first version. Nobody may change it."""
    project = story.copy(tmp_path_factory.mktemp("rolled") / "project")
    project.run("git", "checkout", "--quiet", "-b", "rollback")
    said(project, "rollback", "v1", "--reason", REASON)
    return project


@pytest.fixture
def change(rolled: Project, tmp_path: Path) -> Project:
    """A copy of the rollback, to do with what you like."""
    return rolled.copy(tmp_path / "project")


def said(project: Project, *command: str) -> str:
    """Run a command that must succeed; return what it printed."""
    code, printed = project.ratchet(*command)
    assert code == 0, printed
    return printed


def versions(project: Project) -> list[accepted.Version]:
    return accepted.versions(project.folder, CARD)


def head(project: Project) -> str:
    return project.run("git", "rev-parse", "HEAD").strip()


def judge(project: Project, *options: str) -> tuple[Any, str, int]:
    """Run the gate against main; return JSON, report, exit code."""
    code, _ = project.ratchet("gate", "--base", "main", *options)
    return json.loads(project.read("reports/gate.json")), project.read("reports/gate.md"), code


def state(project: Project) -> tuple[str, str, dict[str, str]]:
    """Return what a failed rollback must leave alone: commit, git's status, and all outputs."""
    kept = [project.path(path) for path in project.outputs()]
    files = [each for path in kept for each in ([path] if path.is_file() else path.rglob("*"))]
    hashes = {str(file): sha256_file(file) for file in files if file.is_file()}
    return head(project), project.run("git", "status", "--porcelain"), hashes


# The registry


def test_a_model_is_registered_once(story: Project, tmp_path: Path) -> None:
    project = story.copy(tmp_path / "project")
    first, second = versions(project)
    assert (first.tag, first.message, first.stages, first.was_in) == (
        FIRST, "the first", (), ("prod",),
    )  # fmt: skip
    assert (second.tag, second.message, second.stages) == (SECOND, "state", ("prod",))
    assert second.commit == head(project)
    assert second.model_sha256 == sha256_file(project.path(MODEL))
    project.path("README.md").write_text("Another commit, the same model.\n")
    project.commit()
    assert said(project, "register") == f"nothing new: {SECOND} is in prod\n"
    assert said(project, "register", "--stage", "staging").startswith(f"{SECOND} is in staging\n")
    code, printed = project.ratchet("register", "--stage", "not a stage")
    assert (code, "can't be a stage" in printed) == (2, True)
    assert len(versions(project)) == 2


def test_what_a_workflow_pushes_and_publishes(story: Project, tmp_path: Path) -> None:
    project = story.copy(tmp_path / "project")
    project.run("git", "tag", "--delete", SECOND, "model#prod#2")
    outputs, notes = tmp_path / "outputs", tmp_path / "notes.md"
    command = ("ratchet", "register", "--notes", str(notes))
    # HEAD has another model than the commit that the workflow was started for.
    told = project.run(*command, "--merged", FIRST, GITHUB_OUTPUT=str(outputs))
    assert told.startswith("nothing done: ")
    assert not outputs.exists()
    assert not notes.exists()
    assert [each.tag for each in versions(project)] == [FIRST]
    project.run(*command, "--merged", "HEAD", GITHUB_OUTPUT=str(outputs))
    assert outputs.read_text() == f"tag={SECOND}\nnew=true\ntags={SECOND} model#prod#2\n"
    assert f"`{sha256_file(project.path(MODEL))}`" in notes.read_text()
    assert f"| before it | `{FIRST}` |" in notes.read_text()
    project.run(*command, GITHUB_OUTPUT=str(outputs))
    assert outputs.read_text().endswith(f"\ntag={SECOND}\nnew=false\ntags=\n")
    project.path("reports/evaluation.json").write_text("{}")
    project.fail(*command, code=5)


def test_gto_and_dvc_read_what_was_registered(story: Project, tmp_path: Path) -> None:
    shown = json.loads(story.run("gto", "show", "model#prod", "--json"))
    assert [each["version"] for each in shown] == ["v2.0.0"]
    got = tmp_path / "got.skops"
    command = ("dvc", "artifacts", "get", ".", "model", "--stage", "prod", "--out", str(got))
    story.run(*command)
    assert sha256_file(got) == versions(story)[1].model_sha256


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda project: project.path(CARD).write_text("{}"), "not committed: models/card.json"),
        (lambda project: project.run("git", "rm", "--quiet", CARD, "dvc.lock"), "has no model"),
    ],
)
def test_only_a_whole_model_is_registered(
    story: Project, tmp_path: Path, spoil: Callable[[Project], Any], message: str
) -> None:
    project = story.copy(tmp_path / "project")
    spoil(project)
    if message == "has no model":
        project.commit()
    code, printed = project.ratchet("register")
    assert code == 5
    assert message in printed
    assert len(versions(project)) == 2


def test_where_versions_may_be_unknown_none_is_registered(story: Project, tmp_path: Path) -> None:
    clone = Project(tmp_path / "clone")
    story.run(
        "git", "clone", "--quiet", "--depth", "1", f"file://{story.folder}", str(clone.folder)
    )
    code, printed = clone.ratchet("register")
    assert (code, "this clone is shallow" in printed) == (5, True)


# Back


def test_the_old_model_is_back_and_nothing_that_people_said_is_lost(rolled: Project) -> None:
    assert sha256_file(rolled.path(MODEL)) == versions(rolled)[0].model_sha256
    for path in ("dvc.lock", CARD, "schema.yaml", "reports/metrics.json"):
        assert rolled.read(path) == rolled.run("git", "show", f"{FIRST}:{path}"), path
    assert rolled.run("git", "status", "--porcelain") == ""
    then, now = (
        YAML(typ="safe").load(rolled.run("git", "show", f"{at}:params.yaml"))
        for at in (FIRST, "HEAD")
    )
    assert now.pop("gate") != then.pop("gate")
    assert now == then
    pins = rolled.run("git", "diff", FIRST, "--unified=0", "--", "data/manifest.csv")
    lines = re.findall(r"^[-+](\S+?),.*,(\w*,.*)$", pins, flags=re.M)
    assert lines == [
        ("2013-01-05", ","),
        ("2013-01-05", "accept,looked at (git has no user.name)"),
        (EXCLUDED, "exclude,half of it is a test (git has no user.name)"),
    ]


def test_the_rollback_is_told_in_commit_list_and_report(rolled: Project) -> None:
    first, second = versions(rolled)
    message = rolled.run("git", "log", "-1", "--format=%B")
    assert message.startswith(f"Roll back to {FIRST}: {REASON}\n")
    assert f"Rollback-To: {FIRST}\nRolled-Back: {SECOND}\n" in message
    [line] = rolled_back.parse(rolled.read(rolled_back.FILE))
    assert (line.model_sha256, line.version) == (second.model_sha256, SECOND)
    assert (line.reason, line.by, line.restored) == (REASON, "Test", FIRST)
    report = rolled.read(rolled_back.REPORT)
    assert f"- batches pinned since, which the next `ratchet discover` finds again: {NEXT}, " in (
        report
    )
    assert f"to be said again: {LATER}: accept: looked at as well (git has no user.name)" in report
    assert "train.parameters.hist_gradient_boosting.max_iter: 6 → 5" in report
    assert "gate.metrics.roc_auc.floor: 0.55 → 0.52" in report
    assert f"| model, SHA-256 | `{second.model_sha256[:12]}` | `{first.model_sha256[:12]}` |" in (
        report
    )


def test_the_next_night_goes_on_from_there(change: Project) -> None:
    found = said(change, "discover")
    assert f"2 new: {NEXT} {LATER}" in found
    assert EXCLUDED not in found


def test_the_version_goes_back_to_production(change: Project) -> None:
    assert said(change, "register").startswith(f"{FIRST} is back in prod\n")
    first, second = versions(change)
    assert (first.stages, second.stages) == (("prod",), ())
    assert json.loads(change.run("gto", "show", "model#prod", "--json"))[0]["version"] == "v1.0.0"
    assert said(change, "rollback", "1", "--reason", "again").startswith("rollback: nothing to do")


@pytest.fixture
def clone(story: Project, tmp_path: Path) -> Project:
    """The story on an empty machine, which can reach the remote."""
    made = story.clone(tmp_path / "elsewhere" / "clone")
    settings = f"['remote \"local\"']\n    url = {story.path('.dvc/remote')}\n"
    made.path(".dvc/config.local").write_text(settings)
    return made


@pytest.mark.parametrize("options", [[], ["--model-only"]])
def test_a_fresh_clone_needs_git_and_the_remote_alone(
    story: Project, clone: Project, options: list[str]
) -> None:
    clone.path("notes.txt").write_text("What isn't tracked is nobody's business.\n")
    told = json.loads(said(clone, "rollback", FIRST, "--reason", REASON, "--json", *options))
    assert sha256_file(clone.path(MODEL)) == told["model_sha256"] == versions(story)[0].model_sha256
    changed = clone.run("git", "diff", "--name-only", "HEAD~1").split()
    assert told["paths"] == sorted(changed)
    assert (told["answers"]["rows"], told["answers"]["difference"]) == (50, 0.0)
    assert (told["commit"], told["version"]) == (head(clone), FIRST)
    raw = clone.path("data/raw")
    assert (len(list(raw.iterdir())) if raw.exists() else 0) == (0 if options else 13)


def test_a_rollback_that_fails_leaves_a_fresh_clone_without_data(clone: Project) -> None:
    message = a_hook_that_says_no(clone)
    before = state(clone)
    code, printed = clone.ratchet("rollback", "v1", "--reason", REASON)
    assert (code, message in printed) == (5, True)
    assert state(clone) == before


def the_first_version_anew(project: Project, change: Callable[[], Any]) -> None:
    """Change what is in git of the first version, and move its tag to that."""
    project.run("git", "checkout", "--quiet", FIRST)
    change()
    project.run("git", "add", "--all")
    project.run("git", "commit", "--quiet", "--message", "changed")
    project.run("git", "tag", "--force", "--annotate", FIRST, "--message", "made up")
    project.run("git", "checkout", "--quiet", "main")
    project.run("git", "merge", "--quiet", "--strategy", "ours", FIRST)


def answers_moved(project: Project) -> None:
    """As if other libraries had made the golden predictions."""
    card = json.loads(project.read(CARD))
    card["libraries"]["scikit-learn"] = "0.1"
    project.path(CARD).write_text(json.dumps(card))
    golden = json.loads(project.read(GOLDEN))
    for row in golden["rows"]:
        row[-1] += 0.25
    project.path(GOLDEN).write_text(json.dumps(golden))


@pytest.mark.parametrize(
    ("change", "says", "wrong"),
    [
        (answers_moved, "50 of 50 golden rows, by up to 0.25; libraries have moved: scikit", True),
        (
            lambda project: project.path(GOLDEN).write_text("{}"),
            "can't be asked here: ",
            True,
        ),
        (lambda project: project.path(GOLDEN).unlink(), "no golden predictions: it is from", False),
    ],
)
def test_a_model_that_answers_otherwise_today_is_told(
    change: Callable[[Project], Any], says: str, wrong: bool, story: Project, tmp_path: Path
) -> None:
    project = story.copy(tmp_path / "project")
    the_first_version_anew(project, lambda: change(project))
    printed = said(project, "rollback", "v1", "--reason", REASON)
    assert sha256_file(project.path(MODEL)) == versions(project)[0].model_sha256
    assert "proven: it is the accepted file" in printed
    for told in (printed, project.read(rolled_back.REPORT)):
        assert says in told
        assert (f"git worktree add ../{FIRST} {FIRST}" in told) == wrong


def test_a_broken_commit_is_rolled_back_too(story: Project, tmp_path: Path) -> None:
    """At 3 a.m.: somebody has committed marks of a conflict."""
    project = story.copy(tmp_path / "project")
    for path in (CARD, "dvc.lock"):
        project.path(path).write_text("<<<<<<< HEAD\n" + project.read(path))
    project.commit()
    code, printed = project.ratchet("register")
    assert (code, "has no model" in printed) == (5, True)
    said(project, "rollback", "v1", "--reason", REASON)
    assert sha256_file(project.path(MODEL)) == versions(project)[0].model_sha256
    assert "| `none` |" in project.read(rolled_back.REPORT)
    assert not project.path(rolled_back.FILE).exists()


# Not back


def without_the_model(project: Project) -> str:
    """What DVC keeps of the first model is gone."""
    lock = project.run("git", "show", f"{FIRST}:dvc.lock")
    [md5] = re.findall(rf"path: {MODEL}\n\s+hash: md5\n\s+md5: (\w+)", lock)
    for store in ("cache", "remote"):
        project.path(f".dvc/{store}/files/md5/{md5[:2]}/{md5[2:]}").unlink()
    return "neither DVC's cache nor its remote has"


def another_model_in_the_cache(project: Project) -> str:
    """DVC's cache has another file under the model's name, with a lock file that fits."""
    first = project.run("git", "show", f"{FIRST}:{CARD}")
    forged = first.replace(json.loads(first)["model_sha256"], "0" * 64)
    the_first_version_anew(project, lambda: project.path(CARD).write_text(forged))
    return "is not the model of model@v1.0.0"


def a_hook_that_says_no(project: Project) -> str:
    """Git refuses the commit, when everything else is done."""
    hook = project.path(".git/hooks/pre-commit")
    hook.write_text("#!/bin/sh\necho not tonight\nexit 1\n")
    hook.chmod(0o755)
    return "not tonight"


@pytest.mark.parametrize(
    "fault", [without_the_model, another_model_in_the_cache, a_hook_that_says_no]
)
def test_what_fails_leaves_everything_as_it_was(
    fault: Callable[[Project], str], story: Project, tmp_path: Path
) -> None:
    project = story.copy(tmp_path / "project")
    message = fault(project)
    before = state(project)
    code, printed = project.ratchet("rollback", "v1", "--reason", REASON)
    assert code == 5
    assert message in printed
    assert "WARNING" not in printed
    assert state(project) == before
    if fault is not a_hook_that_says_no:
        dry = project.ratchet("rollback", "v1", "--reason", REASON, "--dry-run")
        assert re.sub("ratchet-rollback-[^/]+", "", dry[1]) == re.sub(
            "ratchet-rollback-[^/]+", "", printed
        )
        assert dry[0] == 5


def first_objects(project: Project, path: str, *stores: str) -> list[Path]:
    """Return where the first version's object of an output lies in DVC's stores."""
    lock = project.run("git", "show", f"{FIRST}:dvc.lock")
    [md5] = set(re.findall(rf"path: {path}\n\s+hash: md5\n\s+md5: (\S+)", lock))
    return [project.path(f".dvc/{store}/files/md5/{md5[:2]}/{md5[2:]}") for store in stores]


def test_a_dry_run_touches_nothing_and_ends_as_the_rollback_would(
    story: Project, tmp_path: Path
) -> None:
    project = story.copy(tmp_path / "project")
    before = state(project)
    command = ("rollback", "v1", "--reason", REASON, "--dry-run")
    printed = said(project, *command)
    assert f"{FIRST} " in printed
    assert "would be back" in printed
    assert "the model answers 50 golden rows as when it was made" in printed
    assert state(project) == before
    for path in first_objects(project, "data/records.json", "cache", "remote"):
        path.unlink()
    code, printed = project.ratchet(*command)
    assert code == 5
    assert "objects of model@v1.0.0 can't be had: data/records.json is not in DVC's rem" in printed
    [listing] = first_objects(project, "data/raw", "cache")
    listing.chmod(0o644)
    listing.write_text("[]")
    code, printed = project.ratchet(*command)
    assert (code, f"data/raw can't be listed: {listing}: the cont" in printed) == (
        5,
        True,
    )
    assert "would be back" in said(project, *command, "--model-only")
    assert state(project) == before
    project.path("params.yaml").write_text(project.read("params.yaml") + "# uncommitted\n")
    before = state(project)
    for options in (command, command[:-1]):
        code, printed = project.ratchet(*options)
        assert (code, "not committed: params.yaml" in printed) == (2, True)
    assert state(project) == before


def test_a_damaged_model_in_the_remote_stays_there_and_nowhere_else(
    story: Project, tmp_path: Path
) -> None:
    project = story.copy(tmp_path / "project")
    cached, remote = first_objects(project, MODEL, "cache", "remote")
    cached.unlink()
    good = remote.read_bytes()
    remote.chmod(0o644)
    for mode in (0o444, 0o644):
        remote.write_bytes(b"damaged")
        remote.chmod(mode)
        code, printed = project.ratchet("rollback", "v1", "--reason", REASON)
        assert (code, f"{remote}: this object in DVC's remote isn't" in printed) == (5, True)
        assert not cached.exists()
        assert remote.read_bytes() == b"damaged"
        remote.chmod(0o644)
    away = project.path(".dvc/remote").rename(project.path("away"))
    code, printed = project.ratchet("rollback", "v1", "--reason", REASON)
    assert (code, "remote can't be asked: there is no folder" in printed) == (5, True)
    away.rename(project.path(".dvc/remote"))
    remote.write_bytes(good)
    said(project, "rollback", "v1", "--reason", REASON)


def test_what_was_rolled_back_comes_back_by_force_only(change: Project) -> None:
    code, printed = change.ratchet("rollback", "v2", "--reason", "it was right")
    assert code == 4
    assert REASON in printed
    code, printed = change.ratchet("rollback", "v3", "--reason", "there is none")
    assert code == 2
    assert f"the newest are {SECOND}, {FIRST}" in printed


# The cases: pull requests against main. docs/gate.md has their verdicts.


def rolled_back_to_a_version(_: Project) -> None:
    """Nothing more than the fixture has done."""


def old_base(project: Project) -> None:
    project.run("git", "checkout", "--quiet", "main")
    project.path("README.md").write_text("Main moved while the rollback waited.\n")
    project.commit()
    project.run("git", "checkout", "--quiet", "rollback")


def code_changed_beside(project: Project) -> None:
    path = project.path("src/ratchet/model.py")
    path.write_text(path.read_text() + "# and one more thing\n")


def other_card(project: Project) -> None:
    project.replace(CARD, '"seed": 0', '"seed": 1')


def tag_of_its_own(project: Project) -> None:
    """The tag of the first version stands on the pull request's own commit."""
    project.run("git", "tag", "--force", "--annotate", FIRST, "--message", "made up")


def proposed_again(project: Project) -> None:
    """The next night makes the bad model again, byte for byte; that it was a version is unknown."""
    project.run("git", "branch", "--force", "main")
    project.run("git", "tag", "--delete", SECOND)
    bad = project.run("git", "rev-parse", "HEAD~1").strip()
    names = ("dvc.lock", "data", "models", "reports", "params.yaml")
    project.run("git", "checkout", "--quiet", bad, "--", *names)
    project.run("dvc", "checkout", "--quiet")


def forced_back(project: Project) -> None:
    project.run("git", "branch", "--force", "main")
    said(project, "rollback", "v2", "--reason", "it was right", "--force")


def list_shortened(project: Project) -> None:
    project.run("git", "branch", "--force", "main")
    project.path(rolled_back.FILE).write_text(",".join(rolled_back.COLUMNS) + "\n")


def after_the_rollback(project: Project) -> None:
    """A change of no consequence, while today's code hasn't made a model yet."""
    project.run("git", "branch", "--force", "main")
    project.path("README.md").write_text("Nothing that the model rests on.\n")


def code_changed_after_the_rollback(project: Project) -> None:
    project.run("git", "branch", "--force", "main")
    code_changed_beside(project)


CASES: dict[str, Callable[[Project], None]] = {
    case.__name__.replace("_", " "): case
    for case in (
        rolled_back_to_a_version,
        old_base,
        code_changed_beside,
        other_card,
        tag_of_its_own,
        proposed_again,
        forced_back,
        list_shortened,
        after_the_rollback,
        code_changed_after_the_rollback,
    )
}
# What the report says beside the verdict.
TOLD = {
    "rolled back to a version": "Rollback to model@v1.0.0, accepted on ",
    "code changed beside": "src/ratchet/model.py changes beside",
    "other card": "models/card.json isn't what the rollback makes",
    "proposed again": f"({REASON}): it must not come back by itself",
    "forced back": f"({REASON}): it must not come back by itself",
    "list shortened": rolled_back.FILE,
}


def test_the_documented_cases_are_the_tested_ones() -> None:
    assert list(documented("Rollbacks")) == list(CASES)


def a_person_approves(change: Project) -> None:
    told, report, code = judge(change, "--approve-policy-change")
    assert (told["verdict"], code) == ("PASS", 0)
    assert "a person brings it back" in report


@pytest.mark.parametrize("case", CASES)
def test_case(case: str, change: Project) -> None:
    CASES[case](change)
    change.run("git", "add", "--all")
    change.try_("git", "commit", "--quiet", "--message", case)
    if case == "tag of its own":
        tag_of_its_own(change)
    told, report, code = judge(change)
    assert (told["verdict"], code) == documented("Rollbacks")[case], report
    assert TOLD.get(case, "") in report
    assert told["rollback"] == {
        "rolled back to a version": FIRST,
        "old base": FIRST,
        "forced back": SECOND,
        "list shortened": FIRST,
        "after the rollback": FIRST,
    }.get(case)
    if case == "forced back":
        a_person_approves(change)


def test_the_gate_asks_the_remote_of_a_rollback_too(change: Project) -> None:
    md5 = change.outputs()[MODEL]
    remote = change.path(f".dvc/remote/files/md5/{md5[:2]}/{md5[2:]}")
    remote.chmod(0o644)
    remote.write_bytes(b"damaged")
    told, report, code = judge(change)
    assert (told["verdict"], code) == ("ERROR", 5)
    assert f"{MODEL} is damaged in DVC's remote, at {remote}" in report
    remote.unlink()
    told, report, code = judge(change)
    assert (told["verdict"], code) == ("ERROR", 5)
    assert f"{MODEL} is not in DVC's remote" in report
