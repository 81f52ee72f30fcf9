"""What a model answered when it was made, held against what it answers today."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from ratchet.artifacts.card import Card
from ratchet.artifacts.golden import Golden, read_golden
from ratchet.artifacts.predictions import answer
from ratchet.data.features import feature_frame, kinds_of
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


def ask(content: bytes | None, where: str, card: Card, estimator: Any) -> Answers:
    """Ask a loaded model its golden rows, with the code and libraries of this process.

    content: the file with them, None for a version from before they were kept; where: its name in
    messages. Raises EvidenceError when it holds no golden predictions.
    """
    moved = moved_libraries(card)
    if content is None:
        return Answers(0, 0, None, "", moved)
    kept = read_golden(content, where)
    try:
        score = answer(estimator, card, feature_frame(kept.rows, kinds_of(card.features)))
    except Exception as error:  # whatever a library stumbles over in a model of another version
        return Answers(len(kept.score), 0, None, f"{type(error).__name__}: {error}", moved)
    return compared(kept, score, card.task, moved)


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


def moved_libraries(card: Card) -> tuple[str, ...]:
    """Return the libraries that aren't those of the card, each as `NAME THEN → NOW`."""
    moved = []
    for name, then in card.libraries.items():
        try:
            now = version(name)
        except PackageNotFoundError:
            now = "none"
        if now != then:
            moved.append(f"{name} {then} → {now}")
    return tuple(moved)
