"""From a name in params.yaml to a learner: what is known, what is imported, what is refused."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

import ratchet.model
from ratchet.artifacts.persist import TRUSTED, load, save
from ratchet.config import Budget, Train
from ratchet.errors import ConfigError, EvidenceError
from ratchet.learners import library_of, make_learner
from ratchet.model import build_estimator, fit


def config(estimator, parameters=None):
    return Train.model_construct(
        estimator=estimator,
        seed=3,
        parameters={estimator: parameters or {}},
        budget=Budget(max_rows=1, max_seconds=1, max_memory_mb=1, n_jobs=1),
    )


class Mean(ClassifierMixin, BaseEstimator):
    """A class of one's own: the share of positives, for all rows."""

    def __init__(self, shrink=0.0, random_state=None, n_jobs=None):
        self.shrink, self.random_state, self.n_jobs = shrink, random_state, n_jobs

    def fit(self, X, y):  # noqa: ARG002
        self.classes_ = np.unique(y)
        self.mean_ = float(np.mean(y)) * (1 - self.shrink)
        return self

    def predict_proba(self, X):
        return np.tile([1 - self.mean_, self.mean_], (len(X), 1))


@pytest.fixture
def own(monkeypatch):
    """`ratchet.model.Mean`, as if it stood in model.py."""
    monkeypatch.setattr(ratchet.model, "Mean", Mean, raising=False)
    monkeypatch.setattr(Mean, "__module__", "ratchet.model")
    return "ratchet.model.Mean"


def test_an_own_class_gets_parameters_and_seed_and_one_job(own):
    learner = make_learner(config(own, {"shrink": 0.5}), "binary")
    assert (type(learner), learner.shrink) == (Mean, 0.5)
    assert (learner.random_state, learner.n_jobs) == (3, 1)


def test_an_own_class_is_saved_and_loaded_once_it_is_trusted(own, tmp_path):
    import pandas as pd

    table = pd.DataFrame({"x": [1.0, np.nan, 3.0, 4.0], "c": ["a", "b", None, "a"]})
    model = build_estimator(config(own), {"x": "number", "c": "category"}, "binary")
    fit(model, table, np.array([0, 1, 1, 1]))
    path = tmp_path / "model.skops"
    with pytest.raises(ConfigError) as caught:
        save(model, path)
    assert str(caught.value) == (
        "model.py: the model holds types that no one has trusted: ratchet.model.Mean; when they "
        "are harmless to load, add them to src/ratchet/artifacts/trusted.txt, a line each "
        "(docs/columns.md says how to tell)"
    )
    trusted = TRUSTED | {own}
    sha256 = save(model, path, trusted=trusted)
    assert load(path, sha256=sha256, trusted=trusted).predict_proba(table)[0].tolist() == [
        0.25,
        0.75,
    ]
    with pytest.raises(EvidenceError, match=r"outside the allow-list: ratchet\.model\.Mean"):
        load(path, sha256=sha256)


def test_scikit_learn_follows_the_jobs_of_joblib():
    learner = make_learner(config("sklearn.ensemble.ExtraTreesClassifier"), "multiclass")
    assert (learner.random_state, learner.n_jobs) == (3, None)


@pytest.mark.parametrize(
    ("name", "parameters", "task", "says"),
    [
        (
            "random_forrest",
            {},
            "binary",
            "train.estimator: random_forrest is not known (did you mean random_forest? allowed: "
            "hist_gradient_boosting, random_forest, logistic_regression, or a class such as",
        ),
        ("ridge", {}, "binary", "train.estimator: ridge is not for task binary (allowed: hist_"),
        (
            "logistic_regression",
            {},
            "regression",
            "train.estimator: logistic_regression is not for task regression (allowed: hist_gradi",
        ),
        ("nosuch.Model", {}, "binary", "train.estimator: nosuch.Model: can't be imported (No mod"),
        ("sklearn.svm.SVX", {}, "binary", "train.estimator: sklearn.svm.SVX: sklearn.svm has no"),
        ("os.system", {}, "binary", "train.estimator: os.system: is not an estimator: a class"),
        ("pathlib.Path", {}, "binary", "train.estimator: pathlib.Path: is not an estimator"),
        (
            "ratchet.data.Mine",
            {},
            "binary",
            "train.estimator: ratchet.data.Mine: a class of your own must be reachable as "
            "ratchet.model.Mine",
        ),
        (
            "sklearn.linear_model.Lasso",
            {},
            "multiclass",
            "train.estimator: sklearn.linear_model.Lasso is a regressor, and task: multiclass",
        ),
        (
            "sklearn.linear_model.LogisticRegression",
            {},
            "regression",
            "train.estimator: sklearn.linear_model.LogisticRegression is a classifier, and task",
        ),
        (
            "sklearn.svm.LinearSVC",
            {},
            "binary",
            "train.estimator: sklearn.svm.LinearSVC gives no probabilities (predict_proba)",
        ),
        (
            "sklearn.ensemble.StackingClassifier",
            {},
            "binary",
            "train.estimator: sklearn.ensemble.StackingClassifier can't be made without arguments",
        ),
        (
            "random_forest",
            {"n_estimator": 5},
            "binary",
            "train.parameters.random_forest.n_estimator: is not a parameter (did you mean "
            "n_estimators? allowed: bootstrap, ",
        ),
        (
            "sklearn.ensemble.ExtraTreesClassifier",
            {"n_estimators": -5},
            "binary",
            "train.parameters.sklearn.ensemble.ExtraTreesClassifier: The 'n_estimators' parameter",
        ),
        (
            "hist_gradient_boosting",
            {"max_bins": "many"},
            "regression",
            "train.parameters.hist_gradient_boosting: The 'max_bins' parameter",
        ),
    ],
)
def test_what_cannot_be_is_said_in_the_words_of_the_file(name, parameters, task, says):
    with pytest.raises(ConfigError) as caught:
        make_learner(config(name, parameters), task)
    assert str(caught.value).startswith(f"params.yaml: {says}")


def test_the_package_of_a_class_is_named():
    assert library_of("pandera.anything.Class") == ["pandera"]
    assert library_of("sklearn.svm.SVC") == library_of("ridge") == []
    assert library_of("ratchet.model.Mean") == []


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_class_that_a_misspelt_name_is_answered_with_works(task, tmp_path):
    import pandas as pd

    with pytest.raises(ConfigError) as caught:
        make_learner(config("randm_forest"), task)
    example = str(caught.value).rpartition(" ")[2].removesuffix(")")
    model = build_estimator(config(example), {"x": "number"}, task)
    target = np.array([0.0, 1.0, 2.5, 3.5]) if task == "regression" else np.array([0, 1, 1, 0])
    fit(model, pd.DataFrame({"x": [1.0, np.nan, 3.0, 4.0]}), target)
    path = tmp_path / "model.skops"
    assert type(load(path, sha256=save(model, path))) is type(model)
