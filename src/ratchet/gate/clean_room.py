"""The evidence, made anew: what a pull request claims about its model is not believed.

A model is taken by the hash in its commit's dvc.lock, checked against its card, loaded through the
allow-list and scored on rows that are taken by hash as well. What the commit recorded is then held
against what comes out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ratchet.artifacts import persist
from ratchet.artifacts.card import Card, as_recorded, parse_card
from ratchet.artifacts.holdout import describe_rows, labels, split
from ratchet.artifacts.predictions import answer
from ratchet.artifacts.scored import Scored
from ratchet.config import Train
from ratchet.data.features import feature_frame, kinds_of, learnable
from ratchet.data.manifest import Batch
from ratchet.data.schema import Schema
from ratchet.data.target import Target
from ratchet.data.validated import BATCH, read_window
from ratchet.errors import EvidenceError
from ratchet.gate.revisions import History, sha256_at
from ratchet.journal.commits import LOCK, Revision

# metrics.json is rounded to 6 digits, and processors may differ in the last of them; of figures
# above 1 it is the share that counts.
TOLERANCE = 2e-6


@dataclass(frozen=True)
class Model:
    """A model that was let in: its card, what was loaded, and the size of its file in bytes."""

    card: Card
    estimator: Any
    bytes: int

    def frame(self, rows: pa.Table) -> Any:
        """Return its features of typed rows; EvidenceError when the rows lack one."""
        lacking = [name for name in self.card.features if name not in rows.column_names]
        if lacking:
            raise EvidenceError(
                f"model {self.card.model_sha256[:12]} needs columns that the data doesn't have: "
                f"{', '.join(lacking)}"
            )
        return feature_frame(rows, kinds_of(self.card.features))

    def score(self, rows: pa.Table) -> np.ndarray:
        """Return its answer to each row, as `ratchet.artifacts.predictions` has them."""
        return self.answers(self.frame(rows))

    def answers(self, frame: Any) -> np.ndarray:
        """Return its answer to each row of a frame that `frame` made."""
        return answer(self.estimator, self.card, frame)


@dataclass(frozen=True)
class Window:
    """Rows by hash, parted as train parts them: which teach, which judge, and their labels."""

    teaching: pa.Table
    judging: pa.Table
    hashes: Mapping[str, str]
    target: Target
    y_train: np.ndarray
    y: np.ndarray

    def scored(self, score: np.ndarray) -> Scored:
        """Return the rows that judge with a model's scores."""
        batch = np.array(self.judging[BATCH].to_pylist())
        return Scored(batch, self.y, score, self.judging.drop_columns([BATCH]))


def has_model(history: History, at: Revision, model: str, card: str) -> bool:
    """Tell whether a commit has a model; EvidenceError when it has one but half or elsewhere."""
    kept, described = history.output(at, model), history.content(at, card)
    if kept and described:
        return True
    if kept or described or ".skops" in (history.text(at, LOCK) or ""):
        raise EvidenceError(
            f"{at}: has no whole model: {model} is {'' if kept else 'not '}in {LOCK} and {card} is "
            f"{'there' if described else 'missing'}; run `dvc repro` and commit both"
        )
    return False


def read_card(history: History, at: Revision, path: str) -> Card:
    """Return the card that a commit has; EvidenceError when it has none."""
    return parse_card(history.content(at, path) or b"", f"{path} at {at}")


def admit(
    history: History, at: Revision, card: Card, model: str, to: Path, trusted: frozenset[str]
) -> Model:
    """Take the model of a commit by hash and load it, if it is the one on its card.

    Raises EvidenceError when it can't be had, isn't the recorded one, isn't a model file or holds
    types outside `trusted`.
    """
    md5 = history.output(at, model)
    if md5 is None:
        raise EvidenceError(f"{model} is not in {LOCK} at {at}; `dvc repro` writes it")
    history.bring_file(md5, to)
    found = sha256_at(to)
    if found != card.model_sha256:
        raise EvidenceError(
            f"{model} at {at}: is not the model on its card: the card says SHA-256 "
            f"{card.model_sha256[:12]}, the file has {found[:12]}; run `dvc repro` and commit"
        )
    try:
        estimator = persist.load(to, sha256=card.model_sha256, trusted=trusted)
    except EvidenceError as error:
        raise EvidenceError(str(error).replace(str(to), f"{model} at {at}")) from error
    return Model(card, estimator, to.stat().st_size)


def read_rows(
    history: History, at: Revision, validated: str, to: Path, target: Target, holdout: int
) -> Window:
    """Take the validated rows of a commit by hash and part them as train does.

    Raises EvidenceError when they can't be had, DataError when nothing can be judged with them.
    """
    md5 = history.output(at, validated)
    if md5 is None:
        raise EvidenceError(f"{validated} is not in {LOCK} at {at}; `dvc repro` writes it")
    history.bring_folder(md5, to)
    rows, hashes = read_window(to)
    teaching, judging = split(rows, hashes, holdout)
    return Window(
        teaching,
        judging,
        hashes,
        target,
        labels(teaching, target, "training"),
        labels(judging, target, "holdout"),
    )


def foreign_inputs(
    card: Card,
    window: Window,
    manifest: Sequence[Batch],
    schema: Schema,
    params: Train,
    hashes: Mapping[str, str],
) -> list[str]:
    """Return what a card says otherwise than its commit, a line each.

    hashes: the SHA-256 of the commit's code and environment, by the card's names of them.
    """
    features, dropped = learnable(window.teaching, schema)
    all_hashes = dict(window.hashes)
    expected = {
        "estimator": params.estimator,
        "parameters": as_recorded(params.parameters.get(params.estimator, {})),
        "seed": params.seed,
        "target": schema.target.column,
        "task": window.target.task,
        "positive": window.target.positive,
        "classes": window.target.classes,
        "features": features,
        "dropped": dropped,
        "key": tuple(schema.key),
        "weight": schema.weight,
        "format": schema.format,
        "train": describe_rows(window.teaching, all_hashes, window.y_train, window.target),
        "holdout": describe_rows(window.judging, all_hashes, window.y, window.target),
        **hashes,
    }
    wrong = [
        f"the card's {name} is not that of this commit"
        for name, value in expected.items()
        if getattr(card, name) != value
    ]
    pinned = {batch.id: batch.sha256 for batch in manifest if not batch.excluded}
    strangers = [batch for batch, sha in window.hashes.items() if pinned.get(batch) != sha]
    if strangers:
        wrong.append(f"rows of batches that the manifest doesn't pin: {', '.join(strangers)}")
    return wrong


def unlike(champion: Card, challenger: Card) -> str:
    """Say what one predicts otherwise than the other; empty where both predict the same."""
    return next(
        (
            f"{name} {_value(champion, name)} and not {_value(challenger, name)}"
            for name in ("task", "target", "positive", "classes")
            if getattr(champion, name) != getattr(challenger, name)
        ),
        "",
    )


def _value(card: Card, name: str) -> str:
    value = getattr(card, name)
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def forged(committed: Mapping[str, float], found: Mapping[str, float]) -> list[str]:
    """Return which committed figures aren't those found, a line each; missing ones too."""
    return [
        f"{name}: committed {_spelt(committed.get(name))}, found {_spelt(found.get(name))}"
        for name in [*found, *(each for each in committed if each not in found)]
        if not _equal(committed.get(name), found.get(name))
    ]


def seen(champion: Card, holdout: Mapping[str, str]) -> list[str]:
    """Return the batches of the holdout (SHA-256 by id) that taught the champion."""
    taught = set(champion.train.batches) | set(champion.train.batches.values())
    return [batch for batch, sha in holdout.items() if batch in taught or sha in taught]


def _equal(committed: float | None, found: float | None) -> bool:
    if committed is None or found is None:
        return False
    return abs(committed - found) <= TOLERANCE * max(1.0, abs(found))  # NaN is equal to nothing


def _spelt(figure: float | None) -> str:
    return "nothing" if figure is None else f"{figure:.6g}"
