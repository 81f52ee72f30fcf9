"""A service that answers with the model in production. Copy it, and change what you like.

    python examples/service.py https://github.com/OWNER/NAME --listen 127.0.0.1:8000

    POST /score    {"rows": [{"carrier": "UA", …}, …]}, a row for each answer; null for no value
    GET  /health   which version answers, and why a newer one doesn't

It needs the repository's URL, credentials for DVC's remote (AWS_…, or --config), and `gh` with a
token for the signature. docs/serve.md says what is checked. No TLS, no login: that is a proxy's.
"""

import argparse
import json
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import waitress

from ratchet.errors import RatchetError
from ratchet.serving import inputs
from ratchet.serving.live import Live
from ratchet.serving.origin import Origin
from ratchet.serving.signature import attested, unsigned

MOST_BYTES = 10_000_000  # of a request; beyond it the answer is 413
THREADS = 4

Answer = tuple[str, dict[str, Any]]


def score(live: Live, body: bytes) -> Answer:
    """Return the scores of the rows in a request, or what is wrong with them."""
    model = live.model  # once: it may be swapped meanwhile
    try:
        asked = json.loads(body)
        rows = asked["rows"]
        if not isinstance(rows, list):
            raise TypeError("rows must be a list")
    except (ValueError, KeyError, TypeError) as error:
        return "400 Bad Request", {"error": f'send {{"rows": [{{…}}, …]}} as JSON: {error!r}'}
    about: dict[str, Any] = {"version": model.version.tag, "model_sha256": model.card.model_sha256}
    try:
        features = inputs.of_rows(rows, model.card, f"not what {model.version.tag} was built for")
    except inputs.RefusedError as error:
        reasons = [str(failure) for failure in error.failures]
        return "422 Unprocessable Content", {**about, "error": str(error), "reasons": reasons}
    if model.card.classes:
        about["classes"] = model.card.classes
    return "200 OK", {**about, "scores": model.score(features).tolist()}


def health(live: Live, _: bytes) -> Answer:
    """Return which version answers. A newer one that was refused is told, and no outage."""
    model = live.model
    return "200 OK", {
        "version": model.version.tag,
        "commit": model.version.commit,
        "model_sha256": model.card.model_sha256,
        "golden": str(model.answers),
        "problem": live.problem,
    }


ROUTES: dict[str, tuple[str, Callable[[Live, bytes], Answer]]] = {
    "/score": ("POST", score),
    "/health": ("GET", health),
}


def application(live: Live) -> Callable[..., Iterable[bytes]]:
    """Return the WSGI application; any WSGI server takes it."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        method, route = ROUTES.get(environ["PATH_INFO"], ("", None))
        if route is None:
            status, told = "404 Not Found", {"error": f"there are {', '.join(ROUTES)}"}
        elif environ["REQUEST_METHOD"] != method:
            status, told = "405 Method Not Allowed", {"error": f"this takes {method}"}
        else:
            status, told = route(live, environ["wsgi.input"].read())
        content = json.dumps(told, ensure_ascii=False).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
        start_response(status, headers)
        return [content]

    return answer


def main() -> int:
    """Prove the model in the stage, answer with it, and look for another one now and then."""
    parser = argparse.ArgumentParser(description="Answer with the model in production.")
    parser.add_argument("url", help="of the repository, or its path")
    parser.add_argument("--stage", default="prod", help="default: %(default)s")
    parser.add_argument("--signature", choices=("required", "off"), default="required")
    parser.add_argument("--signed-by", default="", metavar="OWNER/NAME", help="default: from URL")
    parser.add_argument("--remote", metavar="NAME", help="of DVC; default: the repository's own")
    parser.add_argument("--config", type=Path, metavar="FILE", help="more settings for DVC")
    parser.add_argument("--look-every", type=float, default=300, metavar="SECONDS")
    parser.add_argument("--listen", default="127.0.0.1:8000", metavar="HOST:PORT")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    origin = Origin(args.url, args.stage, remote=args.remote, config=args.config)
    try:
        verify = unsigned if args.signature == "off" else attested(args.url, args.signed_by)
        live = Live(origin, verify)
    except RatchetError as error:
        logging.critical("no model to answer with: %s", error)
        return error.exit_code
    stop = threading.Event()
    threading.Thread(target=live.watch, args=(args.look_every, stop), daemon=True).start()
    waitress.serve(
        application(live), listen=args.listen, threads=THREADS, max_request_body_size=MOST_BYTES
    )
    stop.set()
    return 0


if __name__ == "__main__":
    sys.exit(main())
