"""A figure that says how a batch differs from the batches before it."""

from dataclasses import dataclass

WORST_FOUND = {"cell_count", "label_slice"}


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
        """The name under which values are compared over time.

        That of check and column; of the check alone where the column is but the worst one found.
        """
        return self.check if self.check in WORST_FOUND else f"{self.check} {self.column}".rstrip()
