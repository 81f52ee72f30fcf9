"""When the server or the way to it fails: one clear line, exit 5, no partial file, and it goes on.

The server is real; what a real server can't be made to do is done by a proxy before it.
"""

import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from faulty import FaultyProxy
from s3_night import QUICK, ROOT, Night, put
from seaweed import Seaweed

from ratchet.cli.main import main
from ratchet.data.weather import FaultError, Limits, Patience, explain, of_answer
from ratchet.errors import EvidenceError

pytestmark = pytest.mark.usefixtures("use_s3")
BIG = 3_000_000  # bytes: several pieces of a download


@pytest.fixture
def proxy(server: Seaweed, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    with FaultyProxy(server.endpoint) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.endpoint)
        yield running


@pytest.fixture(scope="module")
def published(server: Seaweed, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, bytes]:
    """The URL of six objects that nobody changes, and a manifest that pins them."""
    prefix = f"weather-{secrets.token_hex(4)}/"
    for day in range(5):
        put(server, "incoming", f"{prefix}{day}.csv", b"%d" % day * 1000)
    put(server, "incoming", f"{prefix}5.csv", os.urandom(BIG))
    made = Night(tmp_path_factory.mktemp("published"), f"s3://incoming/{prefix}")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.env().items():
            patch.setenv(name, value)
        made.discover()
    return made.params.source.url, made.manifest.read_bytes()


@pytest.fixture
def night(published: tuple[str, bytes], tmp_path: Path) -> Night:
    """A night with six pinned batches, of which nothing has been fetched."""
    url, manifest = published
    made = Night(tmp_path, url, limits=QUICK)
    made.manifest.parent.mkdir()
    made.manifest.write_bytes(manifest)
    return made


def refused_fetch(night: Night) -> str:
    """Return the message with which a fetch fails. It must be one line and leave nothing half."""
    pinned = night.manifest.read_bytes()
    with pytest.raises(EvidenceError) as caught:
        night.fetch()
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.exit_code == 5
    assert night.manifest.read_bytes() == pinned
    no_half_files(night)
    return message


def refused_discover(night: Night) -> str:
    with pytest.raises(EvidenceError) as caught:
        night.discover()
    assert "\n" not in str(caught.value)
    no_half_files(night)
    return str(caught.value)


def no_half_files(night: Night) -> None:
    for folder in (night.raw, night.incoming):
        assert not [path for path in folder.glob("*") if path.name.startswith(".partial")]


def test_refused_connection(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    for message in (refused_fetch(night), refused_discover(night)):
        assert "refuses connections; check AWS_ENDPOINT_URL" in message
        assert f"127.0.0.1:{port}" in message


def test_server_goes_down_and_comes_back(prefix: str, tmp_path: Path) -> None:
    with (
        Seaweed(tmp_path / "server", buckets=("own",)) as server,
        pytest.MonkeyPatch.context() as p,
    ):
        for name, value in server.env().items():
            p.setenv(name, value)
        put(server, "own", prefix + "1.csv", b"one")
        put(server, "own", prefix + "2.csv", b"two")
        night = Night(tmp_path, f"s3://own/{prefix}", limits=QUICK)
        night.discover(since="2")
        server.stop()
        # What was downloaded to be hashed is at hand: no network for it.
        assert night.fetch().fetched == 1
        # And none at all when nothing is missing.
        assert night.fetch().fetched == 0
        assert "refuses connections" in refused_discover(night)
        server.start()
        night.discover(since="1")
        assert night.fetch().fetched == 1
        assert night.files() == {"1.csv": b"one", "2.csv": b"two"}


def test_unknown_host(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://no-such-host.invalid:1")
    for message in (refused_fetch(night), refused_discover(night)):
        # A resolver may take longer than the attempt.
        assert "name is unknown; check AWS_ENDPOINT_URL" in message or "in time" in message


def test_server_that_accepts_and_says_nothing(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        for message in (refused_fetch(night), refused_discover(night)):
            assert "does not answer in time" in message


def test_stall_and_reset_in_mid_body_go_on_where_they_were(
    night: Night, proxy: FaultyProxy
) -> None:
    seen = []

    def spoil(_number: int, path: str) -> str:
        if "5.csv" not in path:
            return ""
        seen.append(path)
        return {1: "reset", 2: "stall-body", 3: "short"}.get(len(seen), "")

    proxy.spoil = spoil
    assert night.fetch().fetched == 6
    assert len(seen) == 4
    # Each time about a half of the rest had come: far less than four times the whole was sent.
    assert proxy.sent < 1.8 * BIG
    no_half_files(night)


def test_body_that_is_always_cut_is_given_up(night: Night, proxy: FaultyProxy) -> None:
    small = [night.params.source.url.removeprefix("s3://") + "0.csv"]
    proxy.spoil = lambda _number, path: "reset" if small[0] in path else ""
    assert "closes the connection half-way" in refused_fetch(night)
    proxy.spoil = lambda _number, _path: ""
    before = len(proxy.downloads)
    night.fetch()
    # Those that came before the end aren't asked for again.
    assert len(proxy.downloads) - before < 6
    assert len(night.files()) == 6


def test_storm_of_503_passes(night: Night, proxy: FaultyProxy) -> None:
    proxy.spoil = lambda number, _path: "busy" if number % 3 else ""
    assert night.fetch().fetched == 6
    assert night.discover().new == []


def test_storm_of_503_that_does_not_end(night: Night, proxy: FaultyProxy) -> None:
    proxy.spoil = lambda _number, _path: "busy"
    for message in (refused_fetch(night), refused_discover(night)):
        assert (
            "is overloaded or broken (HTTP 503); check AWS_ENDPOINT_URL, or try again later"
            in message
        )


def test_trickle_is_given_up(night: Night, proxy: FaultyProxy) -> None:
    night.limits = Limits(read=1, pause=0.01, quiet=0.2, slowest=1e12)
    proxy.spoil = lambda _number, path: "stall-body" if "5.csv" in path else ""
    assert "too slow" in refused_fetch(night) or "does not answer" in refused_fetch(night)


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        ("403 RequestTimeTooSkewed", "clock is wrong by more than 15 minutes"),
        ("400 ExpiredToken", "credentials have expired"),
        ("301 PermanentRedirect", "set AWS_REGION"),
        ("400 AuthorizationHeaderMalformed", "set AWS_REGION"),
        ("403 InvalidObjectState", "archived"),
        ("403 SomethingNew", "the server says SomethingNew"),
        ("418 Teapot", "answers Teapot (HTTP 418)"),
    ],
)
def test_answers_that_waiting_does_not_mend_end_at_once(
    night: Night, proxy: FaultyProxy, fault: str, advice: str
) -> None:
    proxy.spoil = lambda _number, _path: fault
    night.limits = Limits()
    for message in (refused_fetch(night), refused_discover(night)):
        assert advice in message


def test_clock_that_is_wrong_at_the_real_server(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    import botocore.auth

    real = botocore.auth.get_current_datetime
    monkeypatch.setattr(
        botocore.auth,
        "get_current_datetime",
        lambda *args, **kwargs: real(*args, **kwargs).replace(year=2020),
    )
    assert "clock is wrong" in refused_discover(night)


def test_wrong_credentials(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    for message in (refused_fetch(night), refused_discover(night)):
        assert "secret key does not fit" in message
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIANOBODY")
    for message in (refused_fetch(night), refused_discover(night)):
        assert "does not know the access key" in message
        assert "AKIANOBODY" not in message


def test_no_credentials(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    for message in (refused_fetch(night), refused_discover(night)):
        assert "no AWS credentials found; set AWS_PROFILE" in message


def test_missing_bucket(night: Night) -> None:
    night.manifest.write_text(night.manifest.read_text().replace("s3://incoming/", "s3://nowhere/"))
    assert "bucket does not exist" in refused_fetch(night)
    other = Night(night.folder / "other", "s3://nowhere/x/")
    assert "bucket does not exist" in refused_discover(other)


def test_access_denied(tmp_path: Path, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = {
        "name": "reader",
        "credentials": [{"accessKey": "reader-key", "secretKey": "reader-secret"}],
        "actions": ["List:own/*"],
    }
    with Seaweed(tmp_path / "server", buckets=("own",), identities=[reader]) as server:
        for name, value in server.env("reader-key", "reader-secret").items():
            monkeypatch.setenv(name, value)
        put(server, "own", prefix + "1.csv", b"one")
        night = Night(tmp_path, f"s3://own/{prefix}")
        assert "access denied; the role needs s3:ListBucketVersions" in refused_discover(night)
        assert "1.csv" in refused_discover(night)


@pytest.mark.parametrize(
    ("status", "body", "advice"),
    [
        (200, b"<html></html>", "no S3 server"),
        (200, b"", "no S3 server"),
        (404, b"<html></html>", "no S3 server"),
        (200, b"welcome", "HTTP 500"),
        (502, b"<html></html>", "HTTP 502"),
    ],
)
def test_something_else_answers(
    night: Night, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, advice: str
) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as page:
        threading.Thread(target=page.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{page.server_port}")
        assert advice in refused_discover(night)
        page.shutdown()


def test_object_that_changes_while_discover_reads_it(
    server: Seaweed, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(server, "plain", prefix + "1.csv", b"one")
    night = Night(tmp_path, f"s3://plain/{prefix}")
    with FaultyProxy(server.endpoint) as proxy:

        def spoil(_number: int, path: str) -> str:
            if "1.csv" in path:
                put(server, "plain", prefix + "1.csv", b"two")
            return ""

        proxy.spoil = spoil
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        assert "overwritten while it was read; run again" in refused_discover(night)
        assert not night.manifest.exists()
        proxy.spoil = lambda _number, _path: ""
        assert night.discover().new == ["1"]


def test_discover_that_was_interrupted_goes_on(
    server: Seaweed, prefix: str, tmp_path: Path, proxy: FaultyProxy
) -> None:
    for day in range(20):
        put(server, "incoming", f"{prefix}{day:02}.csv", b"%d" % day)
    night = Night(tmp_path, f"s3://incoming/{prefix}", limits=QUICK)
    proxy.spoil = lambda _number, path: "403 AccessDenied" if "19.csv" in path else ""
    assert "access denied" in refused_discover(night)
    landed = len(list(night.incoming.iterdir()))
    assert landed > 0
    proxy.spoil = lambda _number, _path: ""
    before = len(proxy.downloads)
    assert len(night.discover().new) == 20
    assert len(proxy.downloads) - before == 20 - landed


def test_command_ends_with_one_line_and_code_5_and_nothing_tells_the_secret(
    night: Night,
    proxy: FaultyProxy,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    secret, key = os.environ["AWS_SECRET_ACCESS_KEY"], os.environ["AWS_ACCESS_KEY_ID"]
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token-that-nobody-may-see")
    monkeypatch.chdir(night.folder)
    text = (ROOT / "params.yaml").read_text()
    url = f"url: {night.params.source.url}"
    Path("params.yaml").write_text(text.replace("url: sample/inbox/", url))
    arguments = ["--manifest", str(night.manifest)]
    raw = ["--raw", str(night.raw)]

    codes, said = [], ""
    for fault in ("403 AccessDenied", "403 SignatureDoesNotMatch", "403 New", "400 Odd", ""):
        proxy.spoil = lambda _number, _path, fault=fault: fault
        for command in (["discover", *arguments], ["fetch", *arguments, *raw]):
            codes.append(main(command))
            out, err = capfd.readouterr()
            assert codes[-1] == 0 or err.count("\n") == 1
            said += out + err
    assert codes == [5] * 8 + [0, 0] or codes[:8] == [5] * 8
    said += "".join(
        path.read_text(errors="replace")
        for path in night.folder.rglob("*")
        if path.is_file() and path.suffix != ".csv"
    )
    said += night.manifest.read_text()
    for word in (secret, key, "token-that-nobody-may-see", "Signature=", "Authorization"):
        assert word not in said


def test_password_in_the_endpoint_is_not_told() -> None:
    error = explain(FaultError("refused"), "s3://b/k", "http://user:hidden@host:9000", 0)
    assert "hidden" not in str(error)
    assert "host:9000" in str(error)


def test_patience_ends_when_nothing_arrives_and_is_renewed_by_bytes() -> None:
    patience = Patience(Limits(pause=0.01, longest_pause=0.01, quiet=0.3, slowest=1))
    fault = FaultError("reset", passing=True)
    end = time.monotonic() + 30
    attempt = 0
    with pytest.raises(FaultError):  # noqa: PT012
        while time.monotonic() < end:
            patience.wait(fault, attempt)
            attempt += 1
    assert attempt > 1
    longer = Patience(Limits(pause=0.01, longest_pause=0.01, quiet=0.3, slowest=1), size=60)
    longer.wait(fault, 0)
    time.sleep(0.35)
    longer.progress()
    longer.wait(fault, 0)
    with pytest.raises(FaultError):
        longer.wait(of_answer("AccessDenied", 403), 0)


def test_server_errors_pass_and_refusals_do_not() -> None:
    passing = [
        ("SlowDown", 503),
        ("InternalError", 500),
        ("", 502),
        ("", 429),
        ("RequestTimeout", 400),
    ]
    lasting = [("AccessDenied", 403), ("NoSuchBucket", 404), ("", 400)]
    assert all(of_answer(*answer).passing for answer in passing)
    assert not any(of_answer(*answer).passing for answer in lasting)
