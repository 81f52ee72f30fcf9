"""A repository as a user has it: real git, real DVC, the stages as processes of their own."""

import io
import os
import re
import shutil
import subprocess
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import warm
from ruamel.yaml import YAML

from ratchet.cli import main

REPOSITORY = Path(__file__).parents[1]
SAMPLE = REPOSITORY / "sample" / "flights.parquet"
STAGES = ("fetch", "validate", "train", "evaluate")
MODEL = "models/model.skops"

# The sample's first day breaks the contract; the template's window, 10 + 3 days, begins after it.
NEWEST, NEXT = "2013-01-14", "2013-01-15"

# Parameters of a project that is trained in a second.
SMALL = {
    "window__train": 10,
    "window__holdout": 3,
    "window__reference": 0,
    "train__parameters__hist_gradient_boosting__max_iter": 5,
    "train__parameters__random_forest__n_estimators": 8,
    "evaluate__bootstrap__replicates": 100,
}

_COPIED = (".gitignore", ".dvcignore", "dvc.yaml", "params.yaml", "schema.yaml", "src")
_PATIENCE = 300  # seconds until a command that hangs is ended


class Project:
    """A repository in `folder`, and the commands that a person types there.

    Each command gets an empty HOME, one thread, and no variable of the environment but these.
    """

    def __init__(self, folder: Path, home: Path | None = None) -> None:
        self.folder = folder
        self.home = home or folder.parent / "home"
        self.home.mkdir(exist_ok=True)

    @classmethod
    def make(cls, folder: Path) -> "Project":
        """Make a repository of this one's pipeline, without data."""
        folder.mkdir(parents=True)
        project = cls(folder)
        for name in _COPIED:
            source = REPOSITORY / name
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, folder / name)
        (folder / "requirements").mkdir()
        shutil.copy2(REPOSITORY / "requirements" / "run.txt", folder / "requirements")
        project.run("git", "init", "--quiet", "--initial-branch", "main")
        project.run("dvc", "init", "--quiet")
        shutil.copy2(REPOSITORY / ".dvc" / "config", folder / ".dvc")
        shutil.copytree(REPOSITORY / ".dvc" / "plots", folder / ".dvc" / "plots")
        return project

    def copy(self, folder: Path) -> "Project":
        """Copy the repository with its data and cache."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Project(folder)

    def clone(self, folder: Path) -> "Project":
        """Clone what is committed, as on a fresh machine: no data, no cache."""
        folder.mkdir(parents=True)
        clone = Project(folder)
        clone.run("git", "clone", "--quiet", str(self.folder), ".")
        return clone

    def environment(self) -> dict[str, str]:
        """Return the variables that the commands see. `ratchet` is the code of this project."""
        return {
            "PATH": f"{warm.programs()}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(self.folder / "src"),
            "OMP_NUM_THREADS": "1",
            "DVC_SITE_CACHE_DIR": str(self.home / "dvc"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Test",
            "GIT_AUTHOR_EMAIL": "test@example.com",
            "GIT_COMMITTER_NAME": "Test",
            "GIT_COMMITTER_EMAIL": "test@example.com",
        }

    def try_(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command, whatever its exit code; its output and errors are in `stdout`."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment() | variables,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_PATIENCE,
            check=False,
        )

    def run(self, *command: str, **variables: str) -> str:
        """Run a command that must succeed; return what it printed."""
        done = self.try_(*command, **variables)
        assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def fail(self, *command: str, code: int, **variables: str) -> str:
        """Run a command that must end with `code` and without a traceback; return its output."""
        done = self.try_(*command, **variables)
        assert done.returncode == code, f"{' '.join(command)}: {done.returncode}\n{done.stdout}"
        assert "Traceback" not in done.stdout
        return done.stdout

    def ratchet(self, *arguments: str) -> tuple[int, str]:
        """Run a command of this repository's `ratchet`; return its exit code and what it printed.

        Within this process: half of a command's time are imports.
        """
        told = io.StringIO()
        with (
            patch.dict(os.environ, self.environment()),
            chdir(self.folder),
            redirect_stderr(told),
            redirect_stdout(told),
        ):
            code = main.main(arguments)
        return code, told.getvalue()

    def push(self) -> None:
        """Do what `dvc push` does with a remote on this disk, without starting DVC."""
        stores = (self.path(f".dvc/{store}/files") for store in ("cache", "remote"))
        shutil.copytree(*stores, dirs_exist_ok=True)

    def repro(self, **variables: str) -> str:
        """Run `dvc repro`, which must succeed; return what it printed."""
        return self.run("dvc", "repro", **variables)

    def repro_fails(self, stage: str, *, code: int) -> str:
        """Run `dvc repro`, which must end in `stage` with the exit code `code`."""
        printed = self.fail("dvc", "repro", code=255)  # DVC's own code for a failed stage
        assert ran(printed)[-1] == stage, printed
        assert f"failed to run: {self.command(stage)}, exited with {code}" in printed
        return printed

    def publish(self, *amount: str) -> None:
        """Let the data producer deliver days of the sample, and pin them."""
        self.run("ratchet", "sample", "publish", "--table", str(SAMPLE), *amount)
        self.run("ratchet", "discover")

    def commit(self) -> None:
        """Commit everything that git doesn't ignore."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", "state")

    def path(self, name: str) -> Path:
        """Return the path of a file."""
        return self.folder / name

    def read(self, name: str) -> str:
        """Return a file's text."""
        return self.path(name).read_text(encoding="utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        """Replace `old` in a file, which must hold it once, by `new`."""
        text = self.read(name)
        assert text.count(old) == 1, f"{name} holds {old!r} {text.count(old)} times"
        self.path(name).write_text(text.replace(old, new), encoding="utf-8")

    def set(self, name: str, **values: Any) -> None:
        """Set keys of a YAML file, `__` for each level: set("params.yaml", window__train=5)."""
        yaml = YAML()
        content = yaml.load(self.path(name))
        for key, value in values.items():
            *above, last = key.split("__")
            section = content
            for part in above:
                section = section[part]
            section[last] = value
        yaml.dump(content, self.path(name))

    def override(self, batch: str, word: str) -> None:
        """Write a person's word beside a batch in the manifest."""
        text, count = re.subn(
            rf"^({batch},.*),[a-z]*,$", rf"\1,{word},", self.read("data/manifest.csv"), flags=re.M
        )
        assert count == 1
        self.path("data/manifest.csv").write_text(text, encoding="utf-8")

    def lock(self) -> Any:
        """Return the stages in dvc.lock."""
        return YAML(typ="safe").load(self.path("dvc.lock"))["stages"]

    def command(self, stage: str) -> str:
        """Return the command line of a stage in dvc.yaml."""
        command: str = YAML(typ="safe").load(self.path("dvc.yaml"))["stages"][stage]["cmd"]
        return command.strip()

    def outputs(self) -> dict[str, str]:
        """Return the hash of each output in dvc.lock."""
        return {out["path"]: out["md5"] for stage in self.lock().values() for out in stage["outs"]}

    def leftovers(self) -> list[Path]:
        """Return the files that a process has left half-written."""
        return [path for path in self.folder.rglob(".partial-*") if ".dvc" not in path.parts]


def ran(printed: str) -> list[str]:
    """Return the stages that a `dvc repro` with this output ran."""
    return re.findall(r"^Running stage '(\w+)'", printed, flags=re.M)
