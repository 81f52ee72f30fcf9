"""The model in a stage as it is now: always one that was proven, swapped while it is in use."""

import logging
from threading import Event

from ratchet.errors import RatchetError
from ratchet.serving.origin import Origin, Version
from ratchet.serving.proven import Proven, UnprovenError, take
from ratchet.serving.signature import Verifier

_LOG = logging.getLogger(__name__)


class Live:
    """Keeps the model that stands in the origin's stage.

    `model` is always whole: who answers a request reads it once, and works with that. A new version
    is brought and proven beside it, and takes its place in one step. If it can't be had or proven,
    the one before goes on, and `problem` says why; the log says it once. An accepted file that
    can't answer here is not brought again: the next version helps, or a start with other libraries.

    Raises EvidenceError when the first model can't be had or proven.
    """

    def __init__(self, origin: Origin, verify: Verifier) -> None:
        self._origin = origin
        self._verify = verify
        self._refused: dict[str, str] = {}  # why, by commit
        self.problem = ""
        self.model: Proven = take(origin, origin.standing(), verify)

    def look(self) -> bool:
        """Look for another version in the stage; return whether one took the old one's place."""
        before = self.model.version
        try:
            found = self._origin.standing()
            if found.commit in self._refused:
                self.problem = self._refused[found.commit]
                return False
            if found.commit != before.commit:
                _LOG.info("%s is in %s now; proving it", found, self._origin.stage)
                self.model = self._take(found)
                _LOG.info("%s answers from now on, instead of %s", found, before)
            self.problem = ""
        except RatchetError as error:
            if str(error) != self.problem:
                _LOG.error("%s goes on answering: %s", before, error)
            self.problem = str(error)
        except Exception as error:  # a bug must not end the watch
            self.problem = f"{type(error).__name__}: {error}"
            _LOG.exception("%s goes on answering", before)
        return self.model.version != before

    def _take(self, version: Version) -> Proven:
        try:
            return take(self._origin, version, self._verify)
        except UnprovenError as error:
            self._refused[version.commit] = str(error)
            raise

    def watch(self, seconds: float, stop: Event) -> None:
        """Look every so many seconds, until `stop` is set: in a thread of its own."""
        while not stop.wait(seconds):
            self.look()
