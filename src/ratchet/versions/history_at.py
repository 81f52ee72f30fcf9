"""What was in each stage then, and how long versions stood where. All times are UTC."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta

from ratchet.journal.accepted import STAGE
from ratchet.versions.history import Past, Stay
from ratchet.versions.record import plain

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class When:
    """A moment, or a whole day: its first and its last second. said: how a person called it."""

    said: str
    first: datetime
    last: datetime


def when(text: str) -> When:
    """Return the day or moment that `2026-03-14` or `2026-03-14T03:00+01:00` names.

    Raises ValueError for anything else.
    """
    try:
        day = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
    except ValueError:
        at = _aware(datetime.fromisoformat(text))
        return When(text, at, at)
    return When(text, day, day + timedelta(days=1, seconds=-1))


def moment(text: str) -> datetime | None:
    """Return a date in ISO format, in UTC where it doesn't say; None for none."""
    try:
        return _aware(datetime.fromisoformat(text))
    except ValueError:
        return None


def standing(past: Past, then: When) -> list[Stay]:
    """Return the stays that then was a part of, oldest first."""
    found = []
    for stay in past.stays:
        since, until = moment(stay.since), moment(stay.until)
        if since and since <= then.last and (until is None or until > then.first):
            found.append(stay)
    return found


def between(stay: Stay) -> str:
    """Return from when to when a stay lasted, in minutes, or seconds where that isn't enough."""
    since, until = moment(stay.since), moment(stay.until)
    if since is None:  # a tag that doesn't say when it was made
        return "at a time that git doesn't know"
    if until is None:
        return f"since {since:%Y-%m-%d %H:%M}"
    clock = "%H:%M" if until - since >= _MINUTE else "%H:%M:%S"
    end = clock if until.date() == since.date() else f"%Y-%m-%d {clock}"
    return f"{since.strftime(f'%Y-%m-%d {clock}')} to {until.strftime(end)}"


def places(stays: Sequence[Stay]) -> str:
    """Return when a version was in which stages last, production first; "" for nowhere."""
    stages = sorted({each.stage for each in stays}, key=lambda stage: (stage != STAGE, stage))
    told = []
    for stage in stages:
        times = [each for each in stays if each.stage == stage]
        before = {1: "", 2: ", once before"}.get(len(times), f", {len(times) - 1} times before")
        told.append(f"in {stage} {between(times[-1])}{before}")
    return "; ".join(told)


def describe(past: Past, then: When) -> str:
    """Return what was in each stage then, a line each."""
    found = standing(past, then)
    if not found:
        first = next((f": {each.tag} came first, {between(each)}" for each in past.stays), "")
        return f"{then.said}: nothing was in a stage{first}"
    models = _models(past)
    wide = max(len(stay.stage) for stay in found)
    lines = [f"{then.said} (times are UTC)"]
    for stay in sorted(found, key=lambda each: (each.stage != STAGE, each.stage)):
        how = ", by a rollback" if stay.back else ""
        who = plain(stay.by)
        model = models[stay.tag][:12] or "no model"
        lines.append(f"{stay.stage:<{wide}}  {stay.tag}  {model}  {between(stay)}, by {who}{how}")
    return "\n".join(lines)


def to_json(past: Past, then: When) -> str:
    """Return the same for machines: the stays of `ratchet history --json`, with their models."""
    models = _models(past)
    told = {
        "head": past.head,
        "at": {"first": then.first.isoformat(), "last": then.last.isoformat()},
        "stays": [
            asdict(each) | {"model_sha256": models[each.tag]} for each in standing(past, then)
        ],
    }
    return json.dumps(told, indent=1, ensure_ascii=False)


def _models(past: Past) -> dict[str, str]:
    return {each.version.tag: each.version.model_sha256 for each in past.entries}


def _aware(found: datetime) -> datetime:
    try:
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{found} is before or after all years") from error
