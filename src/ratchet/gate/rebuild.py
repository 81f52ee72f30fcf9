"""Everything again, from the pinned batches, in a clone: does the commit make what it claims?"""

import os
import subprocess
import sys
from pathlib import Path

from ratchet.errors import EvidenceError
from ratchet.gate.revisions import History
from ratchet.journal.commits import Revision

TAIL = 1000  # characters of a failed run's output that are told


def differing_outputs(history: History, at: Revision, folder: Path) -> list[str]:
    """Run the whole pipeline of a commit in the new `folder`; return the files that differ.

    Nothing is taken from what was made before but the pinned batches, which are checked against
    the manifest. dvc.lock has the hash of every output, so git's view of it tells the models', too.

    Raises EvidenceError when the run fails.
    """
    history.bring_used()
    history.clone(at, folder)
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "repro", "--force", "--no-commit"],
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode != 0:
        raise EvidenceError(
            f"this commit can't be rebuilt: `dvc repro` ended with {done.returncode}:\n"
            f"{done.stdout[-TAIL:]}"
        )
    return History(folder).uncommitted(["."])
