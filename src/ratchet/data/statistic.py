"""What a check measures on a batch: one figure, larger is worse."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Statistic:
    """One figure of one check on one batch, of a column or of the whole.

    `column` is empty when the figure concerns the whole batch, and "a,b" for a pair of columns.
    `value` is an effect size; `message` says it in one sentence with figures. `count` is the
    number of rows concerned.
    """

    check: str
    column: str
    value: float
    message: str
    count: int = 0
    examples: tuple[str, ...] = ()
