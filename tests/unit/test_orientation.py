"""What `ratchet` alone shows: never an error, always a next command that exists."""

import re
from pathlib import Path

import pytest
from commands import COMMANDS
from shop import Shop

from ratchet import orientation
from ratchet.cli import main as cli
from ratchet.git import git, signature

LEDGER = Path("reports/ledger.csv")


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


def test_a_model_that_is_no_version_yet_is_to_be_named(evaluated: Shop, shop: Shop) -> None:
    shop.configure()
    git(shop.root, "init", "--quiet")
    names = signature(shop.root)
    git(shop.root, "commit", "--quiet", "--allow-empty", "--message", "first", **names)
    for name in ("card", "manifest"):
        path = getattr(shop, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(getattr(evaluated, name).read_bytes())
    assert commands(look(shop))[:2] == ["ratchet register", "ratchet nightly"]
    assert "ratchet register" not in commands(look(shop, shop.params["source"]["url"]))
    git(shop.root, "tag", "--annotate", "model@v1.0.0", "--message", "good", **names)
    assert "ratchet register" not in commands(look(shop))


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


@pytest.mark.parametrize("pinned", [True, False])
@pytest.mark.parametrize("model", [True, False])
@pytest.mark.parametrize("of_sample", [True, False])
def test_every_command_that_it_names_is_there(pinned: bool, model: bool, of_sample: bool) -> None:
    named = [
        found[1]
        for command, _ in orientation._next(
            pinned=pinned, model=model, unnamed=True, of_sample=of_sample
        )
        if (found := re.match(r"ratchet ([a-z]+)", command))
    ]
    assert len(named) >= 1 + of_sample
    assert set(named) <= set(COMMANDS) | {"init"}
