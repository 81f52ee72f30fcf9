"""The gate's statistics and rules, asked of two models' predictions in memory."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from ratchet.config import Gate
from ratchet.errors import RatchetError
from ratchet.gate import rules
from ratchet.gate.paired import Difference, differences, movement
from ratchet.gate.rules import Judgement, Outcome, Status
from ratchet.gate.slices import Slice, by_slice
from ratchet.scoring.rows import Floats
from ratchet.task import Task


@dataclass(frozen=True)
class Holdout:
    """The rows that judge, their labels y (rows,), and the batch of each (rows,)."""

    rows: pa.Table
    y: Floats
    batch: Floats
    task: Task


@dataclass(frozen=True)
class Side:
    """A model: its scores p of the holdout that judges, as `Foretold` has them; its own figures."""

    p: Floats
    recorded: Mapping[str, float]


def judge_first(challenger: Side, gate: Gate) -> Judgement:
    """Judge a model that has no champion before it: floors only."""
    return rules.judge(rules.judge_floors(challenger.recorded, gate), first=True)


def judge_models(
    holdout: Holdout,
    champion: Side,
    challenger: Side,
    new_batches: int,
    gate: Gate,
    threshold: float,
) -> Judgement:
    """Judge the challenger by all rules about figures. What can't be judged is an ERROR.

    new_batches: batches that taught the challenger and not the champion. threshold: rows with a
    higher probability count as positive.
    """
    dropping = [name for name, rule in gate.metrics.items() if rule.max_drop is not None]
    before, after = (
        {name: side.recorded.get(name) for name in dropping} for side in (champion, challenger)
    )
    outcomes = list(rules.judge_recorded(before, after, gate))
    try:
        found = _differences(holdout, champion, challenger, gate, threshold)
        moved = movement(
            holdout.y, champion.p, challenger.p, task=holdout.task, threshold=threshold
        )
        outcomes += rules.judge_pair(found, moved, new_batches, gate)
        parts = _slices(holdout, champion, challenger, gate, threshold)
        outcomes += rules.judge_slices(parts, gate.slices)
    except RatchetError as error:
        outcomes.append(Outcome("evidence", "stopped", Status.ERROR, str(error)))
    outcomes += rules.judge_floors(challenger.recorded, gate)
    return rules.judge(outcomes)


def _differences(
    holdout: Holdout, champion: Side, challenger: Side, gate: Gate, threshold: float
) -> dict[str, Difference]:
    """Compare the metrics that a rule about pairs names, each with resamples of its unit."""
    asked = {
        name: rule.unit
        for name, rule in gate.metrics.items()
        if any(
            each is not None for each in (rule.significant_loss, rule.margin, rule.margin_if_moved)
        )
    }
    draws = gate.bootstrap
    found: dict[str, Difference] = {}
    for unit in sorted(set(asked.values())):
        found |= differences(
            holdout.y,
            champion.p,
            challenger.p,
            holdout.batch,
            task=holdout.task,
            metrics=[name for name, own in asked.items() if own == unit],
            seed=draws.seed,
            confidence=draws.confidence,
            replicates=draws.replicates,
            threshold=threshold,
            unit=unit,
        )
    return found


def _slices(
    holdout: Holdout, champion: Side, challenger: Side, gate: Gate, threshold: float
) -> list[Slice]:
    asked, draws = gate.slices, gate.bootstrap
    return by_slice(
        holdout.y,
        champion.p,
        challenger.p,
        holdout.batch,
        {
            name: holdout.rows[name].cast(pa.string()).fill_null("(null)").to_pylist()
            for name in asked.columns
        },
        task=holdout.task,
        metric=asked.metric,
        min_rows=asked.min_rows,
        seed=draws.seed,
        confidence=draws.confidence,
        replicates=draws.replicates,
        threshold=threshold,
    )
