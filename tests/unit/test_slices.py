"""Parts of the holdout: which are judged, and how chance is shared among them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.gate.paired import Difference, differences
from ratchet.gate.slices import Slice, by_slice, chances


def simulated(rows=1200, seed=0):
    random = np.random.default_rng(seed)
    airport = random.choice(["EWR", "JFK", "LGA"], rows)
    logit = random.normal(-0.5, 1.2, rows)
    y = (random.random(rows) < 1 / (1 + np.exp(-logit))).astype(int)
    champion = 1 / (1 + np.exp(-logit))
    challenger = np.where(airport == "JFK", 1 - champion, champion)
    return y, champion, challenger, np.arange(rows) * 7 // rows, airport


def test_each_value_is_compared_on_its_own_rows():
    y, champion, challenger, day, airport = simulated()
    found = by_slice(
        y, champion, challenger, day, {"origin": airport}, metric="log_loss", min_rows=50, seed=0
    )
    assert [(part.column, part.value) for part in found] == [
        ("origin", name) for name in ("EWR", "JFK", "LGA")
    ]
    assert sum(part.rows for part in found) == len(y)
    inside = airport == "JFK"
    alone = differences(
        y[inside],
        champion[inside],
        challenger[inside],
        day[inside],
        metrics=["log_loss"],
        seed=0,
        unit="row",
    )
    assert found[1].difference == alone["log_loss"]
    assert found[1].difference.loss > 0.2
    assert found[0].difference.loss == found[2].difference.loss == 0
    chance = chances(found, 0.05)
    assert chance[1] < 0.001
    assert chance[0] == chance[2] == 1


def test_what_cannot_be_judged_says_why():
    y, champion, challenger, day, _ = simulated()
    few = np.where(np.arange(len(y)) < 5, "few", "many")
    label = np.where(y == 1, "late", "on time")
    found = by_slice(
        y,
        champion,
        challenger,
        day,
        {"few": few, "label": label},
        metric="roc_auc",
        min_rows=50,
        seed=0,
    )
    reasons = {part.value: part.reason for part in found}
    assert reasons["few"] == "only 5 rows, fewer than 50"
    assert "rows with different labels" in reasons["late"]
    assert reasons["many"] == ""
    assert [chance is None for chance in chances(found, 0.0)] == [True, False, True, True]


def part(loss, deviation):
    losses = loss + deviation * np.array([-1, 1] * 50)
    return Slice("c", "v", 99, Difference("log_loss", 0, loss, loss, loss, loss, losses))


def test_holm_by_hand():
    # Two-sided tails of the normal: 1 - Phi(2) = .02275, 1 - Phi(3) = .00135, 1 - Phi(1) = .15866.
    scale = np.sqrt(99 / 100)  # of the sample's standard deviation, with one degree of freedom less
    found = [part(0.2 + each, 0.1 * scale) for each in (0.2, 0.3, 0.1)]
    assert chances(found, 0.2) == pytest.approx([2 * 0.02275, 3 * 0.00135, 0.15866], rel=1e-3)


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0, 1)), max_size=12), st.floats(0, 1))
def test_corrected_chances_are_chances_and_keep_the_order(figures, margin):
    found = [part(*each) for each in figures]
    corrected = chances(found, margin)
    alone = [chances([each], margin)[0] for each in found]
    for one, many in zip(alone, corrected, strict=True):
        assert 0 <= one <= many <= 1
        assert many <= min(1, one * len(found)) + 1e-12
    order = np.argsort(alone, kind="stable")
    assert (np.diff(np.array(corrected, dtype=float)[order]) >= 0).all()
