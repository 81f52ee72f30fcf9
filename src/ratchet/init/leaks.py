"""Columns that by themselves say too well what is to be predicted: they know it afterwards."""

from collections.abc import Mapping, Sequence

import numpy as np

from ratchet.data.schema import Format
from ratchet.init.columns import Draft, numbers
from ratchet.init.sample import Sample
from ratchet.task import Task

TOO_GOOD = 0.99  # AUC, share of rows right, or share of the variance of the ranks
FEWEST = 200  # rows from which on such a figure is no chance
OF_EACH = 10  # rows of the rarer class that judge
BINS = 64


def suspects(
    drafts: Sequence[Draft], sample: Sample, spelling: Format, task: Task, labels: np.ndarray
) -> Mapping[str, str]:
    """Return what each suspect feature alone reaches on the newer half of the rows.

    labels: (rows,) 0 or 1, classes by number, or numbers; NaN for rows without one. What a value
    means is learned on the older half, so that a name of each row is no suspect.
    """
    known = np.isfinite(labels)
    if known.sum() < FEWEST or len(sample.batch) < 2:
        return {}
    newer = known & (np.cumsum(known) > known.sum() / 2)
    older = known & ~newer
    judge = {"binary": _auc, "multiclass": _right, "regression": _explained}[task]
    found = {}
    for each in drafts:
        if each.feature:
            codes = _codes(each, sample, spelling)
            said = judge(codes[older], labels[older], codes[newer], labels[newer])
            if said:
                found[each.name] = said
    return found


def _codes(each: Draft, sample: Sample, spelling: Format) -> np.ndarray:
    """Return the place of each row's value, 0 where it is missing: numbers in BINS ranges."""
    column = sample.columns[each.name]
    place: np.ndarray = np.asarray(column.indices.fill_null(-1)) + 1
    if each.type in ("number", "integer", "date"):
        values = numbers(column.dictionary, each.type, spelling)
        counts = np.bincount(place, minlength=len(values) + 1)[1:]
        order = np.argsort(values)
        share = (np.cumsum(counts[order]) - counts[order] / 2) / max(counts.sum(), 1)
        bins = np.empty(len(values) + 1, dtype=np.intp)
        bins[0] = 0
        # With few values each is a bin of its own.
        ranked = np.arange(len(values)) if len(values) <= BINS else (share * BINS).astype(np.intp)
        bins[1 + order] = 1 + ranked
        place = bins[place]
    return place.astype(np.intp)


def _means(codes: np.ndarray, labels: np.ndarray, size: int) -> np.ndarray:
    """Return the mean label of each code, that of all for codes that didn't come."""
    count = np.bincount(codes, minlength=size)
    total = np.bincount(codes, weights=labels, minlength=size)
    found: np.ndarray = np.where(count > 0, total / np.maximum(count, 1), labels.mean())
    return found


def _auc(old: np.ndarray, y_old: np.ndarray, new: np.ndarray, y_new: np.ndarray) -> str:
    positive = int(y_new.sum())
    if min(positive, len(y_new) - positive, int(y_old.sum())) < OF_EACH:
        return ""
    size = int(max(old.max(), new.max())) + 1
    _, rank = np.unique(_means(old, y_old, size)[new], return_inverse=True)
    of_one = np.bincount(rank, weights=y_new)
    of_none = np.bincount(rank) - of_one
    below = np.cumsum(of_none) - of_none / 2
    auc = float((of_one * below).sum() / (of_one.sum() * of_none.sum()))
    return f"alone it has an AUC of {auc:.3f}" if auc > TOO_GOOD else ""


def _right(old: np.ndarray, y_old: np.ndarray, new: np.ndarray, y_new: np.ndarray) -> str:
    classes = int(max(y_old.max(), y_new.max())) + 1
    usual = np.bincount(y_old.astype(np.intp), minlength=classes)
    if usual.max() / usual.sum() > 0.9:  # to be right is no art
        return ""
    size = int(max(old.max(), new.max())) + 1
    counts = np.bincount(old * classes + y_old.astype(np.intp), minlength=size * classes)
    by_code = counts.reshape(size, classes) + usual / usual.sum() / 2
    right = float((by_code.argmax(axis=1)[new] == y_new).mean())
    return f"alone it names the class of {right:.1%} of the rows" if right > TOO_GOOD else ""


def _explained(old: np.ndarray, y_old: np.ndarray, new: np.ndarray, y_new: np.ndarray) -> str:
    # Ranks, for a copy in another unit or on another scale is a copy.
    both = np.concatenate([y_old, y_new])
    _, place, counts = np.unique(both, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2)[place]
    old_ranks, new_ranks = ranks[: len(y_old)], ranks[len(y_old) :]
    size = int(max(old.max(), new.max())) + 1
    wrong = ((_means(old, old_ranks, size)[new] - new_ranks) ** 2).mean()
    share = float(1 - wrong / new_ranks.var()) if new_ranks.var() else 0.0
    said = f"alone it explains {share:.1%} of the target's variance"
    return said if share > TOO_GOOD else ""
