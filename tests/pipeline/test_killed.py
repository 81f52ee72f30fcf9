"""kill -9 at any moment: what was good stays good, and the next run ends as if nothing had been."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import pytest
from project import SAMPLE, STAGES, Project, ran
from warm import COLD

PATIENCE = 60  # seconds
# What a stage writes first. A kill when it appears falls into the stage's writing.
FIRST_FILE = {
    "fetch": "data/raw/2013-01-15.csv",
    "validate": "data/validated/*",
    "train": "models/*",
    "evaluate": "reports/metrics.json",
}


@contextmanager
def running(
    project: Project, stage: str, command: Sequence[str] = ("dvc", "repro")
) -> Iterator[subprocess.Popen[str]]:
    """Start a command in a process group of its own and wait until it runs `stage`."""
    process = subprocess.Popen(
        command,
        cwd=project.folder,
        env=project.environment() | COLD,  # a group of real processes
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    printed = []
    try:
        for line in process.stdout:
            printed.append(line)
            if line.startswith(f"Running stage '{stage}'"):
                break
        else:
            pytest.fail(f"{stage} didn't run:\n{''.join(printed)}")
        yield process
    finally:
        kill_group(process)
        process.stdout.close()


def kill_group(process: subprocess.Popen[str]) -> None:
    """Kill a process with its children, and wait until none is left.

    What is dead but still listed is alive to DVC, which looks whether a lock's PID is there.
    """
    with suppress(ProcessLookupError):  # all of it has ended
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            os.killpg(process.pid, 0)
            time.sleep(0.01)
        pytest.fail(f"{process.args} has left processes behind")
    process.wait()


def wait_until(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    while not condition() and process.poll() is None:
        time.sleep(0.001)


@pytest.mark.parametrize(
    "stage",
    [pytest.param(stage, marks=[] if stage == "train" else [pytest.mark.slow]) for stage in STAGES],
)
def test_a_killed_night_is_made_good(project: Project, next_night: Project, stage: str) -> None:
    project.publish("--days", "1")
    with running(project, stage):
        pass  # killed as it begins
    with running(project, stage) as process:
        # DVC has removed what the stage makes anew, and kept what it adds to.
        before = set(project.folder.glob(FIRST_FILE[stage]))
        wait_until(lambda: set(project.folder.glob(FIRST_FILE[stage])) - before, process)
    # The kill may have come a moment too late to leave one of these behind.
    for out in project.lock()[stage]["outs"]:
        path = project.path(out["path"])
        if out["md5"].endswith(".dir"):
            path /= "some"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(f".partial-{path.name}-0123abcd").write_text("half")

    ran_now = ran(project.repro())
    assert stage in ran_now
    assert set(ran_now) <= set(STAGES[STAGES.index(stage) :])
    assert project.leftovers() == []
    assert project.read("dvc.lock") == next_night.read("dvc.lock")
    assert ran(project.repro()) == []


def test_a_stage_that_outlives_dvc_does_no_harm(project: Project, next_night: Project) -> None:
    project.publish("--days", "1")
    with running(project, "train") as process:
        process.kill()  # DVC alone; the stage goes on
        process.wait()
        assert ran(project.repro()) == ["train", "evaluate"]
        assert project.outputs() == next_night.outputs()


def test_after_a_killed_night_the_next_one_goes_on_by_itself(project: Project) -> None:
    project.run("ratchet", "sample", "publish", "--table", str(SAMPLE), "--days", "1")
    outputs = project.outputs()
    with running(project, "validate", ["ratchet", "nightly"]) as process:
        others = (
            ["nightly"],
            ["rollback", "v1", "--reason", "in a hurry"],
            ["gc", "--keep", "0d", "--yes"],
        )
        for other in others:
            code, printed = project.ratchet(*other)
            assert f"a night is running here (PID {process.pid}, since " in printed
            assert code == 2
    assert "data/manifest.csv" in project.run("git", "status", "--porcelain")

    printed = project.run("ratchet", "nightly")
    assert f"put back what a killed night (PID {process.pid}, since " in printed
    assert "SKIP: 881 new rows" in printed
    assert project.run("git", "status", "--porcelain") == ""
    assert project.outputs() == outputs
    assert project.run("dvc", "status", "--quiet") == ""
