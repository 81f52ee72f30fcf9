"""Fit the model on all batches but the newest, save it, and score the newest with what ships."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from ratchet.artifacts import persist
from ratchet.artifacts.card import Card, write_card
from ratchet.artifacts.golden import choose, write_golden
from ratchet.artifacts.holdout import describe_rows, labels, split
from ratchet.artifacts.predictions import predictions
from ratchet.artifacts.scored import write_scored
from ratchet.artifacts.table import write_csv
from ratchet.budget import Usage, within
from ratchet.code import code_hash
from ratchet.config import Params
from ratchet.data.features import feature_frame, inputs, kinds_of, learnable, weights
from ratchet.data.repeats import compared_columns, repeats
from ratchet.data.schema import load_schema
from ratchet.data.target import Target, target_of
from ratchet.data.validated import read_window
from ratchet.errors import ConfigError, DataError
from ratchet.files import atomic_write, remove_partials, sha256_file
from ratchet.learners import library_of
from ratchet.model import build_estimator, fit
from ratchet.scoring.metrics import loss_of, score

LIBRARIES = ("joblib", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops")
# Rows by which a feature's importance is told: enough for a digit or two. A table of twice the
# columns has four times the work, so of wide ones fewer rows are taken.
IMPORTANCE_ROWS, FEWEST_ROWS, IMPORTANCE_CELLS = 10_000, 500, 10**9
CELLS_AT_ONCE = 10**7


@dataclass(frozen=True)
class Trained:
    """A finished training: its card and what it cost."""

    card: Card
    usage: Usage


def run(
    params: Params,
    *,
    validated: Path,
    schema: Path,
    environment: Path,
    model: Path,
    card: Path,
    scored: Path,
    importance: Path,
    golden: Path,
) -> Trained:
    """Train on the window without its `holdout` newest batches and write five files.

    `model` is the estimator, `card` describes it, `scored` has the holdout's rows with the model's
    scores, `importance` what each feature is worth there, `golden` some
    of these rows with their scores, for those who bring the model back.
    `environment` is the lock file, whose hash goes on the card.

    Raises DataError when there are too few batches, labels all equal or a feature without a value,
    ConfigError when the budget is exceeded, or the task and the target or the estimator's
    parameters don't fit.
    """
    remove_partials(model, card, scored, importance, golden)
    contract = load_schema(schema)
    target = target_of(params.task, contract)
    rows, hashes = read_window(validated)
    teaching, judging = split(rows, hashes, params.window.holdout)
    y_train, y_holdout = (
        labels(teaching, target, "training"),
        labels(judging, target, "holdout"),
    )
    budget = params.train.budget
    if len(teaching) > budget.max_rows:
        raise ConfigError(
            f"params.yaml: train.budget.max_rows is {budget.max_rows} and the window has "
            f"{len(teaching)} training rows; raise it or shrink window.train"
        )
    again = repeats(teaching, judging, compared_columns(contract))
    features, dropped = learnable(teaching, contract)
    kinds = kinds_of(features)
    X_holdout = feature_frame(judging, kinds)
    with (
        within(max_seconds=budget.max_seconds, max_memory_mb=budget.max_memory_mb) as usage,
        joblib.parallel_config(backend="threading", n_jobs=budget.n_jobs),
        # OpenMP and BLAS with two threads sum in another order than with one: from some ten
        # thousand rows on, boosting grows other trees and a regression has other last bits.
        threadpool_limits(limits=1),
        # Nothing takes the model's place before all that the budget covers is done.
        atomic_write(model) as partial,
    ):
        estimator = build_estimator(params.train, inputs(features), target.task)
        X_train, weight = feature_frame(teaching, kinds), weights(teaching, contract)
        try:
            fit(estimator, X_train, y_train, weight)
        except ValueError as error:
            _refuse_gaps(y_train, target, params.train.estimator, error)
            raise
        del X_train
        model_sha256 = persist.save(estimator, partial)
        del estimator  # before its like is loaded
        # What is judged is what ships: the file, not the object that it was written from.
        shipped = persist.load(partial, sha256=model_sha256)
        answers = predictions(shipped, X_holdout, target.task, len(target.classes))
        worth = _importance(shipped, X_holdout, y_holdout, target, params.train.seed)
    write_scored(scored, judging, y_holdout, answers)
    write_csv(importance, {"feature": list(worth), "importance": list(worth.values())})
    write_golden(golden, choose(judging, answers, features))
    made = Card(
        model_sha256=model_sha256,
        estimator=params.train.estimator,
        parameters=params.train.parameters.get(params.train.estimator, {}),
        seed=params.train.seed,
        target=contract.target.column,
        task=target.task,
        positive=target.positive,
        classes=target.classes,
        features=features,
        dropped=dropped,
        key=tuple(contract.key),
        weight=contract.weight,
        format=contract.format,
        train=describe_rows(teaching, hashes, y_train, target),
        holdout=describe_rows(judging, hashes, y_holdout, target),
        repeats=again if again.is_odd else None,
        code_sha256=code_hash(__name__),
        environment_sha256=sha256_file(environment),
        libraries={
            name: version(name) for name in [*LIBRARIES, *library_of(params.train.estimator)]
        },
    )
    write_card(card, made)
    return Trained(made, usage())


def _refuse_gaps(y: np.ndarray, target: Target, estimator: str, error: ValueError) -> None:
    """Raise DataError when classes are missing, which may be why `estimator` can't be fitted.

    scikit-learn's own learners do without; XGBoost, for one, wants every class to be there.
    """
    absent = sorted(set(range(len(target.classes))) - set(y.tolist()))
    if absent:
        names = ", ".join(target.classes[each] for each in absent)
        raise DataError(
            f"{target.column}: no training row is {names}, and {estimator} can't be fitted "
            f"({error}); take a larger window, take the class out of schema.yaml, or take another "
            "train.estimator"
        ) from error


def _importance(
    estimator: Any, X: pd.DataFrame, y: np.ndarray, target: Target, seed: int
) -> dict[str, float]:
    """Return by how much the task's loss grows when a feature is shuffled, largest first.

    Permutation importance (Breiman 2001, Random Forests, section 10), one shuffle each. Many
    shuffled tables are scored at once: of a wide one, a call costs more than its rows.
    """
    random = np.random.default_rng(seed)
    most = min(IMPORTANCE_ROWS, max(FEWEST_ROWS, IMPORTANCE_CELLS // X.shape[1] ** 2))
    if len(X) > most:
        chosen = np.sort(random.choice(len(X), most, replace=False))
        X, y = X.iloc[chosen], y[chosen]
    shuffle = random.permutation(len(X))
    loss = loss_of(target.task).name

    def losses(names: Sequence[str]) -> list[float]:
        answers = predictions(
            estimator, _shuffled(X, names, shuffle), target.task, len(target.classes)
        )
        return [
            score(y, part, task=target.task, metrics=[loss])[loss]
            for part in answers.reshape(len(names), len(X), *answers.shape[1:])
        ]

    [usual] = losses([""])
    at_once = max(1, CELLS_AT_ONCE // X.size)
    worth: dict[str, float] = {}
    for start in range(0, X.shape[1], at_once):
        names = list(X.columns[start : start + at_once])
        worth |= {name: each - usual for name, each in zip(names, losses(names), strict=True)}
    return dict(sorted(worth.items(), key=lambda item: -item[1]))


def _shuffled(X: pd.DataFrame, names: Sequence[str], shuffle: np.ndarray) -> pd.DataFrame:
    """Return the rows once for each of `names`, one below the other, with that column shuffled."""
    columns = {}
    for name in X:
        rows = np.tile(np.arange(len(X)), (len(names), 1))
        if name in names:
            rows[names.index(name)] = shuffle
        columns[name] = X[name].array.take(rows.ravel())
    return pd.DataFrame(columns, copy=False)
