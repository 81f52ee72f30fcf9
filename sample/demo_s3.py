"""Two nights against a real S3 server on this machine: `make demo-s3`.

A SeaweedFS server starts in a temporary folder, the sample's days are uploaded to it as a data
producer would, and a copy of this repository runs its nights with source and remote in S3. What
is configured in files is what a user configures (docs/aws.md); where it leads to, server, bucket
and credentials, comes from the environment alone. The night's credentials have the policy of the
nightly role in .github/aws/ratchet.yaml and no other right. The repository itself isn't touched.
"""

import argparse
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aws_template import load_roles
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from seaweed import Seaweed, Traffic

from ratchet import sample

ROOT = Path(__file__).parents[1]
DATA, REMOTE, PREFIX = "acme-data", "acme-models", "new_data/"
FIRST_DAY = datetime.date(2013, 1, 1)
# What is worth reading of what DVC prints: the rest is about git, and its bars.
_NOISE = re.compile(
    r"^\s*$|lock file|^To track|^To enable|git add|dvc config|^Use `dvc|^> |^Setting|: \d0 % \("
)
console = Console(highlight=False, soft_wrap=True)


@dataclass
class Demo:
    """The stage of the play: a server, a repository, and what has gone over the wire."""

    server: Seaweed
    folder: Path
    environment: dict[str, str]
    transferred: list[tuple[str, Traffic, Traffic]] = field(default_factory=list)

    def run(self, *command: str, show: bool = True) -> None:
        """Run a command as a person would type it, and print it with its output."""
        if show:
            console.print(f"[bold]$ {escape(' '.join(command))}[/]")
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            console.print(escape(done.stdout))
            sys.exit(f"{' '.join(command)}: exit {done.returncode}")
        for line in done.stdout.splitlines() if show else []:
            if not _NOISE.search(line):
                console.print(f"  {escape(line)}")

    @contextmanager
    def act(self, title: str) -> Iterator[None]:
        """Announce a part of the play; count what it transfers."""
        console.print(f"\n[bold cyan]{escape(title)}[/]")
        before = self.server.traffic(DATA), self.server.traffic(REMOTE)
        yield
        data, remote = (self.server.traffic(name) for name in (DATA, REMOTE))
        self.transferred.append((title, data - before[0], remote - before[1]))

    def produce(self, producer: Any, **amount: Any) -> None:
        """Play the data producer: make days of the sample and upload them."""
        days = sample.publish(ROOT / "sample/flights.parquet", self.folder / "inbox", **amount)
        for day in days:
            producer.upload_file(str(day), DATA, PREFIX + day.name)
        size = sum(day.stat().st_size for day in days) / 1e6
        what = days[0].stem if len(days) == 1 else f"{days[0].stem} to {days[-1].stem}"
        console.print(f"  the producer uploads {what}: {_objects(len(days))}, {size:.1f} MB")

    def night(self, message: str) -> None:
        """Run what a night runs."""
        self.run("ratchet", "discover")
        self.run("dvc", "repro")
        self.run("dvc", "push")
        self.run("git", "add", "--all", show=False)
        self.run("git", "commit", "--quiet", "--message", message, show=False)


def main() -> None:
    """Play the nights and print what they transferred."""
    parser = argparse.ArgumentParser(description="Two nights against a real S3 server.")
    parser.add_argument(
        "--days", type=int, default=60, help="days there are at first (%(default)s)"
    )
    days = parser.parse_args().days
    with tempfile.TemporaryDirectory(prefix="ratchet-demo-") as name:
        place = Path(name)
        with Seaweed(place / "server", buckets=(DATA, REMOTE), versioned=(DATA,)) as server:
            console.print(
                f"Everything happens in {place}, with an S3 server at {server.endpoint}; "
                "this repository and your AWS account stay as they are, and nothing is left behind."
            )
            play(server, place, days)


def play(server: Seaweed, place: Path, days: int) -> None:
    """Play all acts, in `place`."""
    night, key_id = _nightly_user(server)
    demo = Demo(server, place / "project", _environment(place) | night)
    producer = server.client()
    _copy_repository(demo.folder)
    shutil.rmtree(demo.folder / "models")
    for left in ("dvc.lock", "data/manifest.csv"):
        (demo.folder / left).unlink(missing_ok=True)

    console.print("\n[bold cyan]Set-up, once, in files that go into git[/]")
    _set_source(demo.folder / "params.yaml", f"s3://${{DATA_BUCKET}}/{PREFIX}")
    demo.run("dvc", "remote", "add", "--default", "s3", f"s3://{REMOTE}/dvc")
    demo.run("dvc", "remote", "modify", "s3", "verify", "true")
    for command in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "-m", "Set up")):
        demo.run("git", *command, show=False)
    console.print("\n[bold cyan]The environment says where that leads[/]")
    for variable in ("DATA_BUCKET", "AWS_ENDPOINT_URL", "AWS_REGION"):
        console.print(f"  {variable}={demo.environment[variable]}")
    console.print(f"  AWS_ACCESS_KEY_ID={key_id}, which has the rights of the nightly role")

    until = FIRST_DAY + datetime.timedelta(days=days - 1)
    with demo.act(f"First night: {days} days are there"):
        demo.produce(producer, until=until)
        demo.night("First night")
    with demo.act("Second night: one new day"):
        demo.produce(producer, days=1)
        demo.night("Second night")
    with demo.act("Third night: nothing new"):
        demo.run("ratchet", "discover")
        demo.run("dvc", "repro")
    with demo.act("Another machine: everything comes from the remote"):
        demo.run("git", "clone", "--quiet", ".", str(place / "clone"))
        before = (demo.folder / "models/model.skops").read_bytes()
        demo.folder = place / "clone"
        demo.run("dvc", "repro", "--pull")
        same = (demo.folder / "models/model.skops").read_bytes() == before
        console.print(f"  models/model.skops is {'the same, byte for byte' if same else 'OTHER'}")
    console.print(
        "\n[bold cyan]What crossed the wire, as the server counts it: requests (content)[/]"
    )
    console.print(_table(demo))
    if not same:
        sys.exit("the model of the clone differs")


def _nightly_user(server: Seaweed) -> tuple[dict[str, str], str]:
    """Make a user with the nightly role's policy; return its environment and key id."""
    role = load_roles(Repository="acme/model", DataBucket=DATA, RemoteBucket=REMOTE)["NightlyRole"]
    iam = server.client("iam")
    iam.create_user(UserName="nightly")
    document = json.dumps(role.policy)
    iam.put_user_policy(UserName="nightly", PolicyName="nightly", PolicyDocument=document)
    made = iam.create_access_key(UserName="nightly")["AccessKey"]
    return server.env(made["AccessKeyId"], made["SecretAccessKey"]), made["AccessKeyId"]


def _environment(place: Path) -> dict[str, str]:
    """Return this process's environment without other credentials, with what git needs."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "GIT_", "DVC_"))
    }
    person = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in {"NAME": "Demo", "EMAIL": "demo@example.com"}.items()
    }
    site = {"DVC_SITE_CACHE_DIR": str(place / "site"), "DATA_BUCKET": DATA}
    return kept | person | site


def _copy_repository(folder: Path) -> None:
    """Copy the files that git knows, as they are now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    # The producer's own folder.
    with (folder / ".gitignore").open("a") as file:
        file.write("/inbox/\n")


def _set_source(path: Path, url: str) -> None:
    """Write `source.url` in params.yaml, as a person would in an editor."""
    text, count = re.subn(r"(?m)^(  url:) \S+.*$", rf"\1 {url}", path.read_text())
    if count != 1:
        sys.exit(f"{path}: has {count} lines with a url")
    path.write_text(text)
    console.print(f"  params.yaml: source.url: {url}")


def _table(demo: Demo) -> Table:
    """Return what each act transferred, as the server counted it."""
    table = Table(box=None)
    table.add_column("")
    for name in ("listings", "from data", "from remote", "to remote"):
        table.add_column(name, justify="right")
    for title, data, remote in demo.transferred:
        table.add_row(
            title.partition(":")[0],
            str(data.lists + remote.lists),
            _amount(data.downloads, data.sent),
            _amount(remote.downloads, remote.sent),
            _amount(remote.uploads, remote.received),
        )
    return table


def _amount(count: int, size: int) -> str:
    amount = f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.0f} kB"
    if size < 1000:
        amount = "<1 kB"
    return f"{count} ({amount})" if count else "0"


def _objects(count: int) -> str:
    return "1 object" if count == 1 else f"{count} objects"


if __name__ == "__main__":
    main()
