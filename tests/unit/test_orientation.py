"""What `ratchet` alone shows: never an error, always a next command that exists."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from commands import COMMANDS
from shop import Shop

from ratchet import alone, orientation
from ratchet.alone import Mark
from ratchet.cli import main as cli
from ratchet.git import git, signature
from ratchet.versions.waiting import VERDICT, Waiting

LEDGER = Path("reports/ledger.csv")
PLACES = {
    "card": "models/card.json",
    "verdict": VERDICT,
    "taken_back": "models/rolled_back.csv",
    "remote": ".dvc/config",
}


def look(shop: Shop, sample: str = "elsewhere") -> orientation.Here:
    return orientation.look(
        shop.root,
        params=shop.params_file.relative_to(shop.root),
        manifest=shop.manifest.relative_to(shop.root),
        card=shop.card.relative_to(shop.root),
        ledgers=(Path(".ratchet/night/ledger.csv"), LEDGER),
        sample=Path(sample),
    )


def about(here: orientation.Here) -> dict[str, str]:
    return dict(here.about)


def commands(here: orientation.Here) -> list[str]:
    return [command for command, _ in here.commands]


def test_a_repository_with_a_model_shows_it_and_leads_to_the_next_night(evaluated: Shop) -> None:
    here = look(evaluated)
    told = about(here)
    assert told["data"].startswith("your own, from ")
    assert told["batches"] == "6 pinned, day-01 to day-06"
    assert "taught by 4 batches until day-04, judged by 2 until day-06" in told["model"]
    assert told["last night"] == "none yet"
    assert "ratchet nightly" in commands(here)


def test_a_model_that_is_no_version_yet_is_to_be_named(repository: Shop) -> None:
    assert commands(look(repository))[:2] == ["ratchet register", "ratchet nightly"]
    tag(repository, "model@v1.0.0")
    assert commands(look(repository))[0] == "ratchet nightly"


def test_the_sample_is_told_from_one_s_own_data(evaluated: Shop) -> None:
    here = look(evaluated, evaluated.params["source"]["url"])
    assert about(here)["data"].startswith("the sample, from ")
    assert "ratchet init URL --target COL" in commands(here)
    assert "ratchet init URL --target COL" not in commands(look(evaluated))


def test_what_is_in_production_goes_before_what_is_newer_elsewhere(shop: Shop) -> None:
    shop.configure()
    git(shop.root, "init", "--quiet")
    names = signature(shop.root)
    for tags in (["model@v3.0.0", "model#prod#1"], ["model@v4.0.0", "model#staging#2"]):
        git(shop.root, "commit", "--quiet", "--allow-empty", "--message", "a model", **names)
        for tag in tags:
            git(shop.root, "tag", "--annotate", tag, "--message", "good", **names)
    assert about(look(shop))["champion"].startswith("model@v3.0.0 in prod, since ")
    git(shop.root, "tag", "--delete", "model#prod#1")
    assert about(look(shop))["champion"].startswith("model@v4.0.0 in staging, since ")


def test_the_champion_and_the_newest_night_are_named(shop: Shop) -> None:
    shop.configure()
    git(shop.root, "init", "--quiet")
    names = signature(shop.root)
    git(shop.root, "commit", "--quiet", "--allow-empty", "--message", "first", **names)
    for tag in ("model@v1.0.0", "model#prod#1"):
        git(shop.root, "tag", "--annotate", tag, "--message", "good", **names)
    for path, night, word in (
        (LEDGER, "2026-03-02", "RETRAIN"),
        (Path(".ratchet/night/ledger.csv"), "2026-03-03", "SKIP"),
    ):
        (shop.root / path).parent.mkdir(parents=True)
        (shop.root / path).write_text(f"night,decision,verdict,reason\n{night},{word},,because\n")
    told = about(look(shop))
    assert told["champion"].startswith("model@v1.0.0 in prod, since ")
    assert told["last night"] == "2026-03-03: SKIP: because"


def test_what_is_broken_is_told_in_its_line(shop: Shop) -> None:
    shop.params_file.write_text("source: {url: inbox")
    for path in (shop.manifest, shop.card):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n")
    told = about(look(shop))
    assert "is not valid YAML" in told["data"]
    assert "the first line must be" in told["batches"]
    assert "is not a model's card" in told["model"]
    assert told["champion"] == "git can't tell"


def test_elsewhere_it_says_where_to_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main([]) == 0
    printed = capsys.readouterr().out
    assert "run in the top folder of a Ratchet repository" in printed
    assert all(f" {name}" in printed for name in COMMANDS if " " not in name)


# What waits


def run_git(shop: Shop, *arguments: str) -> str:
    return git(shop.root, *arguments, **signature(shop.root))


def tag(shop: Shop, *names: str) -> None:
    for name in names:
        run_git(shop, "tag", "--annotate", name, "--message", "good")


def commit(shop: Shop, **files: str) -> None:
    """Commit what is there, and these files by the names that they have in PLACES."""
    for name, text in files.items():
        path = shop.root / PLACES[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    run_git(shop, "add", "--all")
    run_git(shop, "commit", "--quiet", "--message", "state")


def another(shop: Shop, digit: str) -> str:
    """Return the card with the hash of another model."""
    card = json.loads(shop.card.read_text())
    return json.dumps(card | {"model_sha256": digit * 64})


@pytest.fixture
def repository(evaluated: Shop, shop: Shop) -> Shop:
    """The branch main with a committed model, and no version."""
    shop.configure()
    git(shop.root, "init", "--quiet", "--initial-branch", "main")
    for name in ("card", "manifest"):
        path = getattr(shop, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(getattr(evaluated, name).read_bytes())
    commit(shop)
    return shop


def propose(shop: Shop, verdict: str) -> None:
    run_git(shop, "switch", "--quiet", "--create", "retrain/next")
    commit(shop, card=another(shop, "b"), verdict=json.dumps({"verdict": verdict}))
    run_git(shop, "switch", "--quiet", "main")


def test_a_proposal_that_passed_is_to_be_merged_and_then_named(repository: Shop) -> None:
    tag(repository, "model@v1.0.0", "model#prod#1")
    propose(repository, "PASS")
    assert commands(look(repository))[:2] == [
        "git merge retrain/next && dvc checkout && dvc push && git push", "ratchet nightly",
    ]  # fmt: skip
    run_git(repository, "merge", "--quiet", "retrain/next")
    assert commands(look(repository))[:2] == ["ratchet register", "ratchet nightly"]


def test_a_proposal_that_was_blocked_is_to_be_read(repository: Shop) -> None:
    propose(repository, "BLOCK")
    assert "git show retrain/next:reports/verdict.md" in commands(look(repository))
    assert not any("git merge" in command for command in commands(look(repository)))


def test_a_proposal_against_a_model_that_main_has_no_more_is_passed_over(repository: Shop) -> None:
    propose(repository, "PASS")
    commit(repository, card=another(repository, "c"))
    assert not any("retrain/next" in command for command in commands(look(repository)))


def test_on_the_proposal_s_branch_one_is_sent_back(repository: Shop) -> None:
    propose(repository, "PASS")
    run_git(repository, "switch", "--quiet", "retrain/next")
    found = commands(look(repository))
    assert found[0] == "git switch main && dvc checkout"
    assert not {"ratchet nightly", "ratchet register"} & set(found)


def test_a_rollback_is_to_be_merged_and_then_put_into_production(repository: Shop) -> None:
    first = repository.card.read_text()
    tag(repository, "model@v1.0.0", "model#prod#1")
    commit(repository, card=another(repository, "b"))
    tag(repository, "model@v2.0.0", "model#prod#2")
    assert commands(look(repository))[0] == "ratchet nightly"
    run_git(repository, "switch", "--quiet", "--create", "rollback")
    commit(repository, card=first, taken_back="model_sha256\nbbb\n")
    merge = "git merge rollback && dvc checkout && git push"
    assert commands(look(repository))[0] == f"git switch main && {merge}"
    run_git(repository, "switch", "--quiet", "main")
    assert commands(look(repository))[0] == merge
    run_git(repository, "merge", "--quiet", "--squash", "rollback")
    commit(repository)
    here = look(repository)
    assert here.commands[0] == (
        "ratchet register", "the committed model is v1: back into production",
    )  # fmt: skip


def test_a_version_in_production_that_isn_t_here_is_to_be_pulled(repository: Shop) -> None:
    tag(repository, "model@v1.0.0", "model#prod#1")
    commit(repository, card=another(repository, "b"))
    tag(repository, "model@v2.0.0", "model#prod#2")
    run_git(repository, "reset", "--quiet", "--hard", "HEAD~1")
    assert commands(look(repository))[0] == "git pull && dvc pull"


def test_where_a_night_would_refuse_it_isn_t_proposed(repository: Shop) -> None:
    repository.card.write_text(another(repository, "b"))
    here = look(repository)
    assert here.commands[0][0] == "git status"
    assert here.commands[0][1].startswith("not as committed: models/card.json; ")
    assert here.commands[1][0] == "git stash -u && dvc checkout"
    assert not {"ratchet nightly", "ratchet register"} & set(commands(here))


def test_a_night_that_runs_or_was_killed_is_told_before_all_else(repository: Shop) -> None:
    repository.card.write_text(another(repository, "b"))
    ended = subprocess.Popen(["true"])
    ended.wait()
    for pid, told in ((os.getpid(), "is running here"), (ended.pid, "was killed")):
        alone.leave(repository.root, Mark(pid, "2026-03-14 03:00 UTC", "c0ffee", "", ()))
        here = look(repository)
        assert about(here)["last night"] == f"{told} (PID {pid}, since 2026-03-14 03:00 UTC)"
        assert ("ratchet nightly" in commands(here)) == (pid == ended.pid)
        assert not any("stash" in command for command in commands(here))


def test_the_sample_s_model_is_named_once_somebody_has_begun(repository: Shop) -> None:
    url = repository.params["source"]["url"]
    config = "[core]\n    analytics = false\n    remote = {0}\n['remote \"{0}\"']\n    url = {1}\n"
    commit(repository, remote=config.format("local", "remote"))
    assert "ratchet register" not in commands(look(repository, url))
    for name, remote in (("local", "s3://models"), ("storage", "remote/")):
        commit(repository, remote=config.format(name, remote))
        assert commands(look(repository, url))[0] == "ratchet register"
    commit(repository, remote=config.format("local", "remote"))
    tag(repository, "model@v1.0.0")
    commit(repository, card=another(repository, "b"))
    assert commands(look(repository, url))[0] == "ratchet register"


def test_batches_that_wait_in_a_folder_are_counted(repository: Shop) -> None:
    url = repository.params["source"]["url"]
    folder = repository.root / url
    folder.mkdir(exist_ok=True)
    for name in ("day-00", "day-06", "day-07", "day-08"):  # too old, pinned, and two that wait
        (folder / f"{name}.csv").write_text("x\n")
    here = look(repository, url)
    assert dict(here.commands)["ratchet nightly"] == "a whole night: 2 batches wait at the source"
    order = ["ratchet nightly", "ratchet sample publish --days 1"]
    assert [each for each in commands(here) if each in order] == order
    for name in ("day-07", "day-08"):
        (folder / f"{name}.csv").unlink()
    assert [each for each in commands(look(repository, url)) if each in order] == order[::-1]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("RETRAIN,BLOCK,6 new rows,surely worse in log loss",
         "RETRAIN, BLOCK: surely worse in log loss"),
        ("RETRAIN,,6 new rows,", "RETRAIN: 6 new rows"),
        ("FAILED,,KeyboardInterrupt,", "FAILED: stopped with Ctrl-C"),
    ],
)  # fmt: skip
def test_a_night_is_told_by_what_ended_it(shop: Shop, line: str, told: str) -> None:
    shop.configure()
    (shop.root / LEDGER).parent.mkdir(parents=True)
    header = "night,decision,verdict,reason,gate_reason"
    (shop.root / LEDGER).write_text(f"{header}\n2026-03-02,{line}\n")
    assert about(look(shop))["last night"] == f"2026-03-02: {told}"


@pytest.mark.parametrize("of_sample", [True, False])
@pytest.mark.parametrize(
    "waiting",
    [Waiting(unnamed=True), Waiting(back="v1"), Waiting(ahead="v2"), Waiting(verdict="BLOCK")],
)
def test_every_command_that_it_names_is_there(waiting: Waiting, of_sample: bool) -> None:
    found = [
        *orientation._first(waiting, untouched=False),
        *orientation._then(waiting, of_sample=of_sample, fresh=0),
        *orientation._always(of_sample=of_sample),
    ]
    named = [said[1] for command, _ in found if (said := re.match(r"ratchet ([a-z]+)", command))]
    assert len(named) >= 3 + of_sample
    assert set(named) <= set(COMMANDS) | {"init"}
