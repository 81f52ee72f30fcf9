"""The play by itself: made-up models whose quality is known."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from ratchet.gate.rules import Verdict
from ratchet.replay import nights as replayed
from ratchet.replay.bench import Judged, Quality
from ratchet.replay.history import Night
from ratchet.replay.models import Model
from ratchet.replay.nights import Played, What, needed, play
from ratchet.replay.picture import rolling

HOLDOUT, COUNT = 2, 10
SPOILED = {4: "30 % flipped"}


def night(number: int, refused: str = "", following: bool = True) -> Night:
    stop = 6 + number
    return Night(stop - 1, f"b{stop}", 0, stop, 0, stop if following else None, refused, True)


NIGHTS = [night(number) for number in range(COUNT)]


class World:
    """Models lose .001 of log loss a batch as they age; a spoiled one is .1 worse."""

    def seconds(self, model: Model) -> float:  # noqa: ARG002
        return 1.0

    def loss(self, model: Model, first: int, stop: int) -> float:  # noqa: ARG002
        return 0.5 + 0.1 * (not model.honest) + 0.001 * (first - model.stop)

    def quality(self, model: Model, place: int) -> Quality:
        return Quality(self.loss(model, place, place + 1), 0.6)

    def recorded(self, model: Model) -> Mapping[str, float]:
        return {"roc_auc": 0.6 + 0.02 * (model.stop % 2)}  # the luck of the days

    def called(self, champion: Model, night: Night) -> Sequence[str]:
        return ("age",) if night.stop - champion.end >= 3 else ()

    def verdict(self, champion: Model | None, challenger: Model) -> Judged:
        if champion is None:
            return Judged(Verdict.FIRST, [])
        if challenger.honest:
            return Judged(Verdict.PASS, [])
        return Judged(Verdict.BLOCK, ["worse"])


def played(
    policy: replayed.Policy,
    spoiled: Mapping[int, str] | None = None,
    nights: Sequence[Night] = NIGHTS,
    world: World | None = None,
) -> Played:
    return play(nights, policy, world or World(), holdout=HOLDOUT, places=99, spoiled=spoiled)


def whats(one: Played) -> list[What]:
    return [event.what for event in one.events]


def test_never_trains_once_and_ages() -> None:
    one = played(replayed.NEVER)
    assert whats(one) == [What.PROMOTE] + [What.SKIP] * (COUNT - 1)
    assert one.losses == pytest.approx([0.502 + 0.001 * number for number in range(COUNT)])
    assert (one.trained, one.fit_seconds, one.oldest) == (1, 1.0, COUNT - 1)


def test_always_takes_every_model_also_a_spoiled_one() -> None:
    one = played(replayed.ALWAYS, SPOILED)
    assert whats(one) == [What.PROMOTE] * COUNT
    assert one.losses.round(3).tolist() == [0.602 if n == 4 else 0.502 for n in range(COUNT)]
    assert one.count(What.PROMOTE, spoiled=True) == 1
    assert one.count(What.PROMOTE, spoiled=False) == COUNT - 1
    assert one.oldest == 0


def test_the_gate_keeps_the_champion_and_hindsight_agrees() -> None:
    one = played(replayed.GATED, SPOILED)
    assert whats(one)[4] == What.BLOCK
    assert one.losses[4] == pytest.approx(0.503)  # yesterday's model
    assert one.events[4].hindsight == pytest.approx(0.1 - 0.001)
    assert one.by_kind() == {"30 % flipped": {What.BLOCK: 1}}
    assert one.wrongly_blocked() == (0, 0)


def test_a_difference_of_recorded_figures_is_the_luck_of_the_days() -> None:
    one = played(replayed.NAIVE)
    # The first model's days were easy or hard; only models of days at least as easy may follow.
    assert one.count(What.BLOCK) > 0
    wrong, judged = one.wrongly_blocked()
    assert wrong == judged == one.count(What.BLOCK)


def test_the_trigger_decides_when() -> None:
    one = played(replayed.CONFIGURED)
    assert whats(one) == [What.PROMOTE if number % 3 == 0 else What.SKIP for number in range(COUNT)]
    assert one.calls() == {"age": 3}
    assert one.oldest == 2


def test_an_error_of_the_gate_keeps_the_champion() -> None:
    class Broken(World):
        def verdict(self, champion: Model | None, challenger: Model) -> Judged:
            found = super().verdict(champion, challenger)
            return found if champion is None else Judged(Verdict.ERROR, ["nan"])

    one = played(replayed.GATED, world=Broken())
    assert one.count(What.ERROR) == COUNT - 1
    assert one.oldest == COUNT - 1


def test_without_a_first_model_there_is_no_quality() -> None:
    class Bad(World):
        def verdict(self, champion: Model | None, challenger: Model) -> Judged:
            assert champion is None
            return Judged(Verdict.BLOCK, [f"floor of {challenger}"])

    assert np.isnan(played(replayed.GATED, world=Bad()).losses).all()


def test_a_refused_night_trains_nothing_and_production_goes_on() -> None:
    nights = [night(0), night(1, refused="quarantined"), night(2, following=False)]
    one = played(replayed.ALWAYS, nights=nights)
    assert whats(one) == [What.PROMOTE, What.REFUSED, What.PROMOTE]
    assert one.events[1].quality is not None
    assert one.events[2].quality is None
    assert one.trained == 2


def test_what_cannot_be_trained_is_refused() -> None:
    class Stuck(World):
        def seconds(self, model: Model) -> float:
            return 1.0 if model.honest else float("nan")

    one = played(replayed.ALWAYS, SPOILED, world=Stuck())
    assert whats(one)[4] == What.REFUSED
    assert one.trained == COUNT - 1


def test_models_are_asked_for_once_and_the_first_until_the_end() -> None:
    found = needed(NIGHTS, SPOILED, HOLDOUT, seed=7)
    assert len(found) == COUNT
    assert [model.spoil for model in found if not model.honest] == ["30 % flipped"]
    assert set([*found.values()][:: COUNT - 1]) == {NIGHTS[-1].stop + 1}


def test_the_rolling_mean_passes_over_gaps() -> None:
    found = rolling(np.array([np.nan, 1.0, 3.0, np.nan, 5.0]), 2)
    assert np.isnan(found[0])
    assert found[1:].tolist() == [1.0, 2.0, 3.0, 5.0]
