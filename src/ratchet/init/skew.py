"""What a few values far out do: they empty the bins of all others, and rule a squared error."""

from dataclasses import dataclass

import numpy as np

from ratchet.checks.binning import bin_of
from ratchet.data.schema import Column

TAIL = 0.01  # of the rows, on either side, that a usual value isn't among
FEW_BINS = 4  # that hold all usual values: too few to see them move
FEW_ROWS = 0.01  # share of the rows that may make half of the variance


@dataclass(frozen=True)
class Spread:
    """How the target spreads: what 1 means in the unit of the metric that judges a number.

    metric: rmse, or mae where a few rows rule the other. unit: standard deviation or mean distance
    from the median; of classes the log loss of the prior. few: the share of rows that rule.
    """

    unit: float
    metric: str = "rmse"
    few: float = 1.0


def open_end(
    values: np.ndarray, counts: np.ndarray, low: float | None, high: float | None
) -> str | None:
    """Return which end of a column's range, `min` or `max`, is better left open; None for neither.

    Between two ends the checks have bins of equal width. When nearly all values lie in a few of
    them, the column can lose or change them all unseen; without an end, bins grow with the value.
    values: sorted, each with its count.
    """
    if low is None or high is None or low >= high:
        return None
    share = np.cumsum(counts) / counts.sum()
    usual = values[np.searchsorted(share, [TAIL, 1 - TAIL])]
    equal, growing = (
        int(np.diff(bin_of(usual, Column.model_validate({"type": "number", **ends})))[0])
        for ends in ({"min": low, "max": high}, {})
    )
    if equal >= FEW_BINS or growing <= equal:
        return None
    return "max" if high - usual[1] > usual[0] - low else "min"


def spread(labels: np.ndarray) -> Spread:
    """Return how numbers (rows,) spread, and by which metric to judge them."""
    distance = np.sort((labels - labels.mean()) ** 2)[::-1]
    half = 1 + int(np.searchsorted(np.cumsum(distance), distance.sum() / 2))
    if half > FEW_ROWS * len(labels):
        return Spread(float(labels.std()))
    return Spread(float(np.abs(labels - np.median(labels)).mean()), "mae", half / len(labels))
