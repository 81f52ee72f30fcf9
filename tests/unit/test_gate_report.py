"""The report: verdict first, narrow, short enough, and nothing in it that GitHub would act on."""

import json
import re
from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.artifacts.card import Card, Rows
from ratchet.artifacts.scored import Scored
from ratchet.config import Bootstrap, Evaluate, Gate, Rule, SliceRules
from ratchet.gate import pictures, record, report, words
from ratchet.gate.findings import Batches, Findings, Side
from ratchet.gate.paired import differences, movement
from ratchet.gate.policy import Policy
from ratchet.gate.recorded import Recorded
from ratchet.gate.rules import Outcome, Status, judge_pair
from ratchet.gate.slices import by_slice
from ratchet.journal.commits import Revision
from ratchet.scoring.metrics import score

BASE, HEAD = Revision("origin/main", "b" * 40), Revision("HEAD", "a" * 40)
DRAWS = Bootstrap(replicates=100, confidence=0.9, seed=0)
RULES = Gate(
    metrics={"log_loss": Rule(significant_loss=0.01), "roc_auc": Rule(significant_loss=0.01)},
    moved_above=0.1,
    slices=SliceRules(columns=["shop"], metric="log_loss", margin=0.02, chance=0.05, min_rows=20),
    bootstrap=DRAWS,
)
POLICY = Policy(
    RULES,
    Evaluate(threshold=0.5, slices=[], min_slice_rows=20, bootstrap=DRAWS),
    frozenset(),
    BASE,
)


def card(sha256: str) -> Card:
    rows = Rows.of({"2024-01-01": "0" * 64, "2024-01-02": "1" * 64}, np.repeat([0, 1], [120, 80]))
    return Card(
        model_sha256=sha256 * 64, estimator="x", parameters={}, seed=0, target="t", positive=1,
        features={}, train=rows, holdout=rows, code_sha256="", environment_sha256="", libraries={},
    )  # fmt: skip


def side(sha256: str, y: Any, p: Any, batch: Any) -> Side:
    return Side(card(sha256), 40_000, score(y, p), Scored(batch, y, p, pa.table({})))


@pytest.fixture
def compared() -> Findings:
    """Findings about a challenger that knows less than the champion."""
    random = np.random.default_rng(0)
    y = np.tile([0, 1], 200)
    batch = np.repeat(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"], 100)
    old = np.clip(0.3 * y + random.uniform(0.2, 0.5, 400), 0, 1)
    new = np.clip(random.uniform(0.1, 0.9, 400), 0, 1)
    found = Findings("origin/main", BASE, HEAD, policy=POLICY)
    found.champion, found.challenger = side("c", y, old, batch), side("d", y, new, batch)
    options: dict[str, Any] = {"seed": 0, "confidence": 0.9, "replicates": 100}
    found.differences = differences(y, old, new, batch, metrics=["roc_auc", "log_loss"], **options)
    found.movement = movement(y, old, new)
    shops = np.tile(["a|b", "@octocat", "<img>", "z"], 100)
    found.slices = by_slice(
        y, old, new, batch, {"shop": shops}, metric="log_loss", min_rows=20, **options
    )
    found.outcomes += judge_pair(found.differences, found.movement, 2, RULES)
    found.recorded = {
        "base": Recorded({"roc_auc": 0.92, "rows": 2000}),
        "head": Recorded({"roc_auc": nan, "extra": 1.0}),
    }
    return found


def test_the_verdict_comes_first_then_its_reason(compared: Findings) -> None:
    lines = report.markdown(compared).splitlines()
    assert lines[0] == "# ⛔ BLOCK: this must not be merged"
    assert lines[2].startswith("**log_loss is")
    assert "aaaaaaaaaa" in lines[4]


def test_tables_fit_a_phone_and_names_are_only_text(compared: Findings) -> None:
    told = report.markdown(compared)
    rows = [line for line in told.splitlines() if line.startswith("|")]
    assert rows
    assert max(line.count("|") for line in rows) <= 5
    assert "<img" not in told
    assert "@octocat" not in told
    assert "shop=a&#124;b" in told


def test_a_pass_says_what_the_interval_means(compared: Findings) -> None:
    compared.outcomes = [Outcome("margin", "log_loss", Status.FINE, "fine")]
    assert compared.reason.startswith("with 90% confidence the new model is at most 0.")
    assert compared.reason.count("worse in") == 2


def test_nothing_takes_over_when_the_model_is_the_same(compared: Findings) -> None:
    compared.outcomes = [Outcome("model", "model", Status.FINE, "fine")]
    assert report.markdown(compared).startswith("# ✅ PASS: the new model may take over")
    compared.same_model = True
    assert report.markdown(compared).startswith("# ✅ PASS: the model didn't change")


def test_what_surely_gains_is_called_better(compared: Findings) -> None:
    each = compared.differences["roc_auc"]
    better = replace(each, loss=-0.2, low=-0.3, high=-0.1)
    said = words.confidently({"roc_auc": better}, 0.95, ["roc_auc"])
    assert said == "with 95% confidence the new model is surely better in ROC AUC"


def test_both_are_judged_where_there_are_two(compared: Findings) -> None:
    assert "Both judged on the same 200 rows of 2 batches" in report.markdown(compared)
    compared.champion = None
    told = report.markdown(compared)
    assert "Judged on 200 rows of 2 batches, 2024-01-01 to 2024-01-02" in told
    assert "Both" not in told


def test_a_change_of_policy_is_bold(compared: Findings) -> None:
    assert "POLICY" not in report.markdown(compared)
    compared.policy_changes = ["params.yaml: gate.margin: 1 → 9"]
    told = report.markdown(compared)
    assert "> **⚠️ THIS REVISION CHANGES THE POLICY THAT JUDGES MODELS.**" in told
    assert "> - `params.yaml: gate.margin: 1 → 9`" in told


def test_a_report_without_any_finding_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "gate.md"
    stale = tmp_path / "reports" / "gate" / report.PICTURES[0]
    stale.parent.mkdir(parents=True)
    stale.touch()
    report.write(Findings("nowhere"), path, None, [])
    assert path.read_text().startswith("# ❌ ERROR")
    assert json.loads(path.with_suffix(".json").read_text())["verdict"] == "ERROR"
    assert not stale.exists()


def test_however_much_is_told_it_fits_a_comment(compared: Findings) -> None:
    long = "x" * 5000
    compared.outcomes += [Outcome("evidence", long, Status.ERROR, long) for _ in range(500)]
    compared.batches = Batches(added=[f"2024-{n}" for n in range(5000)], overruled={long: long})
    compared.policy_changes = [long] * 100
    compared.drill = {long: [long] * 100}
    told = report.markdown(compared)
    assert len(told) <= report.MOST_CHARACTERS
    assert told.startswith("# ❌ ERROR")
    assert "`gate.json` has everything" in told


def test_the_data_has_no_figure_that_json_lacks(compared: Findings) -> None:
    told = json.loads(record.content(compared), parse_constant=lambda name: pytest.fail(name))
    assert told["recorded"]["head"]["figures"] == {"roc_auc": None, "extra": 1.0}
    assert told["differences"]["roc_auc"]["loss"] > 0
    assert [each["value"] for each in told["slices"]] == ["<img>", "@octocat", "a|b", "z"]


def test_pictures_are_drawn_twice_the_same(compared: Findings, tmp_path: Path) -> None:
    drawn = pictures.draw(compared, tmp_path / "one")
    pictures.draw(compared, tmp_path / "two")
    assert drawn == ["differences.png", "roc.png", "batches.png"]
    for name in drawn:
        content = (tmp_path / "one" / name).read_bytes()
        assert content.startswith(b"\x89PNG")
        assert content == (tmp_path / "two" / name).read_bytes()
        assert f"![{Path(name).stem}](gate/{name})" in report.markdown(compared, "gate/", drawn)


@given(st.text())
def test_no_text_mentions_people_or_opens_tags_or_cells(text: str) -> None:
    told = words.plain(text)
    assert not re.search(r"(?<![0-9A-Za-z])@\w|<|\||!\[", told)


def test_reasons_become_sentences_and_names_stay() -> None:
    assert words.sentence("the base\n is behind.") == "The base is behind."
    assert words.sentence("roc_auc is low") == "roc_auc is low."
    assert words.sentence("rmse is low") == "rmse is low."
    assert words.sentence("reports/x.json can be read") == "reports/x.json can be read."
