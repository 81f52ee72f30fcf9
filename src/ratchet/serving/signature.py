"""Who made this file? The attestation of the workflow that released it.

`release.yml` signs each accepted model's SHA-256 with the workflow's own identity. To hold a file
against that takes GitHub's tool `gh`, a token that may read the repository, and the network.
"""

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ratchet.errors import ConfigError, EvidenceError

# Takes the model's file and says what it showed; raises EvidenceError when it can't show it.
Verifier = Callable[[Path], str]

_TAIL = 600  # letters of what gh said


def unsigned(_: Path) -> str:
    """Check nothing, and say so."""
    return "its signature wasn't checked: git's tag and card alone say that this is the model"


@dataclass(frozen=True)
class Attested:
    """Holds a file against the attestations of a repository on GitHub.

    repository: OWNER/NAME. workflow: the file that signs. ref: the branch that it must have run on.
    seconds: how long GitHub may take.
    """

    repository: str
    workflow: str = ".github/workflows/release.yml"
    ref: str = "refs/heads/main"
    seconds: float = 120

    def __call__(self, model: Path) -> str:
        """Return what was shown; EvidenceError when no attestation fits, or none can be had."""
        command = [
            "gh", "attestation", "verify", str(model),
            "--repo", self.repository,
            "--signer-workflow", f"{self.repository}/{self.workflow}",
            "--source-ref", self.ref,
        ]  # fmt: skip
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=self.seconds, check=False,
            )  # fmt: skip
        except FileNotFoundError:
            raise EvidenceError(
                "gh: no such program; GitHub's command line tool checks the signature: install it"
            ) from None
        except subprocess.TimeoutExpired:
            raise EvidenceError(
                f"the signature can't be checked: gh took more than {self.seconds:g} s"
            ) from None
        if done.returncode != 0:
            said = " ".join((done.stderr or done.stdout).split())[-_TAIL:].rstrip(".")
            raise EvidenceError(
                f"the signature can't be shown: {said or f'gh ended with {done.returncode}'}; it "
                f"must be attested by {self.workflow} of {self.repository}"
            )
        return f"attested by {self.workflow} of {self.repository}"


def attested(url: str, repository: str = "") -> Attested:
    """Return the verifier for a repository on GitHub, by default the one that `url` names.

    Raises ConfigError when it names none.
    """
    found = re.search(r"github\.com[/:]([\w.-]+/[\w.-]+?)(?:\.git)?/?$", url)
    if not repository and not found:
        raise ConfigError(
            f"{url}: isn't on github.com, so nobody knows whose attestation the model must have; "
            "say OWNER/NAME of the repository, or don't ask for a signature"
        )
    return Attested(repository or (found[1] if found else ""))
