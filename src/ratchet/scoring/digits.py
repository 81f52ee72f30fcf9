"""How a figure is shown: with as many digits as a person reads, whatever its unit."""

from math import floor, isfinite, log10

MOST_DECIMALS = 6  # beyond them processors may differ


def shown(value: float, digits: int = 4) -> str:
    """Return `value` with about so many digits that count: `0.4338`, `1.000`, `612.3`, `48,204`."""
    if not isfinite(value):
        return str(value)
    size = floor(log10(abs(value))) if value else 0
    if -3 <= size < 0:
        size = -1  # shares stand below each other, so they have the same decimals
    decimals = min(max(digits - 1 - size, 0), MOST_DECIMALS)
    return f"{value:,.{decimals}f}"
