"""Everything about one version."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from ratchet.artifacts.card import Rows
from ratchet.journal import accepted
from ratchet.journal.commits import Commits, Revision
from ratchet.scoring.metrics import METRICS
from ratchet.versions import history, snapshot
from ratchet.versions.history import Entry, Stay, ways
from ratchet.versions.history_at import between
from ratchet.versions.history_table import NONE, interval, rolled_back, value
from ratchet.versions.record import Places, plain
from ratchet.versions.snapshot import Inputs, Snapshot

SHOWN = 12  # batches; packages that differ
_IN_A_LINE = 3


@dataclass(frozen=True)
class Shown:
    """A version, what it was made from, and in what today's environment differs from its own.

    same_environment: None where that can't be told. differs: a line for each package.
    """

    entry: Entry
    made_from: Snapshot
    same_environment: bool | None
    differs: Sequence[str]


def read(top: Path, places: Places, inputs: Inputs, name: str) -> Shown:
    """Return the version that a person calls `name`.

    Raises ConfigError when there is none, EvidenceError when git can't be read.
    """
    past = history.read(top, places, drift=True)
    version = accepted.find([each.version for each in past.entries], name)
    entry = next(each for each in past.entries if each.version == version)
    commits = Commits(top)
    then = snapshot.take(commits, Revision(version.tag, version.commit), version, places, inputs)
    now = snapshot.take(commits, Revision("HEAD", past.head), None, places, inputs)
    card = entry.record.card
    today = now.environment_sha256
    same = card.environment_sha256 == today if card and today else None
    return Shown(entry, then, same, snapshot.changed(then.packages, now.packages))


def to_json(shown: Shown) -> str:
    """Return everything for machines; docs/versions.md explains the keys."""
    card, made_from = shown.entry.record.card, shown.made_from
    told = {
        **history.entry_to_json(shown.entry),
        "card": card.model_dump(mode="json") if card else None,
        "params": made_from.params,
        "schema": made_from.schema,
        "packages": made_from.packages,
        "same_environment": shown.same_environment,
        "environment_differs": list(shown.differs),
        "get": dict(ways(shown.entry.version)),
    }
    return json.dumps(told, indent=1, ensure_ascii=False, default=str)


def show(shown: Shown) -> None:
    """Print everything, with hashes cut and the newest batches only."""
    console = Console(highlight=False, markup=False, emoji=False)
    entry = shown.entry
    stages = f"  in {', '.join(entry.version.stages)}" if entry.version.stages else ""
    console.print(Text(f"{entry.version.tag}{stages}", style="bold"))
    console.print(_facts(_about(shown)))
    for title, part in _parts(entry):
        console.print(Text(f"\n{title}", style="bold"))
        console.print(part)
    console.print(Text("\nGet it", style="bold"))
    # Not wrapped: to be copied.
    for what, command in ways(entry.version)[1:]:
        console.print(f" # {what}\n {command}", soft_wrap=True)


def _about(shown: Shown) -> Iterator[tuple[str, str]]:
    entry, card = shown.entry, shown.entry.record.card
    version, told = entry.version, entry.record.verdict
    yield "accepted", f"{version.date} by {version.by}"
    yield "why", version.message
    yield "commit", version.commit
    yield "model", version.model_sha256 or NONE
    if card:
        settings = (f"{name} {each}" for name, each in card.parameters.items())
        yield "estimator", ", ".join([card.estimator, f"seed {card.seed}", *settings])
        yield "taught by", _rows(card.train)
        yield "judged by", _rows(card.holdout)
        yield "code", card.code_sha256[:12]
        yield "environment", f"{card.environment_sha256[:12]}, {_environment(shown)}"
    nothing = "nothing recorded: a night does it, a gate run by hand doesn't"
    yield "gate", f"{told.verdict}: {told.reason}" if told else nothing
    if told and told.drill:
        yield "drill", ", ".join(f"{len(names)} {what}" for what, names in told.drill.items())
    if entry.record.drift:
        near = entry.record.drift
        where = " ".join(each for each in (near.check, near.column) if each)
        yield "drift", f"{near.level} of an alarm, the nearest: {where} on {near.batch}"
    for stay in entry.stays:
        yield stay.stage, _stay(stay)
    if entry.rolled_back:
        yield "taken back", rolled_back(entry.rolled_back)


def _parts(entry: Entry) -> Iterator[tuple[str, RenderableType]]:
    said, card = entry.record, entry.record.card
    if said.figures:
        level = f" with {said.confidence:.0%} intervals" if said.confidence else ""
        table = Table.grid(padding=(0, 2, 0, 0))
        for name, figure in said.figures.items():
            table.add_row(f" {METRICS[name].title}", value(name, figure), interval(name, figure))
        yield f"On its own holdout{level}", table
    for title, rows in (("Taught by", card.train), ("Judged by", card.holdout)) if card else ():
        newest = list(rows.batches.items())[-SHOWN:]
        table = Table.grid(padding=(0, 3, 0, 0))
        cells = [Text(f" {plain(batch)} {sha256[:8]}") for batch, sha256 in newest]
        for start in range(0, len(cells), _IN_A_LINE):
            table.add_row(*cells[start : start + _IN_A_LINE])
        left = len(rows.batches) - len(newest)
        yield f"{title}{f' ({left} older: --json)' if left else ''}", table


def _environment(shown: Shown) -> str:
    if shown.same_environment:
        return "the same as HEAD's"
    if shown.same_environment is None:
        return "HEAD has none to compare it with"
    if not shown.differs:
        return "not HEAD's: the lock files differ, their packages don't"
    more = len(shown.differs) - SHOWN
    packages = ", ".join(shown.differs[:SHOWN]) + (f" and {more} more" if more > 0 else "")
    return f"not HEAD's: {packages}"


def _rows(rows: Rows) -> str:
    ids = list(rows.batches)
    span = f", {ids[0]} to {ids[-1]}" if ids else ""
    return f"{len(ids)} batches{span}, {rows.rows:,} rows; data {rows.sha256[:12]}"


def _stay(stay: Stay) -> str:
    return f"{between(stay)} UTC, by {stay.by}{', by a rollback' if stay.back else ''}"


def _facts(facts: Iterator[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in facts:
        table.add_row(f" {name}", Text(plain(text)))
    return table
