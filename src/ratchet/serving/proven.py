"""A model that may answer: the accepted file, signed, loaded without pickle, asked again.

In this order, and each step can stop it: its SHA-256 is that of the card at its version's commit;
its signature is shown; it loads through the allow-list of types of the code that is installed here;
it answers its golden predictions as when it was made.
"""

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ratchet.artifacts import persist
from ratchet.artifacts.answers import Answers, ask
from ratchet.artifacts.card import Card, read_card
from ratchet.artifacts.predictions import answer
from ratchet.errors import EvidenceError
from ratchet.files import sha256_file
from ratchet.serving.origin import Origin, Version
from ratchet.serving.signature import Verifier, unsigned

MODEL, CARD, GOLDEN = "model.skops", "card.json", "golden.json"

_LOG = logging.getLogger(__name__)


class UnprovenError(EvidenceError):
    """The accepted file itself can't answer here: it will be the same at the next try."""


@dataclass(frozen=True)
class Proven:
    """A model that was proven: its version and card, what was loaded, what it answered."""

    version: Version
    card: Card
    estimator: Any
    answers: Answers

    def score(self, features: pd.DataFrame) -> np.ndarray:
        """Return its answer to each row, as `ratchet.artifacts.predictions` has them."""
        return answer(self.estimator, self.card, features)


def take(origin: Origin, version: Version, verify: Verifier) -> Proven:
    """Bring a version and prove it. Nothing is left on the disk.

    Raises EvidenceError when it can't be had, isn't the accepted file or isn't signed, all of which
    can be mended; UnprovenError when the accepted file can't answer here.
    """
    with tempfile.TemporaryDirectory(prefix="ratchet-serving-") as scratch:
        folder = Path(scratch) / "models"
        origin.bring(version, folder)
        return prove(folder, version, verify)


def prove(folder: Path, version: Version, verify: Verifier) -> Proven:
    """Prove the model in `folder` to be that of the version, and load it.

    Raises EvidenceError or UnprovenError as `take` does; it names the version and the step that
    stopped it.
    """
    try:
        card, model = read_card(folder / CARD), folder / MODEL
        if not model.is_file():
            raise EvidenceError(f"{MODEL} isn't there; DVC's remote has lost it?")
        found = sha256_file(model)
        if found != card.model_sha256:
            raise EvidenceError(
                f"{MODEL} isn't the accepted one: its card says SHA-256 {card.model_sha256[:12]}, "
                f"DVC brought {found[:12]}; somebody has changed it in DVC's remote"
            )
        signed = verify(model)
    except EvidenceError as error:
        raise EvidenceError(f"{version}: {error}") from error
    try:
        estimator = persist.load(model, sha256=card.model_sha256)
        golden = folder / GOLDEN
        kept = golden.read_bytes() if golden.is_file() else None
        answers = ask(kept, GOLDEN, card, estimator)
    except EvidenceError as error:
        raise UnprovenError(f"{version}: {error}") from error
    if answers.wrong:
        raise UnprovenError(
            f"{version}: the model {answers}; serve it with its own locked environment "
            "(requirements/run.txt of that version)"
        )
    _LOG.info("%s: SHA-256 %s, as its card says", version, card.model_sha256)
    _LOG.log(logging.WARNING if verify is unsigned else logging.INFO, "%s: %s", version, signed)
    odd = answers.moved or not answers.rows
    _LOG.log(logging.WARNING if odd else logging.INFO, "%s: the model %s", version, answers)
    return Proven(version, card, estimator, answers)
