"""What is common to all rows of the table: the scale, a result, and where to work."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clock import Cost, in_turns
from scratch import Project


@dataclass(frozen=True)
class Scale:
    """How large and how often.

    `train` + `holdout` batches are a window, `many` a very long one; `times` are the factors on
    the rows of a day. Short commands run `runs` times, those that take minutes `long_runs` times.
    The bootstrap is measured on `rows`.
    """

    train: int = 358
    holdout: int = 7
    many: int = 3650
    times: tuple[int, int, int] = (1, 3, 10)
    runs: int = 7
    long_runs: int = 2
    rows: int = 25_000

    @property
    def window(self) -> int:
        return self.train + self.holdout


QUICK = Scale(train=18, holdout=3, many=60, times=(1, 2, 3), runs=1, long_runs=1, rows=2000)


@dataclass(frozen=True)
class Result:
    """A line of the table: a measured ratio, its target if there is one, the figures behind it."""

    what: str
    ratio: float
    target: float | None
    figures: str
    runs: int
    why: str
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.target is None:
            return None
        return self.ratio >= self.target if self.at_least else self.ratio <= self.target


@dataclass
class Bench:
    """Where to work, at what scale, and whom to tell."""

    folder: Path
    scale: Scale
    progress: Callable[[str], None]
    stages: dict[str, list[Cost]] = field(default_factory=dict)

    def project(self, name: str, window: int = 0, **options: Any) -> Project:
        """Return a new project whose window holds so many batches, by default the scale's."""
        self.progress(f"{name}: set up")
        holdout = self.scale.holdout
        train = (window or self.scale.window) - holdout
        return Project(self.folder / name, train=train, holdout=holdout, **options)

    def turns(self, runs: int, *work: tuple[str, Callable[[], Cost]]) -> dict[str, Cost]:
        return in_turns(work, runs, self.progress)
