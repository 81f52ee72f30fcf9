"""Labels and scores, checked: what each task's look like stands here and nowhere else.

- binary: `y` (n,) is 0 or 1, `p` (n,) the probability of 1. A row is predicted 1 if
  `p > threshold`: strictly, because scikit-learn's classifiers answer 0 at exactly .5.
- multiclass: `y` (n,) is the place of the row's class among k, `p` (n, k) the probability of each.
  A row is predicted to be of the likeliest class, the first one of several.
- regression: `y` (n,) and `p` (n,) are numbers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ratchet.errors import ConfigError, DataError
from ratchet.task import Task

Floats: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.intp]

TOGETHER = 1e-3  # how far a row's probabilities may miss 1; some learners answer in 32 bits


@dataclass(frozen=True)
class Rows:
    """Scored rows that passed the checks of `checked`.

    y: (n,) the labels: bool, intp or float64 by task. p: (n,) or (n, k) float64, the scores.
    epsilon: machine epsilon of the type in which `p` was given.
    """

    y: NDArray[np.bool_] | Codes | Floats
    p: Floats
    threshold: float
    epsilon: float

    def take(self, order: Codes) -> "Rows":
        """Return the rows in another order."""
        return replace(self, y=self.y[order], p=self.p[order])

    @property
    def given(self) -> Floats:
        """The probability (n,) that each row's own class was given."""
        if self.p.ndim == 1:
            return np.where(self.y, self.p, 1 - self.p)
        return self.p[np.arange(len(self.y)), self.y.astype(np.intp)]

    @property
    def decision(self) -> Codes:
        """The label (n,) that each row is predicted to have."""
        if self.p.ndim == 1:
            return (self.p > self.threshold).astype(np.intp)
        likeliest: Codes = np.argmax(self.p, axis=1)
        return likeliest

    @property
    def confidence(self) -> tuple[Floats, Floats]:
        """What is said (n,) and what came (n,), which should agree on average.

        Score and label; with several classes the probability of the one that is predicted, and
        whether it came (1) or not (0).
        """
        if self.p.ndim == 1:
            return self.p, self.y.astype(np.float64)
        return self.p.max(axis=1), (self.decision == self.y).astype(np.float64)


def checked(y: ArrayLike, p: ArrayLike, threshold: float = 0.5, task: Task = "binary") -> Rows:
    """Check labels and scores and bring each into one type; DataError says what is wrong.

    Shapes by task are those in this module's docstring.
    """
    if task not in get_args(Task):
        raise ConfigError(f"task must be one of {', '.join(get_args(Task))} (got {task})")
    labels, scores = np.asarray(y), np.asarray(p)
    if labels.ndim != 1 or labels.shape != scores.shape[:1] or scores.ndim != _WIDTH[task]:
        raise DataError(
            f"labels {labels.shape} and scores {scores.shape} must be rows of one length, and the "
            f"scores {'a table' if _WIDTH[task] == 2 else 'a column'} for task: {task}: score the "
            "very rows whose labels are given"
        )
    if not len(labels):
        raise DataError("no rows to score: widen the holdout or the slice")
    if scores.dtype.kind not in "biuf" or not np.isfinite(scores).all():
        raise DataError("scores must be finite numbers: this model must not be used")
    if not 0 <= threshold <= 1:
        raise ConfigError(f"threshold must be a probability between 0 and 1 (got {threshold})")
    epsilon = float(np.finfo(scores.dtype if scores.dtype.kind == "f" else np.float64).eps)
    return Rows(_LABELS[task](labels, scores), scores.astype(np.float64), threshold, epsilon)


_WIDTH: Mapping[Task, int] = {"binary": 1, "multiclass": 2, "regression": 1}  # of scores


def _binary_labels(labels: NDArray[Any], scores: NDArray[Any]) -> NDArray[np.bool_]:
    if labels.dtype.kind not in "biuf" or not np.isin(labels, (0, 1)).all():
        raise DataError("labels must be 0 or 1, without gaps: map the target to these first")
    _require_probabilities(scores)
    return labels.astype(bool)


def _class_labels(labels: NDArray[Any], scores: NDArray[Any]) -> Codes:
    classes = scores.shape[1]
    if labels.dtype.kind not in "biu" or not np.isin(labels, np.arange(classes)).all():
        raise DataError(
            f"labels must be 0 to {classes - 1}, one for each of the {classes} columns of scores"
        )
    _require_probabilities(scores)
    if np.abs(scores.astype(np.float64).sum(axis=1) - 1).max() > TOGETHER:
        raise DataError("the scores of a row must add up to 1: score with predict_proba")
    return labels.astype(np.intp)


def _number_labels(labels: NDArray[Any], scores: NDArray[Any]) -> Floats:  # noqa: ARG001
    if labels.dtype.kind not in "biuf" or not np.isfinite(labels).all():
        raise DataError("labels must be finite numbers, without gaps: look at the target")
    return labels.astype(np.float64)


_LABELS: Mapping[Task, Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]] = {
    "binary": _binary_labels,
    "multiclass": _class_labels,
    "regression": _number_labels,
}


def _require_probabilities(scores: NDArray[Any]) -> None:
    if scores.min() < 0 or scores.max() > 1:
        raise DataError(
            f"scores must be probabilities, but go from {scores.min()} to {scores.max()}: "
            "score with predict_proba"
        )
