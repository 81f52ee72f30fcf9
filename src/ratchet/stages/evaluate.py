"""Say how good the model is on the holdout, how sure that is, and against what trivial baseline."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ratchet.artifacts.card import read_card
from ratchet.artifacts.scored import Scored, read_scored
from ratchet.artifacts.table import write_csv
from ratchet.config import Bootstrap, Evaluate, Params
from ratchet.errors import ConfigError
from ratchet.files import remove_partials, write_text
from ratchet.scoring import curves
from ratchet.scoring.bootstrap import Interval, intervals, paired
from ratchet.scoring.metrics import applicable, prior_score, score

DIGITS = 6  # of a figure in a report; beyond them processors may differ


@dataclass(frozen=True)
class Evaluation:
    """What was measured on the holdout.

    metrics: the model's figures with their intervals. baseline: those of the class prior, which
    gives every row the training data's share of positives. gain: by how much the log loss of the
    prior is above the model's (paired on the same rows). slices: figures by column and value.
    """

    rows: int
    batches: Sequence[str]
    positive_share: float
    confidence: float
    metrics: Mapping[str, Interval]
    baseline: Mapping[str, float]
    gain: Interval
    slices: Mapping[str, Mapping[str, Mapping[str, float]]]

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
    DataError when the holdout has one class only.
    """
    rows = read_scored(scored)
    prior = read_card(card).train.positive_share
    found = measure(rows, prior, params.evaluate)
    drawn = {
        plots / f"{name}.csv": columns
        for name, columns in _plots(rows, params.evaluate.threshold).items()
    }
    remove_partials(metrics, report, *drawn)
    write_text(metrics, _json(figures(rows, prior, params.evaluate.threshold)))
    write_text(report, _json({**asdict(found), "beats_baseline": found.beats_baseline}))
    for path, columns in drawn.items():
        write_csv(path, columns)
    return found


def measure(rows: Scored, prior: float, config: Evaluate) -> Evaluation:
    """Measure scored rows against the constant score `prior`, a probability."""
    draws = config.bootstrap
    y, p = rows.label, rows.score
    with_intervals = intervals(
        y,
        p,
        rows.batch,
        threshold=config.threshold,
        seed=draws.seed,
        confidence=draws.confidence,
        replicates=draws.replicates,
    )
    return Evaluation(
        rows=len(y),
        batches=sorted(set(rows.batch.tolist())),
        positive_share=float(y.mean()),
        confidence=draws.confidence,
        metrics=with_intervals,
        baseline=prior_score(y, prior, threshold=config.threshold),
        gain=_gain(rows, prior, draws),
        slices={name: _slice(rows, name, config) for name in config.slices},
    )


def figures(rows: Scored, prior: float, threshold: float) -> dict[str, float]:
    """Return the content of `metrics.json`, under names that `dvc metrics diff` shows well."""
    y, p = rows.label, rows.score
    trivial = prior_score(y, prior, metrics=["log_loss"], threshold=threshold)
    own = score(y, p, threshold=threshold)
    return {**own, "baseline_log_loss": trivial["log_loss"], "rows": len(y)}


def describe(found: Evaluation) -> str:
    """Say the main figures in a line or two; loudly when the model isn't worth having."""
    auc, loss = found.metrics["roc_auc"], found.metrics["log_loss"]
    line = (
        f"evaluate: ROC AUC {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f}), log loss "
        f"{loss.value:.3f} ({loss.low:.3f} to {loss.high:.3f}) on {found.rows} rows"
    )
    return line if found.beats_baseline else f"{line}\n{warning(found.gain)}"


def warning(gain: Interval) -> str:
    """Say that the model isn't shown to beat the class prior."""
    return (
        "WARNING: this model does not beat the trivial baseline, the class prior: its log loss is "
        f"lower by {gain.value:.4f} ({gain.low:.4f} to {gain.high:.4f}). Don't ship it."
    )


def _gain(rows: Scored, prior: float, draws: Bootstrap) -> Interval:
    constant = np.full(len(rows.score), prior)
    difference = paired(
        rows.label,
        rows.score,
        constant,
        rows.batch,
        metrics=["log_loss"],
        seed=draws.seed,
        confidence=draws.confidence,
        replicates=draws.replicates,
    )
    return difference["log_loss"]


def _slice(rows: Scored, column: str, config: Evaluate) -> dict[str, dict[str, float]]:
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
        figures = {"rows": len(y), "positive_share": float(y.mean())}
        if len(y) >= config.min_slice_rows:
            figures |= score(y, p, metrics=applicable(y), threshold=config.threshold)
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


def _plots(rows: Scored, threshold: float) -> dict[str, dict[str, Any]]:
    """Return the data of each plot: its columns by name."""
    y, p = rows.label, rows.score
    return {
        "roc": asdict(curves.roc_curve(y, p)),
        "precision_recall": asdict(curves.precision_recall_curve(y, p)),
        "calibration": asdict(curves.calibration(y, p)),
        "confusion": _confusion(curves.confusion(y, p, threshold)),
        "batches": _by_batch(rows),
    }


def _confusion(counts: curves.Confusion) -> dict[str, list[str]]:
    """Spell the counts out, a line for each row: DVC's template counts them itself."""
    cells = [
        ("negative", "negative", counts.true_negatives),
        ("negative", "positive", counts.false_positives),
        ("positive", "negative", counts.false_negatives),
        ("positive", "positive", counts.true_positives),
    ]
    return {
        "actual": [actual for actual, _, count in cells for _ in range(count)],
        "predicted": [predicted for _, predicted, count in cells for _ in range(count)],
    }


def _by_batch(rows: Scored) -> dict[str, list[Any]]:
    batches = sorted(set(rows.batch.tolist()))
    inside = [rows.batch == batch for batch in batches]
    losses = [score(rows.label[i], rows.score[i], metrics=["log_loss"])["log_loss"] for i in inside]
    return {
        "batch": batches,
        "log_loss": losses,
        "positive_share": [float(rows.label[i].mean()) for i in inside],
        "mean_score": [float(rows.score[i].mean()) for i in inside],
    }
