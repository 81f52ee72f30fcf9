"""Every version that was accepted, and what became of it, from git alone.

Five calls of git, however many versions there are: nothing is checked out, DVC isn't asked, and no
network is needed.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ratchet.artifacts.card import Rows
from ratchet.errors import EvidenceError
from ratchet.journal import accepted, rolled_back
from ratchet.journal.accepted import Tenure, Version
from ratchet.journal.commits import Commits
from ratchet.journal.nights import why
from ratchet.journal.rolled_back import RolledBack
from ratchet.scoring.metrics import main_of
from ratchet.task import Task
from ratchet.versions import record
from ratchet.versions.record import Places, Record


@dataclass(frozen=True)
class Stay:
    """A version's time in a stage. until: empty while it lasts. back: it had an older version's
    number than the one before it, so that it came by a rollback.
    """

    tag: str
    commit: str
    stage: str
    since: str
    until: str
    by: str
    message: str
    back: bool


@dataclass(frozen=True)
class Entry:
    """A version with what its commit says about it, its stays in stages, and who rolled it back."""

    version: Version
    record: Record
    stays: Sequence[Stay]
    rolled_back: RolledBack | None

    @property
    def main(self) -> tuple[str, str]:
        """The metrics by which people know the model; the binary ones where its task is lost."""
        task: Task = self.record.card.task if self.record.card else "binary"
        return main_of(task)


@dataclass(frozen=True)
class Night:
    """A night of the run ledger on which the gate refused a model. reason: what the gate said."""

    night: str
    reason: str


@dataclass(frozen=True)
class Past:
    """All versions and stays, oldest first; the nights whose model was blocked; HEAD's commit."""

    entries: Sequence[Entry]
    stays: Sequence[Stay]
    blocked: Sequence[Night]
    head: str


def read(top: Path, places: Places, ledger: str | None = None, *, drift: bool = False) -> Past:
    """Return the history of the repository in `top`.

    ledger: the path of the run ledger, for the nights that were blocked; it is read at HEAD, as is
    the list of models that were rolled back. drift: read that too; it takes longer.

    Raises EvidenceError when git can't list the versions, or HEAD's list can't be understood.
    """
    known = accepted.versions(top, places.card)
    wanted = record.paths(places, drift=drift)
    names = [f"{each.commit}:{path}" for each in known for path in wanted]
    head = Commits(top).resolve("HEAD").commit
    today = [f"{head}:{path}" for path in (rolled_back.FILE, ledger) if path is not None]
    found = accepted.contents(top, [*today, *names])
    listed = found.pop(0)
    nights = None if ledger is None else found.pop(0)
    lines = rolled_back.parse((listed or b"").decode(errors="replace"))
    journal = stays(known, accepted.tenures(accepted.events(top)))
    size = len(wanted)
    entries = [
        Entry(
            version,
            record.read(*found[place * size : (place + 1) * size]),
            [each for each in journal if each.commit == version.commit],
            rolled_back.naming(lines, version.model_sha256) if version.model_sha256 else None,
        )
        for place, version in enumerate(known)
    ]
    return Past(entries, journal, blocked(nights), head)


def stays(known: Sequence[Version], times: Iterable[Tenure]) -> list[Stay]:
    """Return the times in which versions stood in stages, oldest first."""
    newest = {each.commit: each for each in known}  # of two versions of one commit the newer
    return [
        Stay(
            newest[began.commit].tag, began.commit, began.stage, began.date,
            each.ended.date if each.ended else "", began.by, began.message,
            each.before in newest and newest[began.commit].number < newest[each.before].number,
        )
        for each in times
        if (began := each.began).commit in newest
    ]  # fmt: skip


def blocked(content: bytes | None) -> list[Night]:
    """Return the nights of a run ledger whose model the gate blocked, oldest first.

    Raises EvidenceError when it isn't a table.
    """
    rows = csv.DictReader(io.StringIO((content or b"").decode(errors="replace")))
    try:
        found = [
            Night(row.get("night") or "", why(row)) for row in rows if row.get("verdict") == "BLOCK"
        ]
    except csv.Error as error:
        raise EvidenceError(f"the run ledger at HEAD can't be read: {error}; mend it") from error
    return sorted(found, key=lambda each: each.night)


def to_json(past: Past, limit: int | None = None) -> str:
    """Return everything for machines, newest first; docs/versions.md explains the keys."""
    told = {
        "head": past.head,
        "versions": [entry_to_json(each) for each in newest(past, limit)],
        "stays": [asdict(each) for each in reversed(past.stays)],
        "blocked": [asdict(each) for each in reversed(past.blocked)],
    }
    return json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False)


def newest(past: Past, limit: int | None = None) -> list[Entry]:
    """Return the newest versions, the newest first; all without a limit."""
    return list(reversed(past.entries))[:limit]


def main(entries: Iterable[Entry]) -> list[str]:
    """Return the main metrics of all versions: usually two, more where the task has changed."""
    return list(dict.fromkeys(name for entry in entries for name in entry.main))


def ways(version: Version) -> list[tuple[str, str]]:
    """Return how to get a version: what for, and the command."""
    return [
        ("everything about it", f"ratchet show {version.tag}"),
        ("back into production, as a new commit", f'ratchet rollback {version.tag} --reason "WHY"'),
        ("the model's file alone", f"dvc artifacts get . {accepted.ARTIFACT} --rev {version.name}"),
        ("all of it, with its own code", f"git checkout {version.tag} && dvc pull"),
    ]


def entry_to_json(entry: Entry) -> Mapping[str, Any]:
    """Return a version as a JSON object."""
    version, said = entry.version, entry.record
    card = said.card
    return {
        "version": version.tag,
        "date": version.date,
        "by": version.by,
        "why": version.message,
        "commit": version.commit,
        "model_sha256": version.model_sha256,
        "stages": list(version.stages),
        "stays": [asdict(each) for each in entry.stays],
        "train": _rows(card.train) if card else None,
        "holdout": _rows(card.holdout) if card else None,
        "metrics": {name: asdict(each) for name, each in said.figures.items()},
        "confidence": said.confidence,
        "verdict": asdict(said.verdict) if said.verdict else None,
        "drift": asdict(said.drift) if said.drift else None,
        "rolled_back": asdict(entry.rolled_back) if entry.rolled_back else None,
    }


def _rows(rows: Rows) -> Mapping[str, Any]:
    ids = list(rows.batches)
    return {
        "first": ids[0] if ids else None,
        "last": ids[-1] if ids else None,
        "batches": len(ids),
        "rows": rows.rows,
        "sha256": rows.sha256,
    }
