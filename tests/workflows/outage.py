"""S3 that goes down in the middle of a run: a relay before the real server, which breaks.

with Outage(server.port, rb"PUT /acme-models/") as outage:
    ...                     # run with AWS_ENDPOINT_URL=outage.endpoint
assert outage.began
"""

import re
import select
import socket
import socketserver
import struct
import threading
from types import TracebackType
from typing import Self

_CHUNK = 1 << 16


class Outage:
    """A relay that lets everything pass until request number `after` + 1 that looks like `sign`.

    That request's connection is reset, and so is any other from then on. `sign` is a regular
    expression for the start of a request: `rb"PUT /bucket/"`.
    """

    def __init__(self, port: int, sign: bytes, after: int = 0) -> None:
        self._upstream = ("127.0.0.1", port)
        self._sign = re.compile(sign)
        self._left = after
        self._lock = threading.Lock()
        self._over = threading.Event()
        relay = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                relay._relay(self.request)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def began(self) -> bool:
        """Whether the outage has begun."""
        return self._over.is_set()

    def _relay(self, client: socket.socket) -> None:
        with socket.create_connection(self._upstream) as server:
            while not self._over.is_set():
                for ready in select.select([client, server], [], [], 0.05)[0]:
                    data = ready.recv(_CHUNK)
                    if not data:
                        return
                    if ready is client and self._breaks(data):
                        break
                    (server if ready is client else client).sendall(data)
        # Closed with a reset, as by a machine that is gone.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    def _breaks(self, data: bytes) -> bool:
        """Whether the outage has begun, with this piece of a request or before."""
        with self._lock:
            if self._sign.match(data):
                self._left -= 1
                if self._left < 0:
                    self._over.set()
            return self._over.is_set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
