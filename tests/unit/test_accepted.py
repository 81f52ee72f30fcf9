"""Which versions were accepted, as GTO's tags in a real git repository say."""

import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from journal import CARD, Journal, sha

from ratchet.errors import ConfigError, EvidenceError
from ratchet.journal import accepted


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "repository")


def test_versions_are_named_with_model_date_reason_and_stage(journal: Journal) -> None:
    for number in 1, 2, 10:
        journal.model(number)
        journal.tag(f"model@v{number}.0.0", number)
    journal.tag("model#prod#1", 1)
    journal.tag("model#prod#2", 10)
    journal.tag("model#staging#3", 2)
    found = accepted.versions(journal.write(), CARD)
    assert [each.tag for each in found] == ["model@v1.0.0", "model@v2.0.0", "model@v10.0.0"]
    assert [each.model_sha256 for each in found] == [sha(1), sha(2), sha(10)]
    assert [each.stages for each in found] == [(), ("staging",), ("prod",)]
    assert found[0].was_in == ("prod",)
    assert found[0].message == "why"
    assert found[0].day < found[1].day < found[2].day
    assert accepted.next_number(journal.folder) == (11, 0, 0)


def test_a_repository_without_tags_has_no_versions(journal: Journal) -> None:
    journal.model(1)
    assert accepted.versions(journal.write(), CARD) == []
    assert accepted.next_number(journal.folder) == (1, 0, 0)


def test_what_is_not_in_the_history_is_not_accepted_there(journal: Journal) -> None:
    journal.model(1)
    journal.model(2, branch="other")
    journal.tag("model@v1.0.0", 1)
    journal.tag("model@v2.0.0", 2)
    folder = journal.write()
    assert [each.tag for each in accepted.versions(folder, CARD, "main")] == ["model@v1.0.0"]
    assert len(accepted.versions(folder, CARD)) == 2


def test_later_events_win_in_the_order_of_their_numbers(journal: Journal) -> None:
    """Within one second, and with ten events: neither dates nor names of tags tell the order."""
    for number in 1, 2:
        journal.model(number)
        journal.tag(f"model@v{number}.0.0", number)
    for event in range(1, 11):
        journal.clock -= 86_400
        journal.tag(f"model#prod#{event}", 1 if event == 10 else 2)
    first, second = accepted.versions(journal.write(), CARD)
    assert (first.stages, second.stages) == (("prod",), ())


def test_when_a_model_last_left_a_stage(journal: Journal) -> None:
    for number in 1, 2, 3:
        journal.model(number)
        journal.tag(f"model@v{number}.0.0", number)
    events = ("prod", 1), ("prod", 1), ("staging", 3), ("prod", 2), ("prod", 1), ("prod", 2)
    for event, (stage, number) in enumerate(events):
        journal.tag(f"model#{stage}#{event}", number)
    journal.tag("model#prod!#6", 2)
    journal.tag("model#prod!#7", 2)
    folder = journal.write()
    first, second, third = accepted.versions(folder, CARD)
    left = accepted.left_stages(folder)
    # A day passes with each tag: the first left with the event before the last two.
    assert left.keys() == {first.commit, second.commit}
    assert (left[second.commit] - left[first.commit]).days == 1
    assert (left[first.commit] - datetime.fromisoformat(third.date)).days == 6


def test_what_gto_took_back_is_gone_and_its_number_stays_taken(journal: Journal) -> None:
    for number in 1, 2:
        journal.model(number)
        journal.tag(f"model@v{number}.0.0", number)
        journal.tag(f"model#prod#{number}", number)
    journal.tag("model@v2.0.0!", 2)
    journal.tag("model#prod!#3", 2)
    [left] = accepted.versions(journal.write(), CARD)
    assert (left.tag, left.stages) == ("model@v1.0.0", ())
    assert accepted.next_number(journal.folder) == (3, 0, 0)


def test_foreign_tags_and_broken_cards_are_no_models(journal: Journal) -> None:
    journal.commit(1, "no card")
    journal.commit(2, "[]")
    journal.tag("model@v1.0.0", 1)
    journal.tag("model@v2.0.0", 2)
    journal.tag("model@latest", 2)
    journal.tag("v3.0.0", 2)
    folder = journal.write()
    subprocess.run(["git", "-C", str(folder), "tag", "model@v4.0.0", "main"], check=True)
    found = accepted.versions(folder, CARD)
    assert [(each.tag, each.model_sha256) for each in found] == [
        ("model@v1.0.0", ""), ("model@v2.0.0", ""),
    ]  # fmt: skip
    assert accepted.with_model(found, "") is None


def test_the_newest_version_of_a_model_is_found(journal: Journal) -> None:
    for number in 1, 2, 3:
        journal.model(number % 2 or 7)
        journal.tag(f"model@v{number}.0.0", number % 2 or 7)
    found = accepted.versions(journal.write(), CARD)
    newest = accepted.with_model(found, sha(1))
    assert newest
    assert newest.tag == "model@v3.0.0"
    assert accepted.with_model(found, sha(5)) is None


def test_a_thousand_versions_cost_git_two_calls(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 1001):
        journal.model(number)
        journal.tag(f"model@v{number}.0.0", number)
        journal.tag(f"model#prod#{number}", number)
    folder = journal.write()
    calls: list[Any] = []
    run = subprocess.run
    monkeypatch.setattr(
        subprocess, "run", lambda *args, **more: calls.append(args) or run(*args, **more)
    )
    found = accepted.versions(folder, CARD, "main")
    assert len(calls) == 2
    assert [each.model_sha256 for each in found] == [sha(number) for number in range(1, 1001)]


@pytest.mark.parametrize("name", ["2", "v2", " v2.0 ", "model@v2", "model@v2.0.0"])
def test_a_person_may_call_a_version_in_many_ways(journal: Journal, name: str) -> None:
    for number in 1, 2:
        journal.model(number)
        journal.tag(f"model@v{number}.0.0", number)
    assert accepted.find(accepted.versions(journal.write(), CARD), name).tag == "model@v2.0.0"


@pytest.mark.parametrize("name", ["9", "v0", "prod", "--all", "", "model@", "v2.0.0.0"])
def test_an_unknown_version_is_refused_and_the_newest_are_named(
    journal: Journal, name: str
) -> None:
    for number in range(1, 9):
        journal.model(number)
        journal.tag(f"model@v{number}.0.0", number)
    known = accepted.versions(journal.write(), CARD)
    with pytest.raises(ConfigError, match=r"newest are model@v8\.0\.0, .*, model@v4\.0\.0 \("):
        accepted.find(known, name)
    with pytest.raises(ConfigError, match="no version is part of this history"):
        accepted.find([], name)


def test_where_git_has_no_repository_it_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="not a git repository"):
        accepted.versions(tmp_path, CARD)
