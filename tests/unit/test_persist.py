import copy
import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from collections import deque
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import skops.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

from ratchet.artifacts.persist import TRUSTED, load, save
from ratchet.artifacts.trees import check_trees
from ratchet.errors import ConfigError, EvidenceError

RNG = np.random.default_rng(7)
X = np.column_stack([RNG.normal(size=(400, 3)), RNG.integers(0, 5, 400)])
X[::9, 0] = np.nan
Y = (X[:, 1] + RNG.normal(size=400) > 0).astype(int)


def prepared(learner, one_hot=False):
    if one_hot:
        numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
        return make_pipeline(
            ColumnTransformer([("n", numbers, [0, 1, 2]), ("c", OneHotEncoder(), [3])]), learner
        )
    return make_pipeline(
        ColumnTransformer([("c", OrdinalEncoder(), [3])], remainder="passthrough"), learner
    )


MODELS = {
    "hgb": lambda: prepared(
        HistGradientBoostingClassifier(max_iter=5, categorical_features=[0], random_state=1)
    ),
    "hgb regressor": lambda: prepared(HistGradientBoostingRegressor(max_iter=5, random_state=1)),
    "forest": lambda: prepared(RandomForestClassifier(n_estimators=4, random_state=1)),
    "forest regressor": lambda: prepared(RandomForestRegressor(n_estimators=4, random_state=1)),
    "logistic": lambda: prepared(LogisticRegression(), one_hot=True),
    "ridge": lambda: prepared(Ridge(), one_hot=True),
}


def answer(model):
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)


def hash_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    fitted = {name: make().fit(X, Y) for name, make in MODELS.items()}
    return {
        name: (model, folder / f"{name}.skops", save(model, folder / f"{name}.skops"))
        for name, model in fitted.items()
    }


@pytest.mark.parametrize("name", MODELS)
def test_a_loaded_model_answers_as_before(saved, name):
    model, path, sha256 = saved[name]
    assert sha256 == hash_of(path)
    np.testing.assert_array_equal(answer(load(path, sha256=sha256)), answer(model))


@pytest.mark.parametrize("name", MODELS)
def test_saving_a_loaded_model_gives_the_same_bytes(saved, name, tmp_path):
    _, path, sha256 = saved[name]
    assert save(load(path, sha256=sha256), tmp_path / "again.skops") == sha256


def test_another_model_has_another_hash(saved, tmp_path):
    other = prepared(RandomForestClassifier(n_estimators=4, random_state=2)).fit(X, Y)
    assert save(other, tmp_path / "other.skops") != saved["forest"][2]


def test_number_of_threads_is_not_part_of_a_boosted_model(saved, tmp_path):
    hashes = set()
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="openmp"):
            hashes.add(save(MODELS["hgb"]().fit(X, Y), tmp_path / "model.skops"))
    assert hashes == {saved["hgb"][2]}


def test_number_of_jobs_is_not_part_of_a_forest_nor_changed_in_it(saved, tmp_path):
    model = MODELS["forest"]()
    model[-1].set_params(n_jobs=2)
    assert save(model.fit(X, Y), tmp_path / "model.skops") == saved["forest"][2]
    assert model[-1].n_jobs == 2
    assert load(tmp_path / "model.skops", sha256=saved["forest"][2])[-1].n_jobs == 1


def test_shared_objects_are_not_part_of_the_bytes(tmp_path):
    one = np.arange(5.0)
    shared = FunctionTransformer(kw_args={"a": one, "b": one})
    apart = FunctionTransformer(kw_args={"a": one.copy(), "b": one.copy()})
    assert save(shared, tmp_path / "a.skops") == save(apart, tmp_path / "b.skops")


def test_gaps_between_fields_are_not_part_of_the_bytes(tmp_path):
    dtype = np.dtype([("wide", "f8"), ("narrow", "u1")], align=True)
    hashes = set()
    for garbage in (0, 255):
        array = np.full(10 * dtype.itemsize, garbage, dtype=np.uint8).view(dtype)
        array["wide"], array["narrow"] = 1.5, 3
        hashes.add(save(FunctionTransformer(kw_args={"a": array}), tmp_path / "a.skops"))
    assert len(hashes) == 1


SET_SCRIPT = """
import sys
from pathlib import Path
from sklearn.preprocessing import FunctionTransformer
from ratchet.artifacts.persist import save
names = {f"name {i}" for i in range(50)}
print(save(FunctionTransformer(kw_args={"names": names}), Path(sys.argv[1])), *names, sep="|")
"""


def test_order_of_sets_in_another_process_is_not_part_of_the_bytes(tmp_path):
    names = {f"name {i}" for i in range(50)}
    here = save(FunctionTransformer(kw_args={"names": names}), tmp_path / "here.skops")
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    there, *order = (
        subprocess.run(
            [sys.executable, "-c", SET_SCRIPT, tmp_path / "there.skops"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        .stdout.rstrip()
        .split("|")
    )
    assert order != list(names), "both processes have the same order: no test"
    assert there == here


def test_no_time_and_no_address_in_the_archive(saved):
    with zipfile.ZipFile(saved["forest"][1]) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        names = archive.namelist()
    assert names == ["schema.json", *(f"{i}.npy" for i in range(len(names) - 1))]


def test_what_cannot_be_loaded_is_not_saved(tmp_path):
    path = tmp_path / "model.skops"
    path.write_text("the old one")
    with pytest.raises(ConfigError, match=r"<lambda>.*artifacts/trusted\.txt"):
        save(FunctionTransformer(lambda x: x), path)
    assert [p.name for p in tmp_path.iterdir()] == ["model.skops"]
    assert path.read_text() == "the old one"


def test_a_named_type_can_be_trusted(tmp_path):
    path = tmp_path / "model.skops"
    trusted = TRUSTED | {"numpy.linalg.norm"}
    sha256 = save(FunctionTransformer(np.linalg.norm), path, trusted=trusted)
    assert load(path, sha256=sha256, trusted=trusted).func is np.linalg.norm
    with pytest.raises(EvidenceError, match=r"numpy\.linalg\.norm"):
        load(path, sha256=sha256)


def test_wrong_hash_names_both(saved):
    _, path, sha256 = saved["hgb"]
    with pytest.raises(EvidenceError, match=f"{path}.*expected SHA-256 {'0' * 64}.*{sha256}"):
        load(path, sha256="0" * 64)


def test_absent_file(tmp_path):
    with pytest.raises(EvidenceError, match=r"absent\.skops: cannot be read"):
        load(tmp_path / "absent.skops", sha256="0" * 64)


class Payload:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


def test_a_renamed_pickle_is_refused_and_not_run(tmp_path):
    marker, path = tmp_path / "was run", tmp_path / "model.skops"
    path.write_bytes(pickle.dumps(Payload(marker)))
    with pytest.raises(EvidenceError, match="not a readable model file"):
        load(path, sha256=hash_of(path))
    assert not marker.exists()


def test_a_pickle_inside_an_array_is_refused_and_not_run(saved, tmp_path):
    marker, path = tmp_path / "was run", tmp_path / "model.skops"
    members = members_of(saved["logistic"][1])
    name = next(name for name in members if name.endswith(".npy"))
    buffer = io.BytesIO()
    np.save(buffer, np.array([Payload(marker)], dtype=object), allow_pickle=True)
    members[name] = buffer.getvalue()
    with pytest.raises(EvidenceError, match="not a readable model file"):
        load(path, sha256=write_members(path, members))
    assert not marker.exists()


def test_a_function_outside_the_list_is_refused_by_name(tmp_path):
    path = tmp_path / "model.skops"
    skops.io.dump(FunctionTransformer(os.system, kw_args={"command": "true"}), path)
    with pytest.raises(EvidenceError, match=r"posix\.system.*artifacts/trusted\.txt"):
        load(path, sha256=hash_of(path))


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.99])
def test_a_truncated_file_is_refused(saved, tmp_path, keep):
    path, content = tmp_path / "model.skops", saved["hgb"][1].read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(EvidenceError, match="not a readable model file"):
        load(path, sha256=hash_of(path))


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_anywhere_is_harmless_or_refused(saved, tmp_path, data):
    model, original, _ = saved["logistic"]
    content = bytearray(original.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "model.skops"
    path.write_bytes(content)
    try:
        loaded = load(path, sha256=hash_of(path))
    except EvidenceError:
        return
    np.testing.assert_array_equal(answer(loaded), answer(model))


def members_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_members(path, members):
    """Write an archive and return its hash: a forger can record the hash of a forged file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return hash_of(path)


def test_too_large_when_unpacked(saved):
    _, path, sha256 = saved["forest"]
    with pytest.raises(EvidenceError, match=r"unpacks to .* MB, and at most 0 MB are allowed"):
        load(path, sha256=sha256, max_bytes=10_000)


def test_a_zip_bomb_is_refused(saved, tmp_path):
    members = members_of(saved["logistic"][1])
    bomb = {**members, "bomb.npy": bytes(50_000_000)}
    sha256 = write_members(tmp_path / "model.skops", bomb)
    assert (tmp_path / "model.skops").stat().st_size < 100_000
    with pytest.raises(EvidenceError, match="unpacks to 50 MB"):
        load(tmp_path / "model.skops", sha256=sha256, max_bytes=10_000_000)


def test_one_member_named_a_thousand_times_is_refused(tmp_path):
    array = np.zeros(100_000)
    path = tmp_path / "model.skops"
    sha256 = save(FunctionTransformer(kw_args={"a": [array] * 1000}), path)
    with pytest.raises(EvidenceError, match=r"unpacks to 80\d MB"):
        load(path, sha256=sha256, max_bytes=10_000_000)


def test_json_too_deep_is_refused(saved, tmp_path):
    members = members_of(saved["logistic"][1])
    members["schema.json"] = b'{"content":' * 100_000 + b"1" + b"}" * 100_000
    sha256 = write_members(tmp_path / "model.skops", members)
    with pytest.raises(EvidenceError, match="not a readable model file"):
        load(tmp_path / "model.skops", sha256=sha256)


def forge_nodes(source, target, field, value):
    """Set one field of the first inner node of every tree in a model file; return the new hash."""
    members, forged = members_of(source), 0
    for name, content in members.items():
        if not name.endswith(".npy"):
            continue
        array = np.load(io.BytesIO(content))
        if array.dtype.names and field in array.dtype.names:
            array[field][0] = value
            buffer = io.BytesIO()
            np.save(buffer, array)
            members[name], forged = buffer.getvalue(), forged + 1
    assert forged
    return write_members(target, members)


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("forest", "left_child", 10**6),
        ("forest", "right_child", -7),
        ("forest", "left_child", 0),
        ("forest", "feature", 10**6),
        ("forest", "feature", -2),
        ("forest regressor", "feature", 4),
        ("hgb", "left", 10**6),
        ("hgb", "right", 0),
        ("hgb", "feature_idx", 4),
        ("hgb regressor", "feature_idx", -1),
    ],
)
def test_a_tree_that_points_outside_itself_is_refused(saved, tmp_path, name, field, value):
    sha256 = forge_nodes(saved[name][1], tmp_path / "model.skops", field, value)
    with pytest.raises(EvidenceError, match="a tree node"):
        load(tmp_path / "model.skops", sha256=sha256)


def test_a_category_set_that_is_not_there_is_refused(tmp_path):
    only = RNG.integers(0, 5, (400, 1)).astype(float)
    learner = HistGradientBoostingClassifier(max_iter=2, categorical_features=[0])
    save(learner.fit(only, only[:, 0] % 2), tmp_path / "good.skops")
    sha256 = forge_nodes(tmp_path / "good.skops", tmp_path / "bad.skops", "bitset_idx", 99)
    with pytest.raises(EvidenceError, match="a tree node"):
        load(tmp_path / "bad.skops", sha256=sha256)


@pytest.mark.parametrize(
    ("forge", "reason"),
    [
        (
            lambda hgb: setattr(
                hgb._bin_mapper, "is_categorical_", hgb._bin_mapper.is_categorical_[:1]
            ),
            "bins for the wrong number of columns",
        ),
        (
            lambda hgb: [
                setattr(tree, "raw_left_cat_bitsets", tree.raw_left_cat_bitsets[:, :1].copy())
                for (tree,) in hgb._predictors
            ],
            "sets of categories of the wrong size",
        ),
    ],
)
def test_boosting_with_tables_too_small_for_its_trees_is_refused(tmp_path, forge, reason):
    table = np.column_stack([RNG.integers(0, 5, 400), X[:, 1]])
    model = HistGradientBoostingClassifier(max_iter=2, categorical_features=[0])
    model.fit(table, table[:, 0] % 2)
    forge(model)
    sha256 = save(model, tmp_path / "model.skops")
    with pytest.raises(EvidenceError, match=reason):
        load(tmp_path / "model.skops", sha256=sha256)


@pytest.mark.parametrize(
    ("forge", "reason"),
    [
        (lambda tree: tree["content"]["content"]["node_count"], "without nodes"),
        (lambda tree: tree["__reduce__"]["args"]["content"][0], "for the wrong number of columns"),
    ],
)
def test_a_tree_of_the_wrong_size_is_refused(saved, tmp_path, forge, reason):
    members = members_of(saved["forest"][1])
    schema = json.loads(members["schema.json"])
    trees = [node for node in nodes_of(schema) if node.get("__loader__") == "TreeNode"]
    for tree in trees:
        forge(tree)["content"] = "0"
    assert len(trees) == 4
    members["schema.json"] = json.dumps(schema).encode()
    with pytest.raises(EvidenceError, match=reason):
        load(tmp_path / "m.skops", sha256=write_members(tmp_path / "m.skops", members))


class Own:
    """A learner of one's own, as trusted.txt may name it, around one that is corrupt."""

    def __init__(self, inner):
        self.inner = inner


class Slotted:
    __slots__ = ("inner",)

    def __init__(self, inner):
        self.inner = inner


class OwnTree(DecisionTreeClassifier):
    pass


@pytest.mark.parametrize(
    "wrap",
    [
        Own,
        Slotted,
        lambda tree: Own({"deep": [(Own(tree),)]}),
        lambda tree: Own({"key", tree}),
        lambda tree: Own(frozenset([tree])),
        lambda tree: Own({tree: "as a key"}),
        lambda tree: Own(deque([tree])),
        lambda tree: Own(np.array([[tree]], dtype=object)),
        lambda tree: Own(np.array(tree, dtype=object)),
        lambda tree: Own(partial(print, tree)),
        lambda tree: Own(partial(print, key=tree)),
        lambda tree: Own(tree.predict),
        lambda tree: Own(tree.tree_),
        lambda tree: make_pipeline(StandardScaler(), Own(tree)),
    ],
)
@pytest.mark.parametrize("learner", [DecisionTreeClassifier, OwnTree])
def test_a_corrupt_tree_is_found_however_deep(wrap, learner):
    good = learner(max_depth=2, random_state=0).fit(X, Y)
    bad = copy.deepcopy(good)
    state = bad.tree_.__getstate__()
    state["nodes"]["feature"][0] = 99
    bad.tree_.__setstate__(state)
    whole = wrap(good)
    if getattr(whole, "inner", None) is not good.tree_:
        check_trees(whole)
    with pytest.raises(ValueError, match="a tree"):
        check_trees(wrap(bad))


def test_what_holds_itself_is_walked_once():
    circle = Own(None)
    circle.inner = [circle, {"again": circle}]
    check_trees(circle)


def test_a_predictor_of_boosting_outside_of_its_learner_is_refused():
    learner = HistGradientBoostingClassifier(max_iter=2).fit(X, Y)
    check_trees(Own(learner))
    with pytest.raises(ValueError, match="a tree outside of a learner"):
        check_trees(Own(learner._predictors[0]))


def test_gradient_boosting_with_wider_trees_than_its_rows_is_refused():
    wide = np.column_stack([X[:, 1:]] * 9)
    thin, other = (
        GradientBoostingClassifier(n_estimators=2, random_state=0).fit(table, Y)
        for table in (X[:, 1:], wide)
    )
    check_trees(thin)
    thin.estimators_ = other.estimators_
    with pytest.raises(ValueError, match="trees for the wrong number of columns"):
        check_trees(thin)


def nodes_of(part):
    if isinstance(part, dict):
        yield part
    for child in part.values() if isinstance(part, dict) else part:
        if isinstance(child, dict | list):
            yield from nodes_of(child)
