"""Which nights scream, and what they say."""

import http.server
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ratchet.cli.main import main
from ratchet.errors import ConfigError, EvidenceError
from ratchet.nights import alarm
from ratchet.proposals.github import GitHub

GOOD = {"result": "success", "outputs": {"decision": "RETRAIN", "exit_code": "0"}}
BAD = {"result": "failure", "outputs": {"exit_code": "3", "reason": "2013-01-15 is refused"}}


def test_a_good_night_has_no_failure() -> None:
    skipped = {"result": "skipped", "outputs": {}}
    assert alarm.failures({"retrain": GOOD, "propose": skipped}) == []


def test_a_failure_says_what_its_exit_code_means() -> None:
    [found] = alarm.failures({"retrain": BAD})
    assert found.cause == "the data broke the contract"
    text = alarm.body([found], "# Validation\n\n" + "line\n" * 100, "https://example.com/run/1")
    assert "exit code 3" in text
    assert "2013-01-15 is refused" in text
    assert "https://example.com/run/1" in text
    assert text.count("line\n") < 50
    assert "the run's artifact" in text


@pytest.mark.parametrize("result", ["cancelled", "failure"])
def test_a_job_that_was_killed_is_a_failure_too(result: str) -> None:
    [found] = alarm.failures({"retrain": {"result": result, "outputs": {}}})
    assert found.exit_code is None
    assert "before it could say" in alarm.title([found])


def test_what_data_say_renders_nothing() -> None:
    [found] = alarm.failures({"retrain": BAD})
    text = alarm.body([found], "@everyone ``` [x](https://example.com)", "here")
    assert "````text\n@everyone ``` [x](https://example.com)\n````" in text


def test_main_that_moved_is_no_failure() -> None:
    moved = {"result": "failure", "outputs": {"moved": "true", "exit_code": "5"}}
    assert alarm.failures({"retrain": GOOD, "propose": moved}) == []
    assert alarm.moved({"retrain": GOOD, "propose": moved})
    assert not alarm.moved({"retrain": GOOD, "propose": BAD})


@pytest.mark.parametrize("text", ["", "{", "[]", '{"retrain": {}}', '{"retrain": {"result": 1}}'])
def test_needs_that_cannot_be_read_are_told(text: str) -> None:
    with pytest.raises(ConfigError, match="results can't be read"):
        alarm.read_needs(text)


@pytest.fixture
def catcher() -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """Serve an address that keeps what it is sent."""
    caught: list[tuple[str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if self.path == "/garbled":
                self.wfile.write(b"no HTTP at all\r\n\r\n")
                return
            body = self.rfile.read(int(self.headers["Content-Length"]))
            caught.append((self.path, json.loads(body)))
            self.do_GET()

        def do_GET(self) -> None:
            if self.command == "GET":
                caught.append((self.path, None))
            self.send_response(404 if self.path == "/gone" else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", caught
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_webhook_gets_what_slack_takes(catcher: tuple[str, list[tuple[str, Any]]]) -> None:
    url, caught = catcher
    alarm.tell(f"{url}/hook", "it failed")
    alarm.ping(f"{url}/beat")
    assert caught == [("/hook", {"text": "it failed"}), ("/beat", None)]


def test_an_address_that_fails_is_told_without_its_secret(
    catcher: tuple[str, list[tuple[str, Any]]],
) -> None:
    url, _ = catcher
    with pytest.raises(EvidenceError, match="HEARTBEAT_URL") as caught:
        alarm.ping(f"{url}/gone")
    assert url not in str(caught.value)
    with pytest.raises(EvidenceError, match="WEBHOOK_URL") as caught:
        alarm.tell(f"{url}/garbled", "x")
    assert str(caught.value).endswith("can't be reached: BadStatusLine")


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "hooks.example.com/secret", "//secret", "https:secret"]
)
def test_what_is_no_address_is_told_without_its_secret(address: str) -> None:
    with pytest.raises(ConfigError, match=r"WEBHOOK_URL\): the address must begin with https://"):
        alarm.tell(address, "x")


@pytest.mark.parametrize(
    "address", ["https://hooks.example.com/se cret", "https://[secret", "https://", "http://\n"]
)
def test_an_address_with_a_typing_error_is_told_without_its_secret(address: str) -> None:
    with pytest.raises(EvidenceError, match="HEARTBEAT_URL") as caught:
        alarm.ping(address)
    assert "cret" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.fixture
def gh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put a script in the place of `gh`; return where it may leave what it is sent."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/model")

    def gh(script: str) -> Path:
        (tmp_path / "gh").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "gh").chmod(0o755)
        return tmp_path / "sent"

    return gh


def test_an_issue_is_no_longer_than_github_takes(gh: Callable[[str], Path]) -> None:
    sent = gh(
        """case "$3" in GET) echo '[]';; *) cat > "${0%/*}/sent"; echo '{"html_url": "u"}';; esac"""
    )
    report = "\n".join("wide" * 2000 for _ in range(30))
    assert alarm.scream(GitHub("acme/model"), alarm.failures({"x": BAD}), report, "here") == "u"
    body = json.loads(sent.read_text())["body"]
    assert len(body) <= 65_536
    assert "Shortened" in body


def test_the_webhook_is_told_when_no_issue_can_be_opened(
    catcher: tuple[str, list[tuple[str, Any]]],
    gh: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url, caught = catcher
    gh("echo 'gh: Issues are disabled (HTTP 410)' >&2; exit 1")
    monkeypatch.setenv("WEBHOOK_URL", f"{url}/hook")
    command = ["alarm", "--needs", json.dumps({"retrain": BAD})]
    assert main(command) == 5
    [(_, told)] = caught
    assert "acme/model: The nightly run failed: the data broke the contract" in told["text"]
    assert "Issues are disabled" in told["text"]
    # Both are named when both are silent.
    monkeypatch.setenv("WEBHOOK_URL", f"{url}/gone")
    assert main(command) == 5
    printed = capsys.readouterr()
    assert "Issues are disabled" in printed.out
    assert "the webhook (WEBHOOK_URL) can't be reached: 404" in printed.err
