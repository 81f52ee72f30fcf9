"""How two models differ: data, parameters, contract, environment, code and figures."""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ratchet.artifacts.card import Card
from ratchet.errors import ConfigError, DataError, EvidenceError
from ratchet.gate.policy import differences
from ratchet.gate.revisions import History
from ratchet.journal import accepted, rolled_back
from ratchet.journal.accepted import Version
from ratchet.journal.commits import Revision
from ratchet.scoring.metrics import METRICS
from ratchet.versions import snapshot
from ratchet.versions.record import Figure, Places
from ratchet.versions.rescore import Kept, Rescored, newest, rescore
from ratchet.versions.snapshot import Inputs, Snapshot

HEAD = "HEAD"


@dataclass(frozen=True)
class Batches:
    """How the batches of two models differ.

    came: in the second alone. went: in the first alone. changed: in both, with another content.
    same: how many are equal.
    """

    came: Sequence[str]
    went: Sequence[str]
    changed: Sequence[str]
    same: int


@dataclass(frozen=True)
class Comparison:
    """Two models beside each other.

    train, holdout, same_code: None where a card can't be read. params, schema, environment: a line
    for each difference. rescored: None where `reason` says why not; `failed` tells that something
    is missing that should be there.
    """

    sides: tuple[Snapshot, Snapshot]
    same_model: bool
    train: Batches | None
    holdout: Batches | None
    params: Sequence[str]
    schema: Sequence[str]
    environment: Sequence[str]
    same_code: bool | None
    recorded: Mapping[str, tuple[Figure | None, Figure | None]]
    rescored: Rescored | None
    reason: str
    failed: bool


def run(
    top: Path,
    places: Places,
    inputs: Inputs,
    names: tuple[str, str],
    *,
    model: str,
    validated: str,
    score: bool = True,
) -> Comparison:
    """Compare two versions of the repository in `top`, by what a person calls them, or `HEAD`.

    model, validated: where DVC keeps the model and the rows. score: also score both models on the
    newest accepted holdout, or that of one of the two where it is newer.

    Raises ConfigError for an unknown version, EvidenceError when git can't be read. What can't be
    scored is said in the comparison.
    """
    history = History(top)
    known = accepted.versions(top, places.card)

    def take(version: Version) -> Snapshot:
        at = Revision(version.tag, version.commit)
        return snapshot.take(history, at, version, places, inputs)

    def side(name: str) -> Snapshot:
        if name != HEAD:
            return take(accepted.find(known, name))
        return snapshot.take(history, history.resolve(HEAD), None, places, inputs)

    sides = (side(names[0]), side(names[1]))
    rescored, reason, failed = None, "not asked for", False
    if _model(sides[0]) and _model(sides[0]) == _model(sides[1]):
        reason = "it is the same model, byte for byte"
    elif score:
        good = _newest_good(history, known)
        candidates = [*sides, *([take(good)] if good else [])]
        kept = Kept(model, validated, inputs.params, inputs.schema)
        rescored, reason, failed = _scored(
            lambda scratch: rescore(history, sides, newest(candidates), kept, scratch)
        )
    return compare(sides, rescored, reason, failed=failed)


def compare(
    sides: tuple[Snapshot, Snapshot], rescored: Rescored | None, reason: str, *, failed: bool
) -> Comparison:
    """Put two models beside each other."""
    one, other = sides
    cards = (one.record.card, other.record.card)
    return Comparison(
        sides,
        bool(_model(one)) and _model(one) == _model(other),
        _batches(cards, lambda card: card.train.batches),
        _batches(cards, lambda card: card.holdout.batches),
        _lines(one.params, other.params),
        _lines(one.schema, other.schema),
        [*snapshot.changed(one.packages, other.packages), *_moved(sides)],
        cards[0].code_sha256 == cards[1].code_sha256 if cards[0] and cards[1] else None,
        {
            name: (one.record.figures.get(name), other.record.figures.get(name))
            for name in METRICS
            if name in one.record.figures or name in other.record.figures
        },
        rescored,
        reason,
        failed,
    )


def to_json(found: Comparison) -> str:
    """Return the comparison for machines; docs/versions.md explains the keys."""
    again = found.rescored
    told = {
        "from": _side(found.sides[0]),
        "to": _side(found.sides[1]),
        "same_model": found.same_model,
        "train": asdict(found.train) if found.train else None,
        "holdout": asdict(found.holdout) if found.holdout else None,
        "params": list(found.params),
        "schema": list(found.schema),
        "environment": list(found.environment),
        "same_code": found.same_code,
        "recorded": {
            name: {"from": _figure(before), "to": _figure(after)}
            for name, (before, after) in found.recorded.items()
        },
        "rescored": again and {
            "holdout_of": again.judge,
            "batches": list(again.batches),
            "left_out": list(again.taught),
            "rows": again.rows,
            "confidence": again.confidence,
            "metrics": {
                name: {
                    "from": each.champion,
                    "to": each.challenger,
                    "loss": each.loss,
                    "low": each.low,
                    "high": each.high,
                }
                for name, each in again.differences.items()
            },
            "movement": asdict(again.movement),
        },
        "not_rescored": found.reason or None,
    }  # fmt: skip
    return json.dumps(told, indent=1, ensure_ascii=False)


def _scored(score: Callable[[Path], Rescored]) -> tuple[Rescored | None, str, bool]:
    """Return the scores, or why there are none, and whether something is missing."""
    with tempfile.TemporaryDirectory(prefix="ratchet-diff-") as scratch:
        try:
            return score(Path(scratch)), "", False
        except DataError as error:
            return None, str(error), False
        except (ConfigError, EvidenceError) as error:
            return None, str(error), True


def _newest_good(history: History, known: Sequence[Version]) -> Version | None:
    """Return the newest version that wasn't rolled back."""
    listed = rolled_back.parse(history.text(history.resolve(HEAD), rolled_back.FILE) or "")
    gone = {each.model_sha256 for each in listed}
    return next((each for each in reversed(known) if each.model_sha256 not in gone), None)


def _model(side: Snapshot) -> str:
    return side.record.card.model_sha256 if side.record.card else ""


def _batches(
    cards: tuple[Card | None, Card | None], of: Callable[[Card], Mapping[str, str]]
) -> Batches | None:
    if cards[0] is None or cards[1] is None:
        return None
    before, after = of(cards[0]), of(cards[1])
    both = [each for each in after if each in before]
    changed = [each for each in both if before[each] != after[each]]
    return Batches(
        [each for each in after if each not in before],
        [each for each in before if each not in after],
        changed,
        len(both) - len(changed),
    )


def _lines(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return [line.removeprefix(".") for line in differences(before, after, "")]


def _moved(sides: Sequence[Snapshot]) -> Iterator[str]:
    """Yield which models weren't made in the environment of their commit: a rollback keeps it."""
    for side in sides:
        card = side.record.card
        if card and side.environment_sha256 and card.environment_sha256 != side.environment_sha256:
            yield f"the model of {side.name} was made in another one than its commit locks"


def _side(side: Snapshot) -> Mapping[str, Any]:
    return {
        "name": side.name,
        "commit": side.at.commit,
        "date": side.version.date if side.version else None,
        "model_sha256": _model(side) or None,
        "environment_sha256": side.environment_sha256 or None,
    }


def _figure(figure: Figure | None) -> Mapping[str, float | None] | None:
    return asdict(figure) if figure else None
