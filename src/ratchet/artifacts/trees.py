"""Decision trees from a file, looked over before anyone walks them."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np


def check_trees(estimator: Any) -> None:
    """Raise ValueError when a decision tree in `estimator` points outside its own arrays.

    scikit-learn and XGBoost follow the node numbers in a tree without looking: a file made by hand,
    with nothing but trusted types in it, could crash the process or read foreign memory
    (scikit-learn/scikit-learn#34558). In scikit-learn's trees a child with a higher number than its
    parent also means that every walk ends; its builders always number that way.
    """
    for part in _parts(estimator):
        width = getattr(part, "n_features_in_", None)
        kind = type(part).__name__
        if hasattr(part, "tree_"):
            tree = part.tree_
            if tree.n_features != width:
                raise ValueError(f"{kind}: a tree for the wrong number of columns")
            nodes = tree.__getstate__()["nodes"]
            _check_nodes(kind, nodes, nodes["left_child"] != -1, ("left_child", "right_child"))
            _check_range(kind, nodes["feature"][nodes["left_child"] != -1], width)
        if hasattr(part, "_predictors"):
            if part._bin_mapper.is_categorical_.size != width:
                raise ValueError(f"{kind}: bins for the wrong number of columns")
            for predictor in (one for iteration in part._predictors for one in iteration):
                nodes = predictor.nodes
                inner = nodes["is_leaf"] == 0
                _check_nodes(kind, nodes, inner, ("left", "right"))
                _check_range(kind, nodes["feature_idx"][inner], width)
                by_category = inner & (nodes["is_categorical"] != 0)
                bitsets = predictor.raw_left_cat_bitsets
                if by_category.any() and bitsets.shape[1:] != (8,):
                    raise ValueError(f"{kind}: sets of categories of the wrong size")
                _check_range(kind, nodes["bitset_idx"][by_category], len(bitsets))
        if kind == "Booster" and type(part).__module__ == "xgboost.core":
            _check_booster(part)


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


def _parts(whole: Any) -> Iterator[Any]:
    """Yield every object of scikit-learn or XGBoost inside `whole`, however deep."""
    waiting, seen = [whole], set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, list | tuple) or (
            isinstance(part, np.ndarray) and part.dtype == object
        ):
            waiting.extend(part)
        elif type(part).__module__.startswith(("sklearn.", "xgboost.")):
            yield part
            waiting.extend(getattr(part, "__dict__", {}).values())
