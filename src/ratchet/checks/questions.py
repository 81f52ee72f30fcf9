"""Labels of any task made binary: the question that is asked of a row.

Binary: is it positive? Several classes: is it of this one, for each of the commonest? A number: is
it above the median? The checks of label consistency know nothing but the answers.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from ratchet.data.target import Target
from ratchet.task import Task

Floats = npt.NDArray[np.float64]

MOST_CLASSES = 4  # that are asked after; in the others there are too few rows to tell much
_NONE = -1.0  # the label of a row that is of none of the classes
NO_LABEL: Mapping[Task, float] = {"binary": 0.0, "multiclass": _NONE, "regression": math.nan}


@dataclass(frozen=True)
class Question:
    """`ask` makes labels (rows,) 1.0 for yes and 0.0 for no; `yes` and `no` name these rows."""

    ask: Callable[[Floats], Floats]
    yes: str = "positive"
    no: str = "negative"


def questions(labels: Floats, target: Target) -> list[Question]:
    """Return what to ask of labels like these, of the batches that others are compared with.

    At least one question, and none that is another one turned round.
    """
    return _QUESTIONS[target.task](labels, target)


def own_answers(labels: Floats, task: Task) -> list[Floats]:
    """Return the answers of one batch to questions that depend on nothing but its own labels."""
    return _OWN[task](labels)


def _is_positive(labels: Floats, target: Target) -> list[Question]:  # noqa: ARG001
    return [Question(_as_it_is)]


def _is_of_class(labels: Floats, target: Target) -> list[Question]:
    names = target.classes
    return [
        Question(partial(_equals, one), names[one], f"not {names[one]}")
        for one in _commonest(labels, len(names))
    ]


def _is_above(labels: Floats, target: Target) -> list[Question]:  # noqa: ARG001
    middle = _median(labels)
    return [Question(partial(_exceeds, middle), f"above {middle:.6g}", f"not above {middle:.6g}")]


def _own_positive(labels: Floats) -> list[Floats]:
    return [labels]


def _own_classes(labels: Floats) -> list[Floats]:
    return [_equals(one, labels) for one in _commonest(labels, int(labels.max()) + 1)]


def _own_half(labels: Floats) -> list[Floats]:
    return [_exceeds(_median(labels), labels)]


def _commonest(labels: Floats, classes: int) -> list[int]:
    """Return the commonest classes, the first one alone when there are but two."""
    counts = np.bincount(labels[labels != _NONE].astype(np.intp), minlength=max(classes, 1))
    most = 1 if np.count_nonzero(counts) <= 2 else MOST_CLASSES
    found: list[int] = np.argsort(-counts, kind="stable")[:most].tolist()
    return [one for place, one in enumerate(found) if counts[one] or not place]


def _median(labels: Floats) -> float:
    known = labels[~np.isnan(labels)]
    return float(np.median(known)) if len(known) else 0.0


def _as_it_is(labels: Floats) -> Floats:
    return labels


def _equals(one: int, labels: Floats) -> Floats:
    answers: Floats = (labels == one).astype(float)
    return answers


def _exceeds(middle: float, labels: Floats) -> Floats:
    answers: Floats = (labels > middle).astype(float)
    return answers


_QUESTIONS: Mapping[Task, Callable[[Floats, Target], list[Question]]] = {
    "binary": _is_positive,
    "multiclass": _is_of_class,
    "regression": _is_above,
}
_OWN: Mapping[Task, Callable[[Floats], list[Floats]]] = {
    "binary": _own_positive,
    "multiclass": _own_classes,
    "regression": _own_half,
}
