"""`reports/validation.md`: what was found in the window, for people."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from ratchet.checks.labels import tell
from ratchet.checks.records import Record
from ratchet.checks.timeline import drift
from ratchet.config import Checks
from ratchet.data.failure import Failure
from ratchet.data.target import Target

LEVELS = "▁▂▃▄▅▆▇"
ALARM = "█"
NONE = "·"
QUIET = 0.5  # a column that never came so close to an alarm isn't drawn


def write(
    window: Mapping[str, Record],
    checks: Checks,
    target: Target,
    *,
    quarantined: Mapping[str, Sequence[Failure]],
    overruled: Mapping[str, Sequence[Failure]],
    warnings: Mapping[str, Sequence[Failure]],
    suspects: Sequence[Failure],
    overrides: Mapping[str, Mapping[str, str]],
) -> str:
    """Return the report as Markdown: reasons first, then the window at a glance."""
    compared = sum(bool(record.against) for record in window.values())
    lines = [
        f"# {len(window)} batches, {min(window)} to {max(window)}",
        "",
        f"{len(window) - len(quarantined)} accepted, {len(quarantined)} quarantined, "
        f"{len(warnings)} with warnings; {compared} compared with the batches before them.",
    ]
    for title, found in (
        ("Quarantined", quarantined),
        ("Used all the same, because a person said so", overruled),
        ("Warnings", warnings),
    ):
        if found:
            lines += ["", f"## {title}", *_reasons(found)]
    if suspects:
        lines += ["", "## Suspects", ""]
        lines += [f"- `{each.column}` {_cell(each.message)}" for each in suspects]
    if overrides:
        lines += ["", "## What people said", "", "| batch | word | why, who |", "|---|---|---|"]
        lines += [
            f"| {batch} | {said['override']} | {_cell(said['note'] or 'no note')} |"
            for batch, said in overrides.items()
        ]
    lines += ["", "## At a glance", "", *_pictures(window, checks, target)]
    return "\n".join(lines) + "\n"


def _reasons(found: Mapping[str, Sequence[Failure]]) -> Iterable[str]:
    for batch, failures in found.items():
        yield from ("", f"**{batch}**", "")
        for code, group in groupby(failures, lambda failure: failure.code):
            for failure in group:
                examples = f" Examples: {', '.join(failure.examples)}." if failure.examples else ""
                said = _cell(f"{failure.column}: {failure.message}.{examples}".removeprefix(": "))
                yield f"- `{code}` {said}"


def _pictures(window: Mapping[str, Record], checks: Checks, target: Target) -> list[str]:
    """Return one line of blocks for each series: a block a batch, oldest first."""
    found = drift(window, checks)
    shares: dict[str, dict[str, float]] = {}
    for batch, column, share in zip(
        found["batch"], found["column"], found["of_limit"], strict=True
    ):
        shares.setdefault(column, {})[batch] = share
    shown = {name: each for name, each in shares.items() if max(each.values()) >= QUIET}
    rows = {batch: float(record.rows) for batch, record in window.items()}
    told = tell(window, target)
    label = f"label: {told.what}"
    width = max(map(len, [*shown, label]))
    lines = [
        f"One block a batch. {ALARM} is an alarm; the others say how close a column came to one, "
        f"by its check that came closest. Columns that stayed below {QUIET:.0%} aren't drawn. Rows "
        "and label go from their lowest to their highest.",
        "",
        "```text",
    ]
    for name, each, spell in (("rows", rows, _count), (label, told.numbers, told.spell)):
        low, high = min(each.values(), default=0.0), max(each.values(), default=0.0)
        span = (high - low) or 1.0
        blocks = [
            _block((each[batch] - low) / span * 0.999) if batch in each else NONE
            for batch in window
        ]
        lines.append(f"{name:<{width}} {''.join(blocks)}  {spell(low)} to {spell(high)}")
    for name, each in sorted(shown.items(), key=lambda item: -max(item[1].values())):
        blocks = [_block(each[batch]) if batch in each else NONE for batch in window]
        lines.append(f"{name:<{width}} {''.join(blocks)}")
    return [*lines, "```"]


def _block(share: float) -> str:
    return ALARM if share > 1 else LEVELS[min(int(max(share, 0) * len(LEVELS)), len(LEVELS) - 1)]


def _count(rows: float) -> str:
    return f"{rows:,.0f}"


def _cell(text: str) -> str:
    """Keep what bad data hold from being read as Markdown: it may hold anything."""
    return "".join(f"\\{sign}" if sign in "|<>[]*" else sign for sign in text.replace("\n", " "))
