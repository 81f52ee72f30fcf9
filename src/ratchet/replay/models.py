"""The models of all nights, fitted once each, and what they predict for the batches after.

Kept in the cache by what they were made from, so that a replay that was stopped goes on where it
was, and one with other rules fits nothing anew. Only predictions are kept: a model that is asked
for more than it foretold is fitted again, which gives the same model.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path
from zipfile import BadZipFile

import joblib
import numpy as np
from threadpoolctl import threadpool_limits

from ratchet.artifacts.predictions import predictions
from ratchet.code import code_hash
from ratchet.config import Train
from ratchet.data.features import feature_frame, inputs, kinds_of, learnable, weights
from ratchet.files import atomic_write, sha256_file, sha256_text
from ratchet.learners import library_of
from ratchet.model import build_estimator, fit
from ratchet.replay.history import Array, History, Night, Places, read_history
from ratchet.replay.spoil import KINDS, Lesson
from ratchet.task import Task

AHEAD = 35  # places after the training data that a model predicts at once
MAKES = (
    "ratchet.model",
    "ratchet.data.features",
    "ratchet.artifacts.predictions",
    "ratchet.replay.spoil",
)
LIBRARIES = ("joblib", "numpy", "pandas", "scikit-learn", "scipy")


@dataclass(frozen=True)
class Model:
    """What a night makes: it learned from the places `first` to `stop`, `end` ends its holdout.

    spoil: the kind of fault in what taught it, empty for none.
    """

    first: int
    stop: int
    end: int
    spoil: str = ""
    seed: int = 0

    @property
    def honest(self) -> bool:
        """Whether nothing was slipped into it."""
        return not self.spoil


def challenger(night: Night, holdout: int, spoil: str = "", seed: int = 0) -> Model:
    """Return the model that this night trains."""
    return Model(night.first, night.stop - holdout, night.stop, spoil, seed if spoil else 0)


@dataclass(frozen=True)
class Foretold:
    """What a model predicts from the place after its training data on, and how long its fit took.

    p: (rows,) or (rows, classes), as `ratchet.artifacts.predictions` has them. seconds: NaN for a
    challenger that could not be trained.
    """

    p: Array
    seconds: float


class Workshop:
    """Makes models and remembers their predictions.

    It can be sent to other processes, which read the history themselves.
    """

    def __init__(self, places: Places, config: Train, task: Task) -> None:
        self._places = places
        self._config = config
        self._task = task
        self._stamp = sha256_file(places.records)

    @property
    def history(self) -> History:
        """The history, read once in each process."""
        return _history(self._places, self._task, self._stamp)

    @cached_property
    def _made_by(self) -> str:
        config = self._config
        schema = self.history.schema
        return "\n".join(
            [
                config.estimator,
                str(config.seed),
                repr(sorted(config.parameters.get(config.estimator, {}).items())),
                repr({name: schema.columns[name] for name in schema.features}),
                repr(self.history.target),
                str(schema.weight),
                *map(code_hash, MAKES),
                *(
                    f"{name} {version(name)}"
                    for name in [*LIBRARIES, *library_of(config.estimator)]
                ),
            ]
        )

    @property
    def _classes(self) -> int:
        return len(self.history.target.classes) or (2 if self._task == "binary" else 0)

    def name(self, model: Model) -> str:
        """Return a name that says what the model was made from and how."""
        taught = self.history.accepted[model.first : model.stop]
        lines = [f"{batch.id} {batch.sha256}" for batch in taught]
        return sha256_text("\n".join([self._made_by, *lines, model.spoil, str(model.seed)]))

    def foretell(self, model: Model, until: int) -> Foretold:
        """Return what the model predicts for its places `stop` to at least before `until`."""
        path = self._places.cache / "models" / f"{self.name(model)}.npz"
        ahead = self.history.accepted[model.stop : until]
        known = _read(path, [batch.sha256 for batch in ahead])
        if known is None:
            known = self._make(model, until, path)
        return known

    def _make(self, model: Model, until: int, path: Path) -> Foretold:
        history = self.history
        # Who is asked for more stays in production: all at once, or it would be fitted every night.
        soon = min(model.stop + AHEAD, len(history.accepted))
        until = soon if until <= soon else len(history.accepted)
        taught = history.part(model.first, model.stop)
        columns, _ = learnable(taught, history.schema)
        features = kinds_of(columns)
        lesson = Lesson(
            taught,
            history.labels(model.first, model.stop),
            history.places(model.first, model.stop),
            features,
            self._classes,
        )
        if model.spoil:
            random = np.random.default_rng([model.seed, model.stop])
            lesson = KINDS[model.spoil](lesson, random)
        if lesson.y.min() == lesson.y.max():
            return Foretold(np.empty(0), float("nan"))  # the train stage refuses equal labels
        with joblib.parallel_config(backend="threading", n_jobs=1), threadpool_limits(limits=1):
            began = time.perf_counter()
            estimator = build_estimator(self._config, inputs(columns), self._task)
            weight = weights(lesson.rows, history.schema)
            fit(estimator, feature_frame(lesson.rows, features), lesson.y, weight)
            seconds = time.perf_counter() - began
            rows = feature_frame(history.part(model.stop, until), features)
            p = predictions(estimator, rows, self._task, self._classes)
        of = [batch.sha256 for batch in history.accepted[model.stop : until]]
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as partial, partial.open("wb") as file:
            np.savez(file, p=p, of=np.array(of), seconds=seconds)
        return Foretold(p, seconds)


def make_all(
    workshop: Workshop, models: Iterable[tuple[Model, int]], jobs: int
) -> Iterable[tuple[Model, Foretold]]:
    """Yield the models with what they foretell, each until the place beside it, as they come."""
    wanted = list(models)
    found: Iterable[tuple[Model, Foretold]] = joblib.Parallel(
        n_jobs=jobs, return_as="generator_unordered"
    )(joblib.delayed(_one)(workshop, model, until) for model, until in wanted)
    return found


def _one(workshop: Workshop, model: Model, until: int) -> tuple[Model, Foretold]:
    return model, workshop.foretell(model, until)


@lru_cache(maxsize=1)
def _history(places: Places, task: Task, stamp: str) -> History:  # noqa: ARG001 (state of files)
    return read_history(places, task)


def _read(path: Path, of: Sequence[str]) -> Foretold | None:
    """Return what is kept of a model, if it covers the batches of these hashes."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            if kept["of"][: len(of)].tolist() != list(of):
                return None
            return Foretold(kept["p"], float(kept["seconds"]))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
