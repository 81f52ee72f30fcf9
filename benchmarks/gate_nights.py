"""The models of every night of the sample's year, honest and spoiled, and what they predict.

Model n learned from the days before day n; nothing from day n on, so that days n, n+1, ... can
judge it, and every older model too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from joblib import Parallel, delayed
from numpy.typing import NDArray

from ratchet.config import Train, load_params
from ratchet.data.features import feature_frame
from ratchet.data.schema import load_schema
from ratchet.files import atomic_write
from ratchet.model import build_estimator

ROOT = Path(__file__).parents[1]
FIRST, WEEK, LONGEST = 60, 7, 21
AHEAD = 30  # days after its window for which a model's predictions are kept
STEP = 10  # spoiled challengers come one night in ten

Array: TypeAlias = NDArray[Any]
Spoil: TypeAlias = Callable[["Year", int, int, Any], tuple[pd.DataFrame, Array]]

WEATHER = ("temp", "dewp", "wind_speed", "precip", "pressure", "visib")


@dataclass(frozen=True)
class Year:
    """The sample: features X (rows,), labels y (rows,), and where each day's rows begin (366,)."""

    X: pd.DataFrame
    y: Array
    start: Array

    @property
    def days(self) -> int:
        return len(self.start) - 1

    def rows(self, first: int, stop: int) -> slice:
        """Return the rows of the days from `first` to before `stop`."""
        return slice(int(self.start[max(first, 0)]), int(self.start[min(stop, self.days)]))


def load_year() -> Year:
    schema = load_schema(ROOT / "schema.yaml")
    table = pq.read_table(ROOT / "sample/flights.parquet")
    first = np.unique(table[schema.time].to_numpy(), return_index=True)[1]
    y = table[schema.target.column].to_numpy().astype(np.int8)
    return Year(feature_frame(table, schema.features), y, np.append(first, len(y)))


def honest(year: Year, first: int, stop: int, _: Any) -> tuple[pd.DataFrame, Array]:
    rows = year.rows(first, stop)
    return year.X[rows], year.y[rows]


def two_days(year: Year, _: int, stop: int, random: Any) -> tuple[pd.DataFrame, Array]:
    return honest(year, stop - 2, stop, random)


def relabelled(days: int | None, share: float, to: str) -> Spoil:
    """Spoil this share of the labels of the last so many days: flip them, or make them all 0."""

    def spoil(year: Year, first: int, stop: int, random: Any) -> tuple[pd.DataFrame, Array]:
        X, y = honest(year, first, stop, random)
        y = y.copy()
        wrong = random.random(len(y)) < share
        if days is not None:
            wrong[: int(year.start[stop - days] - year.start[max(first, 0)])] = False
        y[wrong] = 0 if to == "zero" else 1 - y[wrong]
        return X, y

    return spoil


def shuffled_times(year: Year, first: int, stop: int, random: Any) -> tuple[pd.DataFrame, Array]:
    X, y = honest(year, first, stop, random)
    times = X[["sched_dep", "sched_arr"]].to_numpy()[random.permutation(len(X))]
    return X.assign(sched_dep=times[:, 0], sched_arr=times[:, 1]), y


def no_weather(year: Year, first: int, stop: int, random: Any) -> tuple[pd.DataFrame, Array]:
    """Without weather but on the oldest day: the train stage refuses a column wholly null."""
    X, y = honest(year, first, stop, random)
    oldest = max(first, 0)
    kept = int(year.start[oldest + 1] - year.start[oldest])
    seen = np.arange(len(X)) < kept
    return X.assign(**{name: X[name].where(seen) for name in WEATHER}), y


SPOILS: dict[str, Spoil] = {
    "two days": two_days,
    "30 % flipped": relabelled(None, 0.3, "flip"),
    "times shuffled": shuffled_times,
    "7 days inverted": relabelled(7, 1.0, "flip"),
    "no weather": no_weather,
    "20 % of 28 days flipped": relabelled(28, 0.2, "flip"),
    "3 days all 0": relabelled(3, 1.0, "zero"),
}


def last_night(year: Year) -> int:
    return year.days - LONGEST


def jobs(year: Year) -> list[tuple[str, int]]:
    """Return what to fit, (kind, night), in an order in which a part is already of use."""
    nights = range(FIRST - WEEK, year.days - WEEK + 1)
    spoiled = [
        (kind, night) for night in range(FIRST, last_night(year) + 1, STEP) for kind in SPOILS
    ]
    clean = [
        ("honest", night)
        for phase in (0, 9, 3, 1, 5, 7, 2, 4, 6, 8)
        for night in nights
        if night % STEP == phase
    ]
    cut = 3 * len(nights) // STEP
    return clean[:cut] + spoiled + clean[cut:]


def predictions(
    cache: Path, name: str, config: Train, window: int, year: Year, kind: str, night: int
) -> Array:
    """Return what this model predicts for the `AHEAD` days from day `night` on, float32 (rows,)."""
    path = cache / name / f"{kind.replace(' ', '_').replace('%', 'pc')}-{night:03}.npy"
    if path.exists():
        loaded: Array = np.load(path)
        return loaded
    first = max(night - window, 0)
    make = SPOILS.get(kind, honest)
    X, y = make(year, first, night, np.random.default_rng([night, sum(kind.encode())]))
    schema = load_schema(ROOT / "schema.yaml")
    estimator = build_estimator(config, schema.features, "binary").fit(X, y)
    ahead = estimator.predict_proba(year.X[year.rows(night, night + AHEAD)])[:, 1]
    found: Array = ahead.astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as partial, partial.open("wb") as file:
        np.save(file, found)
    return found


def fit_all(
    cache: Path,
    name: str,
    config: Train,
    window: int,
    year: Year,
    wanted: Sequence[tuple[str, int]],
    n_jobs: int = 1,
) -> dict[tuple[str, int], Array]:
    """Fit, or read, all wanted models."""
    found = Parallel(n_jobs=n_jobs)(
        delayed(predictions)(cache, name, config, window, year, *job) for job in wanted
    )
    return dict(zip(wanted, found, strict=True))


def configured(estimator: str, **parameters: Any) -> Train:
    """Return params.yaml's `train`, with another estimator and some other parameters."""
    train = load_params(ROOT / "params.yaml").train
    own = {**train.parameters.get(estimator, {}), **parameters}
    return train.model_copy(update={"estimator": estimator, "parameters": {estimator: own}})
