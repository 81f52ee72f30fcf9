"""What is wrong with a batch, in a form that reads well and can be kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

EXAMPLES = 3  # values quoted for each failure
LONGEST = 60  # characters of a quoted value


@dataclass(frozen=True)
class Failure:
    """One way in which a batch breaks the contract.

    `code` is the kind of failure, `column` is empty when it concerns the whole batch, `count` is
    the number of rows concerned, `examples` are a few of the values with their row numbers, from 1.
    """

    code: str
    column: str
    message: str
    count: int = 0
    examples: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Failure":
        """Return what was kept as JSON, which has lists for tuples."""
        return cls(**{**values, "examples": tuple(values["examples"])})

    def __str__(self) -> str:
        """Say it in one line: `range dewp: above 90 (2 rows; row 17: 93.0, row 40: 95.1)`."""
        rows = f"{self.count} row{'s' * (self.count != 1)}" if self.examples else ""
        details = "; ".join(filter(None, [rows, ", ".join(self.examples)]))
        where = f"{self.code} {self.column}".rstrip()
        return f"{where}: {self.message}" + (f" ({details})" if details else "")


def quoted(value: object) -> str:
    """Return `value` as text that fits on a line: bad data may hold anything, at any length."""
    text = str(value)
    shown = text if text.isprintable() else ascii(text)
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"
