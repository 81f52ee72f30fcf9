"""Both models' scores of the same rows, judged by the rules."""

import numpy as np
import pyarrow as pa

from ratchet.artifacts.card import Card
from ratchet.artifacts.scored import Scored
from ratchet.config import Evaluate, Gate
from ratchet.errors import EvidenceError
from ratchet.gate import rules
from ratchet.gate.findings import Findings, Side
from ratchet.gate.paired import Difference, differences, movement
from ratchet.gate.slices import Slice, by_slice
from ratchet.scoring.bootstrap import Unit
from ratchet.scoring.metrics import main_of
from ratchet.task import Task


def compare(
    found: Findings, champion: Side, challenger: Side, asked: Gate, measured: Evaluate
) -> None:
    """Judge the two models' scores of the same rows, metrics and then slices, into `found`.

    The task's two main metrics are compared with intervals whatever the rules ask for.
    """
    task = challenger.card.task
    rows, before, after = challenger.scored, champion.scored.score, challenger.scored.score
    units: dict[str, Unit] = dict.fromkeys(main_of(task), "batch")
    units |= {name: rule.unit for name, rule in asked.metrics.items()}
    draws = asked.bootstrap
    gathered: dict[str, Difference] = {}
    for unit in sorted(set(units.values())):
        gathered |= differences(
            rows.label,
            before,
            after,
            rows.batch,
            task=task,
            metrics=[name for name, each in units.items() if each == unit],
            seed=draws.seed,
            confidence=draws.confidence,
            replicates=draws.replicates,
            threshold=measured.threshold,
            unit=unit,
        )
    found.differences = {name: gathered[name] for name in units}
    found.movement = movement(rows.label, before, after, task=task, threshold=measured.threshold)
    found.outcomes += rules.judge_pair(
        found.differences, found.movement, _new_batches(champion.card, challenger.card), asked
    )
    found.slices = _slices(rows, task, before, after, asked, measured)
    found.outcomes += rules.judge_slices(found.slices, asked.slices)


def _new_batches(champion: Card, challenger: Card) -> int:
    """Count the batches that taught the challenger and not the champion."""
    return len(challenger.train.batches.items() - champion.train.batches.items())


def _slices(
    rows: Scored,
    task: Task,
    before: np.ndarray,
    after: np.ndarray,
    asked: Gate,
    measured: Evaluate,
) -> list[Slice]:
    absent = [name for name in asked.slices.columns if name not in rows.columns.column_names]
    if absent:
        raise EvidenceError(
            f"gate.slices.columns: the data have no {', '.join(absent)}; mend params.yaml in a "
            "pull request of its own"
        )
    draws = asked.bootstrap
    columns = {
        name: rows.columns[name].cast(pa.string()).fill_null("(null)").to_pylist()
        for name in asked.slices.columns
    }
    return by_slice(
        rows.label,
        before,
        after,
        rows.batch,
        columns,
        task=task,
        metric=asked.slices.metric,
        min_rows=asked.slices.min_rows,
        seed=draws.seed,
        confidence=draws.confidence,
        replicates=draws.replicates,
        threshold=measured.threshold,
    )
