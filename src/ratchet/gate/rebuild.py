"""Everything again, from the pinned batches, in a clone: does the commit make what it claims?"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ratchet.errors import EvidenceError
from ratchet.gate.revisions import History
from ratchet.journal.commits import Revision

TAIL = 1000  # characters of a failed run's output that are told


def differing_outputs(history: History, at: Revision, folder: Path) -> list[str]:
    """Run the whole pipeline of a commit in the new `folder`; return the files that differ.

    Raises EvidenceError when the run fails.
    """
    history.bring_used()
    history.clone(at, folder)
    return made_again(folder)


def made_again(folder: Path, environment: Path | None = None) -> list[str]:
    """Run the whole pipeline in a clone whose cache has its data; return the files that differ.

    environment: a virtual environment to run in; by default that of this process. Nothing is taken
    from what was made before but the pinned batches, which are checked against the manifest.
    dvc.lock has the hash of every output, so git's view of it tells the models', too.

    Raises EvidenceError when the run fails.
    """
    variables = {**os.environ, "PYTHONPATH": str(folder / "src")}
    python = sys.executable
    if environment:
        programs = environment / "bin"
        variables["PATH"] = f"{programs}{os.pathsep}{variables.get('PATH', '')}"
        python = str(programs / "python")
    done = run_in(folder, [python, "-m", "dvc", "repro", "--force", "--no-commit"], variables)
    if done.returncode != 0:
        raise EvidenceError(
            f"this commit can't be rebuilt: `dvc repro` ended with {done.returncode}:\n"
            f"{done.stdout[-TAIL:]}"
        )
    return History(folder).uncommitted(["."])


def run_in(
    folder: Path, command: Sequence[str], variables: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a program in a clone, with this environment; its output has its errors, too."""
    return subprocess.run(
        command,
        cwd=folder,
        env=variables,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
