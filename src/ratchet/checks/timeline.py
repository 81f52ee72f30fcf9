"""The window batch by batch, as the columns of two small tables that plots are drawn from."""

from collections.abc import Mapping
from typing import Any

from ratchet.checks.labels import tell
from ratchet.checks.records import Record
from ratchet.config import Check, Checks
from ratchet.data.target import Target

WHOLE_BATCH = "(batch)"


def arrivals(window: Mapping[str, Record], target: Target) -> dict[str, list[Any]]:
    """Return rows, label (see `tell`) and state of each batch, oldest first.

    The state is `good`, `warning`, or `quarantined`, also where a person has accepted the batch.
    """
    states = [
        "quarantined" if not record.is_good else "warning" if record.alarms else "good"
        for record in window.values()
    ]
    told = tell(window, target).numbers
    return {
        "batch": list(window),
        "rows": [record.rows for record in window.values()],
        "label": [round(told[batch], 6) if batch in told else None for batch in window],
        "state": states,
    }


def drift(window: Mapping[str, Record], checks: Checks) -> dict[str, list[Any]]:
    """Return how close each column of each batch came to an alarm, and by which check.

    `of_limit` is the column's figure as a share of its threshold, that of the check where it is
    largest: above 1 there is an alarm. What concerns a pair counts for both columns.
    """
    found: dict[str, list[Any]] = {"batch": [], "column": [], "of_limit": [], "check": []}
    for batch, record in window.items():
        worst: dict[str, tuple[float, str]] = {}
        for series, value in record.statistics.items():
            name, _, columns = series.partition(" ")
            check: Check = getattr(checks, name)
            if check.severity == "off":
                continue
            share = value / max(check.limit(columns), 1e-9)
            for column in columns.split(",") if columns else [WHOLE_BATCH]:
                worst[column] = max(worst.get(column, (0.0, "")), (share, name))
        for column, (share, name) in worst.items():
            found["batch"].append(batch)
            found["column"].append(column)
            found["of_limit"].append(round(share, 4))
            found["check"].append(name)
    return found
