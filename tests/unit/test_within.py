"""Scores with each batch's level set right."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ratchet.errors import DataError
from ratchet.gate.within import levelled


def simulated(rows=900, batches=3, seed=0):
    random = np.random.default_rng(seed)
    batch = np.arange(rows) % batches
    p = random.uniform(0.01, 0.9, rows)
    return (random.random(rows) < p).astype(int), p, batch


def test_every_batch_has_its_label_rate_on_average():
    y, p, batch = simulated()
    scores = levelled(y, p, batch)
    for name in range(3):
        assert_allclose(scores[batch == name].mean(), y[batch == name].mean(), rtol=1e-12)


def test_only_the_level_moves():
    y, p, batch = simulated()
    scores = levelled(y, p, batch)
    shift = np.log(scores / (1 - scores)) - np.log(p / (1 - p))
    for name in range(3):
        assert_allclose(shift[batch == name], shift[batch == name][0], atol=1e-9)
    assert len(set(np.round(shift, 6))) == 3


@given(
    data=st.lists(
        st.tuples(st.integers(0, 1), st.floats(0, 1), st.sampled_from("abc")), min_size=1
    ),
    seed=st.integers(0, 9),
)
def test_scores_stay_probabilities_in_the_rows_order(data, seed):
    y, p, batch = (np.array(column) for column in zip(*data, strict=True))
    scores = levelled(y, p, batch)
    assert ((scores >= 0) & (scores <= 1)).all()
    order = np.random.default_rng(seed).permutation(len(y))
    assert_allclose(levelled(y[order], p[order], batch[order]), scores[order], atol=1e-9)
    for name in set(batch):
        inside = batch == name
        ranked = scores[inside][np.argsort(p[inside], kind="stable")]
        if 0 < y[inside].sum() < inside.sum():
            assert (np.diff(ranked) >= 0).all()
            assert_allclose(scores[inside].mean(), y[inside].mean(), atol=1e-6)
        else:
            assert_array_equal(scores[inside], y[inside])


def test_a_model_that_foresaw_the_days_and_one_that_did_not_are_equal_within():
    y, p, batch = simulated()
    logit = np.log(p / (1 - p)) + np.array([2.0, -1.0, 0.5])[batch]
    assert_allclose(levelled(y, 1 / (1 + np.exp(-logit)), batch), levelled(y, p, batch), atol=1e-9)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1.5])
def test_scores_that_are_no_probabilities_are_refused(wrong):
    with pytest.raises(DataError, match="scores must"):
        levelled([0, 1], [0.5, wrong], ["a", "a"])


def test_each_row_needs_its_batch():
    with pytest.raises(DataError, match="give the batch of each scored row"):
        levelled([0, 1], [0.5, 0.5], ["a"])
