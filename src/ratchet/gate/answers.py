"""Does a model still answer as it did when it was made? Its golden predictions, asked again."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pyarrow as pa

from ratchet.artifacts import persist
from ratchet.artifacts.answers import Answers, compared, moved_libraries
from ratchet.artifacts.card import Card
from ratchet.artifacts.golden import choose, read_golden
from ratchet.errors import RatchetError
from ratchet.gate.clean_room import Model
from ratchet.gate.revisions import History
from ratchet.journal.commits import Revision
from ratchet.task import Task


def ask(
    history: History,
    at: Revision,
    golden: str,
    card: Card,
    model: Path,
    trusted: frozenset[str] = persist.TRUSTED,
) -> Answers:
    """Ask the model of a commit its golden rows, with the code and libraries of this process.

    golden: their path in the commit. model: the file, whose hash the card has.
    """
    moved = moved_libraries(card)
    content = history.content(at, golden)
    if content is None:
        return Answers(0, 0, None, "", moved)
    try:
        found = read_golden(content, f"{golden} at {at}")
        estimator = persist.load(model, sha256=card.model_sha256, trusted=trusted)
        score = Model(card, estimator, model.stat().st_size).score(found.rows)
    except RatchetError as error:
        return Answers(0, 0, None, str(error), moved)
    except Exception as error:  # whatever a library stumbles over in a model of another version
        return Answers(0, 0, None, f"{type(error).__name__}: {error}", moved)
    return compared(found, score, card.task, moved)


def forged(
    content: bytes | None,
    path: str,
    judging: pa.Table,
    score: np.ndarray,
    features: Collection[str],
    task: Task,
) -> list[str]:
    """Return what is wrong with a challenger's golden predictions, a line each.

    content: the file, which lies at `path`. judging, score: the rows that judge, scored anew.
    features, task: the model's.
    """
    if content is None:
        return [f"{path} is missing"]
    try:
        committed = read_golden(content, path)
    except RatchetError as error:
        return [str(error)]
    again = choose(judging, score, features)
    if not again.rows.equals(committed.rows):
        return [f"forged or stale: the rows in {path} aren't those of this holdout"]
    found = compared(committed, again.score, task)
    return [f"forged or stale: the model {found}"] if found.wrong else []
