"""Show how far a transfer is: a bar on a terminal, one line per 10 % elsewhere."""

import sys
import threading
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress


class Transfer:
    """The progress of `files` files of `size` bytes in all, told on standard error.

    A context manager; `add` may be called from several threads.
    """

    def __init__(self, title: str, files: int, size: int) -> None:
        self._title = title
        self._files, self._size = files, size
        self._done_files = self._done_size = 0
        self._told = 0  # tenths
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        """Draw the bar, if there is someone to see it."""
        if self._files and sys.stderr.isatty():
            # A third of the time that a small fetch takes: only where it is seen.
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
            from rich.progress import TransferSpeedColumn as SpeedColumn

            self._bar = self._stack.enter_context(
                Progress(
                    TextColumn("{task.description}"),
                    BarColumn(),
                    TextColumn("{task.fields[files]} files"),
                    DownloadColumn(),
                    SpeedColumn(),
                    console=Console(stderr=True),
                )
            )
            self._bar.add_task(self._title, total=self._size, files=f"0/{self._files}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last state of the bar on the screen."""
        self._stack.close()

    def add(self, size: int = 0, files: int = 0) -> None:
        """Count `size` more bytes and `files` more whole files."""
        with self._lock:
            self._done_size += size
            self._done_files += files
            if self._bar is not None:
                done = f"{self._done_files}/{self._files}"
                self._bar.update(self._bar.task_ids[0], advance=size, files=done)
                return
            # By files where all of them are empty; the last tenth is told by the last file.
            share = self._done_size / self._size if self._size else 1.0
            tenths = min(int(share * 10), 10 if self._done_files == self._files else 9)
            if tenths > self._told:
                self._told = tenths
                print(
                    f"{self._title}: {tenths * 10} % ({self._done_files} of {self._files} files, "
                    f"{self._done_size / 1e6:.1f} of {self._size / 1e6:.1f} MB)",
                    file=sys.stderr,
                    flush=True,
                )
