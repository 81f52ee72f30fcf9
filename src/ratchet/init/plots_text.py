"""The text of `dvc.yaml`: of its plots those that a task has, the others as comments."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from ratchet.task import Task

# Evaluate writes these files for every task, for DVC wants them; for others they have no rows.
DRAWN_FOR: Mapping[str, frozenset[Task]] = {
    "reports/plots/roc.csv": frozenset({"binary"}),
    "reports/plots/precision_recall.csv": frozenset({"binary"}),
    "reports/plots/confusion.csv": frozenset({"binary", "multiclass"}),
}
_PLOT = re.compile(r"( *)(?:# )?- \S")  # the line with which a plot begins, also as a comment
_OFF = "# "


def write(text: str, task: Task) -> str:
    """Return the text of dvc.yaml with the plots of the task, and of others as comments.

    A comment that was a plot of the task becomes one again. All other text stays as it is.
    """
    lines = text.splitlines(keepends=True)
    start = next((at + 1 for at, line in enumerate(lines) if line.startswith("plots:")), None)
    if start is None:
        return text
    end = next(
        (at for at in range(start, len(lines)) if re.match(r"\w", lines[at])),
        len(lines),
    )
    first = next((found for line in lines[start:end] if (found := _PLOT.match(line))), None)
    if first is None:
        return text
    indent = first[1]
    begins = [at for at in range(start, end) if _begins(lines[at], indent)] + [end]
    for begin, after in pairwise(begins):
        lines[begin:after] = _plot(lines[begin:after], indent, task)
    return "".join(lines)


def _begins(line: str, indent: str) -> bool:
    found = _PLOT.match(line)
    return found is not None and found[1] == indent


def _plot(lines: Sequence[str], indent: str, task: Task) -> list[str]:
    """Return the lines of one plot as they are to be."""
    drawn = next((tasks for path, tasks in DRAWN_FOR.items() if path in "".join(lines)), None)
    if drawn is None:
        return list(lines)
    off = indent + _OFF
    if task in drawn:
        return [line.replace(off, indent, 1) if line.startswith(off) else line for line in lines]
    if lines[0].startswith(off):
        return list(lines)
    return [off + line.removeprefix(indent) if line.strip() else line for line in lines]
