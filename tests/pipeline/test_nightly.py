"""A night on a laptop: `ratchet nightly` in a repository as a user has it."""

import csv
import io
import json
import os
import sys
from pathlib import Path

import pytest
from project import NEXT, SAMPLE, Project

from ratchet.nights.ledger import STEPS
from ratchet.proposals.proposal import expected

MODEL = "models/model.skops"


@pytest.fixture
def laptop(project: Project) -> Project:
    """A project that trains whenever there is a new batch."""
    project.set("params.yaml", trigger__new_rows=1, drill__only=["column-renamed"])
    project.commit()
    return project


def night(project: Project) -> dict[str, str]:
    """Return the line that the last night left."""
    return lines(project.read(".ratchet/night/ledger.csv"))[-1]


def lines(ledger: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(ledger)))


def commit_of(project: Project, name: str) -> str:
    return project.run("git", "rev-parse", name).strip()


def deliver(project: Project, days: int = 1) -> None:
    """Let the producer deliver days, which nobody has pinned yet."""
    project.run("ratchet", "sample", "publish", "--table", str(SAMPLE), "--days", str(days))


def test_a_night_leaves_a_branch_and_everything_else_as_it_was(laptop: Project) -> None:
    main, model = commit_of(laptop, "HEAD"), laptop.path(MODEL).read_bytes()
    deliver(laptop)
    laptop.path("notes.txt").write_text("mine")
    printed = laptop.run("ratchet", "nightly")
    line = night(laptop)
    assert line["decision"] == "RETRAIN"
    assert f"RETRAIN: Retrain on batches until {NEXT}: {line['verdict']}" in printed

    assert commit_of(laptop, "HEAD") == commit_of(laptop, "main") == main
    assert laptop.run("git", "status", "--porcelain") == "?? notes.txt\n"
    assert laptop.path(MODEL).read_bytes() == model

    assert commit_of(laptop, "retrain/next^") == main
    changed = laptop.run("git", "diff", "--name-only", "main", "retrain/next").split()
    assert {"dvc.lock", "data/manifest.csv", "reports/verdict.md", "reports/drill.json"} <= {
        *changed
    }
    assert [path for path in changed if not expected("retrain/next", path)] == []
    verdict = json.loads(laptop.run("git", "show", "retrain/next:reports/verdict.json"))
    assert (verdict["verdict"], verdict["reason"]) == (line["verdict"], line["gate_reason"])
    told = laptop.run("ratchet")
    assert f"RETRAIN, {line['verdict']}: {line['gate_reason']}" in told
    assert f"git {'merge' if line['verdict'] == 'PASS' else 'show'} retrain/next" in told
    [kept] = lines(laptop.run("git", "show", "retrain/next:reports/ledger.csv"))
    assert kept == line
    assert kept["base"] == main
    assert (kept["new_batches"], kept["batches"]) == ("1", "15")
    measured = {step for step in STEPS if kept[f"{step}_seconds"]}
    assert measured == {*STEPS} - {"pull", "push"}

    # What the branch names is there: the model can be looked at, and judged again.
    laptop.run("git", "switch", "--quiet", "retrain/next")
    laptop.run("dvc", "checkout", "--quiet")
    assert laptop.path(MODEL).read_bytes() != model
    assert "retrain/next" in laptop.fail("ratchet", "nightly", code=2)


@pytest.mark.slow
def test_the_next_night_replaces_the_proposal_and_goes_on_with_the_ledger(
    laptop: Project,
) -> None:
    deliver(laptop)
    laptop.run("ratchet", "nightly", "--until", NEXT)
    first = commit_of(laptop, "retrain/next")
    deliver(laptop)
    laptop.run("ratchet", "nightly")
    assert commit_of(laptop, "retrain/next") != first
    assert commit_of(laptop, "retrain/next^") == commit_of(laptop, "main")
    nights = lines(laptop.run("git", "show", "retrain/next:reports/ledger.csv"))
    assert [line["new_batches"] for line in nights] == ["1", "2"]

    # A person's commit on it isn't thrown away.
    tree = commit_of(laptop, "retrain/next^{tree}")
    mine = laptop.run("git", "commit-tree", "-p", "retrain/next", "-m", "By hand", tree).strip()
    laptop.run("git", "update-ref", "refs/heads/retrain/next", mine)
    deliver(laptop)
    printed = laptop.fail("ratchet", "nightly", code=4)
    assert "retrain/next has commits of somebody else" in printed
    assert commit_of(laptop, "retrain/next") == mine
    assert commit_of(laptop, "HEAD") == commit_of(laptop, "main")


def test_a_night_without_a_reason_to_train_says_so_and_leaves_no_trace(project: Project) -> None:
    deliver(project)
    printed = project.run("ratchet", "nightly")
    assert "SKIP" in printed
    assert "trigger.new_rows, 5,000, is not reached" in night(project)["reason"]
    assert night(project)["decision"] == "SKIP"
    assert project.run("git", "status", "--porcelain") == ""
    assert "retrain/next" not in project.run("git", "branch")

    # Nothing new at all: neither fetch nor validate has run.
    project.run("git", "checkout", "--quiet", "--", ".")
    project.path(f"sample/inbox/{NEXT}.csv").unlink()
    project.run("ratchet", "nightly")
    assert "no batch was accepted after" in night(project)["reason"]
    assert night(project)["fetch_seconds"] == ""
    # A person's word on a batch is news, though none was delivered.
    project.run("ratchet", "batch", "exclude", "2013-01-08", "--note", "a test")
    project.commit()
    project.run("ratchet", "nightly")
    assert night(project)["fetch_seconds"] != ""
    project.run("git", "reset", "--quiet", "--hard", "HEAD~1")
    # Forced, it makes the same again.
    project.run("ratchet", "nightly", "--force")
    assert night(project)["reason"] == "made again, and everything is as it was"


@pytest.mark.slow
def test_cron_runs_a_night_where_nobody_has_activated_the_environment(project: Project) -> None:
    deliver(project)
    program = Path(sys.executable).with_name("ratchet")
    printed = project.run(str(program), "nightly", PATH=os.defpath)
    assert "$ dvc repro fetch" in printed
    assert "trigger.new_rows, 5,000, is not reached" in night(project)["reason"]


def test_a_broken_batch_stops_the_night_and_is_left_to_be_looked_at(laptop: Project) -> None:
    main = commit_of(laptop, "main")
    deliver(laptop)
    batch = laptop.path(f"sample/inbox/{NEXT}.csv")
    batch.write_text(batch.read_text().replace("distance", "miles", 1))
    printed = laptop.fail("ratchet", "nightly", code=3)
    assert f"{NEXT}, is refused" in printed
    line = night(laptop)
    assert (line["decision"], line["exit_code"], line["verdict"]) == ("FAILED", "3", "")
    assert "missing_column" in laptop.read(".ratchet/night/report.md")
    assert commit_of(laptop, "main") == commit_of(laptop, "HEAD") == main
    assert "retrain/next" not in laptop.run("git", "branch")
    # All is as it was, so that the next night can begin once the batch is delivered again.
    assert laptop.run("git", "status", "--porcelain") == ""
    assert "up to date" in laptop.run("dvc", "status")
    batch.unlink()
    deliver(laptop)
    laptop.run("ratchet", "nightly")
    assert night(laptop)["decision"] == "RETRAIN"

    # What a person hasn't committed is left alone.
    laptop.set("params.yaml", trigger__age=3)
    assert "not committed: params.yaml" in laptop.fail("ratchet", "nightly", code=2)
