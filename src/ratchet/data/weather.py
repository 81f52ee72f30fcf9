"""How long to wait for a server, and what to tell a person when the waiting is over.

Nothing of a server's answer is printed but its error code: bodies and URLs of S3 carry key ids and
signatures.
"""

import random
import re
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from ratchet.errors import EvidenceError


@dataclass(frozen=True)
class Limits:
    """How long a transfer may take, in seconds, and how slow it may be.

    One attempt: `connect` for the connection, `read` for the next bytes. Attempts are repeated
    after pauses that double from `pause` to `longest_pause`, until nothing at all has arrived for
    `quiet`. In all a transfer of N bytes gets `quiet` plus N / `slowest` (bytes a second).
    """

    connect: float = 5.0
    read: float = 20.0
    pause: float = 0.2
    longest_pause: float = 10.0
    quiet: float = 60.0
    slowest: float = 64 * 1024


LIMITS = Limits()


class FaultError(Exception):
    """A request failed. `kind` is the server's error code or one of our words in `_ADVICE`.

    `passing` faults may be gone at the next attempt.
    """

    def __init__(self, kind: str, status: int = 0, *, passing: bool = False) -> None:
        super().__init__(kind)
        self.kind = kind
        self.status = status
        self.passing = passing


class StoppedError(Exception):
    """Another transfer of the same run has failed for good, so this one ended."""


class Patience:
    """The waiting of one run, shared by its threads: who sees bytes arrive gives all more time."""

    def __init__(self, limits: Limits, size: int = 0) -> None:
        self.limits = limits
        self._stop = threading.Event()
        self._start = self._last = time.monotonic()
        self._end = self._start + limits.quiet + size / limits.slowest

    def stop(self) -> None:
        """Let all other threads end at their next look."""
        self._stop.set()

    def progress(self) -> None:
        """Note that bytes arrived.

        Raises FaultError when they come too slowly, StoppedError when the run is over.
        """
        if self._stop.is_set():
            raise StoppedError
        self._last = time.monotonic()
        if self._last > self._end:
            raise FaultError("slow")

    def wait(self, fault: FaultError, attempt: int) -> None:
        """Pause before the next attempt, counted from 0.

        Raises `fault` itself when it won't pass or the time is over, StoppedError as `progress`.
        """
        left = min(self._last + self.limits.quiet, self._end) - time.monotonic()
        if not fault.passing or left <= 0:
            raise fault
        pause = min(self.limits.pause * 2.0 ** min(attempt, 20), self.limits.longest_pause)
        # Threads that failed together shouldn't come back together.
        if self._stop.wait(min(pause * random.uniform(0.5, 1.0), left)):
            raise StoppedError

    def wait_or_explain(self, fault: FaultError, attempt: int, uri: str, endpoint: str) -> None:
        """Do as `wait`; when that gives up, raise the EvidenceError for a person."""
        try:
            self.wait(fault, attempt)
        except FaultError as last:
            raise explain(last, uri, endpoint, time.monotonic() - self._last) from None


def of_answer(code: str, status: int) -> FaultError:
    """Return the fault that an S3 error code and an HTTP status mean."""
    passing = status >= 500 or status == 429 or code in _PASSING
    if code in ("", str(status)) and not passing and status != 403:
        # S3 always gives a code.
        return FaultError("not-s3", status)
    return FaultError(code or str(status), status, passing=passing)


# What the text of a failed connection holds, in boto3's words or obstore's.
_SIGNS = {
    "tls": r"certificate|CERTIFICATE|InvalidCertificate|SSL",
    "unknown-host": r"dns error|NameResolution|Name or service|name resolution",
    "refused": r"ConnectionRefused|Connection refused",
    "stalled": r"TimedOut|timed out|Timeout",
    "reset": r"ConnectionReset|IncompleteMessage|UnexpectedEof|body error|IncompleteRead|closed",
}


def connection_kind(text: str) -> str:
    """Return the kind of fault that the text of a failed connection tells."""
    for kind, sign in _SIGNS.items():
        if re.search(sign, text):
            return kind
    return "unreachable"


# Kinds that trying again doesn't mend.
LASTING = {"tls", "bad-credentials", "no-credentials"}
_PASSING = {"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException", "InternalError"}
_KEYS = "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
_REGION = "the bucket lies in another region; set AWS_REGION to the bucket's own"
_EXPIRED = "the credentials have expired; sign in again or renew the token"
# By kind of fault: what it means and what to check.
_ADVICE = {
    "refused": "the server refuses connections; check AWS_ENDPOINT_URL and that the server runs",
    "unknown-host": "the server's name is unknown; check AWS_ENDPOINT_URL, AWS_REGION and the DNS",
    "unreachable": "the server can't be reached; check the network and AWS_ENDPOINT_URL",
    "stalled": "the server does not answer in time; check the network, or try again later",
    "reset": "the server closes the connection half-way; check the network and any proxy between",
    "slow": "the transfer is too slow to wait for; check the network, or try again later",
    "tls": "the server's certificate isn't trusted; check AWS_ENDPOINT_URL and AWS_CA_BUNDLE",
    "proxy": "the proxy does not let us through; check HTTPS_PROXY and NO_PROXY",
    "not-s3": "what answers there is no S3 server; check AWS_ENDPOINT_URL and any proxy between",
    "no-credentials": "no AWS credentials found; set AWS_PROFILE, or let the workflow assume its "
    "role (docs/aws.md)",
    "bad-credentials": "the AWS credentials can't be loaded; check AWS_PROFILE and the files in "
    "~/.aws",
    "moved": _REGION,
    "PermanentRedirect": _REGION,
    "AuthorizationHeaderMalformed": _REGION,
    "InvalidAccessKeyId": f"the server does not know the access key; {_KEYS}",
    "SignatureDoesNotMatch": f"the secret key does not fit the access key; {_KEYS}",
    "InvalidToken": _EXPIRED,
    "ExpiredToken": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "RequestTimeTooSkewed": "this machine's clock is wrong by more than 15 minutes; set it "
    "(timedatectl) and run again",
    "RequestExpired": "this machine's clock is wrong, or the credentials have expired; check both",
    "NoSuchBucket": "the bucket does not exist there; check source.url in params.yaml, "
    "DATA_BUCKET and AWS_ENDPOINT_URL",
    "AccessDenied": "access denied; the role needs s3:ListBucketVersions on the bucket with this "
    "prefix, s3:GetObject and s3:GetObjectVersion on its objects (docs/aws.md)",
    "InvalidObjectState": "the object is archived; restore it from the archive tier first",
    "changed": "the object was overwritten while it was read; run again",
}


def explain(fault: FaultError, uri: str, endpoint: str, waited: float) -> EvidenceError:
    """Say in one line what happened to `uri` at the server, and what to check."""
    advice = _ADVICE.get(fault.kind)
    if advice is None and fault.status >= 500:
        advice = (
            f"the server, or a proxy between, is overloaded or broken (HTTP {fault.status}); "
            "check AWS_ENDPOINT_URL, or try again later"
        )
    elif advice is None and fault.status == 403:
        advice = f"{_ADVICE['AccessDenied']} (the server says {fault.kind})"
    elif advice is None:
        advice = f"the server answers {fault.kind} (HTTP {fault.status}); check the request"
    parts = urlsplit(endpoint)
    # Without what may stand before an @: that would be a password.
    server = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    tried = f" for {waited:.0f} s" if fault.passing and waited >= 1 else ""
    return EvidenceError(f"{uri} (at {server}{tried}): {advice}; the next run goes on from here")
