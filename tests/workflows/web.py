"""HTTPS to any host, played on this machine: a CONNECT proxy that answers itself.

    with Web(folder, handle) as web:
        subprocess.run(command, env=web.environment())

Programs ask the proxy for a tunnel to, say, api.github.com, and find a server there whose
certificate they trust, because the environment names its authority. Nothing leaves the machine.
"""

import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast
from urllib.parse import parse_qsl, urlsplit

import trustme

_PATIENCE = 60  # seconds until a client that says nothing is left alone


@dataclass(frozen=True)
class Request:
    """What a program asked: header names are in lower case, `path` is without the query."""

    method: str
    host: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def url(self) -> str:
        """The URL without its query."""
        return f"https://{self.host}{self.path}"


@dataclass(frozen=True)
class Response:
    """What it is answered."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Web:
    """The proxy and all the hosts behind it, inside `with`. `handle` runs in many threads."""

    def __init__(self, folder: Path, handle: Callable[[Request], Response]) -> None:
        self.handle = handle
        self.errors: list[BaseException] = []
        self._authority = trustme.CA()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()
        self._bundle = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(str(self._bundle))
        web = self

        class Handler(_Handler):
            owner = web

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False  # so that closing waits for them
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def environment(self) -> dict[str, str]:
        """Return the variables that lead git, gh, curl and Python here."""
        bundle = str(self._bundle)
        certificates = ("SSL_CERT_FILE", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
        return {
            "HTTPS_PROXY": self.url,
            "https_proxy": self.url,
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        } | dict.fromkeys(certificates, bundle)

    def context(self, host: str) -> ssl.SSLContext:
        """Return the TLS settings of a host, with a certificate of its own."""
        with self._lock:
            if host not in self._contexts:
                made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                self._authority.issue_cert(host).configure_cert(made)
                self._contexts[host] = made
            return self._contexts[host]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    """One tunnel, and in it one request."""

    owner: Web
    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE
    host = ""

    def do_CONNECT(self) -> None:
        self.host = self.path.rpartition(":")[0]
        self.send_response(200)
        self.end_headers()
        plain = self.rfile, self.wfile
        try:
            tunnel = self.owner.context(self.host).wrap_socket(self.connection, server_side=True)
        except (ssl.SSLError, OSError):
            self.close_connection = True  # the client doesn't trust us, or is gone
            return
        with tunnel:
            self.rfile = cast("BinaryIO", tunnel.makefile("rb"))  # type: ignore[assignment]
            self.wfile = cast("BinaryIO", tunnel.makefile("wb"))  # type: ignore[assignment]
            with suppress(OSError):  # the client is gone
                self.handle_one_request()
            for stream in (self.rfile, self.wfile):
                with suppress(OSError):
                    stream.close()
            self.rfile, self.wfile = plain
        self.close_connection = True

    def serve(self) -> None:
        """Answer a request; what isn't in a tunnel is none of ours."""
        parts = urlsplit(self.path)
        request = Request(
            self.command,
            self.host,
            parts.path,
            dict(parse_qsl(parts.query, keep_blank_values=True)),
            {name.lower(): value for name, value in self.headers.items()},
            self._body(),
        )
        try:
            response = self.owner.handle(request) if self.host else Response(400, b"https only")
        except Exception as error:  # a fault of the stand-in must fail the test, not the thread
            self.owner.errors.append(error)
            response = Response(500, repr(error).encode())
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = serve  # noqa: N815

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""
