"""GitHub's REST interface through its command line tool `gh`, which finds the token itself.

Paths begin behind `repos/OWNER/NAME/`. https://docs.github.com/rest describes them.
"""

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ratchet.errors import EvidenceError
from ratchet.git import attempt

_PATIENCE = 120


class GitHub:
    """A repository on GitHub, such as `acme/model`. patience: seconds for one request."""

    def __init__(self, repository: str, patience: int = _PATIENCE) -> None:
        self.repository = repository
        self._patience = patience

    @classmethod
    def here(cls, top: Path, patience: int = _PATIENCE) -> "GitHub":
        """Return the one that a job runs for, or that `origin` leads to."""
        if given := os.environ.get("GITHUB_REPOSITORY"):
            return cls(given, patience)
        found = attempt(top, "remote", "get-url", "origin")
        if found.returncode:
            raise EvidenceError(
                "there is no remote `origin` that leads to GitHub; `git remote add origin URL`, "
                "or set GITHUB_REPOSITORY to OWNER/NAME"
            )
        url = found.stdout.strip()
        named = re.search(r"github\.com[:/]([^/\s]+/[^/\s]+?)(\.git)?/?$", url)
        if not named:
            raise EvidenceError(
                f"origin is {url}, which isn't on github.com: set GITHUB_REPOSITORY to OWNER/NAME"
            )
        return cls(named[1], patience)

    def get(self, path: str, **query: str) -> Any:
        """Return what is there; `query` narrows a list down."""
        fields = [f"--raw-field={name}={value}" for name, value in query.items()]
        return self._ask("GET", path, fields, {})

    def post(self, path: str, **body: Any) -> Any:
        """Add something and return it."""
        return self._ask("POST", path, [], body)

    def patch(self, path: str, **body: Any) -> Any:
        """Change something and return it."""
        return self._ask("PATCH", path, [], body)

    def put(self, path: str, **body: Any) -> Any:
        """Replace something and return it."""
        return self._ask("PUT", path, [], body)

    def _ask(self, method: str, path: str, fields: Sequence[str], body: Mapping[str, Any]) -> Any:
        url = f"repos/{self.repository}/{path}"
        given = ["--input", "-"] if body else []
        try:
            done = subprocess.run(
                ["gh", "api", "--method", method, url, *fields, *given],
                input=json.dumps(body) if body else None,
                stdin=None if body else subprocess.DEVNULL,
                env={**os.environ, "GH_PROMPT_DISABLED": "1"},
                capture_output=True,
                text=True,
                timeout=self._patience,
                check=False,
            )
        except FileNotFoundError:
            raise EvidenceError(
                "gh, GitHub's command line tool, isn't there: install it and run `gh auth login`"
            ) from None
        except subprocess.TimeoutExpired:
            raise EvidenceError(f"{method} {url}: no answer in {self._patience} s") from None
        if done.returncode != 0:
            reason = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
            raise EvidenceError(f"{method} {url}: {reason}; docs/github.md has the rights it needs")
        return json.loads(done.stdout) if done.stdout.strip() else None
