"""Which features alone tell the target."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop import Shop, rows_of
from sklearn.metrics import roc_auc_score

from ratchet.checks.leakage import power

RANDOM = np.random.default_rng(0)
Y = RANDOM.integers(0, 2, 2000).astype(float)
CLASSES = RANDOM.integers(0, 4, 2000).astype(float)
NUMBER = RANDOM.normal(size=2000)
NOISE = RANDOM.normal(size=2000)


@given(st.integers(0, 10**6), st.integers(1, 50))
def test_the_figure_of_a_number_is_its_auc(seed: int, distinct: int) -> None:
    random = np.random.default_rng(seed)
    values = random.integers(0, distinct, 300).astype(float)
    y = random.integers(0, 2, 300).astype(float)
    auc = roc_auc_score(y, values)
    assert power(values, y, "binary", ordered=True) == pytest.approx(max(auc, 1 - auc))


@pytest.mark.parametrize(
    ("values", "y", "task", "ordered"),
    [
        (Y + NOISE / 100, Y, "binary", True),
        (-Y, Y, "binary", True),
        (np.where(Y > 0, NOISE, np.nan), Y, "binary", True),  # known afterwards only
        (Y + 2 * RANDOM.integers(0, 50, 2000), Y, "binary", False),
        (CLASSES * 3 % 4, CLASSES, "multiclass", True),
        (CLASSES, CLASSES, "multiclass", False),
        (np.exp(NUMBER), NUMBER, "regression", True),
        (-NUMBER + NOISE / 1000, NUMBER, "regression", True),
        (CLASSES, CLASSES**2, "regression", False),
    ],
)
def test_what_tells_the_target_is_found(values, y, task, ordered) -> None:  # type: ignore[no-untyped-def]
    assert power(values, y, task, ordered=ordered) > 0.99


@pytest.mark.parametrize(
    ("values", "y", "task", "ordered"),
    [
        (NOISE, Y, "binary", True),
        (Y + NOISE, Y, "binary", True),
        (np.arange(2000.0), Y, "binary", False),  # each row its own category
        (np.arange(2000.0), CLASSES, "multiclass", False),
        (np.arange(2000.0), NUMBER, "regression", False),
        (np.full(2000, np.nan), Y, "binary", True),
        (np.zeros(2000), NUMBER, "regression", True),
        (NUMBER + NOISE, NUMBER, "regression", True),
        (Y[:30], (np.arange(30) < 5).astype(float), "binary", True),  # too few to tell
    ],
)
def test_what_does_not_is_not(values, y, task, ordered) -> None:  # type: ignore[no-untyped-def]
    assert power(values, y, task, ordered=ordered) < 0.96


def test_a_suspect_is_told_and_no_batch_is_set_aside(shop: Shop) -> None:
    for number in range(1, 7):
        rows = rows_of(f"day-{number:02}")
        for row in rows:
            row["items"] = "20" if row["outcome"] == "returned" else row["items"][:1]
        shop.deliver_rows(number, rows)
    done = shop.night()
    assert [failure.column for failure in done.suspects] == ["items"]
    assert "alone it tells outcome: AUC 1.0000 in the newest 360 rows" in str(done.suspects[0])
    assert list(done.accepted) == [f"day-{number:02}" for number in range(1, 7)]
    assert "## Suspects" in shop.validation_text.read_text()
    assert '"suspects"' in shop.validation.read_text()
