"""The steps of a night: commands that a person can type, each shown, measured and judged."""

import os
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ratchet.budget import within
from ratchet.errors import BlockedError, ConfigError, DataError, EvidenceError, RatchetError
from ratchet.nights.ledger import Cost, Line

_BY_CODE: dict[int, type[RatchetError]] = {
    error.exit_code: error for error in (ConfigError, DataError, BlockedError, EvidenceError)
}
# DVC ends with a code of its own when a stage fails; the stage's stands in its message.
_STAGE_FAILED = re.compile(r"failed to run: .*, exited with (\d+)")
# What DVC adds for a person who works in the folder.
_NOISE = re.compile(
    r"^\s*$|^ERROR: failed to reproduce|^To track|^To enable|^\s*git add|dvc config|^Use `dvc"
    r"|^(Updating|Generating) lock|^> "
)
_CODES = re.compile(r"\x1b\[[0-9;]*m")

Done = subprocess.CompletedProcess[str]


class Steps:
    """Runs commands in the folder `top`, and notes in the night's `line` what each step took.

    held: open files that the commands get, such as that of a lock which they hold, too.
    """

    def __init__(
        self,
        top: Path,
        line: Line,
        say: Callable[[str], None] = print,
        held: Sequence[int] = (),
    ) -> None:
        self.top = top
        self._held = held
        self._line = line
        self.say = say
        # GitHub folds what stands between these marks.
        self._marks = (
            ("::group::{}", "::endgroup::") if "GITHUB_ACTIONS" in os.environ else ("{}", "")
        )

    def run(self, step: str, *command: str, quiet: bool = False) -> str:
        """Run a command and return what it printed, as `attempt` has it.

        Raises the RatchetError of its exit code, with what it said last.
        """
        done = self.attempt(step, *command, quiet=quiet)
        if done.returncode:
            raise failure(done)
        return done.stdout

    def attempt(self, step: str, *command: str, quiet: bool = False) -> Done:
        """Run a command, whatever its exit code.

        What it prints is shown as it comes, errors included, and all of it is in `stdout`. Of a
        quiet one the errors stand apart, in `stderr`.
        """
        with self.measured(step, " ".join(command)):
            process = subprocess.Popen(
                command,
                cwd=self.top,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE if quiet else subprocess.STDOUT,
                text=True,
                errors="replace",
                pass_fds=self._held,
            )
            with process:
                if quiet:
                    stdout, stderr = process.communicate()
                else:
                    assert process.stdout is not None
                    stdout, stderr = "".join(self._shown(process.stdout)), ""
        return Done(command, process.returncode, _CODES.sub("", stdout), _CODES.sub("", stderr))

    def _shown(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            yield line
            if not _NOISE.search(line):
                self.say(line.rstrip())

    @contextmanager
    def measured(self, step: str, title: str) -> Iterator[None]:
        """Note what the body takes as the cost of a step; announce it by its title."""
        opened, closed = self._marks
        self.say(opened.format(f"$ {title}"))
        usage = None
        try:
            with within() as usage:
                yield
        finally:
            if usage is not None:
                used = usage()
                self._line.add(step, Cost(used.seconds, used.peak_memory_mb))
            if closed:
                self.say(closed)


def failure(done: Done) -> RatchetError:
    """Return the error that a command ended with: its kind by the exit code, its own words."""
    printed = done.stdout + done.stderr
    stage = _STAGE_FAILED.search(printed)
    code = int(stage[1]) if stage else done.returncode
    kind = _BY_CODE.get(code)
    if kind is None and done.args[0] == "dvc" and not stage and code > 0:
        kind = EvidenceError  # DVC's own failures: the remote is down, an object is missing
    said = _last_words(printed)
    if kind is None:
        return RatchetError(f"`{' '.join(done.args)}` ended with exit code {code}: {said}")
    return kind(said if said.startswith("ratchet ") else f"`{' '.join(done.args)}`: {said}")


def _last_words(printed: str) -> str:
    """Return what a command said of its failure: Ratchet's message, or DVC's, or the last line."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    for start in ("ratchet ", "ERROR: "):
        found = [number for number, line in enumerate(lines) if line.startswith(start)]
        if found:
            told = lines[found[-1] : found[-1] + 3]
            return "; ".join(line for line in told if not line.startswith("ERROR: failed to repro"))
    return lines[-1] if lines else "it said nothing"
