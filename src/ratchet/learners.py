"""From the name in `train.estimator` to a learner with its parameters, checked before any work."""

import difflib
import inspect
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import packages_distributions
from typing import Any

from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils import get_tags

from ratchet.config import Train
from ratchet.errors import ConfigError
from ratchet.task import Task

OWN = "ratchet.model"  # where a class of your own must be reachable: the stage depends on it


@dataclass(frozen=True)
class Known:
    """A learner with a short name: its class for classes and for numbers, None where it has none.

    `defaults` are the arguments in which we depart from scikit-learn's; params.yaml wins.
    """

    classifier: type | None
    regressor: type | None
    defaults: Mapping[str, Any]

    def of(self, task: Task) -> type | None:
        """Return the class for a task."""
        return self.regressor if task == "regression" else self.classifier


LEARNERS = {
    "hist_gradient_boosting": Known(
        HistGradientBoostingClassifier,
        HistGradientBoostingRegressor,
        # Early stopping would split rows off at random, and rows of one day are not independent.
        {"early_stopping": False},
    ),
    "random_forest": Known(RandomForestClassifier, RandomForestRegressor, {}),
    "logistic_regression": Known(LogisticRegression, None, {"max_iter": 1000}),
    "ridge": Known(None, Ridge, {}),
}

# Arguments that are decided elsewhere, and where.
DECIDED = {
    "random_state": "set train.seed instead",
    "n_jobs": "set train.budget.n_jobs instead",
    "categorical_features": "schema.yaml says which columns are categories",
    "warm_start": "every night trains from scratch",
    "verbose": "the stage reports progress itself",
    "verbosity": "the stage reports progress itself",
}


def known_for(task: Task) -> list[str]:
    """Return the short names of the learners that fit a task."""
    return [name for name, known in LEARNERS.items() if known.of(task)]


def make_learner(config: Train, task: Task) -> Any:
    """Return the unfitted estimator that `config` names, with its parameters checked.

    The name is one of LEARNERS, or a class with its module: `xgboost.XGBClassifier`.

    Raises ConfigError for what isn't known, can't be imported, or doesn't fit the task, and for a
    parameter that the class doesn't have or doesn't take.
    """
    name = config.estimator
    make, defaults = _import(name) if "." in name else _known(name, task)
    given = config.parameters.get(name, {})
    where = f"params.yaml: train.parameters.{name}"
    try:
        blank = make().get_params(deep=False)
    except TypeError as error:
        raise ConfigError(
            f"params.yaml: train.estimator: {name} can't be made without arguments ({error}); "
            "give them in a class of your own in src/ratchet/model.py"
        ) from error
    allowed = sorted(blank.keys() - DECIDED.keys())
    wrong = [
        f"{where}.{each}: {DECIDED.get(each, f'is not a parameter ({_choice(each, allowed)})')}"
        for each in given
        if each not in allowed
    ]
    if wrong:
        raise ConfigError("\n".join(wrong))
    try:
        learner = make(**{**defaults, **given, **_decided(make, blank, config.seed)})
        if hasattr(learner, "_parameter_constraints"):
            # What `fit` would check, but before minutes of work and with the file's name.
            learner._validate_params()
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {error}") from error
    _check_task(name, learner, task)
    return learner


def library_of(name: str) -> list[str]:
    """Return the packages, as they are installed, that a class outside of scikit-learn is from."""
    top = name.partition(".")[0]
    if "." not in name or top in (OWN.partition(".")[0], "sklearn"):
        return []
    return sorted(set(packages_distributions().get(top, [])))


def _known(name: str, task: Task) -> tuple[Any, Mapping[str, Any]]:
    if name not in LEARNERS:
        raise ConfigError(
            f"params.yaml: train.estimator: {name} is not known "
            f"({_choice(name, known_for(task))}, or a class such as {_example(task)})"
        )
    make = LEARNERS[name].of(task)
    if make is None:
        raise ConfigError(
            f"params.yaml: train.estimator: {name} is not for task {task} "
            f"(allowed: {', '.join(known_for(task))}, or a class such as xgboost.XGBClassifier)"
        )
    return make, LEARNERS[name].defaults


def _example(task: Task) -> str:
    kind = "Regressor" if task == "regression" else "Classifier"
    return f"sklearn.ensemble.ExtraTrees{kind}"


def _import(name: str) -> tuple[Any, Mapping[str, Any]]:
    """Return the class that a dotted name names."""
    where = f"params.yaml: train.estimator: {name}"
    module, _, attribute = name.rpartition(".")
    top = module.partition(".")[0]
    if top == OWN.partition(".")[0] and module != OWN:
        raise ConfigError(
            f"{where}: a class of your own must be reachable as {OWN}.{attribute}: define it in "
            "src/ratchet/model.py or import it there, so that a change of it trains anew"
        )
    try:
        made = getattr(import_module(module), attribute)
    except AttributeError as error:
        raise ConfigError(f"{where}: {module} has no {attribute}") from error
    except Exception as error:  # whatever a library that can't start says
        raise ConfigError(
            f"{where}: can't be imported ({error}); to try it here, `uv pip install {top}`; for "
            "every night, add it to the dependencies in pyproject.toml, then `make lock setup`"
        ) from error
    if not (inspect.isclass(made) and hasattr(made, "fit") and hasattr(made, "get_params")):
        raise ConfigError(
            f"{where}: is not an estimator: a class with fit, predict and get_params as "
            "scikit-learn has them"
        )
    return made, {}


def _decided(make: type, parameters: Collection[str], seed: int) -> dict[str, Any]:
    """Return the arguments that aren't the user's, as far as a class has them."""
    decided: dict[str, Any] = {"random_state": seed, "verbosity": 0}
    if not make.__module__.startswith("sklearn."):
        # scikit-learn follows joblib, and its models don't depend on it. Of others nobody knows.
        decided["n_jobs"] = 1
    return {name: value for name, value in decided.items() if name in parameters}


def _check_task(name: str, learner: Any, task: Task) -> None:
    wanted = "regressor" if task == "regression" else "classifier"
    found = get_tags(learner).estimator_type
    if found != wanted:
        raise ConfigError(
            f"params.yaml: train.estimator: {name} is a {found}, and task: {task} needs a {wanted}"
        )
    if wanted == "classifier" and not hasattr(learner, "predict_proba"):
        raise ConfigError(
            f"params.yaml: train.estimator: {name} gives no probabilities (predict_proba), and "
            "the metrics need them; wrap it in a class of your own in src/ratchet/model.py, with "
            "sklearn.calibration.CalibratedClassifierCV"
        )


def _choice(got: str, allowed: Collection[str]) -> str:
    meant = difflib.get_close_matches(got, allowed, n=1)
    return (f"did you mean {meant[0]}? " if meant else "") + f"allowed: {', '.join(allowed)}"
