"""Whether batches' ids sort in the order of time, as far as the ids themselves tell."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence

WRONG = (
    "{} sorts before {}, but names must sort in the order of time: the last ones judge; write the "
    "year first, and numbers with leading zeros (2024-01-31)"
)
_NUMBER = re.compile(r"\d+")
_YEAR_LAST = re.compile(r"(?<!\d)(\d{1,2})([-._]?)(\d{1,2})\2((?:19|20)\d\d)(?!\d)")
_MONTHS = 12

Order = Callable[[str], tuple[object, ...]]


def misplaced(ids: Sequence[str]) -> tuple[str, str] | None:
    """Return two ids of which the first sorts before the second, and is later; None if all is well.

    They are told by numbers without leading zeros (week10, week2) and by dates that begin with the
    day or the month (01.02.2024, 31.01.2024).
    """
    by_name = sorted(ids)
    dates = {name: _date(name) for name in by_name}
    if not by_name or not all(dates.values()):
        # Only what is spelt alike is compared: hashes aren't numbers.
        alike = defaultdict(list)
        for name in by_name:
            alike[_NUMBER.sub("0", name)].append(name)
        found = (_swapped(names, _natural) for names in alike.values())
        return next(filter(None, found), None)
    # 01.02. may be in January or in February: one reading that fits is enough.
    orders: list[Order] = []
    if all(second <= _MONTHS for _, second, _ in dates.values()):
        orders.append(lambda name: (dates[name][2], dates[name][1], dates[name][0], name))
    if all(first <= _MONTHS for first, _, _ in dates.values()):
        orders.append(lambda name: (dates[name][2], dates[name][0], dates[name][1], name))
    swapped = [_swapped(by_name, order) for order in orders]
    return swapped[0] if swapped and all(swapped) else None


def _swapped(by_name: Sequence[str], order: Order) -> tuple[str, str] | None:
    pairs = zip(by_name, sorted(by_name, key=order), strict=True)
    return next(((first, due) for first, due in pairs if first != due), None)


def _date(name: str) -> tuple[int, ...]:
    """Return the three numbers of a date whose year comes last; empty without one."""
    found = _YEAR_LAST.search(name)
    return tuple(int(found[group]) for group in (1, 3, 4)) if found else ()


def _natural(name: str) -> tuple[object, ...]:
    """Return a name as a person sorts it: 2 before 10."""
    words, numbers = _NUMBER.split(name), [*map(int, _NUMBER.findall(name)), 0]
    return tuple(part for pair in zip(words, numbers, strict=True) for part in pair)
