"""One figure that a check measured on a batch, before anybody decided what it means."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Statistic:
    """How far a batch is from what came before, by one check, in one column.

    `check` is the check's code, `column` the column it concerns: "a,b" for a pair, "" for the
    whole batch. `value` is an effect size in the check's own unit: larger is always worse, and an
    alarm is a value above the check's threshold. `message` says it with figures for a person,
    `count` says how many rows it concerns, `examples` shows a few of the values.
    """

    check: str
    column: str
    value: float
    message: str
    count: int = 0
    examples: tuple[str, ...] = ()
