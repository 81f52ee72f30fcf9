"""Does a model still answer as it did when it was made? Its golden predictions, asked again."""

from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pyarrow as pa

from ratchet.artifacts import persist
from ratchet.artifacts.card import Card
from ratchet.artifacts.golden import Golden, choose, read_golden
from ratchet.errors import RatchetError
from ratchet.gate.clean_room import Model
from ratchet.gate.revisions import History
from ratchet.journal.commits import Revision
from ratchet.task import Task

# Probabilities that are closer are the same answer: processors differ in last digits. So are
# numbers that are closer than this share of the widest span between the model's golden answers.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Answers:
    """What an accepted model answered today.

    rows: how many golden rows there are; 0 for a version from before they were kept. differing:
    how many of them it answers otherwise, by more than TOLERANCE. difference: the largest, of
    whichever class; None where there is none, or one that isn't finite. problem: why it couldn't
    answer, empty if it could. moved: the libraries that aren't those it was made with, as
    `NAME THEN → NOW`.
    """

    rows: int
    differing: int
    difference: float | None
    problem: str
    moved: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether it answers as it did; not, if it never was asked."""
        return bool(self.rows and not self.differing and not self.problem)

    @property
    def wrong(self) -> bool:
        """Whether it answers otherwise, or can't."""
        return bool(self.differing or self.problem)

    def __str__(self) -> str:
        """Say it in a sentence."""
        libraries = f"; libraries have moved: {', '.join(self.moved)}" if self.moved else ""
        if self.problem:
            return f"can't be asked here: {self.problem}{libraries}"
        if not self.rows:
            return f"no golden predictions: it is from before they were kept{libraries}"
        if self.differing:
            return (
                f"answers otherwise than when it was made: {self.differing} of {self.rows} golden "
                f"rows, by up to {self._farthest}{libraries}"
            )
        return (
            f"answers {self.rows} golden rows as when it was made (largest difference "
            f"{self._farthest}){libraries}"
        )

    @property
    def _farthest(self) -> str:
        return "infinity" if self.difference is None else f"{self.difference:.2g}"


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
    moved = tuple(_moved(card))
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


def compared(golden: Golden, score: np.ndarray, task: Task, moved: tuple[str, ...] = ()) -> Answers:
    """Hold scores of the golden rows against those from when the model was made."""
    rows = len(golden.score)
    if score.shape != golden.score.shape:
        said = f"it gives {score.shape} answers where {golden.score.shape} were kept"
        return Answers(rows, 0, None, said, moved)
    apart = np.abs(golden.score - score).reshape(rows, -1).max(axis=1)
    same = apart <= TOLERANCE * _span(golden.score, task)  # nothing is equal to NaN
    farthest = float(apart.max()) if np.isfinite(apart).all() else None
    return Answers(rows, int((~same).sum()), farthest, "", moved)


def _span(score: np.ndarray, task: Task) -> float:
    """Return what a difference is a share of: 1 for probabilities, the width of numbers."""
    if task != "regression":
        return 1.0
    return float(np.ptp(score)) or float(np.abs(score).max())


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


def _moved(card: Card) -> list[str]:
    moved = []
    for name, then in card.libraries.items():
        try:
            now = version(name)
        except PackageNotFoundError:
            now = "none"
        if now != then:
            moved.append(f"{name} {then} → {now}")
    return moved
