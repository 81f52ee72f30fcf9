"""Does a model still answer as it did when it was made? Its golden predictions, asked again."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ratchet.artifacts import answers, persist
from ratchet.artifacts.answers import Answers, compared, moved_libraries
from ratchet.artifacts.card import Card
from ratchet.artifacts.golden import choose, read_golden
from ratchet.errors import EvidenceError, RatchetError
from ratchet.gate.revisions import History
from ratchet.journal.commits import Revision
from ratchet.task import Task


def ask(history: History, at: Revision, golden: str, card: Card, estimator: Any) -> Answers:
    """Ask the loaded model of a commit its golden rows; what goes wrong is told in the answers.

    golden: their path in the commit.
    """
    try:
        return answers.ask(history.content(at, golden), f"{golden} at {at}", card, estimator)
    except EvidenceError as error:
        return _unasked(card, error)


def ask_file(history: History, at: Revision, golden: str, card: Card, model: Path) -> Answers:
    """Load the model from a file, whose hash the card has, and `ask` it."""
    try:
        estimator = persist.load(model, sha256=card.model_sha256)
    except EvidenceError as error:
        return _unasked(card, error)
    return ask(history, at, golden, card, estimator)


def _unasked(card: Card, error: EvidenceError) -> Answers:
    return Answers(0, 0, None, str(error), moved_libraries(card))


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
