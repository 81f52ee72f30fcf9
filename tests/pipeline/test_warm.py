"""What stands in for starting `dvc` and `ratchet` anew does what they do."""

import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest
import warm
from project import Project

FORK = "import os, time\n\ndef main():\n    print(os.getpid(), flush=True)\n    "


def code(folder: Path, end: str) -> dict[str, str]:
    """Put another `ratchet` in `folder`, which prints its process id and ends as told."""
    (folder / "ratchet" / "cli").mkdir(parents=True)
    (folder / "ratchet" / "__init__.py").touch()
    (folder / "ratchet" / "cli" / "main.py").write_text(f"{FORK}{end}\n")
    return {"PATH": f"{warm.programs()}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(folder)}


@pytest.mark.parametrize(
    "command", ["dvc --version", "dvc stage list --name-only", "dvc nothing", "ratchet nothing"]
)
def test_it_prints_and_ends_as_the_program(project: Project, command: str) -> None:
    stood_in, real = project.try_(*command.split()), project.try_(*command.split(), **warm.COLD)
    assert (stood_in.stdout, stood_in.returncode) == (real.stdout, real.returncode)


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("return 3", 3),
        ("raise SystemExit(4)", 4),
        ("raise SystemExit", 0),
        ("raise ValueError", 1),
        ("os.kill(os.getpid(), 9)", -9),
    ],
)
def test_it_ends_as_the_code_ends_that_the_environment_names(
    tmp_path: Path, end: str, expected: int
) -> None:
    done = subprocess.run(["ratchet"], env=code(tmp_path, end), capture_output=True, text=True)
    assert done.returncode == expected
    assert int(done.stdout) > 0
    assert ("ValueError" in done.stderr) == (expected == 1)


def test_who_is_killed_takes_the_command_along(tmp_path: Path) -> None:
    environment = code(tmp_path, "time.sleep(3600)")
    with subprocess.Popen(["ratchet"], env=environment, stdout=subprocess.PIPE) as caller:
        assert caller.stdout
        command = psutil.Process(int(caller.stdout.readline()))
        caller.send_signal(signal.SIGKILL)
        command.wait(60)
