"""How figures, names and reasons are spelt in the report."""

import re
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite

from ratchet.gate.paired import WITHIN, Difference
from ratchet.scoring.metrics import METRICS

MOST_IDS = 12
MOST_REASON = 600


def title(metric: str) -> str:
    """Return a metric's name for people."""
    plain = METRICS[metric.removesuffix(WITHIN)].title
    return f"{plain} within batches" if metric.endswith(WITHIN) else plain


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; all columns but the first are aligned right."""
    lines = [header, ["---"] + ["--:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def figure(value: float | None) -> str:
    """Spell a figure: counts whole, others with four digits, and what isn't finite in bold."""
    if value is None:
        return "none"
    if not isfinite(value):
        return f"**{value}**"
    return f"{value:,.0f}" if value == int(value) and abs(value) > 1 else f"{value:.4f}"


def way(champion: float, challenger: float) -> str:
    """Spell a figure of both models."""
    return f"{figure(champion)} → {figure(challenger)}"


def change(loss: float, words: bool = True) -> str:
    """Spell a loss: positive is worse."""
    if not words:
        return f"{loss:+.4f}"
    if round(loss, 4) == 0:
        return "none"
    return f"{abs(loss):.4f} {'worse' if loss > 0 else 'better'}"


def difference(base: Mapping[str, float], head: Mapping[str, float], name: str) -> str:
    """Spell by how much a figure is higher in `head`; empty where one lacks it."""
    if name not in base or name not in head:
        return ""
    change = head[name] - base[name]
    if not isfinite(change):
        return ""
    return f"{change:+,.0f}" if change == int(change) and change else f"{change:+.4f}"


def ids(ids: Sequence[str]) -> str:
    """List the first ids and say how many more there are."""
    shown = ", ".join(plain(each) for each in ids[:MOST_IDS])
    return f"{shown} and {len(ids) - MOST_IDS} more" if len(ids) > MOST_IDS else shown


def sentence(text: str) -> str:
    """Return a reason as one line that begins and ends like a sentence."""
    line = plain(short(" ".join(text.split()))).rstrip(".")
    if re.match(r"[a-z]+('[a-z]+)? ", line):  # a word, and no path or name of a metric
        line = line[0].upper() + line[1:]
    return f"{line}."


def short(text: str) -> str:
    """Cut text at `MOST_REASON` characters."""
    return text if len(text) <= MOST_REASON else f"{text[:MOST_REASON]}…"


def plain(text: str) -> str:
    """Take from text what Markdown, HTML or GitHub would read as more than text."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;")
    return re.sub(r"(?<![0-9A-Za-z])@(?=\w)", "@\u200b", text).replace("![", "!\u200b[")


def confidently(differences: Mapping[str, Difference], confidence: float) -> str:
    """Say what the intervals of the two best known metrics mean; empty without a comparison."""
    said = [
        f"{f'at most {figure(each.high)} worse' if each.high > 0 else 'surely better'} in "
        f"{title(each.metric)}"
        for each in differences.values()
        if each.metric in ("roc_auc", "log_loss")
    ]
    if not said:
        return ""
    return f"with {confidence:.0%} confidence the new model is {' and '.join(said)}"
