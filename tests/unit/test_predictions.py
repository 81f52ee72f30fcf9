"""What any estimator answers, in one form."""

import numpy as np
import pytest

from ratchet.artifacts.predictions import predictions
from ratchet.errors import EvidenceError


class Fixed:
    """Answers each row of `X` with the row itself."""

    def __init__(self, *classes: int) -> None:
        self.classes_ = np.array(classes)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return X

    def predict(self, X: np.ndarray) -> np.ndarray:
        return X.sum(axis=1, keepdims=True)


X = np.array([[0.25, 0.75], [0.5, 0.5]], dtype=np.float32)


def test_binary_is_the_probability_of_label_1() -> None:
    found = predictions(Fixed(0, 1), X, "binary")
    assert found.tolist() == [0.75, 0.5]
    assert found.dtype == np.float64


def test_a_class_that_was_never_met_has_probability_0() -> None:
    found = predictions(Fixed(0, 3), X, "multiclass", 4)
    assert found.tolist() == [[0.25, 0, 0, 0.75], [0.5, 0, 0, 0.5]]


def test_regression_is_a_column_of_numbers() -> None:
    assert predictions(Fixed(), X, "regression").tolist() == [1, 1]


@pytest.mark.parametrize(("task", "known"), [("binary", (1, 2)), ("multiclass", (0, 4))])
def test_foreign_classes_are_told(task, known) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(EvidenceError, match=r"knows the classes \[\d, \d\] instead of 0"):
        predictions(Fixed(*known), X, task, 4)
