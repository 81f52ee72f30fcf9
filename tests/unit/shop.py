"""A small made-up data set that shares no column with the sample, and the stages run on it."""

import copy
import csv
import json
import random
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratchet.config import Checks, Params, load_params
from ratchet.data.manifest import Batch, read_manifest, write_manifest

if TYPE_CHECKING:  # the tests of a light module shall not wait for scikit-learn
    from ratchet.data.discover import Discovery
    from ratchet.stages.evaluate import Evaluation
    from ratchet.stages.fetch import Fetched
    from ratchet.stages.train import Trained
    from ratchet.stages.validate import Validation

Row = dict[str, str]

SCHEMA: dict[str, Any] = {
    "target": {"column": "outcome", "positive": "returned"},
    "time": "ordered_at",
    "key": ["order_no"],
    "rows": {"min": 5, "max": 500},
    "columns": {
        "order_no": {"type": "integer", "feature": False, "min": 1},
        "ordered_at": {"type": "date", "feature": False},
        "channel": {"type": "category", "categories": ["web", "phone", "store"]},
        "amount": {"type": "number", "min": 0, "max": 1000},
        "items": {"type": "integer", "min": 1, "max": 20},
        "member": {"type": "boolean"},
        "rating": {"type": "number", "min": 1, "max": 5, "max_null": 0.9},
        "note": {"type": "text", "feature": False, "max_null": 1},
        "outcome": {"type": "category", "categories": ["kept", "returned"]},
    },
}

PARAMS: dict[str, Any] = {
    "source": {"url": "inbox", "pattern": "*.csv"},
    "window": {"train": 4, "holdout": 2, "reference": 0, "pool": 7},
    "validate": {
        "max_quarantined": 0.5,
        "n_jobs": 1,
        "checks": {name: {"severity": "warn", "threshold": 1} for name in Checks.model_fields},
    },
    "train": {
        "estimator": "hist_gradient_boosting",
        "seed": 0,
        "parameters": {"hist_gradient_boosting": {"max_iter": 5, "min_samples_leaf": 5}},
        "budget": {"max_rows": 10_000, "max_seconds": 600, "max_memory_mb": 20_000, "n_jobs": 1},
    },
    "evaluate": {
        "threshold": 0.5,
        "slices": ["channel"],
        "min_slice_rows": 30,
        "bootstrap": {"replicates": 100, "confidence": 0.9, "seed": 0},
    },
    "gate": {
        "metrics": {"log_loss": {"unit": "row", "significant_loss": 0.01, "margin": 0.1}},
        "moved_above": 0.1,
        "slices": {
            "columns": ["channel"],
            "metric": "log_loss",
            "margin": 0.05,
            "chance": 0.05,
            "min_rows": 30,
        },
        "bootstrap": {"replicates": 100, "confidence": 0.9, "seed": 0},
    },
    "trigger": {"new_rows": 100, "age": 5, "drift": 0.5, "loss": 0.5},
    "drill": {"only": [], "may_slip": []},
}


def rows_of(batch: str, count: int = 60) -> list[Row]:
    """Return a batch's rows as they stand in its file; the same ones each time."""
    dice = random.Random(batch)
    rows = []
    for number in range(1, count + 1):
        amount, channel = dice.uniform(1, 999), dice.choice(["web", "phone", "store"])
        likely = 0.1 + 0.6 * (amount > 500) + 0.2 * (channel == "web")
        rows.append(
            {
                "order_no": str(number),
                "ordered_at": f"2021-03-{batch[-2:]}T10:{number % 60:02}:00",
                "channel": channel,
                "amount": f"{amount:.2f}",
                "items": str(dice.randint(1, 20)),
                "member": dice.choice(["true", "false"]),
                "rating": dice.choice(["", "1", "2.5", "5"]),
                "note": dice.choice(["", "gift, wrapped", 'said "soon"']),
                "outcome": "returned" if dice.random() < likely else "kept",
            }
        )
    return rows


def write_rows(path: Path, rows: Sequence[Row], columns: Iterable[str] = ()) -> Path:
    """Write rows as a CSV file with the columns named, by default those of the first row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(columns) or list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


class Shop:
    """A project folder. Its methods deliver batches named day-01, day-02… and run the stages."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.inbox = root / "inbox"
        self.params_file = root / "params.yaml"
        self.schema_file = root / "schema.yaml"
        self.lock = root / "run.txt"
        self.manifest = root / "data/manifest.csv"
        self.raw = root / "data/raw"
        self.validated = root / "data/validated"
        self.profiles = root / "data/profiles"
        self.records = root / "data/records.json"
        self.validation = root / "reports/validation.json"
        self.validation_text = root / "reports/validation.md"
        self.model = root / "models/model.skops"
        self.card = root / "models/card.json"
        self.golden = root / "models/golden.json"
        self.scored = root / "data/scored.parquet"
        self.plots = root / "reports/plots"
        self.importance = self.plots / "importance.csv"
        self.metrics = root / "reports/metrics.json"
        self.evaluation = root / "reports/evaluation.json"
        self.params = copy.deepcopy(PARAMS)
        self.params["source"]["url"] = str(self.inbox)
        self.schema = copy.deepcopy(SCHEMA)
        self.inbox.mkdir()
        self.lock.write_text("a==1\n")

    def deliver(self, *numbers: int, count: int = 60) -> None:
        for number in numbers:
            batch = f"day-{number:02}"
            write_rows(self.inbox / f"{batch}.csv", rows_of(batch, count))

    def deliver_rows(self, number: int, rows: Sequence[Row]) -> None:
        write_rows(self.inbox / f"day-{number:02}.csv", rows)

    def deliver_bytes(self, number: int, content: bytes) -> None:
        (self.inbox / f"day-{number:02}.csv").write_bytes(content)

    def configure(self) -> Params:
        """Write both configuration files (JSON is YAML) and read the one."""
        self.schema_file.write_text(json.dumps(self.schema))
        self.params_file.write_text(json.dumps(self.params))
        return load_params(self.params_file)

    def pins(self) -> dict[str, Batch]:
        return {batch.id: batch for batch in read_manifest(self.manifest)}

    def repin(self, *batches: Batch) -> None:
        """Edit lines of the manifest."""
        write_manifest(self.manifest, {**self.pins(), **{b.id: b for b in batches}}.values())

    def raw_file(self, number: int) -> Path:
        return self.raw / f"day-{number:02}.csv"

    def discover(self, accept_changed: Collection[str] = ()) -> "Discovery":
        from ratchet.data import discover

        return discover.run(
            self.configure(),
            manifest=self.manifest,
            schema=self.schema_file,
            accept_changed=accept_changed,
        )

    def fetch(self) -> "Fetched":
        from ratchet.stages import fetch

        return fetch.run(self.configure(), manifest=self.manifest, raw=self.raw)

    def validate(self) -> "Validation":
        from ratchet.stages import validate

        return validate.run(self.configure(), **self.validate_paths())

    def validate_paths(self) -> dict[str, Path]:
        """Return what the stage validate reads and writes."""
        return {
            "manifest": self.manifest,
            "raw": self.raw,
            "schema": self.schema_file,
            "validated": self.validated,
            "profiles": self.profiles,
            "records": self.records,
            "report": self.validation,
            "summary": self.validation_text,
            "plots": self.plots,
        }

    def night(self) -> "Validation":
        """Look at the source, fetch and validate."""
        self.discover()
        self.fetch()
        return self.validate()

    def validated_with(self, batches: int, count: int = 60) -> "Validation":
        """Deliver so many batches and bring them to where training begins."""
        self.deliver(*range(1, batches + 1), count=count)
        return self.night()

    def train(self) -> "Trained":
        from ratchet.stages import train

        return train.run(
            self.configure(),
            validated=self.validated,
            schema=self.schema_file,
            environment=self.lock,
            model=self.model,
            card=self.card,
            scored=self.scored,
            importance=self.importance,
            golden=self.golden,
        )

    def evaluate(self) -> "Evaluation":
        from ratchet.stages import evaluate

        return evaluate.run(
            self.configure(),
            scored=self.scored,
            card=self.card,
            metrics=self.metrics,
            report=self.evaluation,
            plots=self.plots,
        )


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return the content of all files below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
