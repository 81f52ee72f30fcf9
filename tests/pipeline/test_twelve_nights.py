"""Twelve nights and five accepted versions: each can be named, proven and brought back."""

import csv
import io
import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from project import MODEL, SAMPLE, Project

from ratchet.files import sha256_file

PATIENCE = 60  # seconds until a night must have begun
REASON = "late flights were predicted as on time"
BAD, GOOD = "model@v4.0.0", "model@v2.0.0"
FIVE = [f"model@v{number}.0.0" for number in range(1, 6)]


def said(project: Project, *command: str) -> str:
    """Run a command that must succeed; return what it printed."""
    code, printed = project.ratchet(*command)
    assert code == 0, printed
    return printed


def deliver(project: Project) -> str:
    """Let the producer deliver a day, which nobody has pinned yet; return its id."""
    table = ("--table", str(SAMPLE), "--days", "1")
    return re.findall(r"published 1 day: (\S+)", said(project, "sample", "publish", *table))[0]


def line(project: Project) -> dict[str, str]:
    """Return the line that the last night left."""
    return list(csv.DictReader(io.StringIO(project.read(".ratchet/night/ledger.csv"))))[-1]


def night(project: Project, *options: str) -> str:
    """Let a night run; return its decision, with the verdict if it made a model."""
    project.run("ratchet", "nightly", *options)
    left = line(project)
    return f"{left['decision']} {left['verdict']}".rstrip()


def card(project: Project, at: str) -> Any:
    return json.loads(project.run("git", "show", f"{at}:models/card.json"))


class Story:
    """A laptop where the nights run, origin, DVC's remote, and clones of people elsewhere."""

    def __init__(self, template: Project, folder: Path) -> None:
        self.folder, self.origin = folder, folder / "origin.git"
        self.laptop = template.copy(folder / "laptop")
        self.laptop.set(
            "params.yaml",
            trigger__new_rows=1500,
            drill__only=["column-renamed"],
            gate__bootstrap__replicates=200,
        )
        self.laptop.commit()
        self.laptop.run("git", "clone", "--quiet", "--bare", ".", str(self.origin))
        self.laptop.run("git", "remote", "add", "origin", str(self.origin))
        self.register(self.laptop)

    def register(self, project: Project) -> str:
        """Do what happens after a merge: the data are there, the version is named, all know it."""
        told = said(project, "register")
        if project is self.laptop:
            project.push()
        project.run("git", "push", "--quiet", "origin", "main", "--tags")
        return re.findall(r"model@v\d+\.0\.0", told)[0]

    def accept(self) -> str:
        """Merge what the night proposes; return the version that it becomes."""
        self.laptop.run("git", "merge", "--quiet", "--ff-only", "retrain/next")
        self.laptop.run("dvc", "checkout", "--quiet")
        return self.register(self.laptop)

    def elsewhere(self, name: str) -> Project:
        """Return a fresh clone of origin on an empty machine, which can reach DVC's remote."""
        folder = self.folder / name / "clone"
        folder.mkdir(parents=True)
        made = Project(folder)
        made.run("git", "clone", "--quiet", f"file://{self.origin}", ".")
        remote = self.laptop.path(".dvc/remote")
        made.path(".dvc/config.local").write_text(f"['remote \"local\"']\n    url = {remote}\n")
        return made


def a_rollback_while_a_night_runs(story: Story) -> None:
    """Somebody takes the bad version back, elsewhere, while the night makes its successor."""
    laptop, before = story.laptop, story.laptop.run("git", "rev-parse", "main")
    running = subprocess.Popen(
        ["ratchet", "nightly", "--force"],
        cwd=laptop.folder,
        env=laptop.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + PATIENCE
    while "data/manifest.csv" not in laptop.run("git", "diff", "--name-only"):
        assert time.monotonic() < end
        assert running.poll() is None
        time.sleep(0.05)
    # Here it is refused, and the night doesn't notice.
    code, printed = laptop.ratchet("rollback", GOOD, "--reason", REASON)
    assert (code, "a night is running here" in printed) == (2, True), printed
    # Elsewhere it is done.
    phone = story.elsewhere("phone")
    said(phone, "rollback", GOOD, "--reason", REASON)
    assert story.register(phone) == GOOD
    assert running.wait(PATIENCE * 5) == 0
    assert line(laptop)["decision"] == "RETRAIN"
    assert laptop.run("git", "rev-parse", "main", "retrain/next^").split() == before.split() * 2

    # What the night proposes doesn't fit any more, and says so; main stays as the rollback made it.
    laptop.run("git", "fetch", "--quiet", "--tags", "origin")
    laptop.run("git", "merge", "--quiet", "--ff-only", "origin/main")
    laptop.run("dvc", "pull", "--quiet")
    told = laptop.fail("git", "merge", "retrain/next", code=1)
    assert {"dvc.lock", "models/card.json"} <= set(re.findall(r"Merge conflict in (\S+)", told))
    laptop.run("git", "merge", "--abort")
    assert laptop.run("git", "status", "--porcelain") == ""
    assert card(laptop, "main") == card(laptop, GOOD)
    assert sha256_file(laptop.path(MODEL)) == card(laptop, GOOD)["model_sha256"]


def brought_back(story: Story, version: str) -> None:
    """Roll back to a version from an empty cache, with git and the remote alone."""
    clone = story.elsewhere(f"back-to-{version}")
    if card(clone, "HEAD") == card(clone, version):  # there already: away from it first
        said(clone, "rollback", FIVE[0], "--reason", "a drill", "--model-only")
        shutil.rmtree(clone.path(".dvc/cache"))
    told = json.loads(said(clone, "rollback", version, "--reason", "a drill", "--force", "--json"))
    recorded = card(clone, version)["model_sha256"]
    assert sha256_file(clone.path(MODEL)) == told["model_sha256"] == recorded
    assert (told["answers"]["rows"], told["answers"]["difference"]) == (50, 0.0)
    assert clone.run("git", "status", "--porcelain") == ""


def objects(folder: Path) -> set[str]:
    return {path.parent.name + path.name for path in folder.glob("files/md5/??/*")}


@pytest.mark.slow
def test_twelve_nights(template: Project, tmp_path: Path) -> None:
    story = Story(template, tmp_path)
    laptop, nights = story.laptop, []

    def normal_night() -> str:
        deliver(laptop)
        nights.append(night(laptop))
        return story.accept() if nights[-1] == "RETRAIN PASS" else ""

    accepted = [normal_night() for _ in range(8)]
    assert accepted == ["", "", "", "", "model@v2.0.0", "model@v3.0.0", "", "model@v4.0.0"]
    newest = deliver(laptop)

    # The fourth version is bad. It goes while the ninth night runs.
    a_rollback_while_a_night_runs(story)
    nights.append(f"{line(laptop)['decision']} {line(laptop)['verdict']}")

    # The data that made it would make it again; it isn't proposed.
    taught = list(card(laptop, BAD)["holdout"]["batches"])[-1]
    nights.append(night(laptop, "--until", taught))
    assert line(laptop)["reason"].startswith("made the model again that was rolled back on ")
    assert REASON in line(laptop)["reason"]

    # What is new is judged against the restored champion.
    nights.append(night(laptop))
    verdict = json.loads(laptop.run("git", "show", "retrain/next:reports/verdict.json"))
    assert verdict["champion"]["model_sha256"] == card(laptop, GOOD)["model_sha256"]
    assert newest in card(laptop, "retrain/next")["holdout"]["batches"]
    accepted.append(normal_night())
    assert accepted[-1] == "model@v5.0.0"
    assert nights == [
        "SKIP", "RETRAIN BLOCK", "RETRAIN BLOCK", "RETRAIN BLOCK", "RETRAIN PASS", "RETRAIN PASS",
        "SKIP", "RETRAIN PASS", "RETRAIN PASS", "SKIP", "RETRAIN PASS", "RETRAIN PASS",
    ]  # fmt: skip

    # History names them all, and what became of them.
    past = json.loads(said(laptop, "history", "--json"))
    assert [each["version"] for each in past["versions"]] == FIVE[::-1]
    for each in past["versions"]:
        assert each["model_sha256"] == card(laptop, each["version"])["model_sha256"]
    assert [stay["tag"] for stay in past["stays"]] == [FIVE[4], GOOD, BAD, FIVE[2], GOOD, FIVE[0]]
    taken_back = {each["version"]: each["rolled_back"] for each in past["versions"]}
    assert taken_back.pop(BAD)["reason"] == REASON
    assert set(taken_back.values()) == {None}

    for version in FIVE:
        brought_back(story, version)

    # What no version needs goes, and each that stays can still be restored.
    laptop.run("git", "branch", "--quiet", "--delete", "--force", "retrain/next")
    store = laptop.path(".dvc/remote")
    before = objects(store)
    told = json.loads(said(laptop, "gc", "--keep", "90d", "--cloud", "--yes", "--json"))
    assert told["done"]["checked"] == FIVE
    assert [part["what"] for part in told["parts"]] == ["intermediate commits"]
    assert before - objects(store) == set(told["remote"]) != set()
    elsewhere = story.elsewhere("drill")
    assert "5 of 5 restorable" in said(elsewhere, "verify", "--all", "--data")

    # An object that somebody deletes is missed by name.
    lock = laptop.run("git", "show", f"{FIVE[2]}:dvc.lock")
    [lost] = re.findall(rf"path: {MODEL}\n\s+hash: md5\n\s+md5: (\w+)", lock)
    (store / "files/md5" / lost[:2] / lost[2:]).unlink()
    code, printed = elsewhere.ratchet("verify", "--all")
    assert (code, "4 of 5 restorable" in printed) == (5, True), printed
    assert f"{MODEL} of {FIVE[2]} is not in DVC's remote (MD5 {lost})" in printed
