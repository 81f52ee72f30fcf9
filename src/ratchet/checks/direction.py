"""Do the labels of a batch run with a model of the batches before, or against it?

Inverted labels run against it. Numbers in another unit run with it, but too steeply.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ratchet.checks.questions import Floats, Question
from ratchet.checks.statistic import Statistic
from ratchet.task import Task

_INTERCEPT = 0.13  # how much a batch's rate says of its direction, against the slope
_CLEARLY = 2.0  # deviations of the slope that chance is granted,
_GRANTED = 0.25  # as far as they're more than this
_FAR = 10.0  # deviations from the mean; a number beyond says no more than one that is so far


@dataclass(frozen=True)
class Scored:
    """Rows of batches: the model's log-odds, the answers to a question for labels, the labels.

    All of shape (rows,); `batch` is the position of each row's batch, from 0 on.
    """

    score: Floats
    answers: Floats
    labels: Floats
    batch: np.ndarray


def measure_direction(now: Scored, before: Scored, question: Question, task: Task) -> Statistic:
    """Say whether labels run against the model: 1 minus their slope on the model's log-odds.

    `now` is the batch to judge and `before` the reference. Of numbers it's the distance of the
    slope from 1, to either side, after their slope in the reference was made 1.
    """
    return _MEASURES[task](now, before, question)


def logit(share: float) -> float:
    """Return the log-odds of a share between 0 and 1."""
    return float(np.log(share / (1 - share)))


def _of_answers(now: Scored, before: Scored, question: Question) -> Statistic:
    """Average the slope with what the batch's rate says.

    Inverting the labels turns log-odds of -1.1 into 1.1, which a storm seldom does.
    """
    center = logit((before.answers.sum() + 0.5) / (len(before.answers) + 1))
    return _of_slope(now, question, center)


def _of_slope(now: Scored, question: Question, center: float) -> Statistic:
    labels = now.answers
    rate = (labels.sum() + 0.5) / (len(labels) + 1)
    middle = now.score - now.score.mean()
    intercept, slope = logit(rate), 0.0
    for _ in range(8):
        chance = 1 / (1 + np.exp(-(intercept + slope * middle)))
        weight = chance * (1 - chance)
        a, b = weight.sum(), (weight * middle).sum()
        c = (weight * middle * middle).sum() + 1.0  # a weak prior for a slope near 0
        g, h = (labels - chance).sum(), ((labels - chance) * middle).sum() - slope
        determinant = a * c - b * b
        intercept += float(np.clip((c * g - b * h) / determinant, -2, 2))
        slope += float(np.clip((a * h - b * g) / determinant, -2, 2))
    spread = float(middle.var())
    prior = _INTERCEPT * center**2
    whole = max(spread + prior, 1e-9)
    value = (spread * slope + _INTERCEPT * center * logit(rate)) / whole
    error = spread * float(np.sqrt(max(a / determinant, 0.0))) / whole
    message = (
        f"slope {slope:.2f} of the labels on the model of the batches before (usually near 1), "
        f"{rate:.1%} {question.yes}"
    )
    return Statistic("label_direction", "", 1 - value - _chance(error), message, len(labels))


def _of_classes(now: Scored, before: Scored, question: Question) -> Statistic:  # noqa: ARG001
    """Take the slope alone: several classes have no opposite that a rate could lead to."""
    return _of_slope(now, question, 0.0)


def _of_numbers(now: Scored, before: Scored, question: Question) -> Statistic:  # noqa: ARG001
    known = before.labels[~np.isnan(before.labels)]
    mean, far = (float(known.mean()), _FAR * float(known.std())) if len(known) else (0.0, 0.0)
    (x, y), (u, v) = (_within(each, mean - far, mean + far) for each in (before, now))
    usual = float(x @ y) / max(float(x @ x), 1e-9)
    noise = float(((y - usual * x) ** 2).mean()) if len(y) else 0.0
    if usual <= 0 or not len(v):
        message = "the labels never ran with the model"
        return Statistic("label_direction", "", 0.0, message, len(now.labels))
    precision = usual**2 / max(noise, 1e-9 * far**2, 1e-300)
    told = float(u @ u) * precision  # beside a weak prior for a slope near 0
    slope = float(u @ v) / usual * precision / (told + 1)
    message = (
        f"slope {slope:.2f} of the labels on the model of the batches before (usually near 1), "
        f"mean {np.nanmean(now.labels):.4g}, was {mean:.4g}"
    )
    value = abs(1 - slope) - _chance(1 / float(np.sqrt(told + 1)))
    return Statistic("label_direction", "", value, message, len(now.labels))


def _within(rows: Scored, low: float, high: float) -> tuple[Floats, Floats]:
    """Return score and number of the rows that have one, less the means of their batches."""
    known = ~np.isnan(rows.labels)
    batch = rows.batch[known]
    count = np.maximum(np.bincount(batch), 1)
    x, y = rows.score[known], np.clip(rows.labels[known], low, high)
    return x - (np.bincount(batch, x) / count)[batch], y - (np.bincount(batch, y) / count)[batch]


def _chance(error: float) -> float:
    return max(0.0, _CLEARLY * error - _GRANTED)


_MEASURES: Mapping[Task, Callable[[Scored, Scored, Question], Statistic]] = {
    "binary": _of_answers,
    "multiclass": _of_classes,
    "regression": _of_numbers,
}
