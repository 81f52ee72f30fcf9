"""An HTTP proxy that stands before a real S3 server and spoils some of its answers.

    with FaultyProxy(server.endpoint) as proxy:
        proxy.spoil = lambda number, path: "busy" if number < 3 else ""

`spoil` gets the number of the request, from 0, and its path, and names the fault, or "" for none:
`busy` (503 SlowDown), `reset` (connection lost half-way through the body), `short` (body ends
early, in good order), `stall` (no answer), `stall-body` (half of the body, then nothing), or an S3
error code with its status, as `403 RequestTimeTooSkewed`.
"""

import http.client
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class FaultyProxy:
    """A proxy on a free port. `requests` holds the paths asked for, `sent` the bytes of bodies."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.spoil: Callable[[int, str], str] = lambda _number, _path: ""
        self.requests: list[str] = []
        self.sent = 0
        self.lock = threading.Lock()
        self.over = threading.Event()
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def downloads(self) -> list[str]:
        """The requests that asked for an object rather than for a listing."""
        return [path for path in self.requests if "versions" not in path.partition("?")[2]]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    owner: FaultyProxy
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        with self.owner.lock:
            number = len(self.owner.requests)
            self.owner.requests.append(self.path)
        fault = self.owner.spoil(number, self.path)
        if fault == "stall":
            self.owner.over.wait(30)
            self.close_connection = True
        elif fault == "busy":
            self._answer(503, "SlowDown")
        elif fault[:3].isdecimal():
            status, code = fault.split()
            self._answer(int(status), code)
        else:
            self._forward(fault)

    def _forward(self, fault: str) -> None:
        upstream = http.client.HTTPConnection(self.owner.upstream, timeout=30)
        upstream.putrequest("GET", self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            upstream.putheader(name, value)
        upstream.endheaders()
        answer = upstream.getresponse()
        body = answer.read()
        upstream.close()
        sent = body[: len(body) // 2] if fault else body
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(sent)
        self.wfile.flush()
        with self.owner.lock:
            self.owner.sent += len(sent)
        if fault == "stall-body":
            self.owner.over.wait(30)
        if fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = bool(fault)

    def _answer(self, status: int, code: str) -> None:
        body = (
            f"<Error><Code>{code}</Code><Message>spoilt</Message>"
            f"<AWSAccessKeyId>{self.headers['Authorization']}</AWSAccessKeyId></Error>"
        ).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass
