"""A model answers only after it was proven, and says what is wrong with what it is asked."""

import json
import logging
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from shop import Row, Shop, rows_of, write_rows
from sklearn.preprocessing import FunctionTransformer

from ratchet.artifacts import persist
from ratchet.artifacts.card import Card, read_card
from ratchet.artifacts.scored import read_scored
from ratchet.errors import ConfigError, EvidenceError
from ratchet.journal.accepted import standing
from ratchet.serving import inputs
from ratchet.serving.live import Live
from ratchet.serving.origin import Origin, Version
from ratchet.serving.proven import CARD, GOLDEN, MODEL, prove
from ratchet.serving.signature import Attested, attested, unsigned

VERSION = Version("model@v3.0.0", "c" * 40)


@pytest.fixture
def folder(evaluated: Shop, tmp_path: Path) -> Path:
    """The model with its card and golden predictions, as DVC brings them."""
    return Path(shutil.copytree(evaluated.model.parent, tmp_path / "models"))


def fine(_: Path) -> str:
    return "signed by a friend"


# Which version


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ({}, None),
        ({"model@v1.0.0": "a", "model#prod#1": "a"}, ("model@v1.0.0", "a")),
        # An older version came back; the events of all stages are counted together.
        (
            {
                "model@v1.0.0": "a", "model@v2.0.0": "b", "model#prod#1": "a", "model#prod#2": "b",
                "model#staging#3": "b", "model#prod#10": "a",
            },
            ("model@v1.0.0", "a"),
        ),
        ({"model@v1.0.0": "a", "model#prod#1": "a", "model#prod!#2": "a"}, None),
        ({"model@v1.0.0": "a", "model@v1.0.0!": "a", "model#prod#1": "a"}, None),
        ({"model#prod#1": "a"}, None),
        ({"other@v1.0.0": "a", "other#prod#1": "a", "model#staging#1": "a"}, None),
    ],
)  # fmt: skip
def test_the_tags_tell_what_is_in_production(
    tags: dict[str, str], found: tuple[str, str] | None
) -> None:
    assert standing(tags, "prod") == found


def test_dvc_is_found_where_nobody_has_activated_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A web server starts with a short PATH."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(EvidenceError, match=r"nowhere: `dvc get` failed: ERROR: "):
        Origin(f"{tmp_path}/nowhere").bring(Version("v1", "0" * 40), tmp_path / "model")


def test_a_repository_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"nowhere: `git ls-remote` failed: fatal: "):
        Origin(f"file://{tmp_path}/nowhere").standing()
    with pytest.raises(EvidenceError, match=r"`git ls-remote` took more than 0\.001 s"):
        Origin(f"file://{tmp_path}/nowhere", seconds=0.001).standing()


def test_who_takes_too_long_ends_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As git does, whose helper waits for the network."""
    program = tmp_path / "git"
    program.write_text(f"#!/bin/sh\nsleep 60 &\necho $! > {tmp_path}/helper\nwait\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(EvidenceError, match=r"`git ls-remote` took more than 2 s"):
        Origin("anywhere", seconds=2).standing()
    helper = int((tmp_path / "helper").read_text())
    with suppress(psutil.NoSuchProcess):  # who takes in orphans may be slow to bury them
        assert psutil.Process(helper).status() == psutil.STATUS_ZOMBIE


@dataclass(frozen=True)
class Elsewhere(Origin):
    """An origin in this process: all its versions have the files in the folder `models`.

    stands: the version that stands in the stage. brought: those that were asked for.
    """

    stands: list[Version] = field(default_factory=lambda: [VERSION])
    brought: list[Version] = field(default_factory=list)

    def standing(self) -> Version:
        return self.stands[-1]

    def bring(self, version: Version, folder: Path) -> None:
        self.brought.append(version)
        shutil.copytree(self.models, folder)


NEXT = Version("model@v4.0.0", "d" * 40)


def test_a_version_that_can_not_answer_here_is_brought_once_and_told_once(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    origin = Elsewhere("here", models=str(folder))
    live = Live(origin, fine)
    other_answers(folder)
    origin.stands.append(NEXT)
    caplog.clear()
    for _ in range(3):
        assert not live.look()
        assert "model@v4.0.0 (ddddddd): the model answers otherwise" in live.problem
    assert origin.brought == [VERSION, NEXT]
    assert len(caplog.records) == 1
    origin.stands.append(VERSION)  # rolled back
    assert not live.look()
    assert live.problem == ""


def test_a_file_on_the_remote_may_be_mended_and_is_told_of_once(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    origin = Elsewhere("here", models=str(folder))
    live = Live(origin, fine)
    good = (folder / MODEL).read_bytes()
    other_bytes(folder)
    origin.stands.append(NEXT)
    caplog.clear()
    for _ in range(3):
        assert not live.look()
        assert "model@v4.0.0 (ddddddd): model.skops isn't the accepted one" in live.problem
    assert len(caplog.records) == 1
    (folder / MODEL).write_bytes(good)
    assert live.look()
    assert (live.model.version, live.problem) == (NEXT, "")


def test_a_signature_that_comes_later_is_asked_for_again(folder: Path) -> None:
    shown = ["signed by a friend"]

    def verify(_: Path) -> str:
        if not shown:
            raise EvidenceError("signed by nobody")
        return shown.pop()

    origin = Elsewhere("here", models=str(folder))
    live = Live(origin, verify)
    origin.stands.append(NEXT)
    assert not live.look()
    assert live.problem == "model@v4.0.0 (ddddddd): signed by nobody"
    shown.append("signed by a friend")
    assert live.look()
    assert (live.model.version, live.problem) == (NEXT, "")


# The proof


def test_a_proven_model_gives_the_scores_of_the_stage(
    evaluated: Shop, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        model = prove(folder, VERSION, fine)
    told = [record.getMessage() for record in caplog.records]
    assert f"model@v3.0.0 (ccccccc): SHA-256 {model.card.model_sha256}, as its card says" in told
    assert "model@v3.0.0 (ccccccc): signed by a friend" in told
    assert {record.levelname for record in caplog.records} == {"INFO"}
    assert model.answers.same
    scored = read_scored(evaluated.scored)
    rows = [features(row, model.card) for row in rows_of("day-06")]
    np.testing.assert_array_equal(
        model.score(inputs.of_rows(rows, model.card, "")), scored.score[scored.batch == "day-06"]
    )


def other_bytes(folder: Path) -> None:
    (folder / MODEL).write_bytes((folder / MODEL).read_bytes() + b"\0")


def other_answers(folder: Path) -> None:
    golden = json.loads((folder / GOLDEN).read_text())
    golden["rows"][3][-1] += 1e-3
    (folder / GOLDEN).write_text(json.dumps(golden))


def foreign_type(folder: Path) -> None:
    """A model of a type that nobody has trusted, with a card that fits."""
    function = FunctionTransformer(np.linalg.norm)
    sha256 = persist.save(function, folder / MODEL, trusted=["numpy.linalg.norm"])
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps({**card, "model_sha256": sha256}))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (other_bytes, "model.skops isn't the accepted one: its card says SHA-256 "),
        (lambda folder: (folder / MODEL).unlink(), "model.skops isn't there"),
        (lambda folder: (folder / CARD).unlink(), "card.json: no such file"),
        (other_answers, "answers otherwise than when it was made: 1 of "),
        (lambda folder: (folder / GOLDEN).write_text("{}"), "holds no golden predictions"),
        (foreign_type, "holds types outside the allow-list: "),
    ],
)
def test_what_can_not_be_proven_does_not_answer(
    folder: Path, spoil: Callable[[Path], Any], says: str
) -> None:
    spoil(folder)
    with pytest.raises(EvidenceError) as caught:
        prove(folder, VERSION, fine)
    assert str(caught.value).startswith("model@v3.0.0 (ccccccc): ")
    assert says in str(caught.value)


def test_a_signature_that_is_not_shown_stops_before_the_file_is_read(folder: Path) -> None:
    foreign_type(folder)  # would stop the step after it

    def refuse(model: Path) -> str:
        assert model == folder / MODEL
        raise EvidenceError("signed by nobody")

    with pytest.raises(EvidenceError, match=r"^model@v3.0.0 \(ccccccc\): signed by nobody$"):
        prove(folder, VERSION, refuse)


def test_what_was_not_checked_is_warned_of(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / GOLDEN).unlink()
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps({**card, "libraries": {"scikit-learn": "0.1"}}))
    prove(folder, VERSION, unsigned)
    signature, golden = (record.getMessage() for record in caplog.records)
    assert "its signature wasn't checked" in signature
    assert "no golden predictions" in golden
    assert "libraries have moved: scikit-learn 0.1 → " in golden
    assert {record.levelname for record in caplog.records} == {"WARNING"}


# The signature


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/acme/late.git",
        "git@github.com:acme/late",
        "https://github.com/acme/late/",
    ],
)
def test_the_url_says_who_must_have_signed(url: str) -> None:
    assert attested(url) == Attested("acme/late")
    assert attested(url, "other/name") == Attested("other/name")


def test_a_url_of_elsewhere_does_not() -> None:
    with pytest.raises(ConfigError, match="say OWNER/NAME of the repository"):
        attested("https://example.com/acme/late")
    assert attested("/srv/late.git", "acme/late") == Attested("acme/late")


def test_gh_is_asked_and_its_no_is_final(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real gh, without a token and without a network: nothing can be shown."""
    monkeypatch.setenv("HOME", str(folder))
    # gh gives other advice where it takes itself to be in somebody's CI.
    for name in ("GH_TOKEN", "GITHUB_TOKEN", "GITHUB_ACTIONS", "CI"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(EvidenceError, match=r"the signature can't be shown: .*gh auth login"):
        prove(folder, VERSION, Attested("acme/late"))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with pytest.raises(EvidenceError, match=r"the signature can't be shown: .*GH_TOKEN"):
        prove(folder, VERSION, Attested("acme/late"))
    monkeypatch.setenv("GH_TOKEN", "a-token")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(EvidenceError, match=r"the signature can't be shown: .*Sigstore verifier"):
        prove(folder, VERSION, Attested("acme/late"))
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(EvidenceError, match="gh: no such program"):
        prove(folder, VERSION, Attested("acme/late"))


# What is asked


@pytest.fixture(scope="module")
def card(evaluated: Shop) -> Card:
    return read_card(evaluated.card)


def features(row: Row, card: Card) -> dict[str, Any]:
    """Return a row as JSON has it: numbers, true and false, null."""
    readers: dict[str, Callable[[str], Any]] = {
        "number": float, "integer": int, "boolean": lambda text: text == "true", "category": str,
    }  # fmt: skip
    return {
        name: readers[column.type](row[name]) if row[name] else None
        for name, column in card.features.items()
    }


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        ({"channel": "fax"}, ["value channel: not among the values (1 row; row 2: fax)"]),
        ({"channel": ""}, ["value channel: not among the values (1 row; row 2: )"]),
        ({"amount": -1}, ["range amount: below 0 (1 row; row 2: -1.0)"]),
        (
            {"items": 1.5},
            ["type items: holds values that aren't of type integer (1 row; row 2: 1.5)"],
        ),
        (
            {"amount": float("nan")},
            ["type amount: holds values that aren't of type number (1 row; row 2: nan)"],
        ),
        ({"amount": [1]}, ["type amount: holds a list or an object (1 row; row 2)"]),
        ({"items": None}, ["null items: has no value (1 row; row 2)"]),
        ({"rating": None}, []),
        ({"colour": "red"}, []),
        (
            {"items": None, "amount": "much"},
            [
                "type amount: holds values that aren't of type number (1 row; row 2: much)",
                "null items: has no value (1 row; row 2)",
            ],
        ),
    ],
)  # fmt: skip
def test_each_fault_is_told_with_its_row(
    card: Card, change: dict[str, Any], reasons: list[str]
) -> None:
    rows = [features(row, card) for row in rows_of("day-06", 3)]
    rows[1] |= change
    if not reasons:
        assert inputs.of_rows(rows, card, "").shape == (3, len(card.features))
        return
    with pytest.raises(inputs.RefusedError) as caught:
        inputs.of_rows(rows, card, "no good")
    assert [str(failure) for failure in caught.value.failures] == reasons
    assert str(caught.value).startswith("no good:")


def test_a_feature_that_a_row_does_not_name_is_no_null(card: Card) -> None:
    rows = [features(row, card) for row in rows_of("day-06", 3)]
    del rows[2]["rating"]  # which may be null
    rows[0]["items"] = "x"
    with pytest.raises(inputs.RefusedError) as caught:
        inputs.of_rows(rows, card, "")
    assert [str(failure) for failure in caught.value.failures] == [
        "missing_column rating: is not in the row (1 row; row 3)",
        "type items: holds values that aren't of type integer (1 row; row 1: x)",
    ]
    with pytest.raises(inputs.RefusedError, match="is not in the row"):
        inputs.of_rows([{}], card, "")


@pytest.mark.parametrize(
    ("rows", "says"), [([], "there are no rows"), ([1, {}], r"isn't an object .*\(1 row; row 1\)")]
)
def test_what_is_no_list_of_rows_is_refused(card: Card, rows: list[Any], says: str) -> None:
    with pytest.raises(inputs.RefusedError, match=says):
        inputs.of_rows(rows, card, "")


def test_rows_and_files_go_through_the_same_door(folder: Path, tmp_path: Path) -> None:
    model = prove(folder, VERSION, fine)
    file = write_rows(tmp_path / "rows.csv", rows_of("day-05"))
    rows = [features(row, model.card) for row in rows_of("day-05")]
    np.testing.assert_array_equal(
        model.score(inputs.of_file(file, model.card, "")[0]),
        model.score(inputs.of_rows(rows, model.card, "")),
    )
