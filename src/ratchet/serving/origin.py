"""Where accepted models come from: a repository by its URL, and DVC's remote.

Nothing of the repository is checked out or run: git lists its tags, and `dvc get` brings the model
with its card and golden predictions. Both are processes with a time limit, so that a network that
hangs can't stop the one who waits for a new version.
"""

import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ratchet.errors import EvidenceError
from ratchet.journal.accepted import ARTIFACT, STAGE, standing
from ratchet.programs import search_path

_PEELED = "^{}"  # git's mark of the commit that an annotated tag points to
_TAIL = 600  # letters of what a program said


@dataclass(frozen=True)
class Version:
    """The version that stands in a stage: its tag, and the commit that has all about it."""

    tag: str
    commit: str

    def __str__(self) -> str:
        """Return the tag with the first digits of the commit."""
        return f"{self.tag} ({self.commit[:7]})"


@dataclass(frozen=True)
class Origin:
    """A repository of accepted models.

    url: of the repository, or its path. stage: which version is wanted. models: the folder that
    has model.skops, card.json and golden.json. remote: of DVC, by default the one that the
    repository sets. config: a file in the format of .dvc/config, for what isn't in the repository:
    credentials, an endpoint. seconds: how long git or DVC may take.
    """

    url: str
    stage: str = STAGE
    models: str = "models"
    remote: str | None = None
    config: Path | None = None
    seconds: float = 600

    def standing(self) -> Version:
        """Return the version that stands in the stage now.

        Raises EvidenceError when the repository can't be asked, or nothing stands there.
        """
        listed = self._run(["git", "ls-remote", "--tags", "--", self.url, f"{ARTIFACT}[@#]*"])
        lines = (line.split("\t", 1) for line in listed.splitlines() if "\t" in line)
        tags = {
            name.removesuffix(_PEELED).removeprefix("refs/tags/"): commit
            for commit, name in lines
            if name.endswith(_PEELED)
        }
        found = standing(tags, self.stage)
        if found is None:
            raise EvidenceError(
                f"{self.url}: no version is in {self.stage}; `ratchet register` puts one there, "
                "and its tags must be pushed"
            )
        return Version(*found)

    def bring(self, version: Version, folder: Path) -> None:
        """Write the version's model, card and golden predictions into the new folder `folder`.

        Raises EvidenceError when they can't be had.
        """
        url = str(Path(self.url).absolute()) if Path(self.url).exists() else self.url
        options = ["--remote", self.remote] if self.remote else []
        options += ["--config", str(self.config.absolute())] if self.config else []
        command = ["dvc", "get", url, self.models, "--rev", version.commit]
        self._run([*command, "--out", str(folder), *options])

    def _run(self, command: Sequence[str]) -> str:
        """Run a program outside of any repository; return what it printed."""
        what = " ".join(command[:2])
        environment = {
            "AWS_MAX_ATTEMPTS": "3",  # DVC's own patience with a remote that is down is minutes
            "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
            **os.environ,
            "GIT_TERMINAL_PROMPT": "0",
            "PATH": search_path(),
        }
        with tempfile.TemporaryDirectory(prefix="ratchet-serving-") as nowhere:
            here = None if command[0] == "git" else nowhere  # a path in the URL is seen from here
            try:
                process = subprocess.Popen(
                    command, cwd=here, env=environment, stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                    start_new_session=True,
                )  # fmt: skip
            except FileNotFoundError:
                raise EvidenceError(
                    f"{command[0]}: no such program; install it where PATH leads"
                ) from None
            try:
                printed, complained = _all_said(process, self.seconds)
            except subprocess.TimeoutExpired:
                raise EvidenceError(
                    f"{self.url}: `{what}` took more than {self.seconds:g} s; is the network there?"
                ) from None
        if process.returncode != 0:
            said = (complained or printed).partition("Having any troubles?")[0]
            reason = " ".join(said.split())[-_TAIL:]
            raise EvidenceError(f"{self.url}: `{what}` failed: {reason}")
        return printed


def _all_said(process: subprocess.Popen[str], seconds: float) -> tuple[str, str]:
    """Return what a program prints until it ends; it leads a session of its own.

    Whatever happens here, TimeoutExpired or Ctrl-C, its helpers end with it: git starts others that
    talk to the network, and would leave them behind.
    """
    with process:
        try:
            return process.communicate(timeout=seconds)
        except BaseException:
            with suppress(ProcessLookupError):  # it has just ended
                os.killpg(process.pid, signal.SIGKILL)
            raise
