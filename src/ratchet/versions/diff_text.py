"""A comparison of two models for a terminal."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ratchet.gate import words
from ratchet.scoring.metrics import METRICS
from ratchet.versions.diff import Batches, Comparison
from ratchet.versions.history_table import NONE, interval, value
from ratchet.versions.record import plain
from ratchet.versions.rescore import Rescored
from ratchet.versions.snapshot import Snapshot

MOST_LINES = 20  # of one kind; `--json` has all
MOST_IDS = 3


def show(found: Comparison) -> None:
    """Print how two models differ."""
    console = Console(highlight=False, markup=False, emoji=False)
    one, other = found.sides
    console.print(Text(f"{one.name} → {other.name}", style="bold"))
    console.print(_both(found.sides))
    for title, lines in _differences(found):
        console.print(Text(f"\n{title}", style="bold"))
        for line in lines[:MOST_LINES]:
            console.print(Text(f" {plain(line)}"))
        if len(lines) > MOST_LINES:
            console.print(f" and {len(lines) - MOST_LINES} more: --json")
    console.print(Text("\nRecorded then, each on its own holdout", style="bold"))
    console.print(_recorded(found))
    if found.rescored:
        _scored(console, found.rescored)
    else:
        console.print(Text(f"\nNot scored on the same rows: {plain(found.reason)}"))


def _both(sides: Sequence[Snapshot]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_row(" accepted", *(each.version.day if each.version else NONE for each in sides))
    table.add_row(" commit", *(each.at.commit[:10] for each in sides))
    cards = [each.record.card for each in sides]
    table.add_row(" model", *(card.model_sha256[:12] if card else NONE for card in cards))
    for title, name in (("taught by", "train"), ("judged by", "holdout")):
        parts = [getattr(card, name) if card else None for card in cards]
        spans = [list(part.batches) if part else [] for part in parts]
        table.add_row(
            f" {title}", *(Text(f"{ids[0]} to {ids[-1]}") if ids else NONE for ids in spans)
        )
        table.add_row("", *(f"{part.rows:,} rows" if part else NONE for part in parts))
    return table


def _differences(found: Comparison) -> Iterator[tuple[str, Sequence[str]]]:
    if found.train is None or found.holdout is None:
        yield "Data", ["a card can't be read by today's code"]
    else:
        yield "Data", [*_batches("taught by", found.train), *_batches("judged by", found.holdout)]
    for title, lines in (
        ("Parameters", found.params),
        ("Contract", found.schema),
        ("Environment", found.environment),
    ):
        yield title, lines or ["the same"]
    same = {True: "the same", False: "another", None: "a card can't be read by today's code"}
    yield "Code of the training", [same[found.same_code]]


def _batches(what: str, found: Batches) -> Iterator[str]:
    told = [
        f"{len(ids)} {how} ({_ids(ids)})"
        for how, ids in (("new", found.came), ("gone", found.went), ("changed", found.changed))
        if ids
    ]
    yield f"{what}: {', '.join([*told, f'{found.same} the same'])}"


def _ids(ids: Sequence[str]) -> str:
    if len(ids) <= MOST_IDS:
        return ", ".join(ids)
    return f"{ids[0]} … {ids[-1]}"


def _recorded(found: Comparison) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, figures in found.recorded.items():
        cells = [f"{value(name, each)}  {interval(name, each)}".rstrip() for each in figures]
        table.add_row(f" {METRICS[name].title}", *cells)
    return table


def _scored(console: Console, again: Rescored) -> None:
    title = (
        f"\nScored again, on the same {again.rows:,} rows: {_ids(again.batches)}, the holdout of "
        f"{again.judge}"
    )
    console.print(Text(title, style="bold"))
    if again.taught:
        console.print(Text(f" left out, as they taught one of the two: {_ids(again.taught)}"))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="")
    for name in ("", "from", "to", "", f"{again.confidence:.0%} interval of the loss"):
        table.add_column(name)
    for name, each in again.differences.items():
        digits = words.decimals(name, each.champion, each.challenger)
        table.add_row(
            f" {METRICS[name].title}",
            f"{each.champion:,.{digits}f}",
            f"{each.challenger:,.{digits}f}",
            words.change(each.loss, digits=digits),
            words.between(each.low, each.high, digits),
        )
    console.print(table)
    console.print(f" predictions move {words.moved(again.movement, 4)}")
