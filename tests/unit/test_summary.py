"""The last run at a glance."""

import json
from pathlib import Path
from typing import Any

import pytest
from shop import Shop

from ratchet import summary
from ratchet.errors import EvidenceError


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def shown(
    shop: Shop, capsys: pytest.CaptureFixture[str], folder: Path, **changes: dict[str, Any]
) -> str:
    """Return what is shown of a shop's reports, with some of their entries changed."""
    paths = {}
    for name in ("validation", "evaluation"):
        content = json.loads(getattr(shop, name).read_text())
        paths[name] = folder / f"{name}.json"
        paths[name].write_text(json.dumps({**content, **changes.get(name, {})}))
    summary.show(paths["validation"], paths["evaluation"], shop.card)
    return capsys.readouterr().out


def line_of(text: str, title: str) -> list[str]:
    """Return the words of the first line that begins with a title."""
    lines = [line.strip() for line in text.splitlines()]
    return next(line for line in lines if line.startswith(title)).split()


def test_it_shows_what_was_used_and_how_good_it_is(
    evaluated: Shop, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = shown(evaluated, capsys, tmp_path)
    train = line_of(text, "train")
    assert (train[1:3], train[4:]) == (["4", "240"], ["positive", "day-01", "day-04"])
    assert line_of(text, "holdout")[1:3] == ["2", "120"]
    assert line_of(text, "quarantined") == ["quarantined", "0"]
    metrics = json.loads(evaluated.metrics.read_text())
    assert f"{metrics['roc_auc']:.4f}" in line_of(text, "ROC AUC")
    assert f"{metrics['log_loss']:.4f}" in line_of(text, "log loss")
    assert f"{metrics['baseline_log_loss']:.4f}" in line_of(text, "log loss")
    assert "90% interval" in text
    assert "WARNING" not in text
    for command in ("dvc plots show", "ratchet nightly", "ratchet predict"):
        assert command in text


def test_a_gain_is_positive_when_the_model_is_better(
    evaluated: Shop, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = shown(evaluated, capsys, tmp_path)
    for title in ("ROC AUC", "log loss", "Brier score"):
        assert line_of(text, title)[-1].startswith("+"), title


def test_quarantined_batches_come_with_their_reasons(
    evaluated: Shop, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    failures = [
        {"code": "range", "column": "amount", "message": "above 1000", "examples": ["row 4: 2e3"]},
        {"code": "empty", "column": "", "message": "the file has no content", "examples": []},
    ]
    changes = {"quarantined": {"day-03": failures}}
    text = shown(evaluated, capsys, tmp_path, validation=changes)
    assert "day-03  range amount: above 1000 (row 4: 2e3)" in text
    assert "and empty: ratchet batch show day-03" in text
    assert line_of(text, "quarantined") == ["quarantined", "1"]


@pytest.mark.parametrize("value", ["[/b]", "[bold]x", ":x:", "[link=x]", "\\"])
def test_what_bad_data_hold_is_shown_as_it_is(
    evaluated: Shop, capsys: pytest.CaptureFixture[str], tmp_path: Path, value: str
) -> None:
    failure = {"code": "value", "column": "channel", "message": "odd", "examples": [value]}
    changes = {"quarantined": {"day-03": [failure]}}
    assert f"odd ({value})" in shown(evaluated, capsys, tmp_path, validation=changes)


def test_a_model_that_is_no_better_than_the_prior_is_loudly_named(
    evaluated: Shop, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    gain = {"value": -0.01, "low": -0.02, "high": 0.003}
    changes = {"beats_baseline": False, "gain": gain}
    text = shown(evaluated, capsys, tmp_path, evaluation=changes)
    assert "WARNING: this model does not beat the trivial baseline" in text
    assert "-0.0100 (-0.0200 to 0.0030)" in text


@pytest.mark.parametrize("lost", ["validation", "evaluation", "card"])
def test_before_the_first_run_it_says_what_to_run(
    evaluated: Shop, tmp_path: Path, lost: str
) -> None:
    paths = {name: getattr(evaluated, name) for name in ("validation", "evaluation", "card")}
    with pytest.raises(EvidenceError, match="`dvc repro`"):
        summary.show(**{**paths, lost: tmp_path / "absent.json"})


def test_a_report_that_is_no_json_is_named(evaluated: Shop, tmp_path: Path) -> None:
    broken = tmp_path / "validation.json"
    broken.write_bytes(evaluated.validation.read_bytes()[:50])
    with pytest.raises(EvidenceError, match=r"validation\.json: can't be read"):
        summary.show(broken, evaluated.evaluation, evaluated.card)
