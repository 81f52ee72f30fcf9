"""The last run at a glance: what went in, how good the model is, where to look next."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ratchet.artifacts.card import Card, Rows, read_card
from ratchet.errors import EvidenceError
from ratchet.scoring.bootstrap import Interval
from ratchet.scoring.digits import shown
from ratchet.scoring.metrics import METRICS
from ratchet.stages.evaluate import repetition, warning
from ratchet.task import Task

NEXT = """
In this shell  source .venv/bin/activate
Plots          dvc plots show              (the data lie in reports/plots/)
What changed   dvc metrics diff · dvc params diff · git diff data/manifest.csv
Next night     ratchet nightly             (or ratchet discover && dvc repro)
Score a file   ratchet predict models/model.skops FILE
"""


def show(validation: Path, evaluation: Path, card: Path) -> None:
    """Print the state of the window, the model's figures and what to do next.

    Raises EvidenceError when a report is missing: nothing has run yet.
    """
    checked, measured, about = _read(validation), _read(evaluation), read_card(card)
    # What bad data hold, such as [/b] or :x:, is not ours to render.
    console = Console(highlight=False, markup=False, emoji=False)
    tables = [_data_table(checked, about), _metrics_table(measured, about)]
    if checked["quarantined"]:
        tables.insert(1, _quarantine_table(checked["quarantined"]))
    for table in tables:
        console.print()
        console.print(table)
    if not measured["beats_baseline"]:
        console.print(
            f"\n{warning(Interval(**measured['gain']), measured['loss'])}", style="bold red"
        )
    if about.repeats:
        console.print(f"\n{repetition(about.repeats)}", style="bold red")
    console.print(NEXT, end="")


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EvidenceError(
            f"{path}: no such file; run in the top folder of the repository, after `dvc repro`"
        ) from None
    except (OSError, ValueError) as error:
        raise EvidenceError(f"{path}: can't be read ({error}); run `dvc repro`") from error


def _data_table(checked: Any, about: Card) -> Table:
    table = _table("Data", "", "batches", "rows", "labels", "from", "to")
    for name, rows in {"train": about.train, "holdout": about.holdout}.items():
        table.add_row(name, *_counts(rows, about.task))
    table.add_row("quarantined", str(len(checked["quarantined"])))
    return table


def _counts(rows: Rows, task: Task) -> list[str]:
    batches = list(rows.batches)
    label = f"{rows.label} positive" if task == "binary" else rows.label
    return [str(len(batches)), f"{rows.rows:,}", label, batches[0], batches[-1]]


def _quarantine_table(quarantined: Any) -> Table:
    table = Table("batch", "why", title="Quarantined", title_justify="left", box=None)
    for batch, failures in quarantined.items():
        first, *more = failures
        where = f"{first['code']} {first['column']}".rstrip()
        examples = f" ({', '.join(first['examples'])})" if first["examples"] else ""
        table.add_row(batch, f"{where}: {first['message']}{examples}")
        if more:
            names = dict.fromkeys(f"{each['code']} {each['column']}".rstrip() for each in more)
            table.add_row("", f"and {', '.join(names)}: ratchet batch show {batch}")
    return table


def _metrics_table(measured: Any, about: Card) -> Table:
    level = f"{measured['confidence']:.0%} interval"
    table = _table(f"Model {about.model_sha256[:12]}", "holdout", "value", level, "prior", "gain")
    for name in measured["metrics"]:
        metric = METRICS[name]
        own, prior = measured["metrics"][name], measured["baseline"][name]
        gain = (own["value"] - prior) * (1 if metric.greater_is_better else -1)
        table.add_row(
            metric.title,
            shown(own["value"]),
            f"{shown(own['low'])} to {shown(own['high'])}",
            shown(prior),
            f"{'+' if gain > 0 else ''}{shown(gain)}",
        )
    return table


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, title_style="bold")
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table
