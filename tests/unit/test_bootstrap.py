"""Intervals against scikit-learn on the very same resamples, and against the truth."""

from itertools import islice
from math import erf

import numpy as np
import pytest
import sklearn.metrics as sk
from numpy.testing import assert_allclose, assert_array_equal

from ratchet.errors import ConfigError, DataError
from ratchet.scoring import bootstrap
from ratchet.scoring.bootstrap import (
    Interval,
    batch_codes,
    complete_draws,
    draws,
    intervals,
    paired,
    percentiles,
    resampled,
)
from ratchet.scoring.metrics import choose, metrics_of, score

DRAWN_FROM_SKLEARN = {
    "roc_auc": sk.roc_auc_score,
    "average_precision": sk.average_precision_score,
    "log_loss": sk.log_loss,
    "brier": sk.brier_score_loss,
    "f1_weighted": lambda y, p: sk.f1_score(y, p > 0.5, average="weighted"),
    "accuracy": lambda y, p: sk.accuracy_score(y, p > 0.5),
}


def simulated(rows=600, batches=5, seed=0, day_effect=0.0):
    """Two models of unequal noise on days of unequal size: labels, champion, challenger, day."""
    random = np.random.default_rng(seed)
    day = np.sort(
        random.choice(batches, rows, p=np.arange(1, batches + 1) / sum(range(batches + 1)))
    )
    logit = random.normal(-0.5, 1.2, rows)
    effect = day_effect * random.normal(size=batches)[day]
    y = (random.random(rows) < 1 / (1 + np.exp(-logit - effect))).astype(int)
    champion, challenger = (
        1 / (1 + np.exp(-(logit + random.normal(0, noise, rows)))) for noise in (0.4, 0.9)
    )
    return y, champion, challenger.round(2), np.array([f"2013-01-{d + 1:02}" for d in day])


@pytest.fixture
def data():
    return simulated()


units = pytest.mark.parametrize("unit", ["row", "batch"])


@units
def test_replicates_are_sklearns_on_the_same_resamples(data, unit):
    y, champion, challenger, day = data
    order = np.lexsort((*np.sort([champion, challenger], axis=0), y, day))
    drawn = resampled(y, [champion, challenger], day, seed=3, replicates=40, unit=unit)
    source = draws(batch_codes(day, len(y))[order], 3, unit)
    for replicate, count in enumerate(islice(source, 40)):
        rows = np.repeat(order, count.astype(int))
        for name, yardstick in DRAWN_FROM_SKLEARN.items():
            assert_allclose(
                drawn.replicates[name][replicate],
                [yardstick(y[rows], champion[rows]), yardstick(y[rows], challenger[rows])],
                rtol=1e-12,
                err_msg=name,
            )


@units
def test_intervals_are_percentiles_of_the_replicates_around_the_figures(data, unit):
    y, champion, challenger, day = data
    drawn = resampled(y, [champion, challenger], day, seed=3, replicates=200, unit=unit)
    before, after = score(y, champion), score(y, challenger)
    differences = paired(
        y, champion, challenger, day, seed=3, replicates=200, unit=unit, confidence=0.9
    )
    assert list(differences) == list(metrics_of("binary"))
    for name, interval in differences.items():
        replicates = drawn.replicates[name]
        low, high = np.quantile(replicates[:, 1] - replicates[:, 0], [0.05, 0.95])
        assert_allclose(
            [interval.value, interval.low, interval.high],
            [after[name] - before[name], low, high],
            rtol=1e-12,
        )
    for name, interval in intervals(y, champion, day, seed=3, unit=unit).items():
        assert interval.value == before[name]
        assert interval.low < interval.value < interval.high


def test_draws_of_rows_keep_each_batch_at_its_size():
    batch = np.repeat([0, 1, 2, 3], [1, 50, 7, 2])
    counts = np.array(list(islice(draws(batch, 1, "row"), 4000)))
    for number, size in enumerate([1, 50, 7, 2]):
        drawn = counts[:, batch == number]
        assert (drawn.sum(axis=1) == size).all()
        # Each row's count is binomial(size, 1/size): mean 1, variance 1 - 1/size.
        assert_allclose(drawn.mean(axis=0), 1, atol=5 / np.sqrt(4000))
        assert_allclose(drawn.var(axis=0).mean(), 1 - 1 / size, atol=0.05)


def test_draws_of_batches_take_whole_batches():
    batch = np.repeat([0, 1, 2, 3], [1, 50, 7, 2])
    counts = np.array(list(islice(draws(batch, 1, "batch"), 4000)))
    first = np.array([0, 1, 51, 58])
    assert_array_equal(counts, counts[:, first][:, batch])
    assert (counts[:, first].sum(axis=1) == 4).all()
    assert_allclose(counts[:, first].mean(axis=0), 1, atol=5 / np.sqrt(4000))


def test_draws_never_change():
    """The stream is promised to outlive versions of numpy; a change would alter every verdict."""
    first, second = islice(draws(np.zeros(12, dtype=int), 2013, "row"), 2)
    assert first.tolist() == [0, 2, 1, 3, 0, 2, 0, 2, 1, 0, 0, 1]
    assert second.tolist() == [3, 0, 0, 1, 2, 1, 1, 2, 1, 1, 0, 0]


@units
def test_identical_scores_differ_by_exactly_nothing(data, unit):
    y, champion, _, day = data
    difference = paired(y, champion, champion.copy(), day, seed=1, replicates=100, unit=unit)
    assert set(difference.values()) == {Interval(0.0, 0.0, 0.0)}


@units
def test_swapping_the_models_turns_the_sign(data, unit):
    y, champion, challenger, day = data
    there = paired(y, champion, challenger, day, seed=1, replicates=100, unit=unit)
    back = paired(y, challenger, champion, day, seed=1, replicates=100, unit=unit)
    for name in metrics_of("binary"):
        assert there[name].value == -back[name].value
        assert_allclose(
            [there[name].low, there[name].high], [-back[name].high, -back[name].low], rtol=1e-12
        )


@units
def test_order_of_rows_does_not_matter(data, unit):
    y, champion, challenger, day = data
    shuffle = np.random.default_rng(9).permutation(len(y))
    drawn = resampled(y, [champion, challenger], day, seed=1, replicates=50, unit=unit)
    again = resampled(
        y[shuffle],
        [champion[shuffle], challenger[shuffle]],
        day[shuffle],
        seed=1,
        replicates=50,
        unit=unit,
    )
    for name in metrics_of("binary"):
        assert_array_equal(drawn.replicates[name], again.replicates[name])


def test_seed_decides(data):
    y, champion, _, day = data
    once = intervals(y, champion, day, seed=1, replicates=100)
    assert once == intervals(y, champion, day, seed=1, replicates=100)
    other = intervals(y, champion, day, seed=2, replicates=100)
    assert once["roc_auc"].value == other["roc_auc"].value
    assert once["roc_auc"].low != other["roc_auc"].low


def test_metrics_asked_for_do_not_change_each_other(data):
    y, champion, challenger, day = data
    every = paired(y, champion, challenger, day, seed=1, replicates=100)
    for name in metrics_of("binary"):
        alone = paired(y, champion, challenger, day, seed=1, replicates=100, metrics=[name])
        assert alone == {name: every[name]}


def test_blocks_do_not_change_anything(data, monkeypatch):
    y, champion, _, day = data
    once = intervals(y, champion, day, seed=1, replicates=101)
    for cells in (1, 10**4, 10**9):
        monkeypatch.setattr(bootstrap, "BLOCK_CELLS", cells)
        assert intervals(y, champion, day, seed=1, replicates=101) == once


def test_intervals_cover_the_truth():
    """Binormal scores one apart have an AUC of Φ(1/√2); their accuracy at the middle is Φ(1/2)."""
    truth = {"roc_auc": (1 + erf(0.5)) / 2, "accuracy": (1 + erf(0.5 / np.sqrt(2))) / 2}
    random = np.random.default_rng(4)
    covered = dict.fromkeys(truth, 0)
    for seed in range(150):
        y = np.arange(200) % 2
        p = 1 / (1 + np.exp(0.5 - random.normal(y)))
        found = intervals(y, p, y * 0, seed=seed, replicates=200, metrics=truth)
        for name in truth:
            covered[name] += found[name].low <= truth[name] <= found[name].high
    for name, times in covered.items():
        assert 0.88 <= times / 150 <= 0.99, name


def test_paired_intervals_cover_the_truth_and_are_narrower():
    """Both models have the same noise around the truth, so that they differ by nothing."""
    random = np.random.default_rng(4)
    covered = 0
    for seed in range(150):
        signal = random.normal(size=300)
        y = random.random(300) < 1 / (1 + np.exp(-signal))
        one, two = (1 / (1 + np.exp(-signal - random.normal(0, 0.3, 300))) for _ in range(2))
        found = paired(y, one, two, y * 0, seed=seed, replicates=200, metrics=["log_loss"])
        covered += found["log_loss"].low <= 0 <= found["log_loss"].high
    assert 0.88 <= covered / 150 <= 0.99
    alone = intervals(y, one, y * 0, seed=1, metrics=["log_loss"])["log_loss"]
    assert found["log_loss"].high - found["log_loss"].low < 0.5 * (alone.high - alone.low)


def test_batches_that_differ_widen_the_interval():
    y, champion, _, day = simulated(rows=3000, batches=20, day_effect=1.5)
    rows, batches = (
        intervals(y, champion, day, seed=1, metrics=["log_loss"], unit=unit)["log_loss"]
        for unit in ("row", "batch")
    )
    assert batches.high - batches.low > 1.5 * (rows.high - rows.low)


def test_replicates_that_lost_a_class_are_drawn_again():
    y = np.array([1, 1] + [0] * 30)
    batch = np.zeros(32, dtype=int)
    lost = [not count[:2].any() for count in islice(draws(batch, 0, "row"), 300)]
    assert any(lost)
    kept = complete_draws(batch, y.astype(bool), choose(["roc_auc"]), 0, "row")
    assert all(count[:2].any() for count in islice(kept, 300))
    drawn = resampled(y, [np.linspace(0, 1, 32)], batch, seed=0, replicates=300)
    assert np.isfinite(drawn.replicates["roc_auc"]).all()


def test_a_class_in_one_row_or_batch_has_no_interval_of_ranking_metrics():
    y, p = np.array([1, 1, 0, 0, 0, 0]), np.linspace(0, 1, 6)
    with pytest.raises(DataError, match="roc_auc: an interval needs each class in at least two ro"):
        intervals(y[1:], p[1:], [1, 1, 1, 2, 2], seed=0, metrics=["roc_auc", "brier"])
    with pytest.raises(DataError, match="at least two batches"):
        intervals(y, p, ["a", "a", "a", "b", "b", "b"], seed=0, unit="batch")
    without = intervals(y, p, [1, 1, 1, 2, 2, 2], seed=0, unit="batch", metrics=["brier"])
    assert without["brier"].low < without["brier"].high


def test_one_class_has_intervals_of_the_other_metrics():
    found = intervals([0] * 9, np.linspace(0, 0.8, 9), [1] * 9, seed=0, metrics=["brier"])
    assert found["brier"].low < found["brier"].value < found["brier"].high
    with pytest.raises(DataError, match="roc_auc need rows with different labels"):
        intervals([0] * 9, np.linspace(0, 0.8, 9), [1] * 9, seed=0, metrics=["roc_auc"])


@pytest.mark.parametrize(
    ("batch", "unit"), [([1, 2, 3, 4], "row"), ([1, 1, 1, 1], "batch")], ids=["row", "batch"]
)
def test_certainty_is_not_made_from_having_no_choice(batch, unit):
    with pytest.raises(DataError, match="nothing to draw from"):
        intervals([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4], batch, seed=0, unit=unit, metrics=["brier"])


def test_bad_rows_are_refused():
    with pytest.raises(DataError, match=r"batch has shape \(3,\) for 2 rows"):
        intervals([0, 1], [0.1, 0.2], [1, 1, 1], seed=0)
    with pytest.raises(DataError, match="finite"):
        paired([0, 1], [0.1, 0.2], [0.1, float("nan")], [1, 1], seed=0)
    with pytest.raises(DataError, match="one length"):
        paired([0, 1], [0.1, 0.2], [0.1, 0.2, 0.3], [1, 1], seed=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"replicates": 0}, "replicates must be >= 1"),
        ({"replicates": 39}, "39 replicates are too few for confidence 0.95.*one in 40"),
        ({"confidence": 1.0}, "between 0 and 1"),
        ({"confidence": float("nan")}, "between 0 and 1"),
        ({"unit": "day"}, "unit must be row or batch"),
        ({"metrics": ["auc"]}, "unknown metric auc"),
        ({"threshold": 2.0}, "threshold"),
    ],
)
def test_options_out_of_range_are_refused(data, options, message):
    y, champion, _, day = data
    with pytest.raises(ConfigError, match=message):
        intervals(y, champion, day, seed=0, **options)


def test_percentiles_sit_where_numpy_puts_them():
    found = percentiles(40, np.random.default_rng(0).permutation(np.arange(101.0)), 0.9)
    assert (found.value, found.low, found.high) == pytest.approx((40, 5, 95))


@units
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_replicates_of_other_tasks_are_figures_of_the_rows_drawn(data, task, unit):
    y, champion, challenger, day = data
    models = [champion, challenger]
    if task == "multiclass":
        models = [np.column_stack([1 - p, p * 0.7, p * 0.3]) for p in models]
    else:
        y = y * 3.0 + champion
    drawn = resampled(y, models, day, task=task, seed=3, replicates=5, unit=unit)
    shuffle = np.random.default_rng(9).permutation(len(y))
    again = resampled(
        y[shuffle],
        [p[shuffle] for p in models],
        day[shuffle],
        task=task,
        seed=3,
        replicates=5,
        unit=unit,
    )
    for name in metrics_of(task):
        assert_array_equal(drawn.replicates[name], again.replicates[name])
        assert drawn.values[name].tolist() == [score(y, p, task=task)[name] for p in models]
    difference = paired(y, *models, day, task=task, seed=1, replicates=100, unit=unit)
    assert tuple(difference) == metrics_of(task)
    assert all(each.low <= each.high for each in difference.values())
