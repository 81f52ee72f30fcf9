"""What a step tells GitHub: outputs for other jobs, and its part of the run's summary.

Elsewhere than in a workflow these do nothing.
"""

import os
from pathlib import Path

from ratchet.errors import RatchetError


def output(**values: str) -> None:
    """Set outputs of the step, each on one line."""
    _append("GITHUB_OUTPUT", "".join(f"{k}={' '.join(v.split())}\n" for k, v in values.items()))


def failed(error: RatchetError) -> None:
    """Set the outputs that say why the step fails."""
    output(exit_code=str(error.exit_code), reason=str(error))


def summary(markdown: str) -> None:
    """Add to the page that shows the run."""
    _append("GITHUB_STEP_SUMMARY", markdown + "\n")


def run_url() -> str:
    """Return the address of the workflow's run; "here" outside of one."""
    try:
        server, repository, run = (
            os.environ[f"GITHUB_{name}"] for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")
        )
    except KeyError:
        return "here"
    return f"{server}/{repository}/actions/runs/{run}"


def _append(variable: str, text: str) -> None:
    if path := os.environ.get(variable):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
