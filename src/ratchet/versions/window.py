"""The rollback window: which versions must stay restorable, and why."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from ratchet.journal.accepted import Version


def kept(
    known: Sequence[Version], left: Mapping[str, datetime], now: datetime, days: int
) -> dict[str, str]:
    """Return the reason to keep each version that must stay, by its tag.

    left: when commits last left a stage. A version stays while it is in a stage, and for so many
    days after it left the last one, or was accepted: what was in production until yesterday is what
    one rolls back to, however old it is.
    """
    since = now - timedelta(days=days)
    reasons = {}
    for version in known:
        gone = left.get(version.commit)
        if version.stages:
            reasons[version.tag] = f"in {', '.join(version.stages)}"
        elif gone and gone >= since:
            reasons[version.tag] = f"in a stage until {gone:%Y-%m-%d}"
        elif datetime.fromisoformat(version.date) >= since:
            reasons[version.tag] = f"accepted on {version.day}"
    return reasons


def past(version: Version, left: Mapping[str, datetime]) -> str:
    """Return why a version that isn't kept may go."""
    gone = left.get(version.commit)
    served = f"in no stage since {gone:%Y-%m-%d}" if gone else "never in a stage"
    return f"accepted on {version.day}, {served}"
