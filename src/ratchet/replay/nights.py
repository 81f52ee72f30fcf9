"""Play the nights: what each policy has in production, and how that does on the next batch.

Pure: what a night asks about data and models is answered by a `Bench`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import isnan
from typing import Literal, Protocol

import numpy as np

from ratchet.gate.rules import Verdict
from ratchet.replay.bench import Judged, Quality
from ratchet.replay.history import Night
from ratchet.replay.models import Model, challenger
from ratchet.scoring.metrics import main_of
from ratchet.task import Task

NAIVE_DROP = 0.01  # of AUC, F1 or R²: what a diff of recorded metrics blocks


class Asks(Protocol):
    """What a night wants to know. `ratchet.replay.bench.Bench` answers."""

    def seconds(self, model: Model) -> float: ...  # noqa: D102
    def quality(self, model: Model, place: int) -> Quality: ...  # noqa: D102
    def recorded(self, model: Model) -> Mapping[str, float]: ...  # noqa: D102
    def loss(self, model: Model, first: int, stop: int) -> float: ...  # noqa: D102
    def called(self, champion: Model, night: Night) -> Sequence[str]: ...  # noqa: D102
    def verdict(self, champion: Model | None, challenger: Model) -> Judged: ...  # noqa: D102


@dataclass(frozen=True)
class Policy:
    """When a model is trained, and who lets it into production."""

    name: str
    trains: Literal["once", "triggered", "nightly"]
    judge: Literal["nobody", "diff", "gate"]


CONFIGURED = Policy("configured", "triggered", "gate")
ALWAYS = Policy("always retrain", "nightly", "nobody")
NEVER = Policy("never retrain", "once", "nobody")
NAIVE = Policy("naive metrics diff", "nightly", "diff")
UNGATED = Policy("trigger, no gate", "triggered", "nobody")
GATED = Policy("gate every night", "nightly", "gate")
POLICIES = (CONFIGURED, UNGATED, GATED, ALWAYS, NAIVE, NEVER)


class What(StrEnum):
    """What a night did. REFUSED: validate or train ended without a model."""

    SKIP = "skip"
    REFUSED = "refused"
    PROMOTE = "promote"
    BLOCK = "block"
    ERROR = "error"


@dataclass(frozen=True)
class Event:
    """One night of one policy.

    called: the trigger's thresholds that were reached.
    challenger: what was trained. quality: of what is in production afterwards, on the next batch;
    None without a model or a good batch. age: batches after the newest one that the model in
    production learned from or was judged on. hindsight: for a BLOCK, by how much the challenger's
    loss on the batches to come is above the champion's, if there are any.
    """

    night: Night
    what: What
    challenger: Model | None
    quality: Quality | None
    age: int
    reasons: Sequence[str] = ()
    hindsight: float | None = None
    called: Sequence[str] = ()


@dataclass(frozen=True)
class Played:
    """All nights of a policy. fit_seconds: what its trainings took."""

    policy: Policy
    events: Sequence[Event]
    fit_seconds: float = field(compare=False)

    def count(self, *whats: What, spoiled: bool | None = None) -> int:
        """Count nights by what they did, and by whether the challenger was spoiled."""
        return sum(
            event.what in whats
            and (spoiled is None or ((event.challenger is not None) and spoiled != _honest(event)))
            for event in self.events
        )

    @property
    def trained(self) -> int:
        """Number of challengers."""
        return sum(event.challenger is not None for event in self.events)

    @property
    def losses(self) -> np.ndarray:
        """The task's loss night by night, NaN where there is none: shape (nights,)."""
        return np.array([event.quality.loss if event.quality else np.nan for event in self.events])

    @property
    def mean_loss(self) -> float:
        """Mean of the nights' losses."""
        return float(np.nanmean(self.losses))

    @property
    def mean_high(self) -> float:
        """Mean of the nights' other main metric."""
        found = [e.quality.high for e in self.events if e.quality and not isnan(e.quality.high)]
        return float(np.mean(found)) if found else float("nan")

    @property
    def oldest(self) -> int:
        """The largest age that a model in production reached, in batches."""
        return max(event.age for event in self.events)

    def wrongly_blocked(self) -> tuple[int, int]:
        """Return how many blocked honest challengers would have been better, and of how many."""
        found = [
            event.hindsight
            for event in self.events
            if event.what == What.BLOCK and _honest(event) and event.hindsight is not None
        ]
        return sum(each < 0 for each in found), len(found)

    def calls(self) -> Counter[str]:
        """Count the nights on which each threshold of the trigger was reached."""
        return Counter(name for event in self.events for name in event.called)

    def by_kind(self) -> dict[str, Counter[What]]:
        """Count what became of the spoiled challengers, by their kind."""
        found: dict[str, Counter[What]] = {}
        for event in self.events:
            if event.challenger is not None and event.challenger.spoil:
                found.setdefault(event.challenger.spoil, Counter())[event.what] += 1
        return found


def needed(
    nights: Sequence[Night], spoiled: Mapping[int, str], holdout: int, seed: int
) -> dict[Model, int]:
    """Return the models that are surely needed, with the place until which they predict.

    spoiled: kinds of fault by position among the nights. The first model serves to the end.
    """
    found = {
        challenger(night, holdout, spoiled.get(number, ""), seed): night.stop + 1
        for number, night in enumerate(nights)
        if not night.refused and night.due
    }
    if found:
        found[next(iter(found))] = nights[-1].stop + 1
    last = nights[-1].stop + (nights[-1].following is not None)
    return {model: min(until, last) for model, until in found.items()}


def play(
    nights: Iterable[Night],
    policy: Policy,
    bench: Asks,
    *,
    holdout: int,
    places: int,
    task: Task = "binary",
    spoiled: Mapping[int, str] | None = None,
    seed: int = 0,
) -> Played:
    """Play the nights with one policy.

    places: number of accepted batches. spoiled: kinds of fault by position among the nights.
    """
    champion: Model | None = None
    events = []
    seconds = 0.0
    for number, night in enumerate(nights):
        what, made, hindsight = What.SKIP, None, None
        reasons: Sequence[str] = ()
        called: Sequence[str] = ()
        if night.due and champion is not None and policy.trains == "triggered":
            called = () if night.refused else bench.called(champion, night)
        if night.due and night.refused:
            what, reasons = What.REFUSED, [night.refused]
        elif night.due and (champion is None or policy.trains == "nightly" or called):
            made = challenger(night, holdout, (spoiled or {}).get(number, ""), seed)
            cost = bench.seconds(made)
            if isnan(cost):
                what, made, reasons = What.REFUSED, None, ["equal labels are left to learn from"]
            else:
                seconds += cost
                what, reasons = _decide(policy, champion, made, bench, task)
            if what == What.PROMOTE:
                champion = made
            elif what == What.BLOCK and champion is not None and made is not None:
                hindsight = _hindsight(bench, champion, made, min(made.end + holdout, places))
        quality = None
        if champion is not None and night.following is not None:
            quality = bench.quality(champion, night.following)
        age = night.stop - champion.end if champion is not None else 0
        events.append(Event(night, what, made, quality, age, reasons, hindsight, called))
    return Played(policy, events, seconds)


def _decide(
    policy: Policy, champion: Model | None, made: Model, bench: Asks, task: Task
) -> tuple[What, Sequence[str]]:
    if policy.judge == "gate":
        judged = bench.verdict(champion, made)
        if judged.verdict in (Verdict.PASS, Verdict.FIRST):
            return What.PROMOTE, []
        return (What.BLOCK if judged.verdict == Verdict.BLOCK else What.ERROR), judged.reasons
    if policy.judge == "diff" and champion is not None:
        high, _ = main_of(task)
        drop = bench.recorded(champion)[high] - bench.recorded(made)[high]
        if drop > NAIVE_DROP:
            return What.BLOCK, [f"{high} fell by {drop:.3f}"]
    return What.PROMOTE, []


def _hindsight(bench: Asks, champion: Model, made: Model, until: int) -> float | None:
    """Return by how much the challenger was worse on the batches after its holdout, if any."""
    if until <= made.end:
        return None
    first = made.end
    return bench.loss(made, first, until) - bench.loss(champion, first, until)


def _honest(event: Event) -> bool:
    return event.challenger is None or event.challenger.honest
