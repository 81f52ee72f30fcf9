"""The nights as a picture: what each policy's models lost, and what the gate did."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ratchet.files import atomic_write
from ratchet.replay.history import Array
from ratchet.replay.nights import ALWAYS, CONFIGURED, NAIVE, NEVER, Played, What
from ratchet.replay.run import Replay
from ratchet.scoring.metrics import loss_of

ROLLING = 14  # nights
# Okabe & Ito (2008), colours that everyone can tell apart.
LOOKS = {
    NEVER: ("#999999", 1.4),
    NAIVE: ("#E69F00", 1.4),
    CONFIGURED: ("#0072B2", 3.0),
    ALWAYS: ("#9AD5F5", 1.2),  # often the same as the one before: thin, on top of it
}
GREEN, RED = "#009E73", "#D55E00"
INK, PALE = "#333333", "#DDDDDD"
MARKS = (
    (What.PROMOTE, False, "|", GREEN, "promoted"),
    (What.BLOCK, False, "v", RED, "blocked"),
    (What.BLOCK, True, "X", RED, "spoiled, blocked"),
    (What.PROMOTE, True, "*", "#000000", "spoiled, let through"),
)


def draw(path: Path, replay: Replay) -> None:
    """Write the picture as PNG."""
    figure = Figure(figsize=(10, 7.2), dpi=130, layout="constrained", facecolor="white")
    over, marks, lost = figure.subplots(
        3, 1, sharex=True, gridspec_kw={"height_ratios": [5, 0.9, 3]}
    )
    played = {each.policy: each for each in replay.played}
    nights = np.arange(len(replay.nights))
    base = played[ALWAYS].losses
    for policy, (colour, width) in LOOKS.items():
        losses = played[policy].losses
        over.plot(nights, rolling(losses, ROLLING), color=colour, lw=width, label=policy.name)
        lost.plot(nights, np.nancumsum(losses - base), color=colour, lw=width)
    loss = loss_of(replay.params.task).title
    over.set_ylabel(f"{loss} on the next batch\n(mean of {ROLLING} nights)")
    title = "What was in production, night by night"
    if replay.spoiled:
        title += f", with {len(replay.spoiled)} spoiled challengers"
    over.set_title(title, loc="left", fontsize=13, fontweight="bold", color=INK)
    over.legend(ncols=4, frameon=False, loc="upper left", bbox_to_anchor=(0, 1.02), fontsize=9)
    low, high = over.get_ylim()
    over.set_ylim(low, high + 0.12 * (high - low))  # room for the legend
    _mark(marks, played[CONFIGURED])
    lost.axhline(0, color=LOOKS[ALWAYS][0], lw=1)
    lost.set_ylabel("lost against always\nretrain, summed up")
    lost.set_xlabel("night")
    step = max(1, len(nights) // 8)
    lost.set_xticks(nights[::step], [replay.nights[each].batch for each in nights[::step]])
    lost.tick_params(axis="x", labelsize=8)
    for axes in (over, lost):
        axes.grid(axis="y", color=PALE, lw=0.7)
        axes.yaxis.set_major_locator(MaxNLocator(5))
    for axes in (over, marks, lost):
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(PALE)
        axes.tick_params(colors=INK, length=0)
        axes.margins(x=0.01)
    marks.spines["bottom"].set_visible(False)
    figure.align_ylabels([over, lost])
    with atomic_write(path) as partial:
        figure.savefig(partial, format="png")


def rolling(values: Array, width: int) -> Array:
    """Return the mean of the last `width` values that aren't NaN; NaN where there are too few."""
    here = ~np.isnan(values)
    sums = np.cumsum(np.where(here, values, 0.0))
    counts = np.cumsum(here).astype(float)
    sums[width:], counts[width:] = sums[width:] - sums[:-width], counts[width:] - counts[:-width]
    means: Array = np.divide(sums, counts, out=np.full(len(values), np.nan), where=counts > 0)
    means[: width // 2] = np.nan  # too few to show
    return means


def _mark(axes: Any, configured: Played) -> None:
    """Mark in a row for each what the configured policy did."""
    shown = []
    for what, spoiled, marker, colour, name in MARKS:
        at = [
            number
            for number, event in enumerate(configured.events)
            if event.what == what
            and event.challenger is not None
            and event.challenger.honest != spoiled
        ]
        if at or not spoiled:
            shown.append(name)
            row = [len(shown) - 1] * len(at)
            axes.scatter(at, row, marker=marker, color=colour, s=45, linewidths=1.2, clip_on=False)
    axes.set_yticks(range(len(shown)), shown, fontsize=8)
    axes.set_ylim(len(shown) - 0.4, -0.6)
