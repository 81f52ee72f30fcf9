"""What another registry is told about a version, from a repository that git itself made."""

from pathlib import Path

import pytest
from journal import CARD, WHO, Journal, card, said, sha, taken_back

from ratchet.journal import rolled_back
from ratchet.versions import history
from ratchet.versions.history import Past
from ratchet.versions.mirror import mirrored, stages
from ratchet.versions.record import Places

PLACES = Places(CARD, "reports/metrics.json", "reports/evaluation.json", "reports/verdict.json", "")


@pytest.fixture
def past(tmp_path: Path) -> Past:
    """Two versions, the second rolled back to the first; the first was in staging, once.

    The card of a third can't be read.
    """
    journal = Journal(tmp_path / "repository")
    for number in (1, 2):
        journal.commit(number, card(number).model_dump_json(), files=said(number))
        journal.tag(f"model@v{number}.0.0", number, f"night {number}")
        journal.tag(f"model#prod#{number}", number)
    journal.tag("model#prod#3", 1)
    journal.tag("model#staging#4", 1)
    journal.tag("model#staging!#5", 1)
    journal.commit(6, "{}", files={rolled_back.FILE: taken_back(2, 1, "too late")})
    journal.tag("model@v3.0.0", 6)
    return history.read(journal.write(), PLACES)


def test_a_version_is_told_whole(past: Past) -> None:
    told = mirrored(past.entries[1])
    assert (told.tag, told.why) == ("model@v2.0.0", "night 2")
    assert told.accepted == 1_700_000_000_000 + 5 * 86_400_000  # the fifth thing that happened
    assert told.params == {"estimator": "hist_gradient_boosting", "seed": "0", "max_iter": "2"}
    assert told.metrics == {
        "roc_auc": 0.7, "roc_auc_low": 0.65, "roc_auc_high": 0.75,
        "log_loss": 0.5, "log_loss_low": 0.45, "log_loss_high": 0.55,
    }  # fmt: skip
    assert told.tags == {
        "ratchet.version": "model@v2.0.0",
        "ratchet.commit": past.entries[1].version.commit,
        "ratchet.model_sha256": sha(2),
        "ratchet.accepted": past.entries[1].version.date,
        "ratchet.by": WHO,
        "ratchet.task": "binary",
        "ratchet.target": "late",
        "ratchet.code_sha256": sha(7),
        "ratchet.environment_sha256": sha(8),
        "ratchet.data_sha256": card(2).train.sha256,
        "ratchet.data_window": "day-0002 to day-0011",
        "ratchet.data_rows": "1002",
        "ratchet.holdout_sha256": card(2).holdout.sha256,
        "ratchet.holdout_window": "day-0012 to day-0014",
        "ratchet.holdout_rows": "400",
        "ratchet.confidence": "0.95",
        "ratchet.verdict": "PASS: at most .01 worse",
    }
    assert told.standing == {
        "ratchet.stages": "",
        "ratchet.rolled_back": f"2024-01-02 by {WHO}: too late",
    }


def test_what_can_not_be_read_is_left_out(past: Past) -> None:
    told = mirrored(past.entries[2])
    assert told.params == {}
    assert told.tags["ratchet.version"] == "model@v3.0.0"
    assert not {"ratchet.target", "ratchet.data_sha256", "ratchet.verdict"} & set(told.tags)


def test_stages_are_told_even_when_nothing_stands_there_any_more(past: Past) -> None:
    assert stages(past) == {"prod": "model@v1.0.0", "staging": ""}
    assert mirrored(past.entries[0]).standing["ratchet.stages"] == "prod"
