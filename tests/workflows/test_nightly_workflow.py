"""nightly.yml, executed: what a night leaves on GitHub and in DVC's remote."""

import csv
import io

import pytest
from act import Run
from git_http import git
from project import MODEL, NEXT
from world import World

NIGHTLY = "nightly.yml"
GOOD = {"retrain": "success", "propose": "success", "again": "skipped", "alarm": "success"}
NOTHING = GOOD | {"propose": "skipped"}
FAILED = NOTHING | {"retrain": "failure"}


def ledger(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def line(run: Run) -> dict[str, str]:
    """Return what a night noted in its artifact."""
    [found] = ledger((run.artifacts["night"] / "ledger.csv").read_text())
    return found


def move_meanwhile(world: World, path: str) -> list[str]:
    """Let main change a file after `retrain` has checked out, before `propose` looks.

    Returns the list that will hold main's new commit.
    """
    moved: list[str] = []

    def move() -> None:
        file = world.project.path(path)
        file.write_text(file.read_text() + "\n# more\n")
        moved.append(world.push("Meanwhile"))

    world.github.once_before("POST", r"app/installations/.*access_tokens", move)
    return moved


def test_good_nights_end_in_one_pull_request(world: World) -> None:
    main, before = world.github.sha(), world.remote()
    world.produce()
    run = world.run(NIGHTLY, "schedule")
    assert run.results == GOOD, run.log

    # One pull request, by the App, from one commit on top of main.
    [pull] = world.github.open_pulls
    verdict = line(run)["verdict"]
    assert (pull.author, pull.head, pull.base) == ("ratchet-nights[bot]", "retrain/next", "main")
    assert pull.title == f"Retrain on batches until {NEXT}: {verdict}"
    assert sorted(pull.labels) == [f"gate: {verdict.lower()}", "retrain"]
    assert pull.body.startswith("# ")
    assert f"{verdict}: " in pull.body
    assert git(world.github.repository, "rev-parse", f"{pull.sha}^") == main == world.github.sha()
    changed = world.github.changed("main", "retrain/next")
    assert {"dvc.lock", "data/manifest.csv", "models/card.json", "reports/verdict.md"} <= {*changed}
    assert not [path for path in changed if path.startswith((".github", "src", "params"))]
    assert world.github.show("retrain/next", "reports/verdict.md") == pull.body
    # What it names can be pulled by others.
    assert world.remote() > before
    clone = world.clone("clone", "retrain/next")
    assert clone.path(MODEL).exists()
    assert "up to date" in clone.run("dvc", "status", **world.env)

    # The summary says what happened, and what it cost.
    summary = run.jobs["retrain"].summary
    assert summary.startswith(f"## RETRAIN, {verdict}")
    assert "| train |" in summary
    assert pull.body in summary
    told = line(run)
    assert (told["decision"], told["run"], told["base"]) == ("RETRAIN", run.url, main)
    assert int(told["bytes_new"]) > 0
    assert int(told["bytes_pulled"]) > int(told["bytes_new"])
    assert int(told["bytes_pushed"]) > 0
    assert [call.url for call in world.github.calls] == [world.heartbeat]
    # The job that has the data's role has written nothing to GitHub.
    reading = ("GET", "git-upload-pack")
    assert [
        str(entry)
        for entry in world.github.log
        if entry.token == "job retrain" and not any(word in str(entry) for word in reading)
    ] == []

    # The next night: a batch more; and main moves meanwhile, where the model isn't touched.
    world.produce()
    moved = move_meanwhile(world, "README.md")
    run = world.run(NIGHTLY, "schedule")
    assert run.results == GOOD, run.log
    assert [each.number for each in world.github.open_pulls] == [pull.number]
    assert len(world.github.pulls) == 1
    assert "2013-01-16" in pull.title
    assert git(world.github.repository, "rev-parse", f"{pull.sha}^") == moved[0]
    nights = ledger(world.github.show("retrain/next", "reports/ledger.csv"))
    assert [night["new_batches"] for night in nights] == ["1", "2"]

    # A person merges. Then nothing is new: green, with a reason, and no pull request.
    world.github.merge(pull.number)
    main, before = world.github.sha(), world.remote()
    run = world.run(NIGHTLY, "schedule")
    assert run.results == NOTHING, run.log
    assert line(run)["decision"] == "SKIP"
    assert "no batch was accepted after 2013-01-16" in line(run)["reason"]
    assert run.jobs["retrain"].summary.startswith("## SKIP")
    assert "no batch was accepted" in run.jobs["retrain"].summary
    # It has pulled no data, and trained nothing.
    assert int(line(run)["bytes_pulled"]) < 20_000
    assert line(run)["train_seconds"] == line(run)["fetch_seconds"] == ""
    assert world.github.open_pulls == []
    assert (world.github.sha(), world.remote()) == (main, before)
    assert world.github.true_issues == []


@pytest.mark.slow
def test_a_broken_batch_screams_until_a_good_night(world: World) -> None:
    main, before = world.github.sha(), world.remote()
    [day] = world.produce()
    batch = (world.inbox / f"{day}.csv").read_bytes()
    world.put(f"{day}.csv", batch.replace(b"distance", b"miles", 1))
    run = world.run(NIGHTLY, "schedule")
    assert run.results == FAILED, run.log
    [issue] = world.github.true_issues
    assert issue.title == "The nightly run failed: the data broke the contract"
    assert issue.labels == ["ratchet: alarm"]
    assert f"{day}, is refused" in issue.body
    assert "missing_column" in issue.body
    assert run.url in issue.body
    assert [call.url for call in world.github.calls] == [world.webhook]
    assert issue.title.encode() in world.github.calls[0].body
    # No model, no branch; what there was is untouched.
    assert world.github.pulls == {}
    assert list(world.github.refs()) == ["refs/heads/main"]
    assert (world.github.sha(), world.remote()) == (main, before)
    assert line(run)["decision"] == "FAILED"
    assert line(run)["exit_code"] == "3"

    # The next bad night doesn't open a second one.
    again = world.run(NIGHTLY, "schedule")
    assert again.results == FAILED
    assert [each.number for each in world.github.true_issues] == [issue.number]
    assert [run.url in each.body or again.url in each.body for each in issue.comments] == [True]
    assert again.url in issue.body

    # A good night closes it, one with nothing to do for instance.
    run = world.run(NIGHTLY, "workflow_dispatch", inputs={"force": "false", "until": "2013-01-14"})
    assert run.results == NOTHING, run.log
    assert issue.state == "closed"
    assert run.url in issue.comments[-1].body
    assert world.github.calls[-1].url == world.heartbeat


@pytest.mark.slow
def test_a_worse_model_is_proposed_as_blocked(world: World) -> None:
    # Somebody has changed how to train, and nobody has trained since.
    world.project.set("params.yaml", train__parameters__hist_gradient_boosting__learning_rate=9.0)
    world.push("Faster")
    world.produce()
    run = world.run(NIGHTLY, "schedule")
    assert run.results == GOOD, run.log
    [pull] = world.github.open_pulls
    assert pull.title.endswith(": BLOCK")
    assert "gate: block" in pull.labels
    assert "BLOCK" in pull.body.splitlines()[0]
    assert world.github.true_issues == []
    ci = world.run("ci.yml", "pull_request", pull=pull, job="comment")
    assert ci.results["gate"] == "failure", ci.log
    assert ci.step("gate", "Judge").result == "failure"
    assert ci.results["comment"] == "success", ci.log
    [comment] = pull.comments
    assert "BLOCK" in comment.body
    assert comment.author == "github-actions[bot]"


@pytest.mark.slow
def test_s3_that_goes_down_and_rights_that_are_missing_leave_nothing_half_done(
    world: World,
) -> None:
    main = world.github.sha()
    world.produce()
    with world.outage(rb"PUT /acme-models/", after=1):
        run = world.run(NIGHTLY, "schedule")
    assert run.results == FAILED, run.log
    assert line(run)["exit_code"] == "5"
    assert "dvc push" in line(run)["reason"]
    [issue] = world.github.true_issues
    assert "evidence is missing" in issue.title
    assert "dvc push" in issue.body
    assert (world.github.sha(), list(world.github.refs())) == (main, ["refs/heads/main"])
    assert world.github.pulls == {}

    # The next night: S3 is back, but somebody took the App's right to write.
    world.github.app.granted["contents"] = "read"
    run = world.run(NIGHTLY, "schedule")
    assert run.results == GOOD | {"propose": "failure"}, run.log
    assert world.github.pulls == {}
    assert list(world.github.refs()) == ["refs/heads/main"]
    assert [each.number for each in world.github.true_issues] == [issue.number]
    assert "job `propose`: failure" in issue.body

    # The App is put in order again, and the night recovers: all that it needs is in the remote.
    world.github.app.granted["contents"] = "write"
    run = world.run(NIGHTLY, "workflow_dispatch", inputs={"force": "true", "until": ""})
    assert run.results == GOOD, run.log
    assert [pull.head for pull in world.github.open_pulls] == ["retrain/next"]
    assert issue.state == "closed"
    assert line(run)["bytes_pushed"] == "0"


@pytest.mark.slow
def test_main_that_moves_under_the_model_makes_the_night_run_again(world: World) -> None:
    world.produce()
    moved = move_meanwhile(world, "params.yaml")
    run = world.run(NIGHTLY, "schedule")
    assert moved
    assert run.results == GOOD | {"propose": "failure", "again": "success"}, run.log
    assert "main has moved" in run.step("propose", "propose").log
    assert world.github.pulls == {}
    assert [(each.workflow, each.ref) for each in world.github.dispatches] == [(NIGHTLY, "main")]
    # Neither an alarm nor a good night.
    assert world.github.true_issues == []
    assert world.github.calls == []


def test_another_branch_gets_no_night(world: World) -> None:
    world.github.git("branch", "mine", "main")
    with pytest.raises(AssertionError, match="nothing ran"):
        world.run(NIGHTLY, "workflow_dispatch", ref="refs/heads/mine")


@pytest.mark.slow
def test_a_person_brings_a_night_to_github_from_a_laptop(world: World) -> None:
    main, project = world.github.sha(), world.project
    token = world.github.token("person", contents="write", pull_requests="write")
    way = world.env | world.github.environment() | {"GH_TOKEN": token.value}
    way |= {"GITHUB_REPOSITORY": "acme/model"}
    world.produce()
    printed = project.run("ratchet", "nightly", "--push", **way)
    [pull] = world.github.open_pulls
    assert f"pull request  {world.github.url}/pull/{pull.number}" in printed
    assert (pull.author, pull.sha) == ("person", world.github.sha("retrain/next"))
    assert project.run("git", "status", "--porcelain") == ""
    assert project.run("git", "rev-parse", "HEAD", "main").split() == [main, main]
    clone = world.clone("clone", "retrain/next")
    assert clone.path(MODEL).exists()
    # Without the rights it says which, and nothing is left behind.
    token = world.github.token("guest", contents="read", pull_requests="read")
    world.produce()
    printed = project.fail(
        "ratchet", "nightly", "--push", code=5, **way | {"GH_TOKEN": token.value}
    )
    assert "pulls" in printed
    assert "docs/github.md has the rights it needs" in printed
    assert project.run("git", "rev-parse", "HEAD").strip() == main
