"""Both models' scores of the same rows, judged by the rules: for the gate, and for a replay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ratchet.config import Gate
from ratchet.errors import EvidenceError
from ratchet.gate import rules
from ratchet.gate.paired import Difference, Movement, differences, movement
from ratchet.gate.rules import Outcome
from ratchet.gate.slices import Slice, by_slice
from ratchet.scoring.bootstrap import Unit
from ratchet.task import Task


@dataclass(frozen=True)
class Pair:
    """Rows and what two models say of them.

    y, batch: (rows,) the labels, and the batch of each. columns: the rows' own columns. champion,
    challenger: their scores, as `ratchet.scoring.rows` has them.
    """

    y: np.ndarray
    batch: np.ndarray
    columns: pa.Table
    champion: np.ndarray
    challenger: np.ndarray
    task: Task


@dataclass(frozen=True)
class Comparison:
    """What sets two models apart on the same rows, and what the rules say of that."""

    differences: Mapping[str, Difference]
    movement: Movement
    slices: Sequence[Slice]
    outcomes: Sequence[Outcome]


def compare(
    pair: Pair, units: Mapping[str, Unit], new_batches: int, asked: Gate, threshold: float
) -> Comparison:
    """Judge two models by the rules about pairs and slices.

    units: what resamples draw, by metric that is compared. new_batches: how many taught the
    challenger and not the champion. threshold: rows with a higher probability count as positive.

    Raises EvidenceError when the rows lack a column of the slices, and what
    `ratchet.gate.paired.differences` raises.
    """
    absent = [name for name in asked.slices.columns if name not in pair.columns.column_names]
    if absent:
        raise EvidenceError(
            f"gate.slices.columns: the data have no {', '.join(absent)}; mend params.yaml in a "
            "pull request of its own"
        )
    found = _differences(pair, units, asked, threshold)
    moved = movement(pair.y, pair.champion, pair.challenger, task=pair.task, threshold=threshold)
    parts = _slices(pair, asked, threshold)
    outcomes = [
        *rules.judge_pair(found, moved, new_batches, asked),
        *rules.judge_slices(parts, asked.slices),
    ]
    return Comparison(found, moved, parts, outcomes)


def _differences(
    pair: Pair, units: Mapping[str, Unit], asked: Gate, threshold: float
) -> dict[str, Difference]:
    draws = asked.bootstrap
    found: dict[str, Difference] = {}
    for unit in sorted(set(units.values())):
        found |= differences(
            pair.y,
            pair.champion,
            pair.challenger,
            pair.batch,
            task=pair.task,
            metrics=[name for name, each in units.items() if each == unit],
            seed=draws.seed,
            confidence=draws.confidence,
            replicates=draws.replicates,
            threshold=threshold,
            unit=unit,
        )
    return {name: found[name] for name in units}


def _slices(pair: Pair, asked: Gate, threshold: float) -> list[Slice]:
    draws = asked.bootstrap
    columns = {
        name: pair.columns[name].cast(pa.string()).fill_null("(null)").to_pylist()
        for name in asked.slices.columns
    }
    return by_slice(
        pair.y,
        pair.champion,
        pair.challenger,
        pair.batch,
        columns,
        task=pair.task,
        metric=asked.slices.metric,
        min_rows=asked.slices.min_rows,
        seed=draws.seed,
        confidence=draws.confidence,
        replicates=draws.replicates,
        threshold=threshold,
    )
