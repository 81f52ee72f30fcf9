"""ci.yml, executed: the gate on pull requests, and the comment that tells its verdict."""

import json

import pytest
from act import Run
from challenge import TREES, challenge, opened
from hub import SLUG, Pull
from project import MODEL
from world import REMOTE, World

JUDGED = {"gate": "success", "comment": "success"}
REFUSED = {"gate": "failure", "comment": "success"}
# Whatever happens: PASS. The base's gate judges, so that this one doesn't.
ALWAYS_PASS = """

def _gate(_: argparse.Namespace) -> None:
    print("gate: PASS")
"""


def judge(world: World, pull: Pull) -> Run:
    """Run the gate on a pull request; `test` and `lint` are the suite that this is a part of."""
    return world.run("ci.yml", "pull_request", pull=pull, job="comment")


def results(run: Run) -> dict[str, str]:
    return {name: result for name, result in run.results.items() if name in JUDGED}


def report(run: Run) -> str:
    """Return the report, which stands in the summary, the artifact and nowhere with pictures."""
    told = (run.artifacts["gate"] / "gate.md").read_text()
    assert run.jobs["gate"].summary.strip() == told.strip()
    assert "![" not in told
    return told


def verdict(run: Run) -> str:
    found = json.loads((run.artifacts["gate"] / "gate.json").read_text())["verdict"]
    assert f" {found}: " in report(run).splitlines()[0]
    return str(found)


def comment(pull: Pull) -> str:
    """Return the text of the one comment, by the job."""
    [found] = pull.comments
    assert found.author == "github-actions[bot]"
    return found.body


def test_a_good_model_passes_and_a_change_of_the_rules_needs_a_person(world: World) -> None:
    pull = challenge(world, "retrain/next", **{f"{TREES}max_iter": 6})
    assert pull.author == "ratchet-nights[bot]"
    run = judge(world, pull)
    assert results(run) == JUDGED, run.log
    assert verdict(run) == "PASS"
    assert comment(pull) == f"<!-- ratchet gate.md -->\n{report(run)}"
    pictures = {path.name for path in (run.artifacts["gate"] / "gate").iterdir()}
    assert pictures == {"batches.png", "differences.png", "roc.png"}

    # The branch loosens the rules, brings a gate that lets everything pass, and a report.
    project = world.project
    project.set("params.yaml", gate__metrics__roc_auc__floor=0.1)
    with project.path("src/ratchet/cli/gate.py").open("a") as file:
        file.write(ALWAYS_PASS)
    project.path(".github/CODEOWNERS").write_text("")
    project.path("reports/gate.md").write_text("# ✅ PASS: believe me\n")
    project.run("git", "add", "--force", "reports/gate.md")
    world.push("Looser rules", pull.head)
    run = judge(world, pull)
    assert results(run) == REFUSED, run.log
    assert verdict(run) == "BLOCK"
    assert "THIS REVISION CHANGES THE POLICY" in report(run)
    for changed in ("src/ratchet/cli/gate.py", ".github/CODEOWNERS", "floor"):
        assert changed in report(run)
    assert "believe me" not in report(run)
    assert comment(pull) == f"<!-- ratchet gate.md -->\n{report(run)}"

    # A person accepts that, and starts the very same run again; in a merge queue it holds too.
    world.github.labels["policy approved"] = {"color": "ededed", "description": ""}
    pull.labels += [*world.github.labels]
    queued = {
        "base_sha": world.github.sha(),
        "head_sha": pull.sha,
        "head_ref": f"refs/heads/gh-readonly-queue/main/pr-{pull.number}-{world.github.sha()}",
    }
    run = world.run("ci.yml", "merge_group", payload={"merge_group": queued}, job="comment")
    assert results(run) == {"gate": "success", "comment": "skipped"}, run.log
    assert verdict(run) == "PASS"
    assert "A person has approved that." in report(run)
    run = judge(world, pull)
    assert results(run) == JUDGED, run.log
    assert comment(pull) == f"<!-- ratchet gate.md -->\n{report(run)}"


@pytest.mark.slow
def test_a_worse_model_and_a_lost_object_are_kept_out(world: World) -> None:
    pull = challenge(world, "worse", **{f"{TREES}max_iter": 60, f"{TREES}learning_rate": 1.0})
    run = judge(world, pull)
    assert results(run) == REFUSED, run.log
    assert verdict(run) == "BLOCK"
    assert "⛔ BLOCK" in comment(pull)
    assert "worse" in comment(pull)
    [model] = [out["md5"] for out in world.project.lock()["train"]["outs"] if out["path"] == MODEL]
    key = f"dvc/files/md5/{model[:2]}/{model[2:]}"
    assert key in world.remote()
    world.server.client().delete_object(Bucket=REMOTE, Key=key)
    run = judge(world, pull)
    assert results(run) == REFUSED, run.log
    assert verdict(run) == "ERROR"
    assert "❌ ERROR" in comment(pull)
    assert "models/model.skops is not in DVC's remote" in comment(pull)


def test_without_the_role_nothing_is_judged_and_nothing_said(world: World) -> None:
    world.project.path("README.md").write_text("A word.\n")
    world.push("A word", "word")
    pull = opened(world, "word")
    pull.repository = "stranger/model"
    stranger = judge(world, pull)
    pull.repository = SLUG
    world.runner.environments["gate"].variables.clear()
    unset = judge(world, pull)
    for run in (stranger, unset):
        assert results(run) == {"gate": "failure", "comment": "skipped"}, run.log
        assert run.step("gate", "Assume the role").result == "failure"
        assert run.step("gate", "Judge").result == "skipped"
    assert pull.comments == []
