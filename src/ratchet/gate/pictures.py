"""The report's pictures, as PNG files that a pull request can show."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from ratchet.files import atomic_write
from ratchet.gate.findings import Findings
from ratchet.gate.paired import Difference
from ratchet.gate.report import CURVES
from ratchet.gate.within import WITHIN
from ratchet.gate.words import title
from ratchet.scoring.curves import calibration, roc_curve
from ratchet.scoring.metrics import METRICS, loss_of, score
from ratchet.task import Task

CHAMPION, NEW = "#8a94a6", "#1f6feb"
WORSE, BETTER, INK, GRID = "#cf222e", "#1a7f37", "#24292f", "#d8dee4"
WIDTH, DPI = 6.4, 160  # inches, dots an inch: 1024 points wide, sharp on a phone
MOST_SLICES = 12
RC: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def draw(found: Findings, folder: Path) -> list[str]:
    """Draw what was compared, a pair of models, into `folder`; return the names of the files."""
    task = _task(found)
    pictures: dict[str, Callable[[Findings], Figure]] = {
        "differences.png": _differences,
        CURVES[task]: _roc if task == "binary" else _said_and_came,
        "batches.png": _batches,
    }
    with matplotlib.rc_context(RC):
        for name, picture in pictures.items():
            with atomic_write(folder / name) as partial:
                figure = picture(found)
                figure.savefig(partial, format="png", dpi=DPI, metadata={"Software": None})
    return list(pictures)


def _task(found: Findings) -> Task:
    assert found.challenger is not None
    return found.challenger.card.task


def _differences(found: Findings) -> Figure:
    """Draw each loss with its interval: metrics above, the slices that lost most below."""
    metrics = [(title(name), each) for name, each in found.differences.items()]
    slices = sorted(
        (
            (f"{each.column}={each.value}", each.difference)
            for each in found.slices
            if each.difference
        ),
        key=lambda item: -item[1].loss,
    )[:MOST_SLICES]
    heights = [len(metrics), *([len(slices)] if slices else [])]
    figure = Figure(
        figsize=(WIDTH, 1.3 + 0.36 * sum(heights) + 0.7 * len(heights)), layout="constrained"
    )
    panels = figure.subplots(
        len(heights), 1, squeeze=False, height_ratios=[rows + 0.6 for rows in heights]
    )[:, 0]
    _forest(panels[0], metrics, "New model against champion, same rows")
    if slices:
        asked = found.policy.rules.slices.metric if found.policy else ""
        _forest(panels[1], slices, f"Slices that changed for the worse most, {title(asked)}")
    share = "\n(errors as a share of the champion's)" if _task(found) == "regression" else ""
    panels[-1].set_xlabel(f"change for the worse, with its interval{share}")
    return figure


def _forest(axes: Any, rows: Sequence[tuple[str, Difference]], heading: str) -> None:
    places = np.arange(len(rows))[::-1]
    drawn = [_drawn(each) for _, each in rows]
    for place, (low, loss, high) in zip(places, drawn, strict=True):
        colour = WORSE if low > 0 else BETTER if high < 0 else CHAMPION
        axes.plot([low, high], [place, place], color=colour, lw=3, solid_capstyle="round")
        axes.plot(loss, place, "o", color=colour, ms=7, mec="white", mew=1.2)
    reach = 1.15 * max(max(abs(low), abs(high), 1e-4) for low, _, high in drawn)
    axes.axvspan(0, reach, color=WORSE, alpha=0.05, lw=0)
    axes.axvspan(-reach, 0, color=BETTER, alpha=0.05, lw=0)
    axes.axvline(0, color=INK, lw=1)
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_yticks(places, [name for name, _ in rows])
    axes.set_title(heading, loc="left", fontsize=11, fontweight="bold")
    axes.text(0.01, 0.02, "better", transform=axes.transAxes, color=BETTER, fontsize=9, va="bottom")
    axes.text(
        0.99,
        0.02,
        "worse",
        transform=axes.transAxes,
        color=WORSE,
        fontsize=9,
        va="bottom",
        ha="right",
    )
    _plain(axes)


def _drawn(each: Difference) -> tuple[float, float, float]:
    """Return the loss between the ends of its interval, on an axis that all metrics share."""
    in_unit = METRICS[each.metric.removesuffix(WITHIN)].in_labels_unit
    one = abs(each.champion) if in_unit and each.champion else 1.0
    return each.low / one, each.loss / one, each.high / one


def _said_and_came(found: Findings) -> Figure:
    """Draw what each model says against what came.

    How sure it was of its class against how often it was right; or, by tenths of the rows, its
    mean prediction against the mean label.
    """
    task = _task(found)
    figure = Figure(figsize=(WIDTH, 5.2), layout="constrained")
    axes = figure.subplots()
    curves = []
    for side, name, colour in (
        (found.champion, "champion", CHAMPION),
        (found.challenger, "new model", NEW),
    ):
        assert side is not None
        curve = calibration(side.scored.label, side.scored.score, task)
        curves += [*curve.predicted, *curve.observed]
        axes.plot(curve.predicted, curve.observed, color=colour, lw=2.2, label=name)
        many = 120 * curve.rows / curve.rows.max()  # points that stand for few rows are small
        axes.scatter(curve.predicted, curve.observed, s=many, color=colour, zorder=3)
    ends = [min(curves), max(curves)]
    axes.plot(ends, ends, color=GRID, lw=1.2, ls="--", zorder=0)
    if task == "regression":
        heading = "Predicted and actual, by tenths of the rows"
        axes.set(xlabel="mean prediction", ylabel="mean label")
    else:
        heading = "How sure, and how often right"
        axes.set(xlabel="probability of the predicted class", ylabel="share of rows where it came")
    axes.set_title(heading, loc="left", fontsize=11, fontweight="bold")
    axes.legend(frameon=False, loc="lower right")
    _plain(axes)
    return figure


def _roc(found: Findings) -> Figure:
    figure = Figure(figsize=(WIDTH, 5.2), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GRID, lw=1.2, ls="--")
    for side, name, colour in (
        (found.champion, "champion", CHAMPION),
        (found.challenger, "new model", NEW),
    ):
        assert side is not None
        curve = roc_curve(side.scored.label, side.scored.score)
        label = f"{name}, AUC {side.figures['roc_auc']:.3f}"
        axes.plot(curve.fpr, curve.tpr, color=colour, lw=2.2, label=label)
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel="false positive rate", ylabel="true positive rate")
    axes.set_aspect("equal")
    axes.set_title("ROC of both on the holdout", loc="left", fontsize=11, fontweight="bold")
    axes.legend(frameon=False, loc="lower right")
    _plain(axes)
    return figure


def _batches(found: Findings) -> Figure:
    assert found.champion is not None
    assert found.challenger is not None
    rows = found.challenger.scored
    task, loss = _task(found), loss_of(_task(found))
    names = sorted(set(rows.batch.tolist()))
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    axes = figure.subplots()
    lines = []
    for side, label, colour in (
        (found.champion, "champion", CHAMPION),
        (found.challenger, "new model", NEW),
    ):
        losses = [
            score(rows.label[inside], side.scored.score[inside], task=task, metrics=[loss.name])[
                loss.name
            ]
            for inside in (rows.batch == name for name in names)
        ]
        lines.append(losses)
        axes.plot(losses, "o-", color=colour, lw=2.2, ms=6, mec="white", mew=1, label=label)
    before, after = np.array(lines)
    places = np.arange(len(names))
    for worse, colour in ((after > before, WORSE), (after <= before, BETTER)):
        axes.vlines(places[worse], before[worse], after[worse], color=colour, lw=5, alpha=0.3)
    keep = places[:: max(1, -(-len(names) // 6))]
    axes.set_xticks(keep, [names[place] for place in keep], fontsize=9)
    axes.set_ylabel(loss.title)
    axes.set_title(
        f"{loss.title[0].upper()}{loss.title[1:]} by batch (lower is better)",
        loc="left",
        fontsize=11,
        fontweight="bold",
    )
    axes.margins(y=0.25)
    axes.legend(frameon=False, loc="upper left", ncols=2)
    _plain(axes)
    return figure


def _plain(axes: Any) -> None:
    axes.grid(True, color=GRID, lw=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.tick_params(length=0)
