"""A real S3 server for tests, demo and benchmark: SeaweedFS, which comes as a dev dependency.

    with Seaweed(folder, buckets=("incoming",), versioned=("incoming",)) as server:
        client = server.client()
        subprocess.run(command, env=os.environ | server.env())

It listens on 127.0.0.1 only, keeps everything below its folder and is up in about a second.
"""

import json
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

REGION = "us-east-1"
_GRPC = 10_000  # each service listens for gRPC on its port + 10000
_READY_SECONDS = 30.0
_STOP_SECONDS = 15.0
_TRIES = 5


@dataclass(frozen=True)
class Traffic:
    """Requests that succeeded, and bytes of content, as the server counts them."""

    downloads: int = 0
    uploads: int = 0
    lists: int = 0
    sent: int = 0
    received: int = 0

    def __sub__(self, earlier: "Traffic") -> "Traffic":
        """Return what has come since."""
        return Traffic(*(a - b for a, b in zip(astuple(self), astuple(earlier), strict=True)))


class Seaweed:
    """A server that runs from `start` to `stop`, or inside `with`.

    `versioned` names those of `buckets` that keep versions. `iam`, a configuration of SeaweedFS'
    IAM (providers, roles, policies), is handed over as `-s3.iam.config`: this is how roles for
    AssumeRoleWithWebIdentity are given to it. `identities` are static users beside the
    administrator, each a dict as in SeaweedFS' s3.json. `options` are further flags.
    """

    def __init__(
        self,
        folder: Path,
        *,
        buckets: Sequence[str] = (),
        versioned: Sequence[str] = (),
        identities: Sequence[Mapping[str, object]] = (),
        iam: Mapping[str, object] | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.access_key = "admin" + secrets.token_hex(6)
        self.secret_key = secrets.token_hex(20)
        self.port = 0
        self._metrics_port = 0
        self._buckets = buckets
        self._versioned = versioned
        self._identities = identities
        self._iam = iam
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """The server's URL, for `AWS_ENDPOINT_URL`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The running server's process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What the server has printed so far."""
        path = self.folder / "server.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def env(self, access_key: str = "", secret_key: str = "", token: str = "") -> dict[str, str]:
        """Return the variables that lead any S3 client here; without keys the administrator's.

        The file named, an empty one, keeps a developer's own ~/.aws out of it.
        """
        nothing = self.folder / "aws-config"
        nothing.touch()
        found = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": access_key or self.access_key,
            "AWS_SECRET_ACCESS_KEY": secret_key or self.secret_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(nothing),
            "AWS_SHARED_CREDENTIALS_FILE": str(nothing),
        }
        return found | ({"AWS_SESSION_TOKEN": token} if token else {})

    # The return type depends on the service's name: boto3 makes its classes at run time.
    def client(
        self, service: str = "s3", *, access_key: str = "", secret_key: str = "", token: str = ""
    ) -> Any:
        """Return a boto3 client of this server; without keys the administrator's."""
        import boto3
        from botocore.config import Config

        return boto3.session.Session().client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=access_key or self.access_key,
            aws_secret_access_key=secret_key or self.secret_key,
            aws_session_token=token or None,
            config=Config(retries={"total_max_attempts": 2}, s3={"addressing_style": "path"}),
        )

    def traffic(self, bucket: str) -> Traffic:
        """Return what has gone to and from a bucket since the server started."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics_port}/metrics") as answer:
            text = answer.read().decode()

        def total(metric: str, labels: str) -> int:
            found = re.findall(rf"^SeaweedFS_s3_{metric}{{{labels}}} (\S+)$", text, flags=re.M)
            return sum(int(float(value)) for value in found)

        def requests(kind: str) -> int:
            return total("request_total", f'bucket="{bucket}",code="2..",type="{kind}"')

        return Traffic(
            downloads=requests("GET"),
            uploads=requests("PUT"),
            lists=requests("LIST"),
            sent=total("bucket_traffic_sent_bytes_total", f'bucket="{bucket}"'),
            received=total("bucket_traffic_received_bytes_total", f'bucket="{bucket}"'),
        )

    def start(self) -> None:
        """Start the server and make its buckets. Data of an earlier run in the folder are kept."""
        self.folder.mkdir(parents=True, exist_ok=True)
        known = self.port
        for attempt in range(_TRIES):
            try:
                self._launch()
                break
            except RuntimeError:
                # Someone else may have taken a port between our look and the server's.
                self.stop()
                self.port = known
                if attempt == _TRIES - 1:
                    raise
        client = self.client()
        present = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
        for bucket in self._buckets:
            if bucket not in present:
                client.create_bucket(Bucket=bucket)
            if bucket in self._versioned:
                client.put_bucket_versioning(
                    Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
                )

    def stop(self) -> None:
        """End the server; its data stay in the folder."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _launch(self) -> None:
        """Start the process on free ports and wait until it answers; else RuntimeError."""
        ports = _free_ports(6)
        self._metrics_port = ports[5]
        # A restart keeps its address, so that clients that know it can go on.
        self.port = self.port or ports[0]
        s3_config = self.folder / "s3.json"
        s3_config.write_text(json.dumps({"identities": [self._administrator(), *self._identities]}))
        extra = list(self._options)
        if self._iam is not None:
            iam_config = self.folder / "iam.json"
            iam_config.write_text(json.dumps(self._iam))
            extra.append(f"-s3.iam.config={iam_config}")
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        command = [
            _weed(),
            f"-logdir={self.folder}",
            "mini",
            f"-dir={data}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-s3.port={self.port}",
            f"-master.port={ports[1]}",
            f"-volume.port={ports[2]}",
            f"-filer.port={ports[3]}",
            f"-admin.port={ports[4]}",
            f"-metricsPort={self._metrics_port}",
            f"-s3.config={s3_config}",
            f"-s3.localSocket={self.folder / 's3.sock'}",
            f"-filer.localSocket={self.folder / 'filer.sock'}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-s3.iam.readOnly=false",
            "-s3.autoCreateBucket=false",  # it would hide a misspelt bucket
            "-webdav=false",
            "-admin.ui=false",
            "-master.telemetry=false",
            "-master.volumeSizeLimitMB=64",
            "-volume.max=500",
            "-volume.preStopSeconds=0",
            *extra,
        ]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder
            )
        end = time.monotonic() + _READY_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"SeaweedFS did not start; its log ends:\n{self.log[-2000:]}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        """Whether a signed request that needs all the services behind S3 succeeds."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            # /healthz answers before the filer and the users are loaded.
            urllib.request.urlopen(f"{self.endpoint}/healthz", timeout=2).close()
            self.client().list_buckets()
        except (OSError, BotoCoreError, ClientError):
            return False
        return True

    def _administrator(self) -> dict[str, object]:
        keys = {"accessKey": self.access_key, "secretKey": self.secret_key}
        return {"name": "admin", "credentials": [keys], "actions": ["Admin"]}


def _weed() -> str:
    """Return the server's program: beside this Python, or on the path."""
    found = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if found is None:
        raise RuntimeError("weed: no such program; `make test` and `make demo-s3` install it")
    return found


def _free_ports(count: int) -> list[int]:
    """Return ports below 22000 that are free, and whose gRPC twins are."""
    found: list[int] = []
    while len(found) < count:
        port = 12_000 + secrets.randbelow(9_900)
        if port not in found and _is_free(port) and _is_free(port + _GRPC):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
