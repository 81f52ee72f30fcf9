"""Decision trees from a file, looked over before anyone walks them."""

import gc
import json
from collections.abc import Iterable, Iterator
from functools import cache
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np

# Classes by name: importing them all costs more than most checks.
_TREE = "sklearn.tree._tree.Tree"
_TREE_OWNER = "sklearn.tree._classes.BaseDecisionTree"
_HISTOGRAMS = "sklearn.ensemble._hist_gradient_boosting"
_PREDICTOR = f"{_HISTOGRAMS}.predictor.TreePredictor"
_PREDICTOR_OWNER = f"{_HISTOGRAMS}.gradient_boosting.BaseHistGradientBoosting"
_BOOSTING = "sklearn.ensemble._gb.BaseGradientBoosting"
_BOOSTER = "xgboost.core.Booster"
_CODE = (type, ModuleType, FunctionType, BuiltinFunctionType)


def check_trees(estimator: Any) -> None:
    """Raise ValueError when a decision tree in `estimator` points outside its own arrays.

    scikit-learn and XGBoost follow the node numbers in a tree without looking: a file made by hand,
    with nothing but trusted types in it, could crash the process or read foreign memory
    (scikit-learn/scikit-learn#34558). In scikit-learn's trees a child with a higher number than its
    parent also means that every walk ends; its builders always number that way.

    A tree that no learner of scikit-learn owns is refused: nothing says how wide its rows must be.
    """
    trees, owned = [], set()
    for part in _parts(estimator):
        if _is(part, _TREE) or _is(part, _PREDICTOR):
            trees.append(part)
        elif _is(part, _TREE_OWNER) and hasattr(part, "tree_"):
            _check_tree(part)
            owned.add(id(part.tree_))
        elif _is(part, _PREDICTOR_OWNER) and hasattr(part, "_predictors"):
            predictors = [one for iteration in part._predictors for one in iteration]
            _check_predictors(part, predictors)
            owned |= {id(each) for each in predictors}
        elif _is(part, _BOOSTING) and hasattr(part, "estimators_"):
            # It walks their trees by itself, and doesn't ask how wide they are.
            if any(each.n_features_in_ != part.n_features_in_ for each in part.estimators_.flat):
                raise ValueError(f"{type(part).__name__}: trees for the wrong number of columns")
        elif _is(part, _BOOSTER):
            _check_booster(part)
    if any(id(tree) not in owned for tree in trees):
        raise ValueError("a tree outside of a learner of scikit-learn")


def _check_tree(learner: Any) -> None:
    kind, tree, width = type(learner).__name__, learner.tree_, learner.n_features_in_
    if tree.n_features != width:
        raise ValueError(f"{kind}: a tree for the wrong number of columns")
    nodes = tree.__getstate__()["nodes"]
    inner = nodes["left_child"] != -1
    _check_nodes(kind, nodes, inner, ("left_child", "right_child"))
    _check_range(kind, nodes["feature"][inner], width)


def _check_predictors(learner: Any, predictors: Iterable[Any]) -> None:
    kind, width = type(learner).__name__, learner.n_features_in_
    if learner._bin_mapper.is_categorical_.size != width:
        raise ValueError(f"{kind}: bins for the wrong number of columns")
    for predictor in predictors:
        nodes = predictor.nodes
        inner = nodes["is_leaf"] == 0
        _check_nodes(kind, nodes, inner, ("left", "right"))
        _check_range(kind, nodes["feature_idx"][inner], width)
        by_category = inner & (nodes["is_categorical"] != 0)
        bitsets = predictor.raw_left_cat_bitsets
        if by_category.any() and bitsets.shape[1:] != (8,):
            raise ValueError(f"{kind}: sets of categories of the wrong size")
        _check_range(kind, nodes["bitset_idx"][by_category], len(bitsets))


def _check_booster(booster: Any) -> None:
    """Raise ValueError when a tree of XGBoost points outside itself.

    XGBoost numbers children as it likes. So a node must be the child of one other at most, and the
    root of none: then every walk from the root ends.
    """
    width = booster.num_features()
    for tree in _xgboost_trees(json.loads(booster.save_raw("json"))):
        left, right, parents, column = (
            np.array(tree[name], dtype=np.int64)
            for name in ("left_children", "right_children", "parents", "split_indices")
        )
        if len({len(left), len(right), len(parents), len(column)}) > 1 or not len(left):
            raise ValueError("Booster: a tree without nodes, or with too few of them")
        inner = left != -1
        children = np.concatenate([left[inner], right[inner]])
        _check_range("Booster", children, len(left))
        if 0 in children or len(np.unique(children)) != len(children):
            raise ValueError("Booster: a tree node points back into its tree")
        _check_range("Booster", column[inner], width)
        if len(tree["categories_nodes"]):
            raise ValueError("Booster: splits by sets of categories aren't loaded")


def _xgboost_trees(part: Any) -> Iterator[Any]:
    """Yield every tree in what XGBoost writes as JSON; `dart` has them deeper than `gbtree`."""
    if isinstance(part, dict):
        yield from part.get("trees", ())
        for child in part.values():
            if isinstance(child, dict):
                yield from _xgboost_trees(child)


def _check_nodes(kind: str, nodes: Any, inner: Any, children: tuple[str, str]) -> None:
    """Raise ValueError unless the children of the `inner` nodes stand between them and the end."""
    if len(nodes) == 0:
        raise ValueError(f"{kind}: a tree without nodes")
    position = np.arange(len(nodes))[inner]
    for name in children:
        child = nodes[name][inner].astype(np.int64)
        if (child <= position).any() or (child >= len(nodes)).any():
            raise ValueError(f"{kind}: a tree node points outside its tree")


def _check_range(kind: str, index: Any, length: Any) -> None:
    """Raise ValueError unless every number in `index` names one of `length` entries."""
    numbers = index.astype(np.int64)
    if numbers.size and (numbers.min() < 0 or length is None or numbers.max() >= length):
        raise ValueError(f"{kind}: a tree node names a column or set that isn't there")


def _is(part: Any, name: str) -> bool:
    """Tell whether an object is of the class of that name, or of one that was made from it."""
    return name in _ancestry(type(part))  # type: ignore[arg-type]  # they have a hash


@cache
def _ancestry(kind: type) -> frozenset[str]:
    return frozenset(f"{each.__module__}.{each.__qualname__}" for each in kind.__mro__)


def _parts(whole: Any) -> Iterator[Any]:
    """Yield every object inside `whole`, of whatever class, however deep; but no code.

    The interpreter's garbage collector knows what an object holds: attributes, with or without
    `__dict__`, members of any container, arguments of a partial. Of arrays numpy alone does.
    """
    waiting = [whole]
    seen = {}  # by id; what is kept alive here can't hand its id on
    while waiting:
        part = waiting.pop()
        if id(part) in seen or isinstance(part, _CODE):
            continue
        seen[id(part)] = part
        yield part
        waiting += gc.get_referents(part)
        if isinstance(part, np.ndarray) and part.dtype.hasobject:
            waiting += part.ravel().tolist()
