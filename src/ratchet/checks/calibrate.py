"""Propose thresholds from what a check measured on past batches."""

from collections.abc import Sequence

import numpy as np

BATCHES_PER_ALARM = 60  # one in so many good batches may go beyond: in two months of days
HEADROOM = 0.5  # beyond what is usual, as a part of the way from the median to it


def propose(series: Sequence[float], *, floor: float = 0.0) -> float:
    """Return a threshold for values like those of `series`, one for each good batch.

    The highest value in each BATCHES_PER_ALARM is set aside as an odd day. From the highest that
    is left, half the way from the median is added, because the next half-year brings more than
    the last one had. `floor` is the smallest effect that anybody would want to hear of.

    Raises ValueError when `series` is empty or holds a value that isn't finite.
    """
    values = np.sort(np.asarray(series, dtype=float))
    if not len(values) or not np.isfinite(values).all():
        raise ValueError("needs at least one value, all of them finite")
    top = values[-1 - min(len(values) // BATCHES_PER_ALARM, len(values) - 1)]
    beyond = HEADROOM * (top - np.median(values))
    return max(float(top + beyond), floor)
