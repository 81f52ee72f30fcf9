"""Say how good the model is on the holdout, how sure that is, and against what trivial baseline."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ratchet.artifacts.card import Card, read_card
from ratchet.artifacts.scored import Scored, read_scored
from ratchet.artifacts.table import write_csv
from ratchet.config import Evaluate, Params
from ratchet.data.repeats import Repeats
from ratchet.errors import ConfigError
from ratchet.files import remove_partials, write_text
from ratchet.scoring import curves
from ratchet.scoring.bootstrap import Interval, intervals, paired
from ratchet.scoring.digits import shown
from ratchet.scoring.metrics import (
    METRICS,
    applicable,
    constant,
    loss_of,
    main_of,
    prior_score,
    score,
)
from ratchet.scoring.rows import checked
from ratchet.task import Task

DIGITS = 6  # of a figure in a report; beyond them processors may differ


@dataclass(frozen=True)
class Evaluation:
    """What was measured on the holdout of a task.

    labels: what they are like: the share of positives or of each class, or mean and deviation.
    metrics: the model's figures with their intervals. baseline: those of the prior, which gives
    every row the training data's share of positives or classes, or their mean. loss: the name of
    the task's loss. gain: by how much the prior's is above the model's (paired on the same rows).
    slices: figures by column and value. repeats: rows that taught as well, if these are more than
    chance gives.
    """

    task: Task
    rows: int
    batches: Sequence[str]
    labels: Mapping[str, float]
    confidence: float
    metrics: Mapping[str, Interval]
    baseline: Mapping[str, float]
    loss: str
    gain: Interval
    slices: Mapping[str, Mapping[str, Mapping[str, float]]]
    repeats: Repeats | None = None

    @property
    def beats_baseline(self) -> bool:
        """Whether the model has surely learned something: the gain's interval lies above 0."""
        return self.gain.low > 0


def run(
    params: Params, *, scored: Path, card: Path, metrics: Path, report: Path, plots: Path
) -> Evaluation:
    """Measure the scores in `scored` and write the metrics, the report and the plots' data.

    `metrics` is flat, for `dvc metrics diff`; `report` has intervals, slices and the baseline.

    Raises ConfigError when a slice names no column, EvidenceError when an input can't be read,
    DataError when all labels of the holdout are equal.
    """
    rows, about = read_scored(scored), read_card(card)
    found = measure(rows, about, params.evaluate)
    drawn = {
        plots / f"{name}.csv": columns
        for name, columns in _plots(rows, about, params.evaluate.threshold).items()
    }
    remove_partials(metrics, report, *drawn)
    write_text(metrics, _json(figures(rows, about, params.evaluate.threshold)))
    write_text(report, _json(_report(found)))
    for path, columns in drawn.items():
        write_csv(path, columns)
    return found


def measure(rows: Scored, about: Card, config: Evaluate) -> Evaluation:
    """Measure scored rows against the prior that the model's card has."""
    draws, task, prior = config.bootstrap, about.task, about.train.prior
    loss = loss_of(task).name
    with_intervals = intervals(
        rows.label,
        rows.score,
        rows.batch,
        task=task,
        threshold=config.threshold,
        seed=draws.seed,
        confidence=draws.confidence,
        replicates=draws.replicates,
    )
    gain = paired(
        rows.label,
        rows.score,
        constant(prior, len(rows.label)),
        rows.batch,
        task=task,
        metrics=[loss],
        seed=draws.seed,
        confidence=draws.confidence,
        replicates=draws.replicates,
    )
    return Evaluation(
        task=task,
        rows=len(rows.label),
        batches=sorted(set(rows.batch.tolist())),
        labels=_labels(rows.label, about),
        confidence=draws.confidence,
        metrics=with_intervals,
        baseline=prior_score(rows.label, prior, task=task, threshold=config.threshold),
        loss=loss,
        gain=gain[loss],
        slices={name: _slice(rows, name, about, config) for name in config.slices},
        repeats=about.repeats,
    )


def figures(rows: Scored, about: Card, threshold: float) -> dict[str, float]:
    """Return the content of `metrics.json`, under names that `dvc metrics diff` shows well."""
    loss = loss_of(about.task).name
    own = score(rows.label, rows.score, task=about.task, threshold=threshold)
    trivial = prior_score(rows.label, about.train.prior, task=about.task, metrics=[loss])
    return {**own, f"baseline_{loss}": trivial[loss], "rows": len(rows.label)}


def describe(found: Evaluation) -> str:
    """Say the main figures in a line or two; loudly when the model isn't worth having."""
    said = ", ".join(
        f"{METRICS[name].title} {shown(each.value)} ({shown(each.low)} to {shown(each.high)})"
        for name, each in ((name, found.metrics[name]) for name in main_of(found.task))
    )
    lines = [f"evaluate: {said} on {found.rows} rows"]
    if not found.beats_baseline:
        lines.append(warning(found.gain, found.loss))
    if found.repeats:
        lines.append(repetition(found.repeats))
    return "\n".join(lines)


def warning(gain: Interval, loss: str) -> str:
    """Say that the model isn't shown to beat the prior; `loss` names the metric of the gain."""
    return (
        "WARNING: this model does not beat the trivial baseline, which gives every row the same "
        f"score: its {METRICS[loss].title} is lower by {shown(gain.value)} ("
        f"{shown(gain.low)} to {shown(gain.high)}). Don't ship it."
    )


def repetition(found: Repeats) -> str:
    """Say that the figures are those of rows that the model has learned."""
    return (
        f"WARNING: {found.words}. These figures tell how well the model remembers, not how good it "
        "is on new rows: docs/validation.md, Rows that come again."
    )


def _report(found: Evaluation) -> dict[str, Any]:
    """Return the content of the report; that no row repeats isn't worth a line."""
    content = {**asdict(found), "beats_baseline": found.beats_baseline}
    if found.repeats is None:
        del content["repeats"]
    return content


def _labels(y: np.ndarray, about: Card) -> dict[str, float]:
    """Say what labels (rows,) are like."""
    if about.task == "regression":
        return {"mean": float(y.mean()), "deviation": float(y.std())}
    if about.task == "binary":
        return {"positive_share": float(y.mean())}
    return {name: float((y == code).mean()) for code, name in enumerate(about.classes)}


def _slice(rows: Scored, column: str, about: Card, config: Evaluate) -> dict[str, dict[str, float]]:
    """Return the figures for each value of a column; only the count for values with few rows."""
    if column not in rows.columns.column_names:
        raise ConfigError(
            f"params.yaml: evaluate.slices: {column} is not a column of schema.yaml (they are "
            f"{', '.join(rows.columns.column_names)}); mend it, or write slices: []"
        )
    values = rows.columns[column].cast(pa.string()).fill_null("(null)").combine_chunks()
    encoded = values.dictionary_encode()
    codes = encoded.indices.to_numpy()
    found = {}
    for code, value in sorted(enumerate(encoded.dictionary.to_pylist()), key=lambda item: item[1]):
        inside = codes == code
        y, p = rows.label[inside], rows.score[inside]
        figures = {"rows": len(y), **_labels(y, about)}
        if len(y) >= config.min_slice_rows:
            figures |= score(
                y,
                p,
                task=about.task,
                metrics=applicable(y, task=about.task),
                threshold=config.threshold,
            )
        found[value] = figures
    return found


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(_rounded(content), indent=1) + "\n"


def _rounded(content: Any) -> Any:
    if isinstance(content, float):
        return round(content, DIGITS)
    if isinstance(content, Mapping):
        return {key: _rounded(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_rounded(value) for value in content]
    return content


def _plots(rows: Scored, about: Card, threshold: float) -> dict[str, dict[str, Any]]:
    """Return the data of each plot: its columns by name, without rows where the task has no such.

    DVC wants every file that dvc.yaml names, whatever the task is.
    """
    y, p = rows.label, rows.score
    curved = about.task == "binary"
    return {
        "roc": asdict(curves.roc_curve(y, p)) if curved else {"fpr": [], "tpr": []},
        "precision_recall": asdict(curves.precision_recall_curve(y, p))
        if curved
        else {"recall": [], "precision": []},
        "calibration": asdict(curves.calibration(y, p, about.task)),
        "confusion": _confusion(rows, about, threshold),
        "batches": _by_batch(rows, about),
    }


def _confusion(rows: Scored, about: Card, threshold: float) -> dict[str, list[str]]:
    """Spell the counts out, a line for each row: DVC's template counts them itself."""
    if about.task == "regression":
        return {"actual": [], "predicted": []}
    names = about.classes or ("negative", "positive")
    counts = curves.confusion(rows.label, rows.score, threshold, about.task)
    cells = [
        (actual, predicted, int(count))
        for actual, line in zip(names, counts, strict=True)
        for predicted, count in zip(names, line, strict=True)
    ]
    return {
        "actual": [actual for actual, _, count in cells for _ in range(count)],
        "predicted": [predicted for _, predicted, count in cells for _ in range(count)],
    }


def _by_batch(rows: Scored, about: Card) -> dict[str, list[Any]]:
    """Return by batch the loss, and the level of what came beside that of what was said.

    Share of positives and mean score; share of rows whose likeliest class came and how likely it
    was said to be; or mean label and mean prediction.
    """
    loss = loss_of(about.task).name
    batches = sorted(set(rows.batch.tolist()))
    found: dict[str, list[Any]] = {"batch": batches, "loss": [], "label": [], "score": []}
    for batch in batches:
        inside = rows.batch == batch
        y, p = rows.label[inside], rows.score[inside]
        found["loss"].append(score(y, p, task=about.task, metrics=[loss])[loss])
        said, came = checked(y, p, task=about.task).confidence
        found["label"].append(float(came.mean()))
        found["score"].append(float(said.mean()))
    return found
