"""The front door: every command through `main`, its exit code and what it prints."""

import argparse
import contextlib
import json
import os
import resource
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import COMMANDS
from ruamel.yaml import YAML
from shop import Shop, rows_of, snapshot, write_rows

from ratchet import errors
from ratchet.cli import main as cli

PROJECT = Path(__file__).parents[2]
STAGES: dict[str, Any] = YAML(typ="safe").load(PROJECT / "dvc.yaml")["stages"]


def stage_command(name: str) -> list[str]:
    """Return the arguments that dvc.yaml runs a stage with."""
    program, *arguments = shlex.split(STAGES[name]["cmd"])
    assert program == "ratchet"
    return arguments


@pytest.fixture
def project(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop's folder laid out like the repository, as the current folder; six batches wait."""
    monkeypatch.chdir(shop.root)
    shop.params["source"]["url"] = "inbox"
    shop.configure()
    shop.lock = shop.root / "requirements/run.txt"
    shop.lock.parent.mkdir()
    shop.lock.write_text("a==1\n")
    shop.deliver(1, 2, 3, 4, 5, 6)
    return shop


def run(*arguments: object) -> None:
    assert cli.main([str(argument) for argument in arguments]) == 0


def prepare(stage: str) -> None:
    """Run everything that comes before a stage."""
    run("discover")
    for name in STAGES:
        if name == stage:
            return
        run(*stage_command(name))


# The way of the data, as dvc.yaml has it


def test_the_commands_of_dvc_yaml_turn_anybody_s_data_into_a_model(
    project: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    run("discover")
    for name in STAGES:
        run(*stage_command(name))
    lines = capsys.readouterr().out.splitlines()
    size = sum(len(content) for content in snapshot(project.raw).values()) / 1e6
    assert lines[:3] == [
        "6 new: day-01 … day-06",
        f"fetch: 6 of 6 batches fetched ({size:.1f} MB), 0 dropped",
        "validate: 6 batches judged, 6 accepted (360 rows), 0 quarantined, 0 with warnings",
    ]
    assert lines[3].startswith("train: hist_gradient_boosting on 240 rows of 4 batches in ")
    assert lines[3].endswith(json.loads(project.card.read_text())["model_sha256"][:12])
    assert lines[4].startswith("evaluate: ROC AUC 0.8")
    assert len(lines) == 5
    for stage in STAGES.values():
        for output in stage.get("outs", []) + stage.get("metrics", []):
            [path] = output if isinstance(output, dict) else [output]
            assert Path(path).exists(), path

    run("summary")
    assert "ROC AUC" in capsys.readouterr().out
    write_rows(Path("new.csv"), rows_of("day-07"))
    run("predict", "models/model.skops", "new.csv")
    header, *scored = capsys.readouterr().out.splitlines()
    assert header == '"order_no","score"'
    assert len(scored) == 60
    run("predict", "models/model.skops", "new.csv", "--to", "out/scores.csv")
    assert capsys.readouterr().out == "predict: 60 rows scored, in out/scores.csv\n"
    assert Path("out/scores.csv").read_text().splitlines() == [header, *scored]


def test_a_changed_batch_is_taken_over_when_it_is_named(
    project: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    run("discover")
    project.deliver(2, 3, count=50)
    run("discover")
    assert "ratchet discover --accept-changed day-02 day-03\n" in capsys.readouterr().out
    run("discover", "--accept-changed", "day-02", "day-03")
    assert "2 pinned anew: day-02 day-03" in capsys.readouterr().out


@pytest.mark.sample
def test_the_sample_is_published(project: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    table = PROJECT / "sample/flights.parquet"
    run("sample", "publish", "--days", "2", "--table", table, "--to", "days")
    run("sample", "publish", "--until", "2013-01-02", "--table", table, "--to", "days")
    assert capsys.readouterr().out.splitlines() == [
        "published 2 days: 2013-01-01 to 2013-01-02 in days",
        "nothing to publish: days holds all days until 2013-01-02",
    ]
    assert list(snapshot(project.root / "days")) == ["2013-01-01.csv", "2013-01-02.csv"]


# Exit codes


def test_each_kind_of_failure_has_its_exit_code() -> None:
    assert {
        errors.ConfigError: 2,
        errors.DataError: 3,
        errors.BlockedError: 4,
        errors.EvidenceError: 5,
    } == {kind: kind.exit_code for kind in errors.RatchetError.__subclasses__()}


@pytest.mark.usefixtures("project")
def test_wrong_settings_exit_with_2_and_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    content = json.loads(Path("params.yaml").read_text())
    content["window"]["train"] = -1
    Path("params.yaml").write_text(json.dumps(content))
    assert cli.main(["discover"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "ratchet discover: params.yaml: window.train must be >= 1 (got -1)\n"


def test_bad_data_exit_with_3(project: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    project.deliver_bytes(6, b"")
    prepare("validate")
    assert cli.main(stage_command("validate")) == 3
    assert capsys.readouterr().err.startswith(
        "ratchet validate: the newest batch, day-06, is refused: empty: the file has no"
    )


@pytest.mark.usefixtures("project")
def test_missing_evidence_exits_with_5(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["summary"]) == 5
    assert capsys.readouterr().err.startswith("ratchet summary: reports/validation.json: no such")


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("a bug")

    from ratchet import summary

    monkeypatch.setattr(summary, "show", broken)
    with pytest.raises(KeyError, match="a bug"):
        cli.main(["summary"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["retrain"],
        ["fetch"],
        ["fetch", "--manifest", "a"],
        ["discover", "--accept-changed"],
        ["sample"],
        ["sample", "publish"],
        ["sample", "publish", "--days", "1", "--until", "2013-01-01"],
        ["sample", "publish", "--until", "1 May"],
        ["predict", "model"],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: ratchet")


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert capsys.readouterr().out == f"ratchet {project['version']}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["discover"],
        ["summary"],
        ["predict", "models/model.skops", __file__],
    ],
)
def test_outside_of_a_repository_it_is_said_where_to_run(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) in (2, 5)
    error = capsys.readouterr().err
    assert "no such file; run in the top folder of the repository" in error
    assert "Errno" not in error


def test_a_folder_of_a_person_s_is_not_handed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "mine.txt").touch()
    command = ["rollback", "model@v1.0.0", "--reason", "bad", "--hand-over", "."]
    assert cli.main(command) == 2
    assert "has files, which no earlier run has left there" in capsys.readouterr().err
    assert (tmp_path / "files" / "mine.txt").exists()


def test_a_reader_that_has_seen_enough_is_no_error(evaluated: Shop) -> None:
    # As `| head` does, but before the first line; buffered, as it is outside of tests.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    where = ["--params", evaluated.params_file, "--manifest", evaluated.manifest]
    process = subprocess.Popen(
        [sys.executable, "-m", "ratchet", "discover", *where],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.usefixtures("project")
def test_errors_are_red_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    cli.main(["summary"])
    assert ("\033[31m" in capsys.readouterr().err) is terminal


# No space


@contextlib.contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let this process write no file beyond `size` bytes: what a full disk looks like."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("stage", "refused"),
    [
        ("fetch", "data/raw/day-0"),
        ("validate", "data/profiles/day-0"),
        ("train", "models/"),
        ("evaluate", "reports/evaluation.json"),
    ],
)
def test_a_full_disk_is_named_and_a_later_run_ends_as_if_nothing_had_been(
    project: Shop, capsys: pytest.CaptureFixture[str], stage: str, refused: str
) -> None:
    prepare(stage)
    run(*stage_command(stage))
    complete = snapshot(project.root)
    # Last night's results are there, and today everything is to be made anew.
    for output in STAGES[stage]["outs"]:
        [path] = output if isinstance(output, dict) else [output]
        for file in Path(path).iterdir() if Path(path).is_dir() else [Path(path)]:
            file.write_text("last night's")
    before = snapshot(project.root)
    capsys.readouterr()

    with files_of_at_most(500):
        code = cli.main(stage_command(stage))

    assert code == 5
    message = capsys.readouterr().err
    assert message.startswith(f"ratchet {stage}: ")
    assert refused in message
    assert "cannot be written (File too large); free space" in message
    after = snapshot(project.root)
    assert after.keys() == before.keys()
    assert all(after[name] in (before[name], complete[name]) for name in before)
    run(*stage_command(stage))
    assert snapshot(project.root) == complete


# Help


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_argument_is_explained(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main([*command.split(), "--help"])
    assert caught.value.code == 0
    assert f"usage: ratchet {command}" in capsys.readouterr().out
    for action in COMMANDS[command]._actions:
        assert action.help or isinstance(action, argparse._SubParsersAction), action.dest


def test_every_command_has_a_line_in_the_overview(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    explained = {line[0] for line in lines if len(line) > 1}
    assert {command for command in COMMANDS if " " not in command} <= explained


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command: str) -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert f"ratchet {command}" in readme


def test_python_m_ratchet_is_ratchet() -> None:
    command = [sys.executable, "-m", "ratchet", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: ratchet ")


def test_ctrl_c_ends_a_command_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    from ratchet import summary

    monkeypatch.setattr(summary, "show", stop)
    assert cli.main(["summary"]) == 130
    assert capsys.readouterr().err.strip().endswith("ratchet summary: stopped")
