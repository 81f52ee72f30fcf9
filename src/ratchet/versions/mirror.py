"""What another registry is told about an accepted version: parameters, figures, tags."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ratchet.artifacts.card import Rows
from ratchet.versions.history import Entry, Past

PREFIX = "ratchet."
VERSION = f"{PREFIX}version"  # the tag by which a mirrored version is known again
COMMIT = f"{PREFIX}commit"


@dataclass(frozen=True)
class Mirrored:
    """A version as another registry has it.

    params, metrics: of the run that stands for its training. tags: what never changes. standing:
    tags that do: the stages where it stands, and why it was taken back; "" for what isn't so.
    accepted: milliseconds since 1970.
    """

    tag: str
    why: str
    accepted: int
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    standing: Mapping[str, str]


def mirrored(entry: Entry) -> Mirrored:
    """Return what is told about a version: all of it from its commit and git's tags."""
    version, said, card = entry.version, entry.record, entry.record.card
    metrics: dict[str, float] = {}
    for name, figure in said.figures.items():
        ends = {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}
        metrics |= {each: value for each, value in ends.items() if value is not None}
    tags = {
        VERSION: version.tag,
        COMMIT: version.commit,
        f"{PREFIX}model_sha256": version.model_sha256,
        f"{PREFIX}accepted": version.date,
        f"{PREFIX}by": version.by,
    }
    params: dict[str, str] = {}
    if card:
        params = {
            "estimator": card.estimator,
            "seed": str(card.seed),
            **{name: str(value) for name, value in card.parameters.items()},
        }
        tags |= {
            f"{PREFIX}task": card.task,
            f"{PREFIX}target": card.target,
            f"{PREFIX}code_sha256": card.code_sha256,
            f"{PREFIX}environment_sha256": card.environment_sha256,
            **_rows("data", card.train),
            **_rows("holdout", card.holdout),
        }
    if said.confidence is not None:
        tags[f"{PREFIX}confidence"] = f"{said.confidence:g}"
    if said.verdict:
        tags[f"{PREFIX}verdict"] = f"{said.verdict.verdict}: {said.verdict.reason}"
    back = entry.rolled_back
    return Mirrored(
        version.tag,
        version.message,
        int(datetime.fromisoformat(version.date).timestamp() * 1000),
        params,
        metrics,
        tags,
        {
            f"{PREFIX}stages": ", ".join(version.stages),
            f"{PREFIX}rolled_back": f"{back.date[:10]} by {back.by}: {back.reason}" if back else "",
        },
    )


def stages(past: Past) -> dict[str, str]:
    """Return the version in each stage that there ever was; "" where none stands now."""
    now = {stay.stage: "" for stay in past.stays}
    for entry in past.entries:
        now |= dict.fromkeys(entry.version.stages, entry.version.tag)
    return now


def _rows(name: str, rows: Rows) -> Mapping[str, str]:
    ids: Sequence[str] = list(rows.batches)
    return {
        f"{PREFIX}{name}_sha256": rows.sha256,
        f"{PREFIX}{name}_window": f"{ids[0]} to {ids[-1]}" if ids else "",
        f"{PREFIX}{name}_rows": str(rows.rows),
    }
