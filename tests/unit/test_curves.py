"""The data of the plots against scikit-learn's curves."""

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ratchet.errors import DataError
from ratchet.scoring.curves import (
    POINTS,
    calibration,
    confusion,
    precision_recall_curve,
    roc_curve,
)
from ratchet.scoring.metrics import score

ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]) | st.floats(0, 1)),
    max_size=60,
)


def columns(rows):
    """Add a row of each class, and make labels and scores."""
    labels, scores = zip((0, 0.4), (1, 0.6), *rows, strict=True)
    return np.array(labels), np.array(scores)


@pytest.fixture
def many_rows():
    random = np.random.default_rng(5)
    p = random.beta(1, 3, 20_000)
    return (random.random(20_000) < p).astype(int), p


@given(ROWS)
def test_short_roc_curve_is_sklearns(rows):
    y, p = columns(rows)
    fpr, tpr, _ = sk.roc_curve(y, p, drop_intermediate=False)
    ours = roc_curve(y, p)
    assert_allclose(ours.fpr, fpr, atol=1e-15)
    assert_allclose(ours.tpr, tpr, atol=1e-15)


@given(ROWS)
def test_precision_recall_points_are_sklearns(rows):
    y, p = columns(rows)
    precision, recall, _ = sk.precision_recall_curve(y, p)
    theirs = {r: q for q, r in zip(precision, recall, strict=True) if r > 0}
    # Among equal recalls the one with the highest threshold, which comes last, found the positive.
    ours = precision_recall_curve(y, p)
    assert dict(zip(ours.recall, ours.precision, strict=True)) == pytest.approx(theirs)


def test_long_curves_are_thinned_but_keep_their_ends_and_area(many_rows):
    y, p = many_rows
    roc = roc_curve(y, p)
    assert len(roc.fpr) <= POINTS
    assert (roc.fpr[0], roc.tpr[0], roc.fpr[-1], roc.tpr[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(roc.tpr, roc.fpr) == pytest.approx(score(y, p)["roc_auc"], abs=1e-3)
    # No stretch of the curve is left out.
    assert np.diff(roc.fpr + roc.tpr).max() < 2.5 / POINTS

    curve = precision_recall_curve(y, p)
    assert len(curve.recall) <= POINTS
    assert curve.recall[-1] == 1
    everything_found = p >= p[y == 1].min()
    assert curve.precision[-1] == pytest.approx(y[everything_found].mean())
    area = np.sum(curve.precision * np.diff(curve.recall, prepend=0))
    assert area == pytest.approx(score(y, p)["average_precision"], abs=5e-3)


def test_points_do_not_depend_on_the_order_of_rows(many_rows):
    y, p = many_rows
    np.testing.assert_array_equal(roc_curve(y, p).tpr, roc_curve(y[::-1], p[::-1]).tpr)


@given(ROWS)
def test_calibration_diagram_adds_up_to_the_calibration_error(rows):
    y, p = columns(rows)
    bins = calibration(y, p)
    assert bins.rows.sum() == len(y)
    assert (np.diff(bins.predicted) > 0).all()
    error = np.sum(bins.rows * np.abs(bins.predicted - bins.observed)) / len(y)
    assert error == pytest.approx(score(y, p)["calibration_error"], abs=1e-14)


def test_confusion_is_sklearns(many_rows):
    y, p = many_rows
    assert_array_equal(confusion(y, p, threshold=0.3), sk.confusion_matrix(y, p > 0.3))


@pytest.mark.parametrize("curve", [roc_curve, precision_recall_curve])
def test_one_class_has_no_curve(curve):
    with pytest.raises(DataError, match="different labels"):
        curve([1, 1], [0.2, 0.3])
    with pytest.raises(DataError, match="finite"):
        curve([0, 1], [0.2, float("nan")])
