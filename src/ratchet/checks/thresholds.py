"""Propose thresholds from what a check measured on past batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

BATCHES_PER_ALARM = 60  # one in so many good batches may go beyond: in two months of days


@dataclass(frozen=True)
class Rule:
    """How a check's threshold is found.

    `floor` is the smallest effect that anybody wants to hear of. `headroom` is what is added to
    the highest value of the past, as a part of its way from the median: the next half-year brings
    more than the last one had. `share` says that a value can't exceed 1: then a threshold of 1
    would never raise an alarm.
    """

    floor: float
    headroom: float = 0.5
    share: bool = False


# Chosen on the sample's year; docs/validation.md shows what they let pass and what they catch.
RULES: Mapping[str, Rule] = {
    "row_count": Rule(0.25),
    "out_of_day": Rule(0.0, share=True),
    "null_share": Rule(0.1, share=True),
    "constant": Rule(0.05, share=True),
    "new_category": Rule(0.02, share=True),
    "new_value": Rule(0.65, share=True),
    "lost_category": Rule(0.05, share=True),
    "lost_range": Rule(0.05, share=True),
    "distance": Rule(0.3, share=True),
    "level": Rule(8.0),
    "pair": Rule(0.05, share=True),
    "correlation": Rule(0.25),
    "cell_count": Rule(1.9),
    "label_rate": Rule(0.2, share=True),
    "duplicate_rows": Rule(0.05, share=True),
    "duplicate_batch": Rule(0.5, share=True),
    "label_noise": Rule(0.16, headroom=1.25, share=True),
    "label_direction": Rule(1.25, headroom=0.25),
    "label_coherence": Rule(0.87, headroom=0.75),
    "label_slice": Rule(7.0, headroom=0.5),
}


def propose(
    series: Sequence[float], rule: Rule, batches_per_alarm: int = BATCHES_PER_ALARM
) -> float:
    """Return a threshold for values like those of `series`, one for each good batch.

    The highest value in each `batches_per_alarm` is set aside as an odd day; the rule's headroom
    is added to the highest that is left. Of a share it is at most half the way from there to 1, so
    that it is below 1 unless good batches reach 1 themselves, and no threshold could tell.

    Raises ValueError when `series` is empty or holds a value that isn't finite.
    """
    values = np.sort(np.asarray(series, dtype=float))
    if not len(values) or not np.isfinite(values).all():
        raise ValueError("needs at least one value, all of them finite")
    top = values[-1 - min(len(values) // batches_per_alarm, len(values) - 1)]
    found = float(top + rule.headroom * (top - np.median(values)))
    if rule.share and found >= 1:
        found = min(float(1 + top) / 2, 1.0)
    return max(found, rule.floor)
