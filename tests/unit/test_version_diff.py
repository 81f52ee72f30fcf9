"""How two versions differ, as far as git has it; tests/pipeline/test_history.py scores them."""

import json
from typing import Any

import pytest
from journal import card, labels, sha

from ratchet.artifacts.card import Card, Rows
from ratchet.errors import DataError
from ratchet.journal.accepted import Version
from ratchet.journal.commits import Revision
from ratchet.versions import diff, diff_text, snapshot
from ratchet.versions.diff import Batches
from ratchet.versions.record import Figure, Record
from ratchet.versions.rescore import newest
from ratchet.versions.snapshot import Snapshot

LOCK = """# made by uv
numpy==2.4.0 \\
    --hash=sha256:00
scikit-learn==1.9.0 ; python_version > "3" \\
    --hash=sha256:11
    # via other==9
"""


def side(number: int, about: Card | None = None, **more: Any) -> Snapshot:
    """Return version `number`; by default its card is that of model `number`."""
    about = about or card(number)
    version = Version(
        (number, 0, 0), sha(number)[:40], "2024-01-02", "Ada", "why", about.model_sha256, (), ()
    )
    whole: dict[str, Any] = {
        "record": Record(about, {"roc_auc": Figure(0.7, 0.65, 0.75)}, 0.95),
        "params": {"train": {"seed": number}},
        "schema": {},
        "packages": snapshot.packages(LOCK),
        "environment_sha256": about.environment_sha256,
    }
    return Snapshot(Revision(version.tag, version.commit), version, **(whole | more))


def compare(one: Snapshot, other: Snapshot) -> diff.Comparison:
    return diff.compare((one, other), None, "not asked for", failed=False)


def test_batches_that_came_went_and_changed_are_told() -> None:
    after = card(3)
    batches = after.train.batches | {"day-0005": sha(99)}
    changed = after.model_copy(update={"train": Rows.of(batches, labels(1003, 300))})
    found = compare(side(2), side(3, changed))
    assert found.train == Batches(["day-0012"], ["day-0002"], ["day-0005"], 8)
    assert found.holdout == Batches(["day-0015"], ["day-0012"], [], 2)


def test_params_contract_environment_and_code_are_told() -> None:
    about = card(3).model_copy(update={"code_sha256": sha(9)})
    newer = {"numpy": "2.5.0", "scipy": "1.17.0"}
    other = side(3, about, packages=newer, schema={"columns": {"late": {"type": "integer"}}})
    found = compare(side(2), other)
    assert found.params == ["train.seed: 2 → 3"]
    assert found.schema == ["columns: absent → ..."]
    assert found.environment == [
        "numpy 2.4.0 → 2.5.0", "scikit-learn 1.9.0 → absent", "scipy absent → 1.17.0",
    ]  # fmt: skip
    assert found.same_code is False
    assert compare(side(2), side(3)).same_code is True


def test_a_model_that_its_commit_s_environment_did_not_make_is_told() -> None:
    """As after a rollback, which keeps today's environment."""
    found = compare(side(2), side(3, environment_sha256=sha(5)))
    assert found.environment == [
        "the model of model@v3.0.0 was made in another one than its commit locks"
    ]


def test_the_same_model_is_told() -> None:
    assert compare(side(2), side(3, card(2))).same_model
    assert not compare(side(2), side(3)).same_model
    nothing = Record()
    assert not compare(side(2, record=nothing), side(3, record=nothing)).same_model


def test_figures_of_one_alone_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    record = Record(card(3), {"log_loss": Figure(0.5)})
    found = compare(side(2), side(3, record=record))
    assert found.recorded == {
        "roc_auc": (Figure(0.7, 0.65, 0.75), None),
        "log_loss": (None, Figure(0.5)),
    }
    diff_text.show(found)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["ROC", "AUC", "0.7000", "0.6500", "to", "0.7500", "-"] in rows
    assert ["log", "loss", "-", "0.5000"] in rows


def test_an_unreadable_card_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    found = compare(side(2), side(3, record=Record()))
    assert (found.train, found.holdout, found.same_code) == (None, None, None)
    diff_text.show(found)
    assert capsys.readouterr().out.count("a card can't be read by today's code") == 2
    told = json.loads(diff.to_json(found))
    assert (told["train"], told["same_code"], told["to"]["model_sha256"]) == (None, None, None)


def test_what_people_wrote_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    params = {f"key{number}": "[/b] :x:\x1b[31m" for number in range(25)}
    diff_text.show(compare(side(2, params={}), side(3, params=params)))
    printed = capsys.readouterr().out
    assert printed.count("[/b] :x: [31m") == diff_text.MOST_LINES
    assert " and 5 more: --json" in printed
    assert max(len(line) for line in printed.splitlines()) <= 80


def test_the_newest_holdout_judges() -> None:
    assert newest([side(2), side(4), side(3)]).name == "model@v4.0.0"
    with pytest.raises(DataError, match=r"card of model@v3\.0\.0 can't be read"):
        newest([side(2), side(3, record=Record())])


def test_a_lock_file_s_packages_are_read() -> None:
    assert snapshot.packages(LOCK) == {"numpy": "2.4.0", "scikit-learn": "1.9.0"}
