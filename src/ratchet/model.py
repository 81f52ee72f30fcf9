"""Yours: the model that is trained every night. Edit this file, or only `params.yaml`.

`train.estimator` names a learner of learners.py or any class with scikit-learn's interface, such as
`xgboost.XGBClassifier`; one that you define here is `ratchet.model.NAME`. Its settings stand in
`params.yaml` under `train.parameters`, by the same name. `build_estimator` says how columns are
prepared for it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

from ratchet.config import Train
from ratchet.errors import ConfigError
from ratchet.learners import make_learner
from ratchet.task import Task

Part = tuple[str, Any, list[str]]

NUMBERS = ("number", "integer")
CATEGORIES = ("category", "boolean")
TARGET, ORDINAL = ("target",), ("ordinal",)


def build_estimator(config: Train, features: Mapping[str, str], task: Task) -> Pipeline:
    """Return an unfitted pipeline from a table with the columns `features` to predictions.

    `features` maps each column to its kind: "number", "integer", "category", "boolean", or for a
    category "target", which has it replaced by what the target was with it, or "ordinal", by its
    place in the order of the names. Numbers may be NaN, categories missing or never seen before;
    other columns of the table are ignored. For regression the pipeline has `predict`, else
    `predict_proba`.

    Raises ConfigError for an unknown learner, parameter or kind, or a value out of range.
    """
    numbers, categories, target, ordinal = (
        [name for name, kind in features.items() if kind in kinds]
        for kinds in (NUMBERS, CATEGORIES, TARGET, ORDINAL)
    )
    _refuse_unlearnable(features, [*numbers, *categories, *target, *ordinal])
    learner = make_learner(config, task)
    parts: list[Part] = [("target", _target_encoder(task), target)] if target else []
    tags = get_tags(learner).input_tags
    if ordinal and tags.allow_nan:
        parts.append(("ordinal", _places(), ordinal))
    else:  # a place in an order says nothing to a sum of weights
        categories += ordinal
    if isinstance(learner, HistGradientBoostingClassifier | HistGradientBoostingRegressor):
        # It takes at most `max_bins` categories a column: the rarest share the last one.
        columns = _ordinal(numbers, categories, parts, max_categories=learner.max_bins)
        learner.set_params(categorical_features=list(range(len(categories))))
    elif tags.allow_nan:  # trees do
        columns = _ordinal(numbers, categories, parts)
    else:
        columns = _scaled(numbers, categories, parts, sparse=tags.sparse)
    return Pipeline([("columns", columns), ("learner", learner)])


def fit(estimator: Pipeline, X: Any, y: np.ndarray, weight: np.ndarray | None = None) -> None:
    """Fit what `build_estimator` made, in place. weight: how much each row counts, (rows,).

    Raises ConfigError when the learner can't weigh rows, or has other classes than `y`.
    """
    learner = estimator[-1]
    if weight is None:
        estimator.fit(X, y)
    elif has_fit_parameter(learner, "sample_weight"):
        estimator.fit(X, y, learner__sample_weight=weight)
    else:
        raise ConfigError(
            f"schema.yaml: weight: {type(learner).__name__} can't weigh rows; take the weight out, "
            "or another train.estimator"
        )
    classes = getattr(learner, "classes_", None)
    if classes is not None and not np.array_equal(classes, np.unique(y)):
        raise ConfigError(
            f"params.yaml: train.estimator: {type(learner).__name__} has the classes "
            f"{list(classes)} where {np.unique(y).tolist()} are due; it must keep their order"
        )


def _target_encoder(task: Task) -> TargetEncoder:
    """Put in place of a category the mean of the target with it, drawn to the overall mean.

    In training, each fifth of the rows gets the means of the other four: never of its own label.
    Fifths in a row, because rows of one day know of each other.
    """
    kind = "continuous" if task == "regression" else task
    return TargetEncoder(target_type=kind, cv=KFold(5))


def _ordinal(
    numbers: list[str],
    categories: list[str],
    others: list[Part],
    max_categories: int | None = None,
) -> ColumnTransformer:
    """Number the categories and leave the numbers as they are; trees take NaN for an answer.

    The categories come first, in the order given. A category never seen before counts as missing.
    """
    encoder = _places(max_categories)
    columns = _columns(
        [("categories", encoder, categories), ("numbers", "passthrough", numbers), *others]
    )
    # As a DataFrame, column by column: the numbers aren't copied, and forests grow 6 % faster.
    return columns.set_output(transform="pandas")


def _places(max_categories: int | None = None) -> OrdinalEncoder:
    return OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=float("nan"),
        max_categories=max_categories,
    )


def _scaled(
    numbers: list[str], categories: list[str], others: list[Part], *, sparse: bool
) -> ColumnTransformer:
    """One column for each common category; numbers to mean 0 and sd 1, gaps filled and marked."""
    one_hot = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10)
    imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    scaled = make_pipeline(imputer, StandardScaler())
    columns = _columns([("categories", one_hot, categories), ("numbers", scaled, numbers), *others])
    return columns if sparse else columns.set_params(sparse_threshold=0)


def _columns(transformers: list[Part]) -> ColumnTransformer:
    # n_jobs=1: under joblib's parallel_config the two parts would go to two new processes, which
    # takes longer than the work.
    return ColumnTransformer(transformers, n_jobs=1, verbose_feature_names_out=False)


def _refuse_unlearnable(features: Mapping[str, str], learnable: list[str]) -> None:
    wrong = [f"{name} ({kind})" for name, kind in features.items() if name not in learnable]
    if wrong:
        raise ConfigError(
            f"schema.yaml: columns: {', '.join(wrong)}: no model can learn from this type; "
            "set feature: false"
        )
    if not learnable:
        raise ConfigError("schema.yaml: columns: no column is a feature; nothing to learn from")
