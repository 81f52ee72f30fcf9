"""A workflow file as the tests read it: jobs, permissions, pins, and each job's own token."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

RUNNER = "ubuntu-24.04"
_ACTIONS = Path(__file__).with_name("actions.json")
_PIN = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)@(?P<sha>[0-9a-f]{40})")
_VALUE = re.compile(r"\b(?:github\.token|secrets\.\w+|vars\.\w+)\b")


@dataclass(frozen=True)
class Pin:
    """An action as a step uses it."""

    name: str
    sha: str

    def __str__(self) -> str:
        return f"{self.name}@{self.sha}"


@dataclass(frozen=True)
class Job:
    """A job as the file describes it."""

    id: str
    permissions: dict[str, str]
    environment: str
    needs: tuple[str, ...]
    condition: str


class Workflow:
    """A parsed workflow file. Raises AssertionError for what can't be run faithfully here."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.content: Any = YAML().load(self.text)
        assert "permissions" in self.content, f"{path.name}: no permissions at the top"
        self.jobs = {name: self._job(name, job) for name, job in self.content["jobs"].items()}
        self.pins = self._pins()

    def renamed(self, names: Mapping[str, Mapping[str, str]]) -> str:
        """Return the file's text with `names[job]` put for the secrets and variables of each job.

        act has one set of them for all jobs; GitHub gives each job its own token, and the secrets
        and variables of its environment.
        """
        lines = self.text.splitlines(keepends=True)
        jobs = self.content["jobs"]
        starts = sorted((jobs.lc.key(name)[0], name) for name in jobs)
        for (start, name), (end, _) in zip(starts, [*starts[1:], (len(lines), "")], strict=True):
            for at in range(start, end):
                for value in set(_VALUE.findall(lines[at])):
                    new = names[name].get(value, value)
                    lines[at] = re.sub(rf"\b{re.escape(value)}\b", new, lines[at])
        return "".join(lines)

    def _job(self, name: str, job: Any) -> Job:
        where = f"{self.path.name}: {name}"
        assert job["runs-on"] == RUNNER, f"{where}: runs-on must be {RUNNER}; act skips others"
        for key in ("services", "container", "strategy", "uses"):
            assert key not in job, f"{where}: {key} can't be played here"
        permissions = job.get("permissions", self.content["permissions"])
        assert isinstance(permissions, dict), f"{where}: permissions must be listed one by one"
        environment = job.get("environment", "")
        needs = job.get("needs", [])
        return Job(
            name,
            dict(permissions),
            environment if isinstance(environment, str) else environment["name"],
            (needs,) if isinstance(needs, str) else tuple(needs),
            str(job.get("if", "")),
        )

    def _pins(self) -> set[Pin]:
        found = set()
        for name, job in self.content["jobs"].items():
            for step in job["steps"]:
                if "uses" not in step:
                    continue
                where = f"{self.path.name}: {name}: {step['uses']}"
                pin = _PIN.fullmatch(step["uses"])
                assert pin, f"{where}: not pinned by a commit"
                about = actions().get(pin["name"])
                assert about, f"{where}: not in actions.json"
                assert pin["sha"] == about["sha"], (
                    f"{where}: actions.json describes {about['version']}, {about['sha']}"
                )
                given = step.get("with", {})
                strange = sorted(given.keys() - set(about["inputs"]))
                assert not strange, f"{where}: has no input {', '.join(strange)}"
                missing = sorted(set(about["required"]) - given.keys())
                assert not missing, f"{where}: needs the input {', '.join(missing)}"
                found.add(Pin(pin["name"], pin["sha"]))
        return found


@cache
def actions() -> dict[str, Any]:
    """Return what is known of the real actions: version, commit, inputs and outputs."""
    read: dict[str, Any] = json.loads(_ACTIONS.read_text(encoding="utf-8"))
    return read
