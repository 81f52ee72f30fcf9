"""Which versions one may have to roll back to."""

from datetime import UTC, datetime, timedelta

import pytest

from ratchet.journal.accepted import Version
from ratchet.versions.window import kept, past

NOW = datetime(2013, 6, 30, 12, tzinfo=UTC)


def version(number: int, days: float, *stages: str) -> Version:
    """Return a version that was accepted so many days ago."""
    date = (NOW - timedelta(days=days)).isoformat(timespec="seconds")
    return Version((number, 0, 0), f"{number:040}", date, "T", "why", "", stages, stages)


def left(number: int, days: float) -> dict[str, datetime]:
    return {f"{number:040}": NOW - timedelta(days=days)}


@pytest.mark.parametrize(
    ("one", "gone", "reason"),
    [
        (version(1, 500, "prod"), {}, "in prod"),
        (version(1, 500, "prod", "staging"), left(1, 400), "in prod, staging"),
        (version(1, 89), {}, "accepted on 2013-04-02"),
        (version(1, 90), {}, "accepted on 2013-04-01"),
        (version(1, 91), {}, None),
        # Older than the window, but in production until a day ago.
        (version(1, 500), left(1, 1), "in a stage until 2013-06-29"),
        (version(1, 500), left(1, 91), None),
        (version(1, 89), left(1, 400), "accepted on 2013-04-02"),
        (version(1, 91), left(2, 1), None),
    ],
)
def test_a_version_stays_as_long_as_one_may_want_it_back(
    one: Version, gone: dict[str, datetime], reason: str | None
) -> None:
    assert kept([one], gone, NOW, 90) == ({one.tag: reason} if reason else {})


def test_without_a_window_only_what_serves_stays() -> None:
    known = [version(1, 1), version(2, 0, "prod")]
    gone = left(1, 0.5)
    assert kept(known, gone, NOW, 0) == {"model@v2.0.0": "in prod"}
    assert past(known[0], gone) == "accepted on 2013-06-29, in no stage since 2013-06-30"
    assert past(version(3, 100), gone) == "accepted on 2013-03-22, never in a stage"
