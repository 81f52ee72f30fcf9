"""The gate's statistics and rules, asked of two models' predictions in memory."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from ratchet.config import Gate
from ratchet.errors import RatchetError
from ratchet.gate import rules
from ratchet.gate.rules import Judgement, Outcome, Status
from ratchet.gate.same_rows import Pair, compare
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
    pair = Pair(holdout.y, holdout.batch, holdout.rows, champion.p, challenger.p, holdout.task)
    try:
        outcomes += compare(pair, rules.about_pairs(gate), new_batches, gate, threshold).outcomes
    except RatchetError as error:
        outcomes.append(Outcome("evidence", "stopped", Status.ERROR, str(error)))
    outcomes += rules.judge_floors(challenger.recorded, gate)
    return rules.judge(outcomes)
