"""What was guessed and why, what a person must look at, and what to type next."""

from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from ratchet.data.order import WRONG
from ratchet.init.columns import Draft
from ratchet.init.look import COMPARED
from ratchet.init.run import Drafted
from ratchet.init.schema_text import flow

SHOWN = 12  # columns that are told one by one
NEXT = """
Look at them   git diff params.yaml dvc.yaml; $EDITOR schema.yaml
Keep them      git add -A && git commit -m "Our own data"
Pin and train  ratchet discover && dvc repro && ratchet summary
Keep it        git add -A && git commit -m "First model"
Every night    ratchet nightly   (on GitHub: docs/github.md)
"""


def show(done: Drafted) -> None:
    """Print the summary."""
    # What the data hold, such as [/b] or :x:, is not ours to render.
    console = Console(highlight=False, markup=False, emoji=False)
    if done.found.swapped:
        console.print(f"Wrong order: {WRONG.format(*done.found.swapped)}.", style="bold red")
        console.print()
    for title, table in (("Drafted", _guesses(done)), _columns(done)):
        console.print(title, style="bold")
        console.print(table)
        console.print()
    reviews = list(_reviews(done))
    if reviews:
        console.print(f"To review ({len(reviews)})", style="bold")
        for where, what in reviews[:SHOWN]:
            console.print(f"  {where}: {what}")
        if len(reviews) > SHOWN:
            console.print(f"  and {len(reviews) - SHOWN} more: grep -n '# review:' schema.yaml")
        console.print()
    for line in _told(done):
        console.print(line)
    console.print(NEXT, end="")


def _guesses(done: Drafted) -> Table:
    contract, params, found = done.contract, done.params, done.found
    table = Table("guess", "", "why", box=None)
    target = contract.target
    positive = f", positive: {contract.positive}" if contract.positive is not None else ""
    table.add_row(
        "target",
        f"{target.name} ({contract.task}{positive})",
        f"{target.distinct:,} different values",
    )
    split = f", cut by {found.split}" if found.split else ""
    what = "content" if found.overwritten else "batch"
    table.add_row(
        "source",
        f"{counted(len(found.listed), what)}{split}",
        f"pattern {found.pattern}; {len(done.sample.ids)} of them looked at, "
        f"{len(done.sample.batch):,} rows",
    )
    table.add_row("time", contract.time or "none", contract.time_why)
    why = "; ".join(contract.reviews.get("key", ["as you said"]))
    table.add_row("key", ", ".join(contract.key) or "none", why)
    spelt = contract.format.model_dump(exclude_unset=True, exclude_defaults=True)
    if spelt:
        table.add_row("format", flow(spelt), "as the values are written")
    window = params.window
    table.add_row(
        "window",
        f"{window.train} teach, {window.holdout} judge",
        f"{counted(len(found.listed), 'batch')} of some {contract_rows(done):,} rows",
    )
    slices = ", ".join(params.evaluate.slices)
    table.add_row("slices", slices or "none", "few categories" if slices else "no column has few")
    table.add_row("gate", ", ".join(params.gate.metrics), f"the metrics for {contract.task}")
    return table


def counted(number: int, what: str) -> str:
    """Return `1 batch`, `2 batches`."""
    return f"{number:,} {what}" + ("" if number == 1 else "es" if what.endswith("ch") else "s")


def contract_rows(done: Drafted) -> int:
    """Return the rows of a usual batch."""
    return int(sorted(done.sample.rows)[len(done.sample.ids) // 2])


def _columns(done: Drafted) -> tuple[str, Table]:
    columns = [each for each in done.contract.columns if not each.is_target]
    used = [each for each in columns if each.feature]
    left = [each for each in columns if not each.feature]
    kinds = Counter(each.type for each in used)
    table = Table("column", "as", "why", box=None)
    said = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    told = [
        *left,
        *(each for each in used if each.encoding == "target" or each.type == "date" or each.note),
    ]
    for each in told[:SHOWN]:
        table.add_row(each.name, "left out" if not each.feature else _kind(each), each.note)
    if len(told) > SHOWN:
        table.add_row("…", f"{len(told) - SHOWN} more", "in schema.yaml")
    return f"{len(used)} features ({said}), {len(left)} left out", table


def _kind(each: Draft) -> str:
    return f"{each.type}, target-encoded" if each.encoding == "target" else each.type


def _reviews(done: Drafted) -> Iterator[tuple[str, str]]:
    contract = done.contract
    yield from done.trial.reviews if done.trial else ()
    for what in contract.target.reviews:
        yield "target", what
    for where in ("time", "key", "format") if contract.key else ("time", "format"):
        for what in contract.reviews.get(where, ()):
            yield where, what
    if contract.ignore_extra:
        yield "extra_columns", contract.ignore_extra
    for each in contract.columns:
        if not each.is_target and each.reviews:
            yield each.name, "; ".join(each.reviews)


def _told(done: Drafted) -> Iterator[str]:
    for note in [*done.found.notes, *done.contract.notes]:
        yield f"note: {note}"
    tried = done.trial
    if tried is None:
        yield f"The drafts weren't tried: {done.untried}."
    else:
        yield (
            f"Tried on {counted(tried.batches, 'batch')} of the window: {len(tried.set_aside)} "
            f"would be set aside{':' * bool(tried.set_aside)}"
        )
        for batch, why in [*tried.set_aside.items()][-5:]:
            yield f"  {batch}: {why}"
        if tried.newest:
            yield (
                f"The newest, {tried.newest}, is one of them, and a run would stop at it: mend "
                f"schema.yaml, or `ratchet batch accept {tried.newest}`"
            )
    if tried is not None and tried.calibrated:
        yield (
            f"Thresholds of the checks come from {tried.calibrated} of them; `ratchet calibrate` "
            "proposes new ones when more have come."
        )
    else:
        yield (
            "Thresholds of the checks are still the sample's, so they only warn. From "
            f"{2 * COMPARED} batches on `ratchet calibrate --write` has enough to set them; then "
            "give them the severity quarantine again (docs/validation.md)."
        )
    holdout = done.params.window.holdout
    if len(done.found.listed) <= holdout:
        yield (
            f"Training needs {holdout + 1} batches, {holdout} to judge and one to teach: "
            "run `ratchet discover && dvc repro` when they have come."
        )
    if done.removed:
        what = "the sample's pins, model and reports" if done.sample_gone else "the pins"
        where = "git has them" if done.committed else "they were never committed"
        yield (
            f"Cleared: {what} ({where})."
            + (" sample/ stays, and nothing needs it." if done.sample_gone else "")
        )
