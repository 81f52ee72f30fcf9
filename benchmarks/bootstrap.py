"""What an interval costs, against a loop over scikit-learn's functions on resampled rows.

The loop is timed on a few replicates, in turns with ours so that a busy machine slows both, and
scaled to all. Prints ratios: they travel between machines, seconds don't.
"""

import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import log_loss, roc_auc_score

from ratchet.scoring.bootstrap import paired
from ratchet.scoring.metrics import METRICS

REPLICATES = 1000
LOOPED = 30
BATCHES = 7
TARGET = 0.03
DECIDING = ("roc_auc", "log_loss")

Columns = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]


def simulated(rows: int) -> Columns:
    """Return labels, scores of two models and batches, (rows,) each; a quarter are positive."""
    random = np.random.default_rng(0)
    logit = random.normal(-1.4, 1, rows)
    y = random.random(rows) < 1 / (1 + np.exp(-logit))
    one, two = (1 / (1 + np.exp(-logit - random.normal(0, 0.8, rows))) for _ in range(2))
    return y.astype(np.int64), one, two, np.arange(rows) * BATCHES // rows


def sklearn_loop(columns: Columns, replicates: int) -> None:
    """Resample rows and score both models, as anybody would."""
    y, one, two, _ = columns
    random = np.random.default_rng(0)
    for _ in range(replicates):
        rows = random.integers(0, len(y), len(y))
        for p in (one, two):
            roc_auc_score(y[rows], p[rows])
            log_loss(y[rows], p[rows])


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def peak_megabytes(work: Callable[[], object]) -> float:
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def measure(rows: int = 25_000, rounds: int = 5) -> dict[str, float]:
    """Return the ratio of our time to the loop's, medians of `rounds`, and our peak memory in MB.

    "deciding": AUC and log loss, which the loop also computes. "all": the whole table of metrics,
    against the same loop. "batch": the deciding two by whole batches.
    """
    columns = simulated(rows)
    ours: dict[str, Callable[[], object]] = {
        "deciding": lambda: paired(*columns, seed=0, replicates=REPLICATES, metrics=DECIDING),
        "all": lambda: paired(*columns, seed=0, replicates=REPLICATES, metrics=METRICS),
        "batch": lambda: paired(
            *columns, seed=0, replicates=REPLICATES, metrics=DECIDING, unit="batch"
        ),
    }
    taken: dict[str, list[float]] = {name: [] for name in ours}
    loop = []
    for _ in range(rounds):
        loop.append(
            seconds(lambda: sklearn_loop(columns, LOOPED // rounds))
            / (LOOPED // rounds)
            * REPLICATES
        )
        for name, work in ours.items():
            taken[name].append(seconds(work))
    ratios = {name: float(np.median(times) / np.median(loop)) for name, times in taken.items()}
    return ratios | {"peak_megabytes": peak_megabytes(ours["deciding"])}


def main() -> None:
    found = measure()
    print(
        f"{REPLICATES:,} paired replicates on 25,000 rows, two models; "
        f"1 = scikit-learn loop over AUC and log loss (scaled from {LOOPED} replicates)"
    )
    print(f"  AUC and log loss, rows in batches   {found['deciding']:.4f}  (target {TARGET})")
    print(f"  AUC and log loss, whole batches     {found['batch']:.4f}")
    print(f"  all {len(METRICS)} metrics, rows in batches     {found['all']:.4f}")
    print(f"  peak memory beyond the data         {found['peak_megabytes']:.0f} MB")


if __name__ == "__main__":
    main()
