"""Projects to measure in: real git, real DVC, this repository's code, the sample's days."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clock import Cost, cost
from ruamel.yaml import YAML

HERE = Path(__file__).parent
REPOSITORY = HERE.parent
COPIED = (
    ".dvc/config",
    ".dvc/plots",
    ".dvcignore",
    ".gitignore",
    "dvc.yaml",
    "params.yaml",
    "requirements",
    "schema.yaml",
    "src",
)
INBOX = "inbox"
YEAR = 365  # days in the sample
GIT = {"user.name": "Bench", "user.email": "bench@example.org", "init.defaultBranch": "main"}


class Project:
    """A project in the new folder `home`, with a window of `train` + `holdout` batches.

    Every day that is published has `times` the rows of the sample's. Unless the contract is to be
    the `real` one, it lets every day pass, so that all that is compared works on the same rows.
    """

    def __init__(
        self, home: Path, *, train: int, holdout: int, times: int = 1, real: bool = False
    ) -> None:
        self.home = home
        self.env = environment(home)
        self.times = times
        self.published = 0
        home.mkdir(parents=True)
        for name in COPIED:
            _copy(REPOSITORY / name, home / name)
        self.set_params({"source": {"url": INBOX}, "window": {"train": train, "holdout": holdout}})
        # Ten times the rows are more than a night's budget should be.
        self.set_params({"train": {"budget": {"max_rows": 10**8, "max_memory_mb": 10**6}}})
        if not real:
            _relax(home / "schema.yaml", times)
        self.run(sys.executable, "-m", "compileall", "-q", "src")
        self.run("git", "init", "-q")
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", "Begin")

    def run(self, *command: str | Path) -> Cost:
        """Run a command in the project and return its cost."""
        return cost(command, cwd=self.home, env=self.env)

    def script(self, name: str, *arguments: str | Path) -> Cost:
        """Run a script that lies beside this file."""
        return self.run(sys.executable, HERE / name, *arguments)

    def stage(self, name: str) -> Cost:
        """Run a stage's command as it stands in dvc.yaml, without DVC."""
        command: str = read_yaml(self.home / "dvc.yaml")["stages"][name]["cmd"]
        return self.run(*command.split())

    def night(self) -> Cost:
        """Run what a night runs."""
        return self.run("ratchet", "discover") + self.run("dvc", "repro")

    def publish(self, days: int) -> None:
        """Deliver the next `days` days."""
        first, self.published = self.published, self.published + days
        table = REPOSITORY / "sample/flights.parquet"
        numbers = map(str, (first, days, self.times))
        self.script("days.py", table, self.home / INBOX, *numbers)

    def set_params(self, changes: Mapping[str, Any]) -> None:
        """Change params.yaml."""
        write_yaml(self.home / "params.yaml", _merged(self.params, changes))

    @property
    def params(self) -> Any:
        """The content of params.yaml."""
        return read_yaml(self.home / "params.yaml")

    @property
    def dependencies(self) -> int:
        """Number of files and folders that the stages depend on."""
        stages = read_yaml(self.home / "dvc.yaml")["stages"].values()
        return sum(len(stage["deps"]) for stage in stages)

    def forget(self, *names: str) -> None:
        """Delete files or folders of the project."""
        for name in names:
            path = self.home / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def empty_stages(home: Path) -> Project:
    """Return a project with four empty stages in a row, for what DVC itself costs."""
    project = Project(home, train=1, holdout=1)
    stages = {
        f"stage{n}": {"cmd": f"cp {n} {n + 1}", "deps": [str(n)], "outs": [str(n + 1)]}
        for n in range(4)
    }
    write_yaml(home / "dvc.yaml", {"stages": stages})
    (home / "0").write_text("0")
    return project


def environment(home: Path) -> dict[str, str]:
    """Return the environment of measured commands: one thread, compiled modules, no settings."""
    outside = ("GIT_", "DVC_", "PYTHON", "AWS_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(outside)}
    for number, (key, value) in enumerate(GIT.items()):
        env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return env | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}",
        "PYTHONPATH": str(home / "src"),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": str(len(GIT)),
        "DVC_SITE_CACHE_DIR": str(home / ".site"),
        "DVC_GLOBAL_CONFIG_DIR": str(home / ".global"),
        "DVC_SYSTEM_CONFIG_DIR": str(home / ".system"),
    }


def read_yaml(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


def write_yaml(path: Path, content: Any) -> None:
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(content, file)


def _copy(original: Path, copy: Path) -> None:
    copy.parent.mkdir(exist_ok=True)
    if original.is_dir():
        shutil.copytree(original, copy, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    else:
        shutil.copy(original, copy)


def _relax(path: Path, times: int) -> None:
    schema = read_yaml(path)
    schema["rows"] = {"min": 1}
    for column in schema["columns"].values():
        if "max_null" in column or column["type"] == "number":
            column["max_null"] = 1.0
    schema["columns"]["flight"]["max"] *= times + 1
    schema["columns"]["wind_speed"]["max"] = 2000
    write_yaml(path, schema)


def _merged(whole: Any, changes: Any) -> Any:
    if not isinstance(changes, Mapping):
        return changes
    return {**whole, **{key: _merged(whole.get(key, {}), new) for key, new in changes.items()}}
