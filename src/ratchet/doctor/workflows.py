"""What the workflows need on GitHub: variables and secrets by environment, and the schedule."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ConfigDict

from ratchet.doctor.finding import Finding, fail, ok, unasked, warn
from ratchet.errors import ConfigError, RatchetError
from ratchet.proposals.github import GitHub
from ratchet.sections import Section, read_yaml

FOLDER = Path(".github/workflows")
NIGHTLY = "nightly.yml"
# docs/github.md says what each is for; the workflows do without.
OPTIONAL = {"WEBHOOK_URL", "HEARTBEAT_URL", "ROLLBACK_WINDOW"}
_USE = re.compile(r"\b(vars|secrets)\.([A-Z][A-Z0-9_]*)")
_KINDS = {"vars": ("variable", "variables"), "secrets": ("secret", "secrets")}
_LATER = "`gh auth login`, then again; or hold docs/github.md, step 3, against the settings"
_PATIENCE = 15  # seconds for one question


@dataclass(frozen=True, order=True)
class Need:
    """A variable or secret that a job uses. kind: vars or secrets. environment: "" without one."""

    environment: str
    kind: str
    name: str

    @property
    def command(self) -> str:
        """What sets it."""
        where = f" --env {self.environment}" if self.environment else ""
        return f"`gh {_KINDS[self.kind][0]} set {self.name}{where}`"


class _Workflow(Section):
    """What is read of a workflow file."""

    model_config = ConfigDict(extra="ignore")

    jobs: dict[str, dict[str, Any]]


def needs(folder: Path) -> set[Need]:
    """Return what the jobs of the workflow files in `folder` use, but for what is optional.

    Raises ConfigError for a file that is no workflow.
    """
    found = set()
    for path in sorted(folder.glob("*.yml")):
        for job in read_yaml(path, _Workflow).jobs.values():
            environment = job.get("environment") or ""
            if isinstance(environment, Mapping):
                environment = environment.get("name", "")
            found |= {
                Need(str(environment), kind, name)
                for kind, name in _USE.findall(str(job))
                if name not in OPTIONAL
            }
    return found


def look(top: Path) -> list[Finding]:
    """Ask GitHub whether everything is set, where there are workflows."""
    if not (top / FOLDER / NIGHTLY).is_file():
        return []
    try:
        wanted = needs(top / FOLDER)
    except ConfigError as error:
        way_out = f"GitHub can't run it either: `git diff {FOLDER}` shows what was changed"
        return [fail("workflows", "; ".join(str(error).splitlines()), way_out)]
    try:
        github = GitHub.here(top, patience=_PATIENCE)
        there = _there(github, {need.environment for need in wanted})
        state = str(github.get(f"actions/workflows/{NIGHTLY}")["state"])
    except RatchetError as error:
        reason = str(error).partition(";")[0]
        return [unasked("workflows", reason, _LATER), unasked("schedule", reason, _LATER)]
    return [_set(wanted, there), _schedule(state)]


def _there(github: GitHub, environments: Collection[str]) -> set[Need]:
    """Return what is set on GitHub; what is set for the repository has no environment."""
    found = set()
    for environment in {"", *environments}:
        for kind, (_, plural) in _KINDS.items():
            place = f"environments/{environment}" if environment else "actions"
            answer = github.get(f"{place}/{plural}", per_page="100")
            found |= {Need(environment, kind, each["name"]) for each in answer[plural]}
    return found


def _set(wanted: Collection[Need], there: Collection[Need]) -> Finding:
    lacking = sorted(
        need for need in wanted if need not in there and Need("", need.kind, need.name) not in there
    )
    if not lacking:
        return ok("workflows", f"the {len(wanted)} variables and secrets of their jobs are set")
    names = ", ".join(f"{each.name} ({each.environment or 'repository'})" for each in lacking)
    commands = ", ".join(each.command for each in lacking)
    return warn("workflows", f"not set: {names}", f"{commands}: docs/github.md, step 3")


def _schedule(state: str) -> Finding:
    if state == "active":
        return ok("schedule", f"{NIGHTLY} is on")
    told = f"{NIGHTLY} is off ({state}): no night begins by itself"
    return warn("schedule", told, f"`gh workflow enable {NIGHTLY}`")
