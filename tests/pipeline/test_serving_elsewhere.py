"""Another machine answers with the model in production: it has the repository's URL, no clone."""

import json
import logging
import re
import runpy
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from project import MODEL, REPOSITORY, Project

from ratchet.artifacts.golden import Golden, read_golden
from ratchet.errors import ConfigError, EvidenceError
from ratchet.journal import accepted
from ratchet.serving.live import Live
from ratchet.serving.origin import Origin
from ratchet.serving.signature import Attested, unsigned

EXAMPLES = REPOSITORY / "examples"
FIRST, SECOND, THIRD = (f"model@v{number}.0.0" for number in (1, 2, 3))
PATIENCE = 60  # seconds until something must have happened


class Consumer:
    """A machine without a clone. `origin` is the bare repository, `remote` is DVC's."""

    def __init__(self, producer: Project, folder: Path) -> None:
        self.project = Project(folder)
        self.origin, self.remote = folder / "origin.git", folder / "remote"
        producer.run("git", "clone", "--quiet", "--bare", ".", str(self.origin))
        shutil.copytree(producer.path(".dvc/remote"), self.remote)
        self.config = folder / "dvc.config"
        self.config.write_text(f"['remote \"local\"']\n    url = {self.remote}\n")
        self.url = f"file://{self.origin}"
        self.options = ("--signature", "off", "--config", str(self.config))

    def git(self, *command: str) -> str:
        return self.project.run("git", "-C", str(self.origin), *command)

    def put(self, version: str, number: int) -> None:
        """Put a version into prod, as somebody does who pushes that event's tag."""
        self.git("tag", "--annotate", f"model#prod#{number}", "--message", "now", f"{version}^{{}}")

    def stored(self, version: str) -> Path:
        """Return DVC's object of a version's model."""
        lock = self.git("show", f"{version}:dvc.lock")
        [md5] = re.findall(rf"path: {MODEL}\n\s+hash: md5\n\s+md5: (\w+)", lock)
        return self.remote / "files/md5" / md5[:2] / md5[2:]

    def golden(self, version: str) -> Golden:
        content = self.git("show", f"{version}:models/golden.json")
        return read_golden(content.encode(), version)


@pytest.fixture
def consumer(three_versions: Project, tmp_path: Path) -> Consumer:
    (tmp_path / "elsewhere").mkdir()
    return Consumer(three_versions, tmp_path / "elsewhere")


def wait_until(true: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it hasn't happened"
        time.sleep(0.1)


class Service:
    """The example in a process of its own."""

    def __init__(self, consumer: Consumer) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        listen = ("--listen", f"127.0.0.1:{self.port}", "--look-every", "0.2")
        self.log = consumer.project.path("service.log")
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, EXAMPLES / "service.py", consumer.url, *listen, *consumer.options],
                cwd=consumer.project.folder,
                env=consumer.project.environment() | {"PYTHONPATH": str(REPOSITORY / "src")},
                stdout=log,
                stderr=log,
            )

    def ask(self, method: str, path: str, body: str = "") -> tuple[int, Any]:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            connection.request(method, path, body.encode())
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def score(self, rows: list[dict[str, Any]]) -> tuple[int, Any]:
        return self.ask("POST", "/score", json.dumps({"rows": rows}))

    def health(self) -> Any:
        return self.ask("GET", "/health")[1]

    def answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        with socket.socket() as caller:
            return caller.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def service(consumer: Consumer) -> Iterator[Service]:
    made = Service(consumer)
    wait_until(made.answers)
    yield made
    made.process.kill()
    made.process.wait()


def test_a_service_swaps_the_model_while_it_answers(consumer: Consumer, service: Service) -> None:
    third = consumer.golden(THIRD)
    rows = third.rows.drop_columns(["batch"]).to_pylist()
    status, told = service.score(rows)
    assert (status, told["version"]) == (200, THIRD)
    np.testing.assert_array_equal(told["scores"], third.score)

    status, told = service.score([*rows[:2], {**rows[2], "carrier": "XX", "distance": None}])
    assert (status, told["reasons"]) == (
        422,
        [
            "value carrier: not among the values (1 row; row 3: XX)",
            "null distance: has no value (1 row; row 3)",
        ],
    )
    for asked, code in (
        (("POST", "/score", "{"), 400),
        (("POST", "/score", '{"rows": 3}'), 400),
        (("GET", "/score"), 405),
        (("GET", "/"), 404),
    ):
        assert service.ask(*asked)[0] == code

    # Rolled back: v1 is in production again, and nobody who asks meanwhile notices.
    answered: list[tuple[int, str]] = []
    stop = threading.Event()

    def ask_on() -> None:
        while not stop.is_set():
            status, told = service.score(rows[:1])
            answered.append((status, told["version"]))

    asking = threading.Thread(target=ask_on)
    asking.start()
    consumer.put(FIRST, 4)
    wait_until(lambda: service.health()["version"] == FIRST)
    wait_until(lambda: answered[-1][1] == FIRST)
    stop.set()
    asking.join()
    assert {status for status, _ in answered} == {200}
    answering = [version for _, version in answered]
    assert answering == sorted(answering, reverse=True)  # never back
    np.testing.assert_array_equal(
        service.score(consumer.golden(FIRST).rows.to_pylist())[1]["scores"],
        consumer.golden(FIRST).score,
    )

    # A version that can't be proven doesn't answer; the one before goes on, and says so.
    model = consumer.stored(SECOND)
    content = model.read_bytes()
    model.chmod(0o644)
    model.write_bytes(content[:-1])
    consumer.put(SECOND, 5)
    wait_until(lambda: service.health()["problem"])
    health = service.health()
    assert (health["version"], SECOND in health["problem"]) == (FIRST, True), health
    assert service.score(rows[:1])[1]["version"] == FIRST
    model.write_bytes(content)
    wait_until(lambda: service.health()["version"] == SECOND)
    assert service.health()["problem"] == ""
    service.process.terminate()
    assert service.process.wait(PATIENCE) == 0, service.log.read_text()
    log = service.log.read_text()
    assert f"INFO {FIRST}" in log
    assert f"ERROR {FIRST}" in log
    assert "its signature wasn't checked" in log
    assert "Traceback" not in log


def test_a_batch_job_scores_as_ratchet_does(consumer: Consumer, three_versions: Project) -> None:
    at_home = consumer.project
    file = three_versions.path("data/raw/2013-01-14.csv")
    three_versions.run(
        "ratchet", "predict", MODEL, str(file), "--to", str(at_home.path("expected.csv"))
    )
    command = (sys.executable, str(EXAMPLES / "batch_job.py"), consumer.url, str(file))
    source = {"PYTHONPATH": str(REPOSITORY / "src")}
    told = at_home.run(*command, "scores.csv", *consumer.options, **source)
    assert re.search(rf"INFO \d+ rows scored with {THIRD} \(\w+\): scores.csv", told)
    assert at_home.read("scores.csv") == at_home.read("expected.csv")


@pytest.mark.parametrize("lacking", ["rows.csv", "dvc.config"])
def test_a_batch_job_looks_at_its_own_files_first(
    lacking: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in {"rows.csv", "dvc.config"} - {lacking}:
        Path(name).touch()
    files = ["rows.csv", "scores.csv", "--config", "dvc.config"]
    monkeypatch.setattr(sys, "argv", ["batch_job", "/no/repository", *files, "--signature", "off"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(EXAMPLES / "batch_job.py"), run_name="__main__")
    assert (ended.value.code, f"error: {lacking}: no such file" in capsys.readouterr().err) == (
        ConfigError.exit_code,
        True,
    )


@pytest.fixture
def here(consumer: Consumer, monkeypatch: pytest.MonkeyPatch) -> Origin:
    """The consumer's origin, for use in this process."""
    for name, value in consumer.project.environment().items():
        if name != "PYTHONPATH":
            monkeypatch.setenv(name, value)
    return Origin(consumer.url, config=consumer.config)


@pytest.mark.parametrize("example", ["batch_job", "service"])
def test_without_a_signature_there_are_no_answers(
    consumer: Consumer,
    here: Origin,
    example: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Signed by whom? Without a network nobody can tell, and a signature is what they ask for."""
    monkeypatch.setenv("GH_TOKEN", "a-token")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nobody listens there
    scores = consumer.project.path("scores.csv")
    consumer.project.path("rows.csv").touch()
    rows = str(consumer.project.path("rows.csv"))
    files = [rows, str(scores)] if example == "batch_job" else []
    options = ["--signed-by", "acme/late", "--config", str(consumer.config)]
    monkeypatch.setattr(sys, "argv", [example, here.url, *files, *options])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(EXAMPLES / f"{example}.py"), run_name="__main__")
    assert ended.value.code == EvidenceError.exit_code
    told = caplog.records[-1].getMessage()
    assert f"{THIRD} (" in told
    assert "the signature can't be shown" in told
    assert not scores.exists()


def test_the_tags_are_read_as_in_a_clone(
    consumer: Consumer, here: Origin, three_versions: Project
) -> None:
    known = accepted.versions(three_versions.folder, "models/card.json")
    for number, version in ((4, FIRST), (5, SECOND)):
        consumer.put(version, number)
        found = here.standing()
        assert (found.tag, found.commit) == (version, known[int(version[7]) - 1].commit)
    with pytest.raises(EvidenceError, match="no version is in staging"):
        Origin(consumer.url, "staging").standing()
    consumer.git("tag", "--annotate", "model#prod!#6", "--message", "out", f"{SECOND}^{{}}")
    with pytest.raises(EvidenceError, match="no version is in prod"):
        here.standing()


def test_what_is_on_the_remote_under_its_name_is_not_believed(
    consumer: Consumer, here: Origin
) -> None:
    """Somebody who may write to the remote puts another model there; a version's own file, even."""
    model = consumer.stored(THIRD)
    model.chmod(0o644)
    model.write_bytes(consumer.stored(FIRST).read_bytes())
    with pytest.raises(EvidenceError, match=rf"{THIRD} .*: model.skops isn't the accepted one"):
        Live(here, unsigned)
    model.unlink()
    with pytest.raises(EvidenceError, match=r"`dvc get` failed: ERROR: .*model\.skops"):
        Live(here, unsigned)


def test_the_network_may_go_and_come_back(
    consumer: Consumer, here: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    live = Live(here, unsigned)
    first = live.model
    away = consumer.origin.rename(consumer.origin.with_name("away.git"))
    caplog.clear()
    assert not live.look()
    assert (live.model, "`git ls-remote` failed" in live.problem) == (first, True)
    [record] = caplog.records
    assert (record.levelno, record.getMessage()) == (
        logging.ERROR,
        f"{first.version} goes on answering: {live.problem}",
    )
    away.rename(consumer.origin)
    assert not live.look()
    assert live.problem == ""
    # The next one isn't signed by whom it must be.
    live._verify = Attested("acme/late")
    consumer.put(SECOND, 4)
    assert not live.look()
    assert (live.model, "the signature can't be shown" in live.problem) == (first, True)


def test_a_bug_does_not_end_the_watch(here: Origin, caplog: pytest.LogCaptureFixture) -> None:
    class Strange(Origin):
        def standing(self) -> Any:
            raise ZeroDivisionError("a bug")

    live = Live(here, unsigned)
    live._origin = Strange(here.url)
    stop = threading.Event()
    watch = threading.Thread(target=live.watch, args=(0.01, stop))
    watch.start()
    wait_until(lambda: sum("goes on answering" in each.getMessage() for each in caplog.records) > 1)
    stop.set()
    watch.join(PATIENCE)
    assert live.problem == "ZeroDivisionError: a bug"
    assert live.model.version.tag == THIRD
