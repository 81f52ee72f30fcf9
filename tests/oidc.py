"""A local stand-in of GitHub's token issuer: it signs tokens and serves its public key."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

AUDIENCE = "sts.amazonaws.com"
_KEY_ID = "key-1"


class Issuer:
    """An OpenID Connect issuer that serves its discovery document and keys inside `with`."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public: dict[str, Any] = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        keys = {"keys": [public | {"kid": _KEY_ID, "use": "sig", "alg": "RS256"}]}

        pages: dict[str, object] = {"/jwks": keys}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = pages.get(self.path)
                self.send_response(404 if page is None else 200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(page).encode())

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        pages["/.well-known/openid-configuration"] = {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/jwks",
        }

    def token(self, subject: str, key: rsa.RSAPrivateKey | None = None, **claims: object) -> str:
        """Return a signed token with the claims GitHub gives to a job; `claims` replace some.

        With another `key` it is a forgery: the key id says that it's the issuer's.
        """
        now = int(time.time())
        usual = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": subject,
            "iat": now,
            "nbf": now - 600,
            "exp": now + 300,
        }
        headers = {"kid": _KEY_ID}
        return jwt.encode(usual | claims, key or self._key, algorithm="RS256", headers=headers)

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
