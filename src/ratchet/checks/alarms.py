"""From figures to alarms: which ones are above their thresholds, and what follows from that."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ratchet.checks.statistic import Statistic
from ratchet.config import Check, Checks, Severity
from ratchet.data.failure import Failure


@dataclass(frozen=True)
class Alarm:
    """A figure above its threshold, and how grave that is."""

    severity: Severity
    threshold: float
    statistic: Statistic


def raise_alarms(statistics: Iterable[Statistic], checks: Checks) -> list[Alarm]:
    """Return the alarms, the ones furthest above their thresholds first.

    A figure that isn't a number is an alarm: a check that can't be made isn't passed.
    """
    alarms = []
    for statistic in statistics:
        check: Check = getattr(checks, statistic.check)
        limit = check.limit(statistic.column)
        if check.severity != "off" and not statistic.value <= limit:
            alarms.append(Alarm(check.severity, limit, statistic))
    return sorted(alarms, key=lambda alarm: -alarm.statistic.value / max(alarm.threshold, 1e-9))


def explain(alarm: Alarm, earlier: Sequence[Mapping[str, float]]) -> Failure:
    """Put an alarm in words: the figure, its limit, and how often it was as high in `earlier`.

    `earlier` has the statistics of batches before by series.
    """
    figure = alarm.statistic
    before = [values[figure.series] for values in earlier if figure.series in values]
    as_high = sum(value >= figure.value for value in before)
    value, limit = _apart(figure.value, alarm.threshold)
    message = (
        f"{figure.message}; {value} is above the limit {limit}, "
        f"{as_high} of the {len(before)} batches before had as much"
    )
    return Failure(figure.check, figure.column, message, figure.count, figure.examples)


def _apart(value: float, limit: float) -> tuple[str, str]:
    """Return both with three digits, or as many as it takes to tell them apart."""
    for digits in range(3, 9):
        shown = f"{value:.{digits}g}", f"{limit:.{digits}g}"
        if shown[0] != shown[1]:
            break
    return shown
