"""The stage evaluate: figures, intervals, slices, the trivial baseline and the plots' data."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from ruamel.yaml import YAML
from shop import PARAMS, Shop, snapshot

from ratchet.artifacts.card import Card, Rows, read_card
from ratchet.artifacts.scored import Scored, read_scored
from ratchet.config import Evaluate
from ratchet.errors import ConfigError, DataError, EvidenceError
from ratchet.scoring.metrics import metrics_of
from ratchet.stages.evaluate import describe, measure

PROJECT = Path(__file__).parents[2]


def config(**changes: Any) -> Evaluate:
    return Evaluate.model_validate({**PARAMS["evaluate"], **changes})


def scored(score: Any, label: Any = (0, 1) * 50, **columns: Any) -> Scored:
    count = len(label)
    channel = pa.table({"channel": ["web"] * count, **columns})
    batch = np.array(["day-01", "day-02"]).repeat([count // 2, count - count // 2])
    return Scored(batch, np.array(label, np.int8), np.array(score, float), channel)


def about(**changes: Any) -> Card:
    """Return a card with what evaluate reads of it; half of the training labels were positive."""
    half = Rows.of({"day-00": "0" * 64}, np.array([0, 1]))
    return Card.model_construct(**{"task": "binary", "classes": (), "train": half, **changes})


ABOUT = about()
GOOD = scored((0.3, 0.6) * 50)
PRIOR_ONLY = scored([0.5] * 100)


def plot(shop: Shop, name: str) -> list[dict[str, str]]:
    with (shop.plots / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


def copied(evaluated: Shop, folder: Path) -> Shop:
    """Return a shop with the scores and the card of another one."""
    shop = Shop(folder)
    for file in (evaluated.scored, evaluated.card):
        target = shop.root / file.relative_to(evaluated.root)
        target.parent.mkdir(parents=True)
        shutil.copy(file, target)
    return shop


def test_the_metrics_are_flat_and_those_of_the_scores(evaluated: Shop) -> None:
    from sklearn.metrics import log_loss, roc_auc_score

    found = json.loads(evaluated.metrics.read_text())
    rows = read_scored(evaluated.scored)
    assert list(found) == [*metrics_of("binary"), "baseline_log_loss", "rows"]
    assert found["roc_auc"] == round(roc_auc_score(rows.label, rows.score), 6)
    assert found["log_loss"] == round(log_loss(rows.label, rows.score), 6)
    assert found["rows"] == 120


def test_the_baseline_knows_only_the_training_data(evaluated: Shop) -> None:
    found = json.loads(evaluated.evaluation.read_text())
    card = read_card(evaluated.card)
    p, q = float(card.train.prior), float(card.holdout.prior)
    expected = -(q * np.log(p) + (1 - q) * np.log(1 - p))
    assert p != q
    assert found["baseline"]["log_loss"] == pytest.approx(expected, abs=1e-6)
    assert found["baseline"]["roc_auc"] == 0.5


def test_every_figure_lies_in_its_interval(evaluated: Shop) -> None:
    found = json.loads(evaluated.evaluation.read_text())
    assert list(found["metrics"]) == list(metrics_of("binary"))
    assert found["confidence"] == 0.9
    for each in (*found["metrics"].values(), found["gain"]):
        assert each["low"] < each["value"] < each["high"]
    assert found["beats_baseline"] is True


def test_the_gain_is_what_the_prior_loses_more(evaluated: Shop) -> None:
    found = json.loads(evaluated.evaluation.read_text())
    lost = found["baseline"]["log_loss"] - found["metrics"]["log_loss"]["value"]
    assert found["gain"]["value"] == pytest.approx(lost, abs=2e-6)


def test_a_model_that_has_learned_is_described_without_warning() -> None:
    found = measure(GOOD, ABOUT, config())
    assert found.beats_baseline
    assert describe(found).startswith("evaluate: ROC AUC 1.000 (1.000 to 1.000), log loss 0.4338 (")
    assert describe(found).endswith("on 100 rows")


@pytest.mark.parametrize(
    "rows", [PRIOR_ONLY, scored((0.6, 0.3) * 50), scored(np.linspace(0.49, 0.51, 100))]
)
def test_a_model_that_does_not_beat_the_class_prior_is_loudly_named(rows: Scored) -> None:
    found = measure(rows, ABOUT, config())
    assert not found.beats_baseline
    line, warning = describe(found).splitlines()
    assert line.startswith("evaluate: ROC AUC 0.")
    assert warning.startswith("WARNING: this model does not beat the trivial baseline")


def test_slices_are_measured_value_by_value(evaluated: Shop) -> None:
    found = json.loads(evaluated.evaluation.read_text())["slices"]["channel"]
    rows = read_scored(evaluated.scored)
    channel = np.array(rows.columns["channel"].to_pylist())
    assert list(found) == ["phone", "store", "web"]
    for value, figures in found.items():
        inside = channel == value
        assert figures["rows"] == inside.sum()
        assert figures["positive_share"] == round(float(rows.label[inside].mean()), 6)
        brier = np.mean((rows.score[inside] - rows.label[inside]) ** 2)
        assert figures["brier"] == round(float(brier), 6)


def test_a_small_slice_is_only_counted() -> None:
    rows = scored((0.3, 0.6) * 50, channel=["web"] * 70 + ["store"] * 30)
    found = measure(rows, ABOUT, config(min_slice_rows=31)).slices["channel"]
    assert found["store"] == {"rows": 30, "positive_share": 0.5}
    assert found["web"].keys() > {"rows", "positive_share", "roc_auc"}


def test_a_slice_of_one_class_has_the_figures_that_it_can_have() -> None:
    rows = scored((0.3, 0.6) * 50, channel=["web", "store"] * 50)
    found = measure(rows, ABOUT, config()).slices["channel"]
    assert "roc_auc" not in found["web"]
    assert found["web"]["accuracy"] == 1


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([1, None] * 50, ["(null)", "1"]),
        ([True, False] * 50, ["false", "true"]),
        ([0.5, 2.0] * 50, ["0.5", "2"]),
        (["b", "a"] * 50, ["a", "b"]),
    ],
)
def test_any_column_can_make_slices(values: list[Any], names: list[str]) -> None:
    rows = scored((0.3, 0.6) * 50, some=values)
    assert list(measure(rows, ABOUT, config(slices=["some"])).slices["some"]) == names


def test_without_slices_there_are_none() -> None:
    assert measure(GOOD, ABOUT, config(slices=[])).slices == {}


def test_a_slice_by_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        measure(GOOD, ABOUT, config(slices=["chanel"]))
    assert str(caught.value) == (
        "params.yaml: evaluate.slices: chanel is not a column of schema.yaml (they are channel)"
        "; mend it, or write slices: []"
    )


@pytest.mark.parametrize("label", [[0] * 100, [1] * 100, [1] + [0] * 99])
def test_a_holdout_of_one_class_is_refused(label: list[int]) -> None:
    with pytest.raises(DataError):
        measure(scored([0.4] * 100, label), ABOUT, config())


def test_scores_that_are_not_finite_are_refused() -> None:
    with pytest.raises(DataError, match="scores must be finite"):
        measure(scored((0.3, np.nan) * 50), ABOUT, config())


def test_the_threshold_decides_what_counts_as_positive() -> None:
    assert measure(GOOD, ABOUT, config()).metrics["accuracy"].value == 1
    assert measure(GOOD, ABOUT, config(threshold=0.7)).metrics["accuracy"].value == 0.5


# Files


def test_the_same_scores_give_the_same_files(evaluated: Shop, tmp_path: Path) -> None:
    shop = copied(evaluated, tmp_path)
    shop.evaluate()
    first = snapshot(shop.root / "reports")
    (shop.plots / ".partial-roc.csv-01234567").touch()
    shop.metrics.with_name(".partial-metrics.json-01234567").touch()
    shop.evaluate()
    assert snapshot(shop.root / "reports") == first
    for name, content in first.items():
        assert (evaluated.root / "reports" / name).read_bytes() == content


def test_figures_have_no_digits_that_processors_disagree_on(evaluated: Shop) -> None:
    def floats(content: Any) -> list[float]:
        if isinstance(content, dict):
            return [each for value in content.values() for each in floats(value)]
        return [content] if isinstance(content, float) else []

    for path in (evaluated.metrics, evaluated.evaluation):
        found = floats(json.loads(path.read_text()))
        assert found == [round(each, 6) for each in found]
        assert found


def test_the_plots_have_the_columns_that_dvc_draws(evaluated: Shop) -> None:
    pipeline = YAML(typ="safe").load(PROJECT / "dvc.yaml")
    drawn = set()
    for entry in pipeline["plots"]:
        for settings in entry.values():
            for path, columns in settings["y"].items():
                drawn.add(Path(path).stem)
                header = (evaluated.plots / Path(path).name).read_text().splitlines()[0]
                wanted = {*(columns if isinstance(columns, list) else [columns]), settings["x"]}
                assert wanted <= set(header.replace(chr(34), "").split(",")), path
    assert drawn == {path.stem for path in evaluated.plots.iterdir()}


def test_the_confusion_plot_has_a_line_for_each_row(evaluated: Shop) -> None:
    rows = read_scored(evaluated.scored)
    lines = plot(evaluated, "confusion")
    assert len(lines) == len(rows.label)
    hits = sum(line["actual"] == line["predicted"] for line in lines)
    assert hits == ((rows.score > 0.5) == rows.label).sum()
    assert sum(line["actual"] == "positive" for line in lines) == rows.label.sum()


def test_the_batches_plot_has_a_line_for_each_batch(evaluated: Shop) -> None:
    rows = read_scored(evaluated.scored)
    lines = plot(evaluated, "batches")
    assert [line["batch"] for line in lines] == ["day-05", "day-06"]
    for line in lines:
        inside = rows.batch == line["batch"]
        assert float(line["score"]) == pytest.approx(rows.score[inside].mean())
        assert float(line["label"]) == pytest.approx(rows.label[inside].mean())


@pytest.mark.parametrize("lost", ["scored", "card"])
def test_a_missing_input_is_named(evaluated: Shop, tmp_path: Path, lost: str) -> None:
    shop = copied(evaluated, tmp_path)
    getattr(shop, lost).unlink()
    with pytest.raises(EvidenceError, match=getattr(shop, lost).name):
        shop.evaluate()
    assert not shop.metrics.exists()
