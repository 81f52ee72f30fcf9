"""A budget of time and memory for a piece of work, watched while it runs.

A thread looks at the process and its children every 50 ms. Over budget, it sends the main thread a
signal that ends the work with a ConfigError; a main thread that is deep in C code doesn't see that,
so after a period of grace the whole process ends, with the same message and exit code. Nothing
half-written stays, as stages write to temporary names (`ratchet.files.atomic_write`).

C code that holds Python's global lock delays the watch as well; scikit-learn's long loops don't.
POSIX only, and in the main thread only: only there can Python handle a signal.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType

import psutil

from ratchet.errors import ConfigError

_EVERY = 0.05  # seconds between two looks at the process itself
_CHILDREN_EVERY = 10  # looks between two searches for children, which read all of /proc
_REPEAT = 0.1  # seconds between two signals while the first wasn't heeded

# Not SIGINT: that belongs to Ctrl-C, and a shell's background jobs ignore it.
_SIGNAL = signal.SIGUSR1


@dataclass(frozen=True)
class Usage:
    """What a piece of work took: wall-clock seconds, and the highest memory seen.

    The memory is the resident set of the process with its children, in MB (10^6 bytes), sampled:
    peaks shorter than the time between two looks go unseen, pages that they share count twice.
    """

    seconds: float
    peak_memory_mb: float


class _Exceeded(BaseException):
    """Raised in the main thread by the signal; no `except Exception` on the way can swallow it."""


@contextlib.contextmanager
def within(
    max_seconds: float | None = None, max_memory_mb: float | None = None, *, grace: float = 10.0
) -> Iterator[Callable[[], Usage]]:
    """Run the body of a `with` statement within a budget; yield a function that tells the usage.

    max_seconds: wall-clock time. max_memory_mb: resident memory of this process and its children,
    in MB (10^6 bytes). None is no limit. grace: seconds that the body gets to react before
    the process ends with exit code 2.

    Raises ConfigError when the budget is exceeded, or when there isn't enough memory at all.
    KeyboardInterrupt, as any other exception of the body, passes through.
    """
    watch = _Watch(max_seconds, max_memory_mb, grace)
    before = signal.signal(_SIGNAL, watch.react)
    try:
        try:
            watch.start()
            yield watch.usage
        finally:
            # Afterwards no signal is sent, and one that was sent before has arrived.
            watch.stop()
    except _Exceeded:
        if watch.exceeded is None:
            raise  # it belongs to a budget around this one
    except MemoryError as error:
        if watch.exceeded is None:
            raise ConfigError(
                f"out of memory on this machine ({error}); shrink window.train or choose a "
                "smaller estimator in params.yaml"
            ) from error
    finally:
        watch.stop()
        signal.signal(_SIGNAL, before)
    if watch.exceeded is not None:
        raise ConfigError(watch.exceeded)


class _Watch(threading.Thread):
    """The thread that measures, and says in `exceeded` which limit was broken."""

    def __init__(
        self, max_seconds: float | None, max_memory_mb: float | None, grace: float
    ) -> None:
        super().__init__(name="budget", daemon=True)
        self.exceeded: str | None = None
        self._max_seconds = max_seconds
        self._max_memory_mb = max_memory_mb
        self._grace = grace
        self._done = threading.Event()
        self._raised = False
        self._signalling = threading.Lock()
        self._process = psutil.Process()
        self._children: list[psutil.Process] = []
        self._began = time.monotonic()
        self._ended: float | None = None
        self._peak_mb = 0.0

    def usage(self) -> Usage:
        """Return the time and memory taken so far, or in all once the work has ended."""
        ended = time.monotonic() if self._ended is None else self._ended
        return Usage(ended - self._began, self._peak_mb)

    def react(self, _signal: int, frame: FrameType | None) -> None:
        """Raise in the main thread: once, and not where the `with` statement couldn't catch it.

        That is in contextlib's code and in ours, on the way into the body and out of it. On the
        way out `within` sees `exceeded` by itself; otherwise the signal comes again.
        """
        between = frame is not None and frame.f_code.co_filename in (contextlib.__file__, __file__)
        if not between and not self._raised:
            self._raised = True
            raise _Exceeded

    def run(self) -> None:
        looks = 0
        while True:
            if looks % _CHILDREN_EVERY == 0:
                self._children = self._process.children(recursive=True)
            looks += 1
            broken = self._look()
            if broken is not None:
                self._interrupt(broken)
                return
            if self._done.wait(_EVERY):
                return

    def stop(self) -> None:
        """End the watch; a second call does no harm, should a signal have cut the first short."""
        with self._signalling:
            self._done.set()
        if self.is_alive():
            self.join()
        if self._ended is None:
            self._ended = time.monotonic()

    def _look(self) -> str | None:
        """Measure once; return what to tell the person when a limit is broken."""
        memory = _resident_mb([self._process, *self._children])
        self._peak_mb = max(self._peak_mb, memory)
        seconds = time.monotonic() - self._began
        if self._max_seconds is not None and seconds > self._max_seconds:
            return _message("max_seconds", self._max_seconds, seconds, "s")
        if self._max_memory_mb is not None and memory > self._max_memory_mb:
            return _message("max_memory_mb", self._max_memory_mb, memory, "MB")
        return None

    def _interrupt(self, message: str) -> None:
        """Ask the main thread to end the work; when it doesn't within the grace, end everything."""
        until = time.monotonic() + self._grace
        while time.monotonic() < until:
            with self._signalling:
                if self._done.is_set():
                    return
                self.exceeded = message
                if not self._raised:
                    # A real signal, which also wakes a sleep or a wait for other processes.
                    signal.pthread_kill(threading.main_thread().ident or 0, _SIGNAL)
            if self._done.wait(_REPEAT):
                return
        print(f"ratchet: {message}", file=sys.stderr, flush=True)
        for child in self._process.children(recursive=True):
            try:
                child.kill()
            except psutil.NoSuchProcess:
                continue
        os._exit(ConfigError.exit_code)


def _message(limit: str, allowed: float, got: float, unit: str) -> str:
    return (
        f"params.yaml: train.budget.{limit} is {allowed:,.2f} {unit}, and the training had taken "
        f"{got:,.2f} {unit} ({got - allowed:,.2f} more) when it was stopped; raise the limit, "
        "shrink window.train or choose a cheaper estimator"
    )


def _resident_mb(processes: list[psutil.Process]) -> float:
    total = 0
    for process in processes:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue  # it ended since the last look
    return total / 1e6
