"""What a replay found: tables on a terminal, and a page with a picture."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import track as rich_track
from rich.table import Table

from ratchet.files import write_text
from ratchet.gate import words
from ratchet.replay.nights import ALWAYS, CONFIGURED, GATED, Played, What
from ratchet.replay.picture import draw
from ratchet.replay.run import Replay
from ratchet.scoring.metrics import METRICS, main_of

T = TypeVar("T")
Cells = Sequence[str]
Speller = Callable[[float, str], str]  # of a figure and the sign that goes before one above 0

POLICY = (
    "policy",
    "fits",
    "fit s",
    "promoted",
    "blocked",
    "oldest",
    "{loss}",
    "vs always",
    "{high}",
)
SPOILED = ("policy", "slipped in", "blocked", "let through", "{loss}", "without", "cost")


def track(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    """Hand the items on and say on standard error how many are done.

    A bar on a terminal, elsewhere a line for each quarter.
    """
    console = Console(stderr=True)
    if console.is_terminal:
        yield from rich_track(items, what, total, console=console, transient=True)
        return
    told = 0
    for done, item in enumerate(items, 1):
        yield item
        if total >= 10 and done * 4 // total > told:
            told = done * 4 // total
            print(f"{what}: {done} of {total}", file=sys.stderr, flush=True)


def show(replay: Replay) -> None:
    """Print the tables."""
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(heading(replay), style="bold")
    console.print()
    for head, rows in tables(replay):
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
        for number, name in enumerate(head):
            table.add_column(name, justify="right" if number else "left", no_wrap=True)
        for row in rows:
            table.add_row(*row)
        console.print(table)
        console.print()
    for line in (*sentences(replay), cost(replay)):
        console.print(line)


def write(path: Path, replay: Replay) -> None:
    """Write the page to `path`, and its picture beside it with the ending .png."""
    picture = path.with_suffix(".png")
    draw(picture, replay)
    _, loss = titles(replay)
    lines = ["# Replay", "", heading(replay), "", f"![{loss} night by night]({picture.name})"]
    for head, rows in tables(replay):
        lines += ["", _line(head), "|".join(["", "---", *["--:"] * (len(head) - 1), ""])]
        lines += [_line(row) for row in rows]
    lines += ["", *(f"- {line}" for line in sentences(replay)), "", cost(replay)]
    lines += ["", "## Blocks by the configured policy", "", *_blocks(replay)]
    write_text(path, "\n".join(lines) + "\n")


def heading(replay: Replay) -> str:
    """Say what was played."""
    nights, options = replay.nights, replay.options
    said = f"{len(nights)} nights, {nights[0].batch} to {nights[-1].batch}"
    if options.every > 1:
        said += f", the pipeline on one of {options.every}"
    said += f"; {replay.params.train.estimator}, {replay.quarantined} batches quarantined"
    if replay.spoiled:
        said += f"; {len(replay.spoiled)} nights have a spoiled challenger (seed {options.seed})"
    return said


def tables(replay: Replay) -> Iterator[tuple[Cells, list[Cells]]]:
    """Yield each table: its heads and its rows."""
    always = played_by(replay.played, ALWAYS.name)
    high, loss = titles(replay)
    spelt = _speller(replay)
    policy, spoiled = (
        [each.format(loss=loss, high=high) for each in head] for head in (POLICY, SPOILED)
    )
    yield policy, [_policy(each, always, spelt) for each in replay.played]
    if replay.clean is not None:
        pairs = zip(replay.played, replay.clean, strict=True)
        yield (
            spoiled,
            [_spoiled(one, clean, spelt) for one, clean in pairs if one.policy.trains != "once"],
        )
        gated = [played_by(replay.played, each.name) for each in (CONFIGURED, GATED)]
        kinds = sorted({kind for each in gated for kind in each.by_kind()})
        yield (
            ("kind, blocked of slipped in", *(each.policy.name for each in gated)),
            [(kind, *(_kind(each, kind) for each in gated)) for kind in kinds],
        )


def sentences(replay: Replay) -> Iterator[str]:
    """Yield what the tables say in words."""
    always = played_by(replay.played, ALWAYS.name)
    for name in (CONFIGURED.name, GATED.name):
        one = played_by(replay.played, name)
        honest = one.count(What.BLOCK, spoiled=False)
        trained = one.count(What.BLOCK, What.PROMOTE, What.ERROR, spoiled=False)
        text = (
            f"{name}: {_worse(replay, one.mean_loss - always.mean_loss)} than with always retrain, "
        )
        text += f"for {one.trained / max(always.trained, 1):.0%} of its trainings; "
        text += f"{honest} of {trained} honest challengers blocked"
        wrong, judged = one.wrongly_blocked()
        if judged:
            text += f", of which {wrong} of {judged} did better on the {_ahead(replay)}"
        yield text
    calls = played_by(replay.played, CONFIGURED.name).calls()
    if calls:
        reached = ", ".join(f"{name} {times}" for name, times in calls.most_common())
        yield f"trigger, nights on which each threshold was reached: {reached}"
    refused = always.count(What.REFUSED)
    if refused:
        yield f"no training on {refused} nights: {_refusals(always)}"


def _ahead(replay: Replay) -> str:
    return f"next {replay.params.window.holdout} batches than the champion"


def _refusals(one: Played) -> str:
    why = Counter(reason for e in one.events if e.what == What.REFUSED for reason in e.reasons)
    return ", ".join(f"{reason} ({times})" for reason, times in why.most_common())


def cost(replay: Replay) -> str:
    """Say what the replay itself took."""
    return (
        f"{replay.fitted} models fitted or found in the cache; this run took "
        f"{replay.seconds:.0f} s and {replay.memory_mb:,.0f} MB"
    )


def played_by(played: Sequence[Played], name: str) -> Played:
    """Return the play of the policy with this name."""
    return next(each for each in played if each.policy.name == name)


def titles(replay: Replay) -> tuple[str, str]:
    """Return what the task's main metrics are called: one that should be high, and the loss."""
    high, loss = (METRICS[name].title for name in main_of(replay.params.task))
    return high.removeprefix("ROC "), loss


def _speller(replay: Replay) -> Speller:
    """Return how losses are spelt: with as many digits as fit that of always retraining."""
    _, loss = main_of(replay.params.task)
    digits = words.decimals(loss, played_by(replay.played, ALWAYS.name).mean_loss)
    return lambda value, sign: f"{value:{sign},.{digits}f}"


def _policy(one: Played, always: Played, spelt: Speller) -> Cells:
    return (
        one.policy.name,
        str(one.trained),
        f"{one.fit_seconds:,.0f}",
        str(one.count(What.PROMOTE)),
        _blocked(one.count(What.BLOCK), one.count(What.ERROR)),
        str(one.oldest),
        spelt(one.mean_loss, ""),
        spelt(one.mean_loss - always.mean_loss, "+") if one is not always else "",
        f"{one.mean_high:.4f}",
    )


def _blocked(blocks: int, errors: int) -> str:
    return f"{blocks} + {errors} ERROR" if errors else str(blocks)


def _spoiled(one: Played, clean: Played, spelt: Speller) -> Cells:
    blocked = one.count(What.BLOCK, What.ERROR, spoiled=True)
    through = one.count(What.PROMOTE, spoiled=True)
    return (
        one.policy.name,
        str(blocked + through),
        str(blocked),
        str(through),
        spelt(one.mean_loss, ""),
        spelt(clean.mean_loss, ""),
        spelt(one.mean_loss - clean.mean_loss, "+"),
    )


def _kind(one: Played, kind: str) -> str:
    found = one.by_kind().get(kind, Counter())
    return f"{found[What.BLOCK] + found[What.ERROR]} of {found.total()}"


def _blocks(replay: Replay) -> Iterator[str]:
    found = [
        event
        for event in played_by(replay.played, CONFIGURED.name).events
        if event.what in (What.BLOCK, What.ERROR)
    ]
    for event in found:
        kind = event.challenger.spoil if event.challenger else ""
        after = "" if event.hindsight is None else f"; afterwards {_worse(replay, event.hindsight)}"
        yield (
            f"- {event.night.batch}{f' ({kind})' if kind else ''}: "
            f"{'; '.join(event.reasons)}{after}"
        )
    if not found:
        yield "None."


def _worse(replay: Replay, loss: float) -> str:
    _, title = titles(replay)
    how = "worse" if loss > 0 else "better"
    return f"{title} is {_speller(replay)(abs(loss), '')} {how}"


def _line(cells: Cells) -> str:
    return f"| {' | '.join(cells)} |"
