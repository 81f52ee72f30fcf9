"""A figure that says how a batch differs from the batches before it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Statistic:
    """How far one thing about a batch is from what it was before.

    `check` is the kind of difference. `column` is empty when it concerns the whole batch, and
    `a,b` for a pair. `value` is the size of the effect: the larger, the worse. `message` says it to
    a person, `count` rows are concerned, `examples` are a few of them.
    """

    check: str
    column: str
    value: float
    message: str
    count: int = 0
    examples: tuple[str, ...] = ()

    @property
    def series(self) -> str:
        """The name under which the values of one check and column are compared over time."""
        return f"{self.check} {self.column}".rstrip()
