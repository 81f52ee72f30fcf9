"""A repository of commits with models and GTO's tags, made by git itself in one call."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ratchet.artifacts.card import Card, Rows
from ratchet.journal import rolled_back
from ratchet.journal.rolled_back import RolledBack

CARD = "models/card.json"
WHO = "Ada"


class Journal:
    """A repository of commits, each with a model, and tags on them. A day passes with each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stream: list[str] = []
        self.clock = 1_700_000_000
        subprocess.run(["git", "init", "--quiet", "--initial-branch", "main", folder], check=True)

    def commit(
        self, number: int, card: str, branch: str = "main", files: Mapping[str, str] | None = None
    ) -> None:
        self.stream.append(
            f"commit refs/heads/{branch}\nmark :{number}\ncommitter {self._now()}\ndata 1\nx\n"
        )
        for path, text in {CARD: card, **(files or {})}.items():
            self.stream.append(f"M 644 inline {path}\ndata {len(text.encode())}\n{text}\n")

    def model(self, number: int, branch: str = "main") -> None:
        self.commit(number, f'{{"model_sha256": "{sha(number)}"}}', branch)

    def tag(self, name: str, number: int, message: str = "why\n\nand more") -> None:
        self.stream.append(
            f"tag {name}\nfrom :{number}\ntagger {self._now()}\n"
            f"data {len(message.encode())}\n{message}\n"
        )

    def write(self) -> Path:
        command = ["git", "-C", str(self.folder), "fast-import", "--quiet", "--force"]
        subprocess.run(command, input="".join(self.stream).encode(), check=True)
        return self.folder

    def _now(self) -> str:
        self.clock += 86_400
        return f"{WHO} <t@example.com> {self.clock} +0000"


def sha(number: int) -> str:
    return f"{number:064x}"


def labels(rows: int, positive: int) -> np.ndarray:
    return (np.arange(rows) < positive).astype(np.int8)


def card(number: int, days: int = 10, judged: int = 3) -> Card:
    """Return the card of a model that the batches before day `number` taught."""
    ids = [f"day-{day:04}" for day in range(number, number + days + judged)]
    hashes = {day: sha(int(day[4:])) for day in ids}
    return Card(
        model_sha256=sha(number),
        estimator="hist_gradient_boosting",
        parameters={"max_iter": number},
        seed=0,
        target="late",
        positive=1,
        features={},
        train=Rows.of({day: hashes[day] for day in ids[:days]}, labels(1000 + number, 300)),
        holdout=Rows.of({day: hashes[day] for day in ids[days:]}, labels(400, 100)),
        code_sha256=sha(7),
        environment_sha256=sha(8),
        libraries={},
    )


def evaluation(auc: float, loss: float) -> str:
    """Return an evaluation with two metrics, their intervals a tenth wide."""
    metrics = {
        name: {"value": value, "low": round(value - 0.05, 4), "high": round(value + 0.05, 4)}
        for name, value in {"roc_auc": auc, "log_loss": loss}.items()
    }
    return json.dumps({"confidence": 0.95, "metrics": metrics})


def verdict(number: int, **more: Any) -> str:
    """Return what the gate said of the model of that number."""
    told = {
        "verdict": "PASS",
        "reason": "at most .01 worse",
        "base": {"name": "main", "commit": sha(number - 1)[:40]},
        "challenger": {"model_sha256": sha(number)},
    }
    return json.dumps(told | more)


def drift(number: int, share: float) -> str:
    """Return how near to an alarm the columns of two batches of model `number` were."""
    judged = f"day-{number + 11:04}"
    lines = [f'"{judged}","dest",{share},"distance"', f'"{judged}","dep",0.01,"level"']
    return "\n".join(['"batch","column","of_limit","check"', *lines]) + "\n"


def said(number: int, auc: float = 0.7, loss: float = 0.5, share: float = 0.4) -> dict[str, str]:
    """Return everything that a night leaves in git about its model, but for the card."""
    return {
        "reports/metrics.json": json.dumps({"roc_auc": auc, "log_loss": loss}),
        "reports/evaluation.json": evaluation(auc, loss),
        "reports/verdict.json": verdict(number),
        "reports/plots/drift.csv": drift(number, share),
    }


def taken_back(number: int, restored: int, reason: str) -> str:
    """Return the list of models that were rolled back, with one line."""
    line = RolledBack(
        sha(number),
        f"model@v{number}.0.0",
        reason,
        WHO,
        f"model@v{restored}.0.0",
        "2024-01-02T03:04:05+00:00",
    )
    return rolled_back.append("", line)
