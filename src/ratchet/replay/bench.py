"""Trigger and gate as they would have decided, from the predictions of a replay's models.

The thresholds, statistics and rules are those of `ratchet.nights.trigger` and `ratchet.gate`. Left
out is what needs two commits or a model's file: the clean room, size and latency.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ratchet.artifacts.card import Rows
from ratchet.checks.distance import excesses
from ratchet.checks.profile import Profile
from ratchet.checks.profile_file import read_profile
from ratchet.checks.records import profile_path
from ratchet.code import code_hash
from ratchet.config import Params
from ratchet.errors import ConfigError
from ratchet.files import sha256_text, write_text
from ratchet.gate.rules import Judgement, Verdict
from ratchet.nights.trigger import Figures, advantage, decide
from ratchet.replay.gating import Holdout, Side, judge_first, judge_models
from ratchet.replay.history import Array, History, Night, Places
from ratchet.replay.models import Foretold, Model, Workshop
from ratchet.scoring.metrics import applicable, main_of, score


class Quality(NamedTuple):
    """How a model did on one batch: the task's loss, and its other main metric.

    That is NaN for a batch whose labels are all equal, where it needs them to differ.
    """

    loss: float
    high: float


class Judged(NamedTuple):
    """What the gate said of a pair, with the reasons for a BLOCK or ERROR."""

    verdict: Verdict
    reasons: list[str]


class Bench:
    """Answers what a night asks about models. Verdicts are kept in the cache."""

    def __init__(self, params: Params, places: Places, workshop: Workshop) -> None:
        self._params = params
        self._places = places
        self._workshop = workshop
        self._high, self._loss = main_of(params.task)
        self._foretold: dict[Model, Foretold] = {}
        self._verdicts: dict[tuple[Model | None, Model], Judged] = {}
        self._rules = "\n".join(
            [
                params.gate.model_dump_json(exclude={"more"}),
                str(params.evaluate.threshold),
                code_hash(judge_models.__module__),
            ]
        )
        missing = set(params.gate.slices.columns) - set(self.history.schema.columns)
        if missing:
            raise ConfigError(
                f"params.yaml: gate.slices.columns: schema.yaml has no {', '.join(sorted(missing))}"
            )
        self._profile = lru_cache(maxsize=None)(self._read_profile)

    @cached_property
    def history(self) -> History:
        """What is played."""
        return self._workshop.history

    def learn(self, model: Model, foretold: Foretold) -> None:
        """Take over predictions that were made elsewhere."""
        self._foretold[model] = foretold

    def seconds(self, model: Model) -> float:
        """Return how long the model's fit took; NaN if it could not be trained."""
        return self._until(model, model.end).seconds

    def predicted(self, model: Model, first: int, stop: int) -> Array:
        """Return the model's scores for the places from `first` to before `stop`."""
        start = self.history.start
        begin, end = (int(start[place] - start[model.stop]) for place in (first, stop))
        return self._until(model, stop).p[begin:end]

    def quality(self, model: Model, place: int) -> Quality:
        """Return how the model does on one batch."""
        found = self._figures(model, place, place + 1, (self._loss, self._high))
        return Quality(found[self._loss], found.get(self._high, float("nan")))

    def recorded(self, model: Model) -> Mapping[str, float]:
        """Return the model's figures on its own holdout."""
        return self._figures(model, model.stop, model.end, None)

    def loss(self, model: Model, first: int, stop: int) -> float:
        """Return the task's loss of the model on the places from `first` to before `stop`."""
        return self._figures(model, first, stop, (self._loss,))[self._loss]

    def called(self, champion: Model, night: Night) -> Sequence[str]:
        """Return the thresholds of `trigger:` that call for a training; none where it skips.

        A drift comes with the name of its column. As `ratchet.nights.trigger` decides.
        """
        trigger, history = self._params.trigger, self.history
        last = history.accepted[champion.end - 1].id
        first = max(champion.end, night.first)
        taught = max(champion.first, night.known)
        if first >= night.stop:
            return ()
        if taught >= champion.stop:
            return ("no batch that taught it is known",)
        apart = excesses(
            [self._profile(place) for place in range(first, night.stop)],
            [self._profile(place) for place in range(taught, champion.stop)],
            history.schema.compared,
        )
        drifted = max(apart, key=lambda name: apart[name])
        judged = max(champion.stop, night.first)
        figures = Figures(
            tuple(batch.id for batch in history.accepted[first : night.stop]),
            int(history.start[night.stop] - history.start[first]),
            sum(batch.id > last for batch in history.batches[: night.at + 1]),
            apart[drifted],
            drifted,
            self._advantage(champion, judged, champion.end)
            - self._advantage(champion, first, night.stop),
        )
        met = decide(figures, trigger, last, self._params.task).met
        return [f"drift of {drifted}" if name == "drift" else name for name in met]

    def verdict(self, champion: Model | None, challenger: Model) -> Judged:
        """Return what the gate says of the challenger, on its holdout."""
        pair = champion, challenger
        if pair not in self._verdicts:
            path = self._verdict_path(champion, challenger)
            known = _read(path)
            if known is None:
                judgement = self._judge(champion, challenger)
                known = Judged(judgement.verdict, judgement.reasons)
                write_text(path, json.dumps(known) + "\n")
            self._verdicts[pair] = known
        return self._verdicts[pair]

    def _verdict_path(self, champion: Model | None, challenger: Model) -> Path:
        judging = self.history.accepted[challenger.stop : challenger.end]
        names = [self._workshop.name(model) if model else "" for model in (champion, challenger)]
        name = sha256_text("\n".join([self._rules, *names, *(batch.sha256 for batch in judging)]))
        return self._places.cache / "verdicts" / f"{name}.json"

    def _judge(self, champion: Model | None, challenger: Model) -> Judgement:
        first, stop = challenger.stop, challenger.end
        holdout = Holdout(
            self.history.part(first, stop),
            self.history.labels(first, stop),
            self.history.places(first, stop),
            self._params.task,
        )
        new = Side(self.predicted(challenger, first, stop), self.recorded(challenger))
        gate, threshold = self._params.gate, self._params.evaluate.threshold
        if champion is None:
            return judge_first(new, gate)
        old = Side(self.predicted(champion, first, stop), self.recorded(champion))
        taught = set(range(challenger.first, challenger.stop))
        more = len(taught - set(range(champion.first, champion.stop)))
        return judge_models(holdout, old, new, more, gate, threshold)

    def _until(self, model: Model, stop: int) -> Foretold:
        known = self._foretold.get(model)
        needed = int(self.history.start[stop] - self.history.start[model.stop])
        if known is None or (len(known.p) < needed and not np.isnan(known.seconds)):
            known = self._foretold[model] = self._workshop.foretell(model, stop)
        return known

    def _figures(
        self, model: Model, first: int, stop: int, metrics: tuple[str, ...] | None
    ) -> Mapping[str, float]:
        y = self.history.labels(first, stop)
        possible = applicable(y, task=self._params.task)
        return score(
            y,
            self.predicted(model, first, stop),
            task=self._params.task,
            metrics=[name for name in metrics or possible if name in possible],
            threshold=self._params.evaluate.threshold,
        )

    def _advantage(self, model: Model, first: int, stop: int) -> float:
        """Return the model's advantage over what it was taught; NaN without rows."""
        if first >= stop:
            return float("nan")
        task, history = self._params.task, self.history
        taught = history.labels(model.first, model.stop)
        prior = Rows.of({}, taught, task, len(history.target.classes)).prior
        return advantage(
            history.labels(first, stop), self.predicted(model, first, stop), prior, task
        )

    def _read_profile(self, place: int) -> Profile:
        return read_profile(profile_path(self._places.profiles, self.history.accepted[place].id))


def _read(path: Path) -> Judged | None:
    try:
        verdict, reasons = json.loads(path.read_text(encoding="utf-8"))
        return Judged(Verdict(verdict), reasons)
    except (OSError, ValueError):
        return None
