"""A library other than scikit-learn, for real."""

import json

import numpy as np
import pytest
import xgboost
from shop import Shop

from ratchet import predict
from ratchet.artifacts import persist
from ratchet.errors import DataError, EvidenceError

NAME = "xgboost.XGBClassifier"


@pytest.fixture
def boosted(shop: Shop) -> Shop:
    shop.params["train"] |= {"estimator": NAME, "parameters": {NAME: {"n_estimators": 5}}}
    shop.schema["columns"]["note"] = {"type": "category", "max_null": 1, "encoding": "target"}
    shop.validated_with(6)
    return shop


def test_a_night_with_xgboost(boosted: Shop) -> None:
    card = boosted.train().card
    assert card.estimator == NAME
    assert any(name.startswith("xgboost") for name in card.libraries)
    boosted.evaluate()
    to = boosted.root / "scores.csv"
    assert predict.run(boosted.model, boosted.raw_file(6), to=to) == 60
    before = boosted.model.read_bytes()
    boosted.params["train"]["budget"]["n_jobs"] = 2
    boosted.train()
    assert boosted.model.read_bytes() == before


def test_a_class_that_no_row_teaches_is_named(shop: Shop) -> None:
    shop.params["train"] |= {"estimator": NAME, "parameters": {}}
    shop.params["task"] = "multiclass"
    shop.schema["target"] = {"column": "channel"}
    shop.schema["columns"]["channel"]["categories"] = ["web", "phone", "never", "store"]
    shop.validated_with(6)
    with pytest.raises(DataError, match=r"channel: no training row is never, and xgboost\.XGB"):
        shop.train()


@pytest.mark.parametrize("objective", [None, "multi:softprob"])
def test_the_file_holds_the_whole_model(tmp_path, objective) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 4))
    y = np.digitize(X[:, 0], [0.0] if objective is None else [-0.5, 0.5])
    model = xgboost.XGBClassifier(n_estimators=5, n_jobs=1, random_state=0).fit(X, y)
    path = tmp_path / "model.skops"
    sha256 = persist.save(model, path)
    loaded = persist.load(path, sha256=sha256)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert persist.save(loaded, tmp_path / "again.skops") == sha256


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("left_children", 10**6, "names a column or set that isn't there"),
        ("right_children", -7, "names a column or set that isn't there"),
        ("left_children", 0, "points back into its tree"),
        ("split_indices", 4, "names a column or set that isn't there"),
    ],
)
def test_a_tree_that_points_outside_itself_is_refused(tmp_path, field, value, says) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 4))
    model = xgboost.XGBClassifier(n_estimators=2, n_jobs=1).fit(X, X[:, 0] > 0)
    content = json.loads(model.get_booster().save_raw("json"))
    tree = content["learner"]["gradient_booster"]["model"]["trees"][0]
    tree[field][0] = value
    model._Booster = xgboost.Booster(model_file=bytearray(json.dumps(content).encode()))
    path = tmp_path / "model.skops"
    sha256 = persist.save(model, path)
    with pytest.raises(EvidenceError, match=says):
        persist.load(path, sha256=sha256)
