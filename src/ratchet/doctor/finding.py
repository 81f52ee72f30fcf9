"""What one look has found."""

from dataclasses import dataclass
from enum import StrEnum

from ratchet.errors import ConfigError, RatchetError


class State(StrEnum):
    """How a check ended. UNASKED: it needs somebody who isn't there, such as GitHub."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNASKED = "not asked"


@dataclass(frozen=True)
class Finding:
    """What a check has found, and what to do about it: "" when nothing is to be done.

    kind: the error whose exit code a failure gives.
    """

    check: str
    state: State
    found: str
    way_out: str = ""
    kind: type[RatchetError] = ConfigError


def ok(check: str, found: str) -> Finding:
    """Return a finding that asks for nothing."""
    return Finding(check, State.OK, found)


def warn(check: str, found: str, way_out: str) -> Finding:
    """Return a finding that stops nothing today."""
    return Finding(check, State.WARN, found, way_out)


def fail(check: str, found: str, way_out: str, kind: type[RatchetError] = ConfigError) -> Finding:
    """Return a finding that stops a night."""
    return Finding(check, State.FAIL, found, way_out, kind)


def broken(check: str, error: RatchetError) -> Finding:
    """Return the finding that an error is; behind the semicolon its message names the way out."""
    found, _, way_out = "; ".join(str(error).splitlines()).partition("; ")
    return Finding(check, State.FAIL, found, way_out, type(error))


def unasked(check: str, why: str, way_out: str) -> Finding:
    """Return the finding of a check that wasn't made."""
    return Finding(check, State.UNASKED, why, way_out)
