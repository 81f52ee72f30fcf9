"""The history for a terminal: some lines a version, 80 columns or more, the newest first."""

from collections.abc import Iterator, Sequence
from math import floor, log10

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ratchet.gate import words
from ratchet.journal.accepted import STAGE
from ratchet.journal.rolled_back import RolledBack
from ratchet.scoring.metrics import METRICS
from ratchet.versions.history import Entry, Past, newest
from ratchet.versions.history_at import places
from ratchet.versions.record import Figure, plain

NONE = "-"
# Widths that fit 80 columns with the gaps between. Names of batches take what a terminal has more.
_COLUMNS = 80
_WIDTHS = (8, 10, 12, 10, 9, 12, 12)
_DATA = 3  # the column of batches
_LETTERS = ("", "k", "M", "G")  # of thousands


def show(past: Past, limit: int | None = None) -> None:
    """Print the newest versions, two lines of facts each, then stages and reasons.

    A narrower terminal breaks the lines, so that no hash is cut.
    """
    console = Console(highlight=False, markup=False, emoji=False)
    console.width = max(console.width, _COLUMNS)
    if not past.entries:
        console.print("no version yet: `ratchet register` names HEAD's model as the first")
        return
    shown = newest(past, limit)
    widths = _widths(shown, console.width - _COLUMNS)
    main: tuple[str, ...] = ()
    for entry in shown:
        if entry.main != main:  # the first, or the task changed here
            main = entry.main
            console.print(_row(_header(shown, main), widths, "bold"))
        console.print(_version(entry, widths))
    left = len(past.entries) - len(shown)
    if left:
        console.print(f"{left} older: --limit {len(past.entries)} shows all", soft_wrap=True)


def verdict(entry: Entry) -> str:
    """Return what the gate said of a version on the night that made it."""
    return entry.record.verdict.verdict if entry.record.verdict else NONE


def value(name: str, figure: Figure | None) -> str:
    """Return a metric's value."""
    return f"{figure.value:,.{words.decimals(name, figure.value)}f}" if figure else NONE


def interval(name: str, figure: Figure | None) -> str:
    """Return the ends of a metric's interval; empty where they weren't recorded."""
    if figure is None or figure.low is None or figure.high is None:
        return ""
    digits = words.decimals(name, figure.value)
    return f"{figure.low:,.{digits}f} to {figure.high:,.{digits}f}"


def said_of(entry: Entry) -> Iterator[str]:
    """Yield why a version was accepted, what the gate said but for PASS, and who took it back."""
    told = entry.record.verdict
    yield plain(entry.version.message)
    if told and told.verdict != "PASS":
        yield f"{told.verdict}: {told.reason}"
    if entry.rolled_back:
        yield rolled_back(entry.rolled_back)


def rolled_back(line: RolledBack) -> str:
    """Return when a model was rolled back, by whom and why."""
    return plain(f"rolled back on {line.date[:10]} by {line.by}: {line.reason}")


def _header(shown: Sequence[Entry], main: Sequence[str]) -> list[tuple[str, str]]:
    levels = {entry.record.confidence for entry in shown} - {None}
    level = f"{levels.pop():.0%} int." if len(levels) == 1 else "interval"
    return [
        ("version", "stage"),
        ("accepted", "commit"),
        ("model", "data"),
        ("data from", "to"),
        ("rows", "verdict"),
        *((METRICS[name].title, level) for name in main),
    ]


def _version(entry: Entry, widths: Sequence[int]) -> RenderableType:
    version, card = entry.version, entry.record.card
    cells = [
        (version.short, _stages(version.stages)),
        (version.day, version.commit[:10]),
        (version.model_sha256[:12] or NONE, card.train.sha256[:12] if card else NONE),
        _ends(entry, widths[_DATA]),
        (f"{card.train.rows:,}" if card else NONE, verdict(entry)),
        *((value(name, each), _short(name, each))
          for name, each in ((name, entry.record.figures.get(name)) for name in entry.main)),
    ]  # fmt: skip
    style = "bold green" if STAGE in version.stages else ""
    lines: list[RenderableType] = [_row(cells, widths, style)]
    if stood := places(entry.stays):
        lines.append(Padding(Text(plain(stood), style="dim"), (0, 0, 0, _WIDTHS[0] + 1)))
    for text in said_of(entry):
        gone = text.startswith("rolled back on ")
        said = Text(text, style="red" if gone else "dim", overflow="ellipsis", no_wrap=True)
        lines.append(Padding(said, (0, 0, 0, _WIDTHS[0] + 1)))
    return Group(*lines)


def _widths(shown: Sequence[Entry], spare: int) -> list[int]:
    """Return the columns' widths: that of the batches fits their names if the terminal does."""
    longest = max(len(end) for entry in shown for end in _ends(entry))
    widths = list(_WIDTHS)
    widths[_DATA] = min(max(longest, widths[_DATA]), widths[_DATA] + spare)
    return widths


def _ends(entry: Entry, width: int | None = None) -> tuple[str, str]:
    """Return the first and the last batch that taught; of long names the end, which tells them."""
    ids = [plain(each) for each in entry.record.card.train.batches] if entry.record.card else []
    if not ids:
        return NONE, NONE
    first, last = (
        each if width is None or len(each) <= width else f"…{each[1 - width :]}"
        for each in (ids[0], ids[-1])
    )
    return first, last


def _stages(stages: Sequence[str]) -> str:
    """Return where a version stands, in the width of its column; its line below has all."""
    told = ", ".join(stages)
    if len(stages) < 2 or len(told) <= _WIDTHS[0]:
        return told
    first = STAGE if STAGE in stages else stages[0]
    return f"{first} +{len(stages) - 1}"


def _row(cells: Sequence[tuple[str, str]], widths: Sequence[int], style: str) -> Table:
    """Return two lines of cells in columns of fixed width, so that all versions stand in line."""
    table = Table.grid(padding=(0, 1, 0, 0))
    for place, width in enumerate(widths):
        table.add_column(
            width=width, no_wrap=True, overflow="ellipsis",
            justify="left" if place < 4 else "right",
        )  # fmt: skip
    upper, lower = zip(*cells, strict=True)
    table.add_row(*(Text(plain(each)) for each in upper), style=style)
    table.add_row(*(Text(plain(each)) for each in lower))
    return table


def _short(name: str, figure: Figure | None) -> str:
    """Return an interval that fits its column: no zero before the point."""
    if figure is None or figure.low is None or figure.high is None:
        return ""
    ends = (figure.low, figure.high)
    if METRICS[name].in_labels_unit:
        return " to ".join(_three(end) for end in ends)
    return " to ".join(_four(end) for end in ends)


def _four(figure: float) -> str:
    """Return a figure in four characters, if it is below 10,000: `.621`, `-.62`, `1.01`, `12.3`."""
    spelt = (f"{figure:.{digits}f}" for digits in (3, 2, 1))
    short = (text.replace("0.", ".", 1) if abs(figure) < 1 else text for text in spelt)
    return next((text for text in short if len(text) <= 4), f"{figure:.0f}")


def _three(figure: float) -> str:
    """Return three digits of a figure of any size: `0.12`, `612`, `48k`."""
    thousands = max(floor(log10(abs(figure)) / 3), 0) if figure else 0
    return f"{figure / 1000**thousands:.3g}{_LETTERS[min(thousands, len(_LETTERS) - 1)]}"
