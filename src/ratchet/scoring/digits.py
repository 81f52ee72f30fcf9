"""How a figure is shown: with as many digits as a person reads, whatever its unit."""

from math import floor, isfinite, log10

MOST_DECIMALS = 6  # beyond them processors may differ


def shown(value: float, digits: int = 4) -> str:
    """Return `value` with about so many digits that count: `0.4338`, `1.000`, `612.3`, `48,204`."""
    if not isfinite(value):
        return str(value)
    # Shares stand below each other, so they have the same decimals.
    size = 0.1 if 1e-3 <= abs(value) < 1 else value
    return f"{value:,.{decimals(size, digits)}f}"


def decimals(size: float, digits: int = 4) -> int:
    """Return how many digits after the point give a figure of this size `digits` that count."""
    place = floor(log10(abs(size))) if size else 0
    return min(max(digits - 1 - place, 0), MOST_DECIMALS)


def count(number: int, one: str, more: str) -> str:
    """Return a number with its noun: `1 row`, `3 rows`."""
    return f"{number} {one if number == 1 else more}"
