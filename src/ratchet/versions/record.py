"""What a commit says about its model: card, figures, the gate's verdict, drift of its data.

Read leniently, from bytes: older code may have written it, and what can't be read of one version
must not hide the others. What decides about a model is read by the gate, which isn't lenient.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from pydantic import ValidationError

from ratchet.artifacts.card import Card, Rows
from ratchet.scoring.metrics import METRICS, metrics_of


@dataclass(frozen=True)
class Places:
    """Where a commit has what is said about its model: paths from the top of the repository."""

    card: str
    metrics: str
    evaluation: str
    verdict: str
    drift: str


@dataclass(frozen=True)
class Figure:
    """A metric on the holdout, and the ends of its interval where they were recorded."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Verdict:
    """What the gate said on the night that made the model. drill: faults by what became of them."""

    verdict: str
    reason: str
    base: str
    differences: Mapping[str, Mapping[str, float]]
    drill: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Drift:
    """The column of the holdout's batches that came nearest to an alarm: 1 raises one."""

    share: float
    batch: str
    column: str
    check: str

    @property
    def level(self) -> str:
        """How near: `0.73`. A column that never varied can be any number of alarms away."""
        return f"{self.share:.2f}" if self.share <= 100 else "more than 100"


@dataclass(frozen=True)
class Record:
    """All of it. What isn't there, can't be read or speaks of another model is None or empty.

    figures: of the metrics that are for the card's task, or of all without a card. confidence: of
    the figures' intervals.
    """

    card: Card | None = None
    figures: Mapping[str, Figure] = field(default_factory=dict)
    confidence: float | None = None
    verdict: Verdict | None = None
    drift: Drift | None = None


def paths(places: Places, *, drift: bool) -> tuple[str, ...]:
    """Return the files that `read` takes, in its order; those of drift are large."""
    said = (places.card, places.metrics, places.evaluation, places.verdict)
    return (*said, places.drift) if drift else said


def read(
    card: bytes | None,
    metrics: bytes | None,
    evaluation: bytes | None,
    verdict: bytes | None,
    drift: bytes | None = None,
) -> Record:
    """Return what these files of a commit say about its model."""
    about = _card(card)
    measured = _mapping(evaluation)
    figures = {name: Figure(value) for name, value in _numbers(_mapping(metrics)).items()}
    for name, found in _mapping(measured.get("metrics")).items():
        ends = _numbers(_mapping(found))
        if "value" in ends:
            figures[name] = Figure(ends["value"], ends.get("low"), ends.get("high"))
    known = metrics_of(about.task) if about else METRICS
    return Record(
        about,
        {name: figures[name] for name in known if name in figures},
        _numbers(measured).get("confidence"),
        verdict_on(about.model_sha256, verdict) if about else None,
        _drift(drift, about) if about else None,
    )


def verdict_on(model_sha256: str, content: bytes | None) -> Verdict | None:
    """Return the verdict if it is about this model: the file stays when a person trains anew."""
    told = _mapping(content)
    if _mapping(told.get("challenger")).get("model_sha256") != model_sha256:
        return None
    return Verdict(
        plain(str(told.get("verdict") or "")),
        plain(str(told.get("reason") or "")),
        plain(str(_mapping(told.get("base")).get("commit") or "")),
        {
            plain(name): _numbers(_mapping(each))
            for name, each in _mapping(told.get("differences")).items()
        },
        {
            plain(outcome): [plain(str(name)) for name in names]
            for outcome, names in _mapping(told.get("drill")).items()
            if isinstance(names, list)
        },
    )


def span(rows: Rows) -> str:
    """Return which batches rows are of, and how many they are."""
    ids = list(rows.batches)
    ends = ids[0] if len(ids) == 1 else f"{ids[0]} to {ids[-1]}"
    return f"{ends} ({rows.rows:,} rows)"


def plain(text: str) -> str:
    """Return text on one line, without what would steer a terminal or can't be written."""
    return " ".join(printable(text).split())


def printable(text: str) -> str:
    """Return text with a space for each character that can't be shown, line ends too."""
    return "".join(each if each.isprintable() else " " for each in text)


def _card(content: bytes | None) -> Card | None:
    try:
        return Card.model_validate_json(content or b"", extra="ignore")
    except ValidationError:
        return None


def _drift(content: bytes | None, card: Card) -> Drift | None:
    batches = card.holdout.batches
    found = [
        Drift(share, row["batch"] or "", row.get("column") or "", row.get("check") or "")
        for row, share in _shares(content)
        if row.get("batch") in batches
    ]
    return max(found, key=lambda each: each.share, default=None)


def _shares(content: bytes | None) -> Iterator[tuple[Mapping[str, str | None], float]]:
    text = (content or b"").decode(errors="replace")
    try:
        rows = list(csv.DictReader(io.StringIO(text)))
    except csv.Error:
        return
    for row in rows:
        try:
            share = float(row.get("of_limit") or "nan")
        except ValueError:
            continue
        if isfinite(share):
            yield row, share


def _mapping(content: Any) -> dict[str, Any]:
    """Return a JSON object, given as such or as its text; an empty one for anything else."""
    if isinstance(content, bytes):
        try:
            content = json.loads(content)
        except ValueError:
            return {}
    return content if isinstance(content, dict) else {}


def _numbers(found: Mapping[str, Any]) -> dict[str, float]:
    """Return the finite numbers among the values."""
    return {
        name: float(value)
        for name, value in found.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    }
