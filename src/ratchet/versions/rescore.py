"""Two accepted models, scored on the same rows: the newest holdout, which taught neither.

The gate's own machinery: models and rows are taken by hash, from DVC's cache or its remote, and
models load through HEAD's allow-list of types.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from ratchet.artifacts.card import Card
from ratchet.config import Window
from ratchet.data.schema import Schema, load_schema
from ratchet.data.target import target_of
from ratchet.data.validated import BATCH
from ratchet.errors import DataError, EvidenceError
from ratchet.files import write_text
from ratchet.gate import clean_room, policy
from ratchet.gate.paired import Difference, Movement, differences, movement
from ratchet.gate.revisions import History
from ratchet.scoring.metrics import applicable
from ratchet.versions.snapshot import Snapshot


@dataclass(frozen=True)
class Kept:
    """Where commits have what DVC keeps, and what it is read with: paths from the top."""

    model: str
    validated: str
    params: str
    schema: str


@dataclass(frozen=True)
class Rescored:
    """Both models on the same rows.

    judge: whose holdout it is. batches: those that were scored. taught: batches of that holdout
    that were left out, as they taught one of the two.
    """

    judge: str
    batches: Sequence[str]
    taught: Sequence[str]
    rows: int
    confidence: float
    differences: Mapping[str, Difference]
    movement: Movement


def rescore(
    history: History, sides: tuple[Snapshot, Snapshot], judge: Snapshot, kept: Kept, scratch: Path
) -> Rescored:
    """Score the models of two commits on the holdout of `judge`.

    scratch: an empty folder. Raises DataError, saying why, for models that can't be compared on
    these rows; EvidenceError when something can't be had or isn't what it was.
    """
    cards = [_card(each) for each in sides]
    judging = _card(judge)
    one, other = cards
    if unlike := clean_room.unlike(one, other):
        raise DataError(f"they don't predict the same: that of {sides[0].name} has the {unlike}")
    if unlike := clean_room.unlike(one, judging):
        raise DataError(f"the rows of {judge.name} judge something else: theirs isn't the {unlike}")
    head = history.resolve("HEAD")
    rules = policy.read_policy(history, head, head, kept.params, one.task)
    window = _window(history, judge, kept, scratch)
    lacking = {
        name for card in cards for name in card.features if name not in window.judging.column_names
    }
    if lacking:
        raise DataError(
            f"the rows of {judge.name} lack columns that one of them needs: "
            f"{', '.join(sorted(lacking))}"
        )
    taught = sorted(
        {batch for card in cards for batch in clean_room.seen(card, judging.holdout.batches)}
    )
    rows, labels = _unseen(window, taught)
    batch = np.array(rows[BATCH].to_pylist())
    if not len(labels):
        raise DataError(f"every batch of {judge.name}'s holdout taught one of them")
    scores = [
        clean_room.admit(
            history, side.at, card, kept.model, scratch / f"model-{number}", rules.trusted
        ).score(rows)
        for number, (side, card) in enumerate(zip(sides, cards, strict=True))
    ]
    draws = rules.rules.bootstrap
    compared = differences(
        labels,
        scores[0],
        scores[1],
        batch,
        task=one.task,
        metrics=applicable(labels, rows_of_each=2, task=one.task),
        seed=draws.seed,
        confidence=draws.confidence,
        replicates=draws.replicates,
        threshold=rules.evaluate.threshold,
    )
    return Rescored(
        judge.name,
        [each for each in judging.holdout.batches if each not in taught],
        taught,
        len(labels),
        draws.confidence,
        compared,
        movement(labels, *scores, task=one.task, threshold=rules.evaluate.threshold),
    )


def newest(candidates: Sequence[Snapshot]) -> Snapshot:
    """Return the one whose holdout is the newest: ids of batches sort in time order."""
    return max(candidates, key=lambda each: (max(_card(each).holdout.batches), each.name))


def _card(side: Snapshot) -> Card:
    if side.record.card is None or not side.record.card.holdout.batches:
        raise DataError(f"the card of {side.name} can't be read by today's code")
    return side.record.card


def _window(history: History, judge: Snapshot, kept: Kept, scratch: Path) -> clean_room.Window:
    """Take the rows that a commit validated, and part them as it did."""
    try:
        holdout = Window.model_validate(judge.params.get("window")).holdout
    except ValidationError as error:
        raise EvidenceError(
            f"{kept.params} at {judge.at}: {error.errors()[0]['msg']}; today's code can't read it"
        ) from error
    task = policy.task_of(judge.params, f"{kept.params} at {judge.at}")
    schema = _schema(history, judge, kept, scratch)
    return clean_room.read_rows(
        history, judge.at, kept.validated, scratch / "rows", target_of(task, schema), holdout
    )


def _schema(history: History, judge: Snapshot, kept: Kept, scratch: Path) -> Schema:
    path = scratch / Path(kept.schema).name
    write_text(path, history.text(judge.at, kept.schema) or "")
    return load_schema(path)


def _unseen(window: clean_room.Window, taught: Sequence[str]) -> tuple[pa.Table, np.ndarray]:
    """Return the judging rows of batches that taught nobody, and their labels."""
    fresh = pc.invert(pc.is_in(window.judging[BATCH], pa.array(taught, pa.string())))
    return window.judging.filter(fresh), window.y[fresh.to_numpy(zero_copy_only=False)]
