"""Which nights scream, and what they say."""

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from ratchet.errors import ConfigError, EvidenceError
from ratchet.nights import alarm

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
    with pytest.raises(ConfigError, match="https://"):
        alarm.tell("file:///etc/passwd", "x")
