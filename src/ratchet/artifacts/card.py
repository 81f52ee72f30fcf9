"""`models/card.json`: what a model is, what it was made from, and what it needs as input."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ratchet.data.schema import Column, Format
from ratchet.errors import EvidenceError
from ratchet.files import sha256_text, write_text


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rows(_Part):
    """Rows that taught or judged: the SHA-256 of each batch's raw file by id, and counts.

    `sha256` is one hash over all of it: of the lines `ID SHA256` of the batches, oldest first.
    """

    batches: dict[str, str]
    sha256: str
    rows: int
    positive_rows: int

    @property
    def positive_share(self) -> float:
        """Share of the rows with the positive label, 0 to 1."""
        return self.positive_rows / self.rows

    @classmethod
    def of(cls, batches: dict[str, str], rows: int, positive_rows: int) -> "Rows":
        """Describe the rows of `batches`: ids and hashes of the raw files, oldest first."""
        lines = "".join(f"{batch} {sha256}\n" for batch, sha256 in batches.items())
        sha256 = sha256_text(lines)
        return cls(batches=batches, sha256=sha256, rows=rows, positive_rows=positive_rows)


class Card(_Part):
    """A model's card. Equal inputs give an equal card: no date, no host, no path.

    `key` names the columns that tell a batch's rows apart; empty when the schema has none.
    `dropped` has the features that the model wasn't given, with the reason. `format` is how the
    files spell their values from which it was made.
    """

    model_sha256: str
    estimator: str
    parameters: dict[str, Any]
    seed: int
    target: str
    positive: int | float | bool | str
    features: dict[str, Column]
    dropped: dict[str, str] = {}
    key: tuple[str, ...] = ()
    weight: str | None = None
    format: Format = Format()
    train: Rows
    holdout: Rows
    code_sha256: str
    environment_sha256: str
    libraries: dict[str, str]


def write_card(path: Path, card: Card) -> None:
    """Write the card as indented JSON, atomically."""
    write_text(path, json.dumps(card.model_dump(exclude_defaults=True), indent=1) + "\n")


def read_card(path: Path) -> Card:
    """Read a model's card.

    Raises EvidenceError when it is missing or isn't a card.
    """
    try:
        return Card.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EvidenceError(
            f"{path}: no such file; run in the top folder of the repository, or name the model "
            "with its card beside it: `dvc repro` writes both"
        ) from None
    except (ValidationError, UnicodeDecodeError) as error:
        raise EvidenceError(f"{path}: is not a model's card: {error}") from error
