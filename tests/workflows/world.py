"""All that a night needs, on this machine: GitHub, S3, a repository in use, and its producer.

    world.produce()                        # the next day's batch arrives
    run = world.run("nightly.yml", "schedule")
    assert world.github.open_pulls

A template is made once; each test has a copy of all of it, servers included, because manifest and
lock name buckets and version ids.
"""

import datetime
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from act import Environment, Role, Run, Runner
from aws_template import load_roles
from git_http import git
from github import GitHub
from hub import SLUG
from outage import Outage
from project import NEWEST, REPOSITORY, SAMPLE, SMALL, STAGES, Project, ran
from seaweed import REGION, Seaweed

from ratchet import sample

DATA, REMOTE, PREFIX = "acme-data", "acme-models", "new_data/"
# One new batch is enough to train, one fault to drill, and intervals needn't be exact.
EAGER: dict[str, Any] = {
    "trigger__new_rows": 1,
    "drill__only": ["column-renamed"],
    "gate__bootstrap__replicates": 200,
}
_ACCOUNT = "arn:aws:iam::123456789012:role/"
_ROLES = {"nightly": "NightlyRole", "gate": "GateRole"}
_COPIED = ("Makefile", "pyproject.toml", "README.md", ".github", "requirements")


class World:
    """A copy of the template in `folder`, whose servers run inside `with`.

    `project` is a person's clone; `github` and `server` are what the workflows talk to.
    `webhook` and `heartbeat` are set in the environment `alarm`.
    """

    webhook = "https://hooks.example.com/services/T0/B0/x"
    heartbeat = "https://beat.example.com/ping/y"

    def __init__(self, folder: Path, template: Path) -> None:
        self.folder = folder
        shutil.copytree(template, folder, symlinks=True)
        self.server = _server(folder / "server")
        self.github = GitHub(folder / "github", folder / "model.git")
        self.project = Project(folder / "project")
        self.project.run("git", "remote", "set-url", "origin", str(folder / "model.git"))
        self.inbox = folder / "inbox"
        self.runner = Runner(folder / "runner", self.github)
        self.runner.variables |= {"AWS_REGION": REGION, "DATA_BUCKET": DATA}
        keys = json.loads((folder / "keys.json").read_text(encoding="utf-8"))
        for environment, role in _ROLES.items():
            self.runner.roles[_ACCOUNT + role] = Role(environment, *keys[role])
            variables = {"AWS_ROLE_ARN": _ACCOUNT + role}
            self.runner.environments[environment] = Environment(variables)
        self.runner.environments["propose"] = Environment(
            {"APP_CLIENT_ID": self.github.app.client_id},
            {"APP_PRIVATE_KEY": self.github.app.private_key},
        )
        self.runner.environments["alarm"] = Environment(
            secrets={"WEBHOOK_URL": self.webhook, "HEARTBEAT_URL": self.heartbeat}
        )

    @property
    def env(self) -> dict[str, str]:
        """The variables that give a person's commands the administrator's way to S3."""
        return self.server.env() | {"DATA_BUCKET": DATA}

    def run(self, workflow: str, event_name: str, **options: Any) -> Run:
        """Run a workflow of the repository; see `Runner.run`."""
        return self.runner.run(workflow, event_name, **options)

    @contextmanager
    def outage(self, sign: bytes, after: int = 0) -> Iterator[Outage]:
        """Let S3 go down at a request of the workflows; see `Outage`."""
        way = self.runner.machine["AWS_ENDPOINT_URL"]
        with Outage(self.server.port, sign, after) as outage:
            self.runner.machine["AWS_ENDPOINT_URL"] = outage.endpoint
            yield outage
        self.runner.machine["AWS_ENDPOINT_URL"] = way

    def produce(self, days: int = 1) -> list[str]:
        """Let the data producer deliver the next days; return their names."""
        made = sample.publish(SAMPLE, self.inbox, days=days)
        for day in made:
            self.put(day.name, day.read_bytes())
        return [day.stem for day in made]

    def put(self, name: str, content: bytes) -> None:
        """Put a batch where the producer puts them."""
        self.server.client().put_object(Bucket=DATA, Key=PREFIX + name, Body=content)

    def remote(self) -> set[str]:
        """Return the keys of the objects in DVC's remote."""
        pages = self.server.client().get_paginator("list_objects_v2").paginate(Bucket=REMOTE)
        return {found["Key"] for page in pages for found in page.get("Contents", [])}

    def clone(self, name: str, ref: str) -> Project:
        """Clone a branch as on a fresh machine, with its data and model pulled from the remote."""
        made = Project(self.folder / name)
        source = str(self.github.repository)
        git(self.folder, "clone", "--quiet", "--branch", ref, source, str(made.folder))
        made.run("dvc", "pull", **self.env)
        return made

    def push(self, message: str, branch: str = "main") -> str:
        """Commit all changes of the person's clone, and push them; return the commit."""
        self.project.run("git", "add", "--all")
        self.project.run("git", "commit", "--quiet", "--message", message)
        self.project.run("git", "push", "--quiet", "--force", "origin", f"HEAD:{branch}")
        self.github.follow()
        return self.project.run("git", "rev-parse", "HEAD").strip()

    def __enter__(self) -> Self:
        self.server.__enter__()
        self.github.__enter__()
        # The way to the server, but no keys: those come with a role alone.
        way = ("AWS_ENDPOINT_URL", "AWS_EC2_METADATA_DISABLED", "AWS_CONFIG_FILE")
        self.runner.machine |= {name: self.server.env()[name] for name in way}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.github.__exit__(kind, error, trace)
        self.server.__exit__(kind, error, trace)


def make_template(folder: Path) -> None:
    """Make what each world is a copy of: a repository after its first night, pushed."""
    project = Project.make(folder / "project")
    for name in _COPIED:
        source, target = REPOSITORY / name, project.path(name)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copy2(source, target)
    project.set("params.yaml", source__url=f"s3://${{DATA_BUCKET}}/{PREFIX}", **SMALL, **EAGER)
    # As in docs/aws.md.
    project.run("dvc", "remote", "add", "--default", "s3", f"s3://{REMOTE}/dvc")
    project.run("dvc", "remote", "modify", "s3", "verify", "true")
    with _server(folder / "server") as server:
        (folder / "keys.json").write_text(json.dumps(_keys(server)), encoding="utf-8")
        client = server.client()
        for day in sample.publish(
            SAMPLE, folder / "inbox", until=datetime.date.fromisoformat(NEWEST)
        ):
            client.put_object(Bucket=DATA, Key=PREFIX + day.name, Body=day.read_bytes())
        environment = server.env() | {"DATA_BUCKET": DATA}
        project.run("ratchet", "discover", **environment)
        assert ran(project.repro(**environment)) == list(STAGES)
        project.commit()
        project.run("dvc", "push", **environment)
    git(folder, "clone", "--quiet", "--bare", "--no-hardlinks", str(project.folder), "model.git")
    project.run("git", "remote", "add", "origin", f"https://github.com/{SLUG}.git")
    for left in (folder / "server").rglob("*.sock"):
        left.unlink()  # the server's, which can't be copied


def _server(folder: Path) -> Seaweed:
    return Seaweed(folder, buckets=(DATA, REMOTE), versioned=(DATA,))


def _keys(server: Seaweed) -> dict[str, tuple[str, str]]:
    """Make a user with the rights of each role of .github/aws/ratchet.yaml; return their keys."""
    iam, keys = server.client("iam"), {}
    roles = load_roles(Repository=SLUG, DataBucket=DATA, RemoteBucket=REMOTE, DataPrefix=PREFIX)
    for name, role in roles.items():
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=json.dumps(role.policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        keys[name] = (key["AccessKeyId"], key["SecretAccessKey"])
    return keys
