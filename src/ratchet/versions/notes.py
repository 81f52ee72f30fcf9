"""The notes of a version's release: what the model is, how good, and why it was let in."""

import json
from pathlib import Path

from ratchet.artifacts.card import read_card
from ratchet.errors import EvidenceError
from ratchet.gate import words
from ratchet.journal.commits import Commits
from ratchet.scoring.metrics import METRICS
from ratchet.versions.record import span
from ratchet.versions.registry import Registered


def markdown(top: Path, done: Registered, *, card: str, evaluation: str, verdict: str) -> str:
    """Return the notes of HEAD's model.

    card, evaluation, verdict: paths of the files with what was made, measured and judged. A verdict
    is told only when it came with this model: a night commits both, a person may leave an old one.

    Raises EvidenceError when card or evaluation can't be read.
    """
    history = Commits(top)
    about, measured = read_card(top / card), _measured(top / evaluation)
    rows = [
        ["model, SHA-256", f"`{about.model_sha256}`"],
        ["estimator", words.plain(about.estimator)],
        ["taught by", span(about.train)],
        ["judged by", span(about.holdout)],
        ["commit", f"{done.commit} ({words.plain(history.subject(history.resolve(done.commit)))})"],
    ]
    if done.instead:
        rows.append(["before it", f"`{done.instead}`"])
    parts = [words.table([f"`{done.version}`", ""], rows), measured]
    judged = history.text(history.resolve("HEAD"), verdict)
    if judged and history.last_change(verdict) == history.last_change(card):
        parts.append(judged.strip())
    return "\n\n".join(parts) + "\n"


def _measured(path: Path) -> str:
    """Return the table of the metrics that were recorded with the model."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rows = [
            [
                METRICS[name].title,
                words.figure(each["value"], digits),
                f"{words.figure(each['low'], digits)} to {words.figure(each['high'], digits)}",
                words.figure(content["baseline"][name], digits),
            ]
            for name, each in content["metrics"].items()
            for digits in [words.decimals(name, each["value"])]
        ]
        level = f"{content['confidence']:.0%} interval"
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvidenceError(f"{path}: can't be read ({error!r}); run `dvc repro`") from error
    return words.table(["metric", "on its holdout", level, "prior"], rows)
