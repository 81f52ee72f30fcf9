"""More than accuracy: size, speed, calibration, churn, and a model that its inputs explain."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from statistics import median

from ratchet.artifacts.card import Card
from ratchet.config import Action, Limit, More
from ratchet.gate.rules import Outcome, Status

RUNS = 7  # of each model, in turns; their medians are compared

_STATUS: dict[Action, Status] = {
    "off": Status.UNJUDGED,
    "warn": Status.WARNS,
    "block": Status.BLOCKS,
}

# What a model's card says about what it was made from.
INPUTS = (
    "estimator",
    "parameters",
    "seed",
    "target",
    "task",
    "positive",
    "classes",
    "features",
    "key",
    "weight",
    "format",
    "train",
    "code_sha256",
    "environment_sha256",
)


@dataclass(frozen=True)
class Compared:
    """A property of both models: bytes, seconds, or a share. churn has no figure of its own."""

    champion: float
    challenger: float


def seconds(
    champion: Callable[[], object],
    challenger: Callable[[], object],
    clock: Callable[[], float] = time.perf_counter,
) -> Compared:
    """Return the median seconds of each, run in turns so that both meet the same weather."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(RUNS):
        for run, times in zip((champion, challenger), taken, strict=True):
            start = clock()
            run()
            times.append(clock() - start)
    return Compared(*(median(times) for times in taken))


def judge_more(
    size: Compared,
    latency: Compared,
    calibration: Compared | None,
    flips: float | None,
    rules: More,
) -> Iterator[Outcome]:
    """Judge what besides the metrics speaks against the challenger.

    size: bytes of the files. latency: seconds for the same rows. calibration: the calibration
    errors. flips: the share of rows whose decision changes. Both are None where numbers are
    predicted: without a probability there is nothing to calibrate, without a class no decision.
    """
    ratio = size.challenger / size.champion
    yield _limit(
        "size",
        ratio,
        f"the model's file has {_kilobytes(size.challenger)}, {ratio:.2f} times the champion's",
        rules.size,
    )
    ratio = latency.challenger / latency.champion if latency.champion else float("nan")
    yield _limit("latency", ratio, f"scoring takes {ratio:.2f} times as long", rules.latency)
    if calibration is None:
        yield _lacks("calibration", "no probabilities")
    else:
        rise = calibration.challenger - calibration.champion
        yield _limit(
            "calibration",
            rise,
            f"the calibration error {'rises' if rise > 0 else 'falls'} by {abs(rise):.4f} to "
            f"{calibration.challenger:.4f}",
            rules.calibration,
        )
    if flips is None:
        yield _lacks("churn", "no decisions")
    else:
        yield _limit("churn", flips, f"{flips:.1%} of the decisions flip", rules.churn)


def judge_inputs(champion: Card, challenger: Card, rules: More) -> Outcome:
    """Judge whether the model changed without its inputs, or its training data without it."""
    changed = [name for name in INPUTS if getattr(champion, name) != getattr(challenger, name)]
    same_model = champion.model_sha256 == challenger.model_sha256
    if not same_model and not changed:
        return Outcome(
            "same_inputs",
            "inputs",
            _STATUS[rules.same_inputs],
            "another model from the same data, parameters, code and environment: one of the two "
            "was not made by this pipeline",
        )
    if same_model and "train" in changed:
        return Outcome(
            "same_model",
            "inputs",
            _STATUS[rules.same_model],
            "the training data changed and the model did not: does it learn from it?",
        )
    names = ", ".join(changed).replace("_sha256", "") or "nothing"
    return Outcome("inputs", "inputs", Status.FINE, f"changed since the champion: {names}")


def _limit(name: str, value: float, said: str, limit: Limit | None) -> Outcome:
    if limit is None or limit.action == "off":
        return Outcome(name, "model", Status.UNJUDGED, said)
    if not isfinite(value):
        return Outcome(name, "model", Status.ERROR, f"{name} has no finite value")
    status = Status.FINE if value <= limit.most else _STATUS[limit.action]
    return Outcome(name, "model", status, f"{said}; fine is up to {limit.most:g}")


def _lacks(name: str, what: str) -> Outcome:
    said = f"{name} isn't judged: a model that predicts numbers has {what}"
    return Outcome(name, "model", Status.UNJUDGED, said)


def _kilobytes(size: float) -> str:
    return f"{size / 1e3:,.0f} kB"
