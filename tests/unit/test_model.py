import json
import os
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.naive_bayes import GaussianNB
from threadpoolctl import threadpool_limits

from ratchet.artifacts.persist import load, save
from ratchet.config import Budget, Train
from ratchet.errors import ConfigError
from ratchet.learners import DECIDED, known_for
from ratchet.model import build_estimator, fit

LEARNERS = [
    *known_for("binary"),
    "sklearn.ensemble.ExtraTreesClassifier",
    "sklearn.naive_bayes.GaussianNB",  # without seed, gaps and sparse tables
]

KINDS = {
    "delay": "number",
    "seats": "integer",
    "carrier": "category",
    "plane": "category",
    "holiday": "boolean",
}
SMALL = {
    "hist_gradient_boosting": {"max_iter": 10},
    "random_forest": {"n_estimators": 10, "min_samples_leaf": 5},
    "logistic_regression": {},
    "sklearn.ensemble.ExtraTreesClassifier": {"n_estimators": 10, "min_samples_leaf": 5},
}


def config(estimator, parameters=None, seed=3):
    return Train.model_construct(
        estimator=estimator,
        seed=seed,
        parameters={estimator: SMALL.get(estimator, {}) if parameters is None else parameters},
        budget=Budget(max_rows=1, max_seconds=1, max_memory_mb=1, n_jobs=1),
    )


def flights(rows=3000, seed=0):
    """Rows in which every column says something about the answer, with gaps, and 600 planes."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "extra": ["not a feature"] * rows,
            "delay": rng.normal(size=rows),
            "seats": rng.integers(50, 400, rows),
            "carrier": pd.Series(rng.choice(["AA", "B6", "UA"], rows), dtype="str"),
            "plane": pd.Series(rng.integers(0, 600, rows)).map("N{}".format).astype("category"),
            "holiday": rng.random(rows) < 0.2,
        }
    )
    score = table.delay + 2 * table.holiday + (table.carrier == "B6") + table.seats / 400
    late = (score + rng.normal(size=rows) > 1.5).to_numpy().astype(int)
    table.loc[::7, "delay"] = np.nan
    table.loc[::11, "carrier"] = None
    return table, late


def strange():
    """Rows with what training never showed: new categories, gaps in full columns."""
    table, _ = flights(rows=40, seed=1)
    table["carrier"] = "new"
    table["plane"] = pd.Series(["never seen", None] * 20).astype("category")
    table["seats"] = table["seats"].astype(float).where(table.index % 2 == 0)
    table["holiday"] = table["holiday"].astype(object).where(table.index % 3 == 0, None)
    table["delay"] = np.nan
    return table


@pytest.fixture(scope="module", params=LEARNERS)
def trained(request):
    table, late = flights()
    return build_estimator(config(request.param), KINDS, "binary").fit(table, late)


def test_it_learns(trained):
    table, late = flights(seed=2)
    assert roc_auc_score(late, trained.predict_proba(table)[:, 1]) > 0.75


def test_it_answers_for_what_it_never_saw(trained):
    probability = trained.predict_proba(strange())
    np.testing.assert_allclose(probability.sum(axis=1), 1)


def test_order_of_columns_and_other_columns_do_not_matter(trained):
    table, _ = flights(rows=50, seed=4)
    shuffled = table.drop(columns="extra")[list(KINDS)[::-1]]
    np.testing.assert_array_equal(trained.predict_proba(shuffled), trained.predict_proba(table))


def test_text_and_category_columns_are_one(trained):
    table, _ = flights(rows=50, seed=4)
    other = table.assign(carrier=table.carrier.astype("category"), plane=table.plane.astype("str"))
    np.testing.assert_array_equal(trained.predict_proba(other), trained.predict_proba(table))


def test_it_comes_back_from_its_file(trained, tmp_path):
    path = tmp_path / "model.skops"
    loaded = load(path, sha256=save(trained, path))
    table, _ = flights(rows=50, seed=4)
    np.testing.assert_array_equal(loaded.predict_proba(table), trained.predict_proba(table))
    np.testing.assert_array_equal(loaded.predict_proba(strange()), trained.predict_proba(strange()))


@pytest.mark.parametrize("estimator", LEARNERS)
def test_a_gap_is_itself_a_sign(estimator):
    # Shuffled answers, but for one thing: they are late where the delay is not known.
    table, late = flights()
    late = np.where(table.delay.isna(), 1, np.random.default_rng(0).permutation(late))
    model = build_estimator(config(estimator), {"delay": "number"}, "binary").fit(table, late)
    probability = model.predict_proba(table)[:, 1]
    assert probability[table.delay.isna()].min() > probability[table.delay.notna()].max()


@pytest.mark.parametrize("estimator", LEARNERS)
@pytest.mark.parametrize("kind", ["number", "category"])
def test_columns_of_one_kind_only(estimator, kind):
    table, late = flights(rows=300)
    features = {name: k for name, k in KINDS.items() if k == kind}
    model = build_estimator(config(estimator), features, "binary").fit(table, late)
    assert model.predict_proba(strange()).shape == (40, 2)


@pytest.mark.parametrize("estimator", LEARNERS)
def test_a_column_that_is_empty_in_training(estimator):
    table, late = flights(rows=300)
    table["carrier"] = pd.Series([None] * 300, dtype="str")
    if estimator != "hist_gradient_boosting":
        table["delay"] = np.nan
    model = build_estimator(config(estimator), KINDS, "binary").fit(table, late)
    full, _ = flights(rows=50, seed=4)
    assert np.isfinite(model.predict_proba(full)).all()


def test_categories_are_split_as_sets_even_when_there_are_too_many():
    table, late = flights()
    model = build_estimator(config("hist_gradient_boosting"), KINDS, "binary").fit(table, late)
    assert table.plane.nunique() > 255
    assert model[-1].is_categorical_.tolist() == [True, True, True, False, False]


def test_max_bins_bounds_the_categories():
    table, late = flights()
    parameters = {"max_iter": 3, "max_bins": 16}
    model = build_estimator(config("hist_gradient_boosting", parameters), KINDS, "binary").fit(
        table, late
    )
    assert np.isfinite(model.predict_proba(strange())).all()


BYTES_SCRIPT = """
import json, pathlib, sys
import joblib
from threadpoolctl import threadpool_limits
from ratchet.artifacts.persist import save
from ratchet.learners import known_for
from ratchet.model import build_estimator
import test_model

table, late = test_model.flights(rows=60_000)
hashes = {}
for name in known_for("binary"):
    model = build_estimator(test_model.config(name), test_model.KINDS, "binary")
    jobs = joblib.parallel_config(backend="threading", n_jobs=int(sys.argv[1]))
    with jobs, threadpool_limits(limits=1):
        model.fit(table, late)
    hashes[name] = save(model, pathlib.Path(sys.argv[2]))
print(json.dumps(hashes))
"""


def test_same_bytes_in_any_process_with_any_number_of_threads(tmp_path):
    # 60,000 rows: from there on HistGradientBoosting's sums depend on the number of threads.
    printed = []
    for cores in ("1", "2"):
        path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
        environment = {"PYTHONHASHSEED": cores, "OMP_NUM_THREADS": cores, "PYTHONPATH": path}
        done = subprocess.run(
            [sys.executable, "-c", BYTES_SCRIPT, cores, tmp_path / "model.skops"],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        printed.append(json.loads(done.stdout))
    assert printed[0] == printed[1]


def test_a_forest_follows_the_jobs_of_joblib():
    table, late = flights(rows=300)
    seen = []

    class Counting(joblib.parallel.ThreadingBackend):
        def configure(self, n_jobs=1, **options):
            seen.append(n_jobs)
            return super().configure(n_jobs=n_jobs, **options)

    joblib.register_parallel_backend("counting", Counting)
    with joblib.parallel_config(backend="counting", n_jobs=2), threadpool_limits(limits=1):
        build_estimator(config("random_forest"), KINDS, "binary").fit(table, late)
    assert seen == [1, 2], "one job for the columns, two for the trees"


def test_the_seed_matters():
    table, late = flights(rows=300)
    one, other = (
        build_estimator(config("random_forest", seed=seed), KINDS, "binary").fit(table, late)
        for seed in (1, 2)
    )
    assert (one.predict_proba(table) != other.predict_proba(table)).any()


def test_parameters_win_over_our_defaults():
    model = build_estimator(
        config("logistic_regression", {"max_iter": 7, "C": 0.5}), KINDS, "binary"
    )
    assert (model[-1].max_iter, model[-1].C, model[-1].random_state) == (7, 0.5, 3)


def test_no_early_stopping_unless_asked_for():
    assert (
        build_estimator(config("hist_gradient_boosting"), KINDS, "binary")[-1].early_stopping
        is False
    )


@pytest.mark.parametrize(
    ("estimator", "parameters", "message"),
    [
        (
            "random_forrest",
            {},
            r"train\.estimator: random_forrest is not known \(did you mean random_forest\?",
        ),
        (
            "random_forest",
            {"n_estimator": 5},
            r"train\.parameters\.random_forest\.n_estimator: is not a parameter "
            r"\(did you mean n_estimators\? allowed: bootstrap, .*, n_estimators",
        ),
        (
            "hist_gradient_boosting",
            {"max_iter": -1},
            r"train\.parameters\.hist_gradient_boosting: The 'max_iter' parameter .* Got -1",
        ),
        (
            "hist_gradient_boosting",
            {"max_bins": "many"},
            r"train\.parameters\.hist_gradient_boosting: The 'max_bins' parameter .* Got 'many'",
        ),
    ],
)
def test_wrong_settings_are_named(estimator, parameters, message):
    with pytest.raises(ConfigError, match=message):
        build_estimator(config(estimator, parameters), KINDS, "binary")


@pytest.mark.parametrize("name", DECIDED)
def test_what_is_decided_elsewhere_is_said(name):
    with pytest.raises(ConfigError) as caught:
        build_estimator(config("hist_gradient_boosting", {name: 2}), KINDS, "binary")
    assert f"hist_gradient_boosting.{name}: {DECIDED[name]}" in str(caught.value)


def test_all_wrong_parameters_are_named_at_once():
    with pytest.raises(ConfigError) as caught:
        build_estimator(config("random_forest", {"depth": 2, "trees": 3}), KINDS, "binary")
    assert str(caught.value).count("params.yaml: train.parameters.random_forest.") == 2


def test_kinds_that_no_model_learns_from_are_named():
    with pytest.raises(
        ConfigError, match=r"columns: note \(text\), day \(date\): .*feature: false"
    ):
        build_estimator(
            config("random_forest"), {"x": "number", "note": "text", "day": "date"}, "binary"
        )


def test_nothing_to_learn_from():
    with pytest.raises(ConfigError, match="no column is a feature"):
        build_estimator(config("random_forest"), {}, "binary")


# Other tasks


@pytest.mark.parametrize("estimator", known_for("multiclass"))
def test_several_classes(estimator):
    table, _ = flights()
    seats = np.digitize(table.seats, [150, 300])
    model = build_estimator(config(estimator), KINDS, "multiclass").fit(table, seats)
    probability = model.predict_proba(table)
    assert probability.shape == (3000, 3)
    assert (probability.argmax(axis=1) == seats).mean() > 0.8


@pytest.mark.parametrize("estimator", known_for("regression"))
def test_numbers(estimator, tmp_path):
    table, _ = flights()
    seats = 3.0 * table.seats.to_numpy() + table.delay.fillna(0).to_numpy()
    model = build_estimator(config(estimator), KINDS, "regression").fit(table, seats)
    assert r2_score(seats, model.predict(table)) > 0.8
    path = tmp_path / "model.skops"
    loaded = load(path, sha256=save(model, path))
    np.testing.assert_array_equal(loaded.predict(strange()), model.predict(strange()))


# Categories told by the target


def planes(rows=3000, seed=0, count=300):
    """Planes of which each has a rate of its own, beside a number that says nothing."""
    rng = np.random.default_rng(seed)
    plane = rng.integers(0, count, rows)
    rate = np.random.default_rng(99).random(count)[plane]
    table = pd.DataFrame({"plane": plane.astype(str), "noise": rng.normal(size=rows)})
    return table, rng, rate


ENCODED = {"plane": "target", "noise": "number"}


@pytest.mark.parametrize("estimator", known_for("binary"))
def test_a_category_is_told_by_what_the_target_was_with_it(estimator, tmp_path):
    table, rng, rate = planes(rows=6000)
    late = (rng.random(6000) < rate).astype(int)
    model = build_estimator(config(estimator), ENCODED, "binary").fit(table, late)
    new, rng, rate = planes(seed=1)
    assert roc_auc_score(rng.random(3000) < rate, model.predict_proba(new)[:, 1]) > 0.75
    path = tmp_path / "model.skops"
    hashes = {save(model, path)}
    again = build_estimator(config(estimator), ENCODED, "binary").fit(table, late)
    hashes.add(save(again, path))
    assert len(hashes) == 1
    unknown = pd.DataFrame({"plane": ["never", None], "noise": [0.0, 0.0]})
    loaded = load(path, sha256=hashes.pop())
    np.testing.assert_array_equal(loaded.predict_proba(unknown), model.predict_proba(unknown))


@pytest.mark.parametrize("estimator", known_for("binary"))
def test_a_category_can_be_its_place_in_the_order_of_the_names(estimator):
    table = pd.DataFrame({"plane": ["c", "a", None, "b"] * 50, "noise": 0.0})
    late = np.array([1, 0, 0, 0] * 50)
    model = build_estimator(config(estimator), {**ENCODED, "plane": "ordinal"}, "binary")
    seen = model.fit(table, late)[:-1].transform(table)
    if estimator != "logistic_regression":  # a sum of weights gets a column for each
        assert seen["plane"][:4].tolist() == pytest.approx([2, 0, np.nan, 1], nan_ok=True)
    unknown = pd.DataFrame({"plane": ["never", None], "noise": 0.0})
    assert np.isfinite(model.predict_proba(unknown)).all()


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_row_never_sees_its_own_label(task):
    # Each plane once: all that its mean could say is the label of the row itself.
    table = pd.DataFrame({"plane": [str(i) for i in range(600)], "noise": 0.0})
    y = np.random.default_rng(0).integers(0, 2 + (task == "multiclass"), 600)
    model = build_estimator(config("random_forest"), ENCODED, task)
    seen = model[:-1].fit_transform(table, y)
    names = [name for name in seen if name.startswith("plane")]
    assert len(names) == (3 if task == "multiclass" else 1)
    assert all(seen[name].nunique() <= 5 for name in names), "the means of the other fifths"


@pytest.mark.parametrize("estimator", LEARNERS)
def test_rows_of_weight_0_teach_nothing(estimator):
    # Half of the rows say the opposite, and don't count.
    table, late = flights()
    wrong = np.arange(3000) % 2
    model = build_estimator(config(estimator), {"seats": "integer", "delay": "number"}, "binary")
    fit(model, table, np.where(wrong, 1 - late, late), 1.0 - wrong)
    assert roc_auc_score(late, model.predict_proba(table)[:, 1]) > 0.65


def test_who_cannot_weigh_rows_says_so():
    table, late = flights(rows=300)
    model = build_estimator(
        config("sklearn.neighbors.KNeighborsClassifier"), {"seats": "integer"}, "binary"
    )
    with pytest.raises(ConfigError, match="weight: KNeighborsClassifier can't weigh rows"):
        fit(model, table, late, np.ones(300))


class Reversed(GaussianNB):
    """Has its classes the other way round."""

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)
        self.classes_ = self.classes_[::-1]
        return self


def test_who_turns_the_classes_round_is_refused(monkeypatch):
    monkeypatch.setattr("ratchet.model.Reversed", Reversed, raising=False)
    table, late = flights(rows=300)
    model = build_estimator(config("ratchet.model.Reversed"), {"seats": "integer"}, "binary")
    with pytest.raises(ConfigError, match=r"Reversed has the classes .* where \[0, 1\] are due"):
        fit(model, table, late)
