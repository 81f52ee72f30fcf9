"""Losses on the same rows: against scikit-learn, against the truth, and against themselves."""

import subprocess
import sys

import numpy as np
import pytest
import sklearn.metrics as sk
from numpy.testing import assert_allclose, assert_array_equal

from ratchet.errors import ConfigError, DataError
from ratchet.gate.paired import differences, movement, paired_metrics
from ratchet.gate.within import levelled
from ratchet.scoring.bootstrap import paired

PAIRED_METRICS = paired_metrics("binary")


def simulated(rows=700, batches=7, seed=0, noise=(0.3, 0.9)):
    """Labels, a champion, a noisier challenger, and the day of each row."""
    random = np.random.default_rng(seed)
    logit = random.normal(-1, 1.2, rows)
    y = (random.random(rows) < 1 / (1 + np.exp(-logit))).astype(int)
    models = (1 / (1 + np.exp(-(logit + random.normal(0, each, rows)))) for each in noise)
    return (
        y,
        *models,
        np.array([f"2013-01-{d + 1:02}" for d in np.arange(rows) * batches // rows]),
    )


def test_a_loss_is_positive_where_the_challenger_is_worse_whatever_the_metric():
    y, champion, challenger, day = simulated()
    found = differences(y, champion, challenger, day, metrics=PAIRED_METRICS, seed=0)
    assert list(found) == list(PAIRED_METRICS)
    auc, loss = found["roc_auc"], found["log_loss"]
    assert auc.loss == pytest.approx(
        sk.roc_auc_score(y, champion) - sk.roc_auc_score(y, challenger), rel=1e-12
    )
    assert loss.loss == pytest.approx(
        sk.log_loss(y, challenger) - sk.log_loss(y, champion), rel=1e-12
    )
    assert (auc.champion, auc.challenger) == pytest.approx(
        (sk.roc_auc_score(y, champion), sk.roc_auc_score(y, challenger)), rel=1e-12
    )
    for each in found.values():
        assert each.low <= each.loss <= each.high
    for name in ("roc_auc", "log_loss", "brier", "log_loss_within", "brier_within"):
        assert found[name].loss > 0


@pytest.mark.parametrize("unit", ["row", "batch"])
def test_intervals_are_those_of_the_paired_bootstrap(unit):
    y, champion, challenger, day = simulated()
    options = {"seed": 4, "replicates": 200, "confidence": 0.9, "unit": unit}
    found = differences(y, champion, challenger, day, metrics=["log_loss", "roc_auc"], **options)
    known = paired(y, champion, challenger, day, metrics=["log_loss", "roc_auc"], **options)
    assert (found["log_loss"].low, found["log_loss"].high) == pytest.approx(
        (known["log_loss"].low, known["log_loss"].high), rel=1e-12
    )
    assert (found["roc_auc"].low, found["roc_auc"].high) == pytest.approx(
        (-known["roc_auc"].high, -known["roc_auc"].low), rel=1e-12
    )


def test_within_is_the_metric_on_levelled_scores():
    y, champion, challenger, day = simulated()
    found = differences(y, champion, challenger, day, metrics=["log_loss_within"], seed=0)
    before, after = (sk.log_loss(y, levelled(y, p, day)) for p in (champion, challenger))
    assert found["log_loss_within"].loss == pytest.approx(after - before, rel=1e-12)


def test_luck_with_the_level_of_the_days_does_not_show_within():
    y, champion, _, day = simulated()
    logit = np.log(champion / (1 - champion)) + 0.8
    found = differences(
        y, champion, 1 / (1 + np.exp(-logit)), day, metrics=["log_loss", "log_loss_within"], seed=0
    )
    assert found["log_loss"].loss > 0.05
    assert abs(found["log_loss_within"].loss) < 1e-9


@pytest.mark.parametrize("unit", ["row", "batch"])
def test_a_model_loses_exactly_nothing_against_itself(unit):
    y, champion, _, day = simulated()
    found = differences(
        y, champion, champion.copy(), day, metrics=PAIRED_METRICS, seed=0, unit=unit
    )
    for each in found.values():
        assert (each.loss, each.low, each.high, each.deviation) == (0, 0, 0, 0)
        assert each.chance_above(0) == 0
        assert each.chance_above(-1e-9) == 1


def test_changing_places_turns_every_loss_around():
    y, champion, challenger, day = simulated()
    there = differences(y, champion, challenger, day, metrics=PAIRED_METRICS, seed=0)
    back = differences(y, challenger, champion, day, metrics=PAIRED_METRICS, seed=0)
    for name in PAIRED_METRICS:
        assert_allclose(there[name].losses, -back[name].losses, atol=1e-15)


def test_the_chance_of_a_loss_is_the_share_of_resamples():
    y, champion, challenger, day = simulated(noise=(0.5, 0.55))
    found = differences(y, champion, challenger, day, metrics=["log_loss"], seed=0)["log_loss"]
    assert found.chance_above(found.low) == pytest.approx(0.975, abs=0.002)
    assert found.chance_above(found.high) == pytest.approx(0.025, abs=0.002)
    assert found.deviation == pytest.approx(np.std(found.losses), rel=1e-2)


def test_the_order_of_rows_does_not_matter():
    y, champion, challenger, day = simulated()
    order = np.random.default_rng(1).permutation(len(y))
    one = differences(y, champion, challenger, day, metrics=PAIRED_METRICS, seed=0)
    two = differences(
        y[order], champion[order], challenger[order], day[order], metrics=PAIRED_METRICS, seed=0
    )
    for name in PAIRED_METRICS:
        assert_allclose(one[name].losses, two[name].losses, atol=1e-12)


@pytest.mark.parametrize("metrics", [["auc"], [], ["roc_auc_within"]])
def test_an_unknown_metric_is_refused(metrics):
    with pytest.raises(ConfigError, match="choose among roc_auc"):
        differences(*simulated(), metrics=metrics, seed=0)


@pytest.mark.parametrize("place", [1, 2])
def test_scores_that_are_not_finite_are_refused(place):
    columns = list(simulated())
    columns[place] = np.where(np.arange(700) == 3, np.nan, columns[place])
    for metric in ("log_loss", "log_loss_within"):
        with pytest.raises(DataError, match="must not be used"):
            differences(*columns, metrics=[metric], seed=0)


def test_one_batch_has_no_interval_by_batches():
    y, champion, challenger, _ = simulated()
    with pytest.raises(DataError, match="needs several batches"):
        differences(y, champion, challenger, np.zeros(700), metrics=["log_loss"], seed=0)


def test_movement_is_what_it_says():
    moved = movement([0, 1, 0], [0.1, 0.6, 0.4], [0.2, 0.4, 0.4])
    assert moved.mean == pytest.approx(0.1)
    assert moved.level == pytest.approx(-0.1 / 3)
    assert moved.flips == pytest.approx(1 / 3)
    assert_array_equal(movement([1], [0.2], [0.4], threshold=0.3).flips, 1)


@pytest.mark.parametrize("scores", [[0.1, np.nan], [0.1, 2], [0.1], []])
def test_movement_wants_probabilities_of_the_same_rows(scores):
    with pytest.raises(DataError):
        movement([0, 1], [0.1, 0.2], scores)


def test_the_statistics_need_neither_sklearn_nor_pandas():
    code = (
        "import sys, ratchet.gate.rules; print(*sorted({'sklearn', 'pandas', 'scipy', 'dvc'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
