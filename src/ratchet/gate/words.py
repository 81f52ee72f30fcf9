"""How figures, names and reasons are spelt in the report."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from math import isfinite

from ratchet.gate.paired import Difference, Movement
from ratchet.gate.within import WITHIN
from ratchet.scoring.digits import decimals as decimals_of
from ratchet.scoring.metrics import METRICS

MOST_IDS = 12
MOST_REASON = 600
DIGITS = 4  # after the point; of figures in the labels' unit so many that count


def title(metric: str) -> str:
    """Return a metric's name for people."""
    plain = METRICS[metric.removesuffix(WITHIN)].title
    return f"{plain} within batches" if metric.endswith(WITHIN) else plain


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; all columns but the first are aligned right."""
    lines = [header, ["---"] + ["--:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def decimals(metric: str, *figures: float | None) -> int:
    """Return how many digits after the point a metric's figures and their differences have.

    Four, but for those in the labels' unit, which may be thousands or thousandths: as many as give
    the largest of `figures` four that count.
    """
    known = METRICS.get(metric.removeprefix("baseline_").removesuffix(WITHIN))
    sizes = [abs(each) for each in figures if each and isfinite(each)]
    if known is None or not known.in_labels_unit or not sizes:
        return DIGITS
    return decimals_of(max(sizes), DIGITS)


def figure(value: float | None, digits: int = DIGITS) -> str:
    """Spell a figure: counts whole, others with `digits`, and what isn't finite in bold."""
    if value is None:
        return "none"
    if not isfinite(value):
        return f"**{value}**"
    whole = value == int(value) and abs(value) > 1
    return f"{value:,.0f}" if whole else f"{value:,.{digits}f}"


def way(champion: float, challenger: float, digits: int = DIGITS) -> str:
    """Spell a figure of both models."""
    return f"{figure(champion, digits)} → {figure(challenger, digits)}"


def change(loss: float, words: bool = True, digits: int = DIGITS) -> str:
    """Spell a loss: positive is worse."""
    if not words:
        return f"{loss:+,.{digits}f}"
    if round(loss, digits) == 0:
        return "none"
    return f"{abs(loss):,.{digits}f} {'worse' if loss > 0 else 'better'}"


def between(low: float, high: float, digits: int = DIGITS) -> str:
    """Spell the interval of a loss."""
    ends = (change(end, words=False, digits=digits) for end in (low, high))
    return " to ".join(ends)


def moved(movement: Movement, digits: int) -> str:
    """Say how far predictions moved, and how many decisions flip where something is decided."""
    if movement.flips is None:
        return f"by {movement.mean:.{digits}f} of the labels' standard deviation on average"
    return (
        f"by {movement.mean:.{digits}f} on average, and {movement.flips:.1%} of the decisions flip"
    )


def difference(base: Mapping[str, float], head: Mapping[str, float], name: str) -> str:
    """Spell by how much a figure is higher in `head`; empty where one lacks it."""
    if name not in base or name not in head:
        return ""
    change = head[name] - base[name]
    if not isfinite(change):
        return ""
    if not change:
        return "none"
    if change == int(change):
        return f"{change:+,.0f}"
    return f"{change:+,.{decimals(name, base[name], head[name])}f}"


def ids(ids: Sequence[str]) -> str:
    """List the first ids and say how many more there are."""
    shown = ", ".join(plain(each) for each in ids[:MOST_IDS])
    return f"{shown} and {len(ids) - MOST_IDS} more" if len(ids) > MOST_IDS else shown


def sentence(text: str) -> str:
    """Return a reason as one line that begins and ends like a sentence."""
    line = plain(short(" ".join(text.split()))).rstrip(".")
    # A word, and no path or name of a metric.
    if re.match(r"[a-z]+('[a-z]+)? ", line) and line.split()[0] not in METRICS:
        line = line[0].upper() + line[1:]
    return f"{line}."


def short(text: str) -> str:
    """Cut text at `MOST_REASON` characters."""
    return text if len(text) <= MOST_REASON else f"{text[:MOST_REASON]}…"


def plain(text: str) -> str:
    """Take from text what Markdown, HTML or GitHub would read as more than text."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;")
    return re.sub(r"(?<![0-9A-Za-z])@(?=\w)", "@\u200b", text).replace("![", "!\u200b[")


def confidently(
    differences: Mapping[str, Difference], confidence: float, main: Collection[str]
) -> str:
    """Say what the intervals of the `main` metrics mean; empty without a comparison."""
    said = []
    for each in differences.values():
        if each.metric in main:
            most = figure(each.high, decimals(each.metric, each.champion, each.challenger))
            known = f"at most {most} worse" if each.high > 0 else "surely better"
            said.append(f"{known} in {title(each.metric)}")
    if not said:
        return ""
    return f"with {confidence:.0%} confidence the new model is {' and '.join(said)}"
