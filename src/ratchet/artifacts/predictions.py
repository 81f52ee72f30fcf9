"""What a model answers, in the one form that all of this project reads."""

from typing import Any

import numpy as np

from ratchet.artifacts.card import Card
from ratchet.errors import EvidenceError
from ratchet.task import Task


def predictions(estimator: Any, X: Any, task: Task, classes: int = 0) -> np.ndarray:
    """Return the model's answer to each row of `X`, as float64.

    Binary: the probability of label 1, (rows,). Multiclass: that of each label, (rows, classes); a
    class that the model never met has 0. Regression: the number, (rows,).

    Raises EvidenceError when the estimator's classes aren't labels of the task.
    """
    if task == "regression":
        return np.asarray(estimator.predict(X), dtype=np.float64).reshape(len(X))
    p = np.asarray(estimator.predict_proba(X), dtype=np.float64)
    known = np.asarray(estimator.classes_)
    if task == "binary":
        if known.tolist() != [0, 1]:
            raise EvidenceError(f"the model knows the classes {known.tolist()} instead of 0 and 1")
        return p[:, 1]
    if not set(known.tolist()) <= set(range(classes)):
        raise EvidenceError(
            f"the model knows the classes {known.tolist()} instead of 0 to {classes - 1}"
        )
    spread = np.zeros((len(p), classes))
    spread[:, known.astype(np.intp)] = p
    return spread


def answer(estimator: Any, card: Card, X: Any) -> np.ndarray:
    """Return the answer of the model on `card` to each row of `X`, as `predictions` has them."""
    return predictions(estimator, X, card.task, len(card.classes))
