"""The batches before the one that is being judged, which it is compared with."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from ratchet.checks.coding import Coded
from ratchet.checks.profile import Profile
from ratchet.files import sha256_text

# Batches. With fewer before it, at the beginning, one can't tell what is usual: days that are only
# the first of their kind would be quarantined, and what is left would make the next ones look odd.
FEWEST = 28
LEAST = 2  # later on, when most of those before are quarantined: a comparison isn't given up


@dataclass(frozen=True)
class Member:
    """An accepted batch. Its profile and its rows are read when they are asked for."""

    id: str
    sha256: str
    read_profile: Callable[[], Profile]
    read_codes: Callable[[], Coded]

    @cached_property
    def profile(self) -> Profile:
        """The batch's profile."""
        return self.read_profile()

    @cached_property
    def codes(self) -> Coded:
        """The batch's rows as codes."""
        return self.read_codes()


class Past:
    """The accepted ones of the `reference` batches before the present one, as time goes on.

    `from_the_start` says that no batch at all precedes the first one that is added. Otherwise a
    batch is only compared when `reference` batches are known before it: what it is compared with
    shall not depend on where the window begins.
    """

    def __init__(self, reference: int, *, from_the_start: bool) -> None:
        self._lines: deque[Member | None] = deque(maxlen=reference)
        self._complete = from_the_start

    def add(self, member: Member | None) -> None:
        """Go on to the next batch; None stands for one that wasn't accepted."""
        self._lines.append(member)
        self._complete |= len(self._lines) == self._lines.maxlen

    @property
    def members(self) -> Sequence[Member]:
        """The batches to compare with, oldest first; none when there are too few."""
        found = [member for member in self._lines if member is not None]
        full = len(self._lines) == self._lines.maxlen
        return found if self._complete and len(found) >= (LEAST if full else FEWEST) else []

    @property
    def name(self) -> str:
        """One name for what is compared with; empty when nothing is."""
        lines = [f"{member.id} {member.sha256}\n" for member in self.members]
        return sha256_text("".join(lines)) if lines else ""
