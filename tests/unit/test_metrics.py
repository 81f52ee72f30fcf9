"""Metrics against scikit-learn, against weights, and against bad input."""

import subprocess
import sys

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from ratchet.errors import ConfigError, DataError
from ratchet.scoring.metrics import (
    METRICS,
    REGRESSION,
    Metric,
    applicable,
    loss_of,
    metrics_of,
    prior_score,
    score,
)
from ratchet.scoring.rows import checked
from ratchet.scoring.tallies import CALIBRATION_BINS, by_run, squared_errors

TIED = st.sampled_from([0.0, 0.1, 1 / 3, 0.5, 2 / 3, 1.0])
SCORE = TIED | st.floats(0, 1)
ROW = st.tuples(st.integers(0, 1), SCORE)


def with_both_classes(rows, first, second):
    """Make labels and scores of drawn rows, with one row of each class at least."""
    labels, scores = zip((1, first), (0, second), *rows, strict=True)
    return np.array(labels), np.array(scores)


DATA = st.builds(
    with_both_classes,
    st.lists(ROW, max_size=40) | st.lists(st.tuples(st.integers(0, 1), TIED), max_size=40),
    SCORE,
    SCORE,
)


def calibration_error_by_hand(y, p):
    total = 0.0
    for m in range(CALIBRATION_BINS):
        low, high = m / CALIBRATION_BINS, (m + 1) / CALIBRATION_BINS
        rows = [i for i in range(len(p)) if low < p[i] <= high or (m == 0 and p[i] == 0)]
        if rows:
            gap = sum(p[i] for i in rows) / len(rows) - sum(y[i] for i in rows) / len(rows)
            total += len(rows) / len(p) * abs(gap)
    return total


YARDSTICK = {
    "roc_auc": sk.roc_auc_score,
    "average_precision": sk.average_precision_score,
    "log_loss": lambda y, p: sk.log_loss(y, p, labels=[0, 1]),
    "brier": lambda y, p: sk.brier_score_loss(y, p, labels=[0, 1]),
    "f1_weighted": lambda y, p: sk.f1_score(y, p > 0.5, average="weighted", zero_division=0),
    "accuracy": lambda y, p: sk.accuracy_score(y, p > 0.5),
    "calibration_error": calibration_error_by_hand,
}


@given(DATA)
def test_figures_agree_with_sklearn(data):
    y, p = data
    for name, figure in score(y, p).items():
        assert_allclose(figure, YARDSTICK[name](y, p), rtol=1e-12, atol=1e-13, err_msg=name)


@given(st.integers(0, 1), st.lists(SCORE, min_size=1, max_size=20))
def test_one_class_is_enough_for_the_others(label, scores):
    y, p = np.full(len(scores), label), np.array(scores)
    names = applicable(y)
    assert set(metrics_of("binary")) - set(names) == {"roc_auc", "average_precision"}
    for name, figure in score(y, p, metrics=names).items():
        assert_allclose(figure, YARDSTICK[name](y, p), rtol=1e-12, atol=1e-13, err_msg=name)


@given(DATA, st.data())
def test_a_weight_is_a_number_of_repeats(data, draw):
    """What the bootstrap rests on: weights on tallies made once, against rows repeated."""
    y, p = data
    times = np.array(
        draw.draw(st.lists(st.integers(0, 4), min_size=len(y), max_size=len(y))), dtype=float
    )
    times[:2] = np.maximum(times[:2], 1)  # keeps both classes
    repeated = np.repeat(np.arange(len(y)), times.astype(int))
    rows = checked(y, p)
    for name in metrics_of("binary"):
        metric = METRICS[name]
        sums = metric.tally(rows).sums(times)
        (weighted,) = metric.figures(sums[np.newaxis], np.array([times.sum()]))
        expected = YARDSTICK[name](y[repeated], p[repeated])
        assert_allclose(weighted, expected, rtol=1e-12, atol=1e-13, err_msg=name)


@given(DATA)
def test_order_of_rows_does_not_matter(data):
    y, p = data
    assert score(y[::-1], p[::-1]) == pytest.approx(score(y, p), rel=1e-13, abs=1e-15)


def test_figures_by_hand():
    y = [0, 0, 1, 1]
    p = [0.1, 0.4, 0.35, 0.8]
    assert score(y, p) == pytest.approx(
        {
            "roc_auc": 3 / 4,
            "average_precision": (1 + 2 / 3) / 2,
            "log_loss": -(np.log(0.9) + np.log(0.6) + np.log(0.35) + np.log(0.8)) / 4,
            "brier": (0.01 + 0.16 + 0.65**2 + 0.04) / 4,
            "f1_weighted": (4 / 5 + 2 / 3) / 2,
            "accuracy": 3 / 4,
            # .35 and .4 share the bin from 5/15 to 6/15: one positive of two, mean score .375
            "calibration_error": (0.1 + 2 * 0.125 + 0.2) / 4,
        }
    )


def test_runs_keep_the_area_and_save_cells():
    y = np.array([0, 0, 0, 1, 1, 0, 1, 1, 1, 0])
    p = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.6, 0.7, 0.8, 0.9])
    runs = by_run(checked(y, p))  # 000 1 (10) 111 0
    assert runs.cells == 2 * 5
    assert runs.sums(np.ones(10)).tolist() == [3, 0, 1, 0, 1, 0, 1, 1, 3, 0]


def test_neighbouring_ties_of_both_classes_stay_apart():
    tally = by_run(checked([0, 1, 0, 1], [0.3, 0.3, 0.6, 0.6]))
    weights = np.array([1.0, 2, 2, 1])
    assert tally.sums(weights).tolist() == [1, 2, 2, 1]  # negatives, then positives
    (area,) = METRICS["roc_auc"].figures(tally.sums(weights)[np.newaxis], np.array([6.0]))
    assert area == pytest.approx((2 * 0.5 + 1 + 2 * 0.5) / 9)


def test_metrics_come_in_the_order_asked():
    assert list(score([0, 1], [0.2, 0.7], metrics=["brier", "roc_auc"])) == ["brier", "roc_auc"]


def test_directions():
    better, worse = score([0, 1, 0, 1], [0.1, 0.9, 0.2, 0.8]), score([0, 1, 0, 1], [0.9, 0.1] * 2)
    for name in better:
        assert (better[name] > worse[name]) == METRICS[name].greater_is_better, name


def test_a_row_on_the_threshold_is_predicted_0():
    figures = score([0, 1], [0.3, 0.6], metrics=["accuracy"], threshold=0.3)
    assert figures["accuracy"] == 1
    assert score([0, 1], [0.3, 0.3], metrics=["accuracy"], threshold=0.3)["accuracy"] == 0.5
    assert score([0, 1], [0.3, 0.3], metrics=["accuracy"], threshold=0.29)["accuracy"] == 0.5


@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_certainty_that_is_wrong_is_clipped_as_in_sklearn(precision):
    y, p = np.array([0, 1, 1]), np.array([1, 0, 1], dtype=precision)
    ours = score(y, p, metrics=["log_loss"])["log_loss"]
    assert_allclose(ours, sk.log_loss(y, p), rtol=1e-6 if precision == np.float32 else 1e-14)


def test_prior_is_the_trivial_model():
    y = np.array([1, 0, 0, 0, 0])
    figures = prior_score(y, 0.25)
    assert figures["roc_auc"] == 0.5
    assert figures["average_precision"] == pytest.approx(0.2)
    assert figures["log_loss"] == pytest.approx(-0.2 * np.log(0.25) - 0.8 * np.log(0.75))
    assert figures["calibration_error"] == pytest.approx(0.05)


def test_applicable_counts_the_rarer_class():
    assert applicable([0, 1]) == metrics_of("binary")
    assert "roc_auc" not in applicable([0, 1, 1], rows_of_each=2)
    assert applicable([0, 1, 1, 0], rows_of_each=2) == metrics_of("binary")
    assert applicable([]) == applicable([1, 1])


NAN = float("nan")


@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        ([], [], "no rows to score"),
        ([0, 1], [0.5], "one length"),
        ([[0, 1]], [[0.5, 0.5]], "one length"),
        (0, 0.5, "one length"),
        ([0, 2], [0.5, 0.5], "labels must be 0 or 1"),
        ([0, NAN], [0.5, 0.5], "labels must be 0 or 1"),
        ([0, None], [0.5, 0.5], "labels must be 0 or 1"),
        (["0", "1"], [0.5, 0.5], "labels must be 0 or 1"),
        ([0, 1], [0.5, NAN], "scores must be finite"),
        ([0, 1], [0.5, float("inf")], "scores must be finite"),
        ([0, 1], ["a", "b"], "scores must be finite"),
        ([0, 1], [0.5, 1.01], "scores must be probabilities, but go from 0.5 to 1.01"),
        ([0, 1], [-0.1, 0.5], "predict_proba"),
        (
            [1, 1],
            [0.1, 0.5],
            "roc_auc, average_precision need rows with different labels, but all 2 labels are 1",
        ),
    ],
)
def test_bad_rows_are_refused(y, p, message):
    with pytest.raises(DataError, match=message):
        score(y, p)


def test_unknown_metric_is_named_with_the_known_ones():
    with pytest.raises(
        ConfigError, match=r"metric auc for task: binary: choose among roc_auc, .*accur"
    ):
        score([0, 1], [0.1, 0.9], metrics=["brier", "auc"])
    with pytest.raises(ConfigError, match="none given"):
        score([0, 1], [0.1, 0.9], metrics=[])


@pytest.mark.parametrize("threshold", [-0.1, 1.1, NAN])
def test_threshold_is_a_probability(threshold):
    with pytest.raises(ConfigError, match="threshold"):
        score([0, 1], [0.1, 0.9], threshold=threshold)


def test_a_figure_that_is_not_finite_is_never_returned():
    broken = Metric(
        "broken", "broken", squared_errors, lambda sums, _: sums[:, 0] * NAN, True, REGRESSION
    )
    with pytest.raises(DataError, match="broken has no finite value"):
        broken.figures(np.ones((3, 1)), np.ones(3))


CLASS_ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.lists(st.floats(0.01, 1), min_size=4, max_size=4)),
    min_size=1,
    max_size=30,
)


@given(CLASS_ROWS)
def test_figures_of_several_classes_agree_with_sklearn(rows):
    y = np.array([label for label, _ in rows])
    weights = np.array([weight for _, weight in rows])
    p = weights / weights.sum(axis=1, keepdims=True)
    said, names = p.argmax(axis=1), range(4)
    figures = score(y, p, task="multiclass")
    assert tuple(figures) == metrics_of("multiclass")
    confidence = calibration_error_by_hand((said == y).astype(float), p.max(axis=1))
    yardstick = {
        "log_loss": sk.log_loss(y, p, labels=names),
        "brier": sk.brier_score_loss(y, p, labels=names, scale_by_half=False),
        "f1_weighted": sk.f1_score(y, said, average="weighted", zero_division=0),
        "accuracy": sk.accuracy_score(y, said),
        "balanced_accuracy": np.mean([(said[y == each] == each).mean() for each in set(y)]),
        "calibration_error": confidence,
    }
    for name, figure in figures.items():
        assert_allclose(figure, yardstick[name], rtol=1e-12, atol=1e-13, err_msg=name)


NUMBER = st.floats(-1e4, 1e4)


@given(st.lists(st.tuples(NUMBER, NUMBER), max_size=30))
def test_figures_of_numbers_agree_with_sklearn(rows):
    y, p = np.array([(0, 1), (1, 3), *rows], dtype=float).T
    figures = score(y, p, task="regression")
    assert tuple(figures) == metrics_of("regression")
    assert_allclose(figures["rmse"], sk.root_mean_squared_error(y, p), rtol=1e-9)
    assert_allclose(figures["mae"], sk.mean_absolute_error(y, p), rtol=1e-9)
    assert_allclose(figures["r2"], sk.r2_score(y, p), rtol=1e-6, atol=1e-9)


def test_every_task_has_its_loss_and_a_baseline():
    assert [loss_of(task).name for task in ("binary", "multiclass", "regression")] == [
        "log_loss",
        "log_loss",
        "rmse",
    ]
    known = prior_score([0, 1, 1, 2], [0.25, 0.5, 0.25], task="multiclass")
    assert known["log_loss"] == pytest.approx(-(2 * np.log(0.25) + 2 * np.log(0.5)) / 4)
    of_mean = prior_score([1.0, 3.0], 2.0, task="regression")
    assert (of_mean["rmse"], of_mean["r2"]) == (1, 0)
    assert "r2" not in applicable([5.0, 5.0], task="regression")
    assert applicable([1, 1, 1], task="multiclass") == metrics_of("multiclass")


@pytest.mark.parametrize(
    ("task", "y", "p", "message"),
    [
        ("multiclass", [0, 1], [0.5, 0.5], "scores a table"),
        ("multiclass", [0, 2], [[0.5, 0.5]] * 2, "labels must be 0 to 1"),
        ("multiclass", [0, 0.5], [[0.5, 0.5]] * 2, "labels must be 0 to 1"),
        ("multiclass", [0, 1], [[0.5, 0.6]] * 2, "must add up to 1"),
        ("multiclass", [0, 1], [[1.5, -0.5]] * 2, "must be probabilities"),
        ("regression", [0, NAN], [1, 2], "labels must be finite"),
        ("regression", [0, 1], [1, float("inf")], "scores must be finite"),
        ("regression", [0, 1], [[1, 2]] * 2, "scores a column"),
        ("regression", [2, 2], [1, 2], "r2 need rows with different labels"),
    ],
)
def test_bad_rows_of_other_tasks_are_refused(task, y, p, message):
    with pytest.raises(DataError, match=message):
        score(y, p, task=task)


def test_a_metric_of_another_task_is_told():
    with pytest.raises(ConfigError, match="roc_auc for task: regression: choose among rmse, mae"):
        score([1, 2], [1, 2], task="regression", metrics=["roc_auc"])


def test_scoring_imports_neither_sklearn_nor_scipy_nor_pandas():
    script = (
        "import sys, ratchet.scoring.metrics, ratchet.scoring.bootstrap, ratchet.scoring.curves\n"
        "print(sorted({'sklearn', 'scipy', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
