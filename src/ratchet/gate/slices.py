"""The same comparison for parts of the holdout: one carrier, one airport.

Among many slices one always looks bad. So the chance of each is corrected for their number: Holm
(1979), A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6(2), 65-70.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from ratchet.errors import DataError
from ratchet.gate.paired import Difference, differences
from ratchet.scoring.bootstrap import Unit
from ratchet.task import Task


@dataclass(frozen=True)
class Slice:
    """What the challenger loses on the rows in which `column` is `value`.

    difference: None if the slice can't be judged; then `reason` says why not.
    """

    column: str
    value: str
    rows: int
    difference: Difference | None
    reason: str = ""


def by_slice(
    y: ArrayLike,
    champion: ArrayLike,
    challenger: ArrayLike,
    batch: ArrayLike,
    columns: Mapping[str, ArrayLike],
    *,
    task: Task = "binary",
    metric: str,
    min_rows: int,
    seed: int,
    confidence: float = 0.95,
    replicates: int = 1000,
    threshold: float = 0.5,
    unit: Unit = "row",
) -> list[Slice]:
    """Return each slice of the rows: for every column, its values in their sort order.

    y, champion, challenger, batch: as for `ratchet.gate.paired.differences`. columns: (n,) names
    by column. Slices of fewer than `min_rows` rows, or from which no interval can be had,
    come with the reason instead of a difference.
    """
    arrays = [np.asarray(each) for each in (y, champion, challenger, batch)]
    found = []
    for column, names in columns.items():
        values, codes = np.unique(np.asarray(names), return_inverse=True)
        for code, value in enumerate(values):
            inside = codes == code
            rows = int(inside.sum())
            part = Slice(column, str(value), rows, None, f"only {rows} rows, fewer than {min_rows}")
            if rows >= min_rows:
                try:
                    difference = differences(
                        *(each[inside] for each in arrays),
                        task=task,
                        metrics=[metric],
                        seed=seed,
                        confidence=confidence,
                        replicates=replicates,
                        threshold=threshold,
                        unit=unit,
                    )[metric]
                    part = Slice(column, str(value), rows, difference)
                except DataError as error:
                    part = Slice(column, str(value), rows, None, str(error))
            found.append(part)
    return found


def chances(slices: Sequence[Slice], margin: float) -> list[float | None]:
    """Return for each slice the chance, corrected for their number, of what was seen or worse.

    It is the chance if the slice really lost no more than `margin`; a small one says that it loses
    more. None where nothing can be judged. From a normal approximation with the bootstrap's
    standard error, because the smallest share of 1,000 resamples is too coarse for many slices.
    """
    raw = [None if part.difference is None else _chance(part.difference, margin) for part in slices]
    judged = sorted((chance, place) for place, chance in enumerate(raw) if chance is not None)
    corrected: list[float | None] = [None] * len(slices)
    most = 0.0
    for rank, (chance, place) in enumerate(judged):
        most = max(most, min(1.0, chance * (len(judged) - rank)))
        corrected[place] = most
    return corrected


def _chance(difference: Difference, margin: float) -> float:
    excess = difference.loss - margin
    if difference.deviation == 0:  # the models agree on every row
        return 0.0 if excess > 0 else 1.0
    return 1 - NormalDist().cdf(excess / difference.deviation)
