"""`models/card.json`: what a model is, what it was made from, and what it needs as input."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from ratchet.data.repeats import Repeats
from ratchet.data.schema import Column, Format
from ratchet.errors import EvidenceError
from ratchet.files import sha256_text, write_text
from ratchet.scoring.digits import shown
from ratchet.task import Task


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rows(_Part):
    """Rows that taught or judged: the SHA-256 of each batch's raw file by id, and counts.

    `sha256` is one hash over all of it: of the lines `ID SHA256` of the batches, oldest first.
    Of the labels it has what the task asks for: positive_rows, class_rows (a count for each class),
    or mean and deviation.
    """

    batches: dict[str, str]
    sha256: str
    rows: int
    positive_rows: int | None = None
    class_rows: tuple[int, ...] = ()
    mean: float | None = None
    deviation: float | None = None

    @property
    def prior(self) -> np.ndarray:
        """The score that a model gives which only knows these labels.

        () the share of positives, (k,) the share of each class, or () the mean.
        """
        if self.mean is not None:
            return np.asarray(self.mean)
        counts = self.class_rows if self.positive_rows is None else self.positive_rows
        return np.divide(counts, self.rows)

    @property
    def label(self) -> str:
        """What the labels are like, in a few words: `24.5%` are positive, a mean, or classes."""
        if self.mean is not None:
            return f"{shown(self.mean)} ± {shown(self.deviation or 0.0, 2)}"
        if self.positive_rows is not None:
            return f"{self.positive_rows / self.rows:.1%}"
        return f"{len(self.class_rows)} classes, the largest {max(self.class_rows) / self.rows:.1%}"

    @classmethod
    def of(
        cls, batches: dict[str, str], labels: np.ndarray, task: Task = "binary", classes: int = 0
    ) -> "Rows":
        """Describe the rows of `batches`, ids and hashes of the raw files, oldest first.

        labels: (rows,) as `ratchet.data.target` has them.
        """
        lines = "".join(f"{batch} {sha256}\n" for batch, sha256 in batches.items())
        about: dict[str, Any] = {}
        match task:
            case "binary":
                about["positive_rows"] = int(labels.sum())
            case "multiclass":
                about["class_rows"] = tuple(np.bincount(labels, minlength=classes).tolist())
            case "regression":
                about["mean"], about["deviation"] = float(labels.mean()), float(labels.std())
        return cls(batches=batches, sha256=sha256_text(lines), rows=len(labels), **about)


class Card(_Part):
    """A model's card. Equal inputs give an equal card: no date, no host, no path.

    `positive` or `classes` say what the scores are probabilities of; regression has neither.
    `key` names the columns that tell a batch's rows apart; empty when the schema has none.
    `dropped` has the features that the model wasn't given, with the reason. `format` is how the
    files spell their values from which it was made. `repeats` says how many rows of the holdout
    taught as well, where these are more than chance gives.
    """

    model_sha256: str
    estimator: str
    parameters: dict[str, Any]
    seed: int
    target: str
    task: Task = "binary"
    positive: int | float | bool | str | None = None
    classes: tuple[str, ...] = ()
    features: dict[str, Column]
    dropped: dict[str, str] = {}
    key: tuple[str, ...] = ()
    weight: str | None = None
    format: Format = Format()
    train: Rows
    holdout: Rows
    repeats: Repeats | None = None
    code_sha256: str
    environment_sha256: str
    libraries: dict[str, str]


def as_recorded(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return an estimator's parameters as a card has them: JSON's keys are text, YAML's may not be.

    What is held against a card's `parameters` goes through here.
    """
    recorded: dict[str, Any] = json.loads(json.dumps(parameters))
    return recorded


def write_card(path: Path, card: Card) -> None:
    """Write the card as indented JSON, atomically."""
    write_text(path, json.dumps(card.model_dump(exclude_defaults=True), indent=1) + "\n")


def read_card(path: Path) -> Card:
    """Read a model's card.

    Raises EvidenceError when it is missing or isn't a card.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise EvidenceError(
            f"{path}: no such file; run in the top folder of the repository, or name the model "
            "with its card beside it: `dvc repro` writes both"
        ) from None
    return parse_card(content, str(path))


def parse_card(content: bytes, where: str) -> Card:
    """Return the card in a file's content; EvidenceError, naming the place `where`, for none."""
    try:
        return Card.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        reason = ": ".join([*map(str, first["loc"]), first["msg"]])
        raise EvidenceError(f"{where}: is not a model's card: {reason}") from error
