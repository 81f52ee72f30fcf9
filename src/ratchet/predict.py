"""Score the rows of a file with a model, for the person who uses it."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ratchet.artifacts import persist
from ratchet.artifacts.card import Card, read_card
from ratchet.artifacts.predictions import answer
from ratchet.artifacts.table import print_csv, write_csv
from ratchet.errors import EvidenceError
from ratchet.serving import inputs

SCORE = "score"


def run(model: Path, file: Path, *, card: Path | None = None, to: Path | None = None) -> int:
    """Score `file` with the model in a file, as `score_file` does; return the number of rows.

    `card` is the model's card, by default `card.json` beside it. Raises EvidenceError when a file
    is missing or the model isn't the one on the card.
    """
    about = read_card(card or model.with_name("card.json"))
    estimator = persist.load(model, sha256=about.model_sha256)
    return score_file(estimator, about, file, called=str(model), to=to)


def score_file(estimator: Any, card: Card, file: Path, *, called: str, to: Path | None) -> int:
    """Write the model's answer to each row of `file`; return their number.

    For a binary task that is the probability of the positive label, for several classes the
    likeliest class and the probability of each, for regression the number.

    The rows keep their order. The answers go to the CSV file `to`, by default to standard output:
    the column `score`, or `class` and a `score_CLASS` for each class; and before them the columns
    of the card's key as they stand in the file, or `row`, counted from 1, where the file lacks
    one, or one is called as an answer is. called: the model's name in messages.

    Raises DataError when the file isn't what the model was built for: a feature that is missing or
    has another type, range or vocabulary, each named.
    """
    if not file.is_file():
        raise EvidenceError(
            f"{file}: no such file; name a CSV, CSV.gz or Parquet file with the rows to score"
        )
    features, text = inputs.of_file(file, card, f"{file}: isn't input that {called} was built for")
    score = answer(estimator, card, features)
    answers = _answer(score, card.classes)
    scored = _names_of_rows(text, card.key, answers) | answers
    if to is None:
        print_csv(sys.stdout.buffer, scored)
    else:
        write_csv(to, scored)
    return len(score)


def _answer(score: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """Return the answers as columns by name."""
    if not classes:
        return {SCORE: score}
    likeliest = [classes[place] for place in score.argmax(axis=1)]
    by_class = {f"{SCORE}_{name}": score[:, place] for place, name in enumerate(classes)}
    return {"class": likeliest, **by_class}


def _names_of_rows(
    table: pa.Table, key: Sequence[str], answers: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the columns that tell the rows apart: the whole key, or else the row's number.

    A key of which a column is called as an answer can't stand beside it.
    """
    if key and all(table.column_names.count(name) == 1 and name not in answers for name in key):
        return {name: table.column(name) for name in key}
    return {"row": np.arange(1, len(table) + 1)}
