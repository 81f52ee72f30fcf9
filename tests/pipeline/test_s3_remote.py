"""DVC's remotes: the local one that a clone has at once, and one in S3, set up as documented."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from project import MODEL, REPOSITORY, Project, ran
from seaweed import Seaweed

LOCK = "dvc.lock"
# Someone who isn't the administrator, so that a bucket's policy counts.
KEEPER = {
    "name": "keeper",
    "credentials": [{"accessKey": "keeper", "secretKey": "keeper-secret"}],
    "actions": [f"{action}:acme-models" for action in ("Read", "Write", "List")],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    place = tmp_path_factory.mktemp("seaweed")
    with Seaweed(place, buckets=("acme-models",), identities=[KEEPER]) as running:
        yield running


@pytest.fixture(scope="module")
def pushed(template: Project, server: Seaweed, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose remote in S3 holds everything. Nobody may change it."""
    project = template.copy(tmp_path_factory.mktemp("pushed") / "project")
    # As in docs/aws.md.
    project.run("dvc", "remote", "add", "--default", "s3", "s3://acme-models/dvc")
    project.run("dvc", "remote", "modify", "s3", "verify", "true")
    project.commit()
    project.run("dvc", "push", **server.env())
    return project


@pytest.fixture
def clone(pushed: Project, tmp_path: Path) -> Project:
    return pushed.clone(tmp_path / "clone")


def content(project: Project) -> dict[str, bytes]:
    """Return what the pipeline has made, byte for byte, and what DVC knows of it."""
    names = [MODEL, LOCK, "data/scored.parquet"]
    raw = sorted(project.path("data/raw").iterdir())
    return {str(p.relative_to(project.folder)): p.read_bytes() for p in raw} | {
        name: project.path(name).read_bytes() for name in names
    }


def remote_path(project: Project, name: str) -> str:
    """Return the key of an output's object in the remote."""
    md5 = project.outputs()[name]
    return f"dvc/files/md5/{md5[:2]}/{md5[2:]}"


def test_push_and_pull_work_at_once_on_one_machine(project: Project) -> None:
    before = content(project)
    project.run("dvc", "push")
    shutil.rmtree(project.path(".dvc/cache"))
    shutil.rmtree(project.path("data/raw"))
    for name in (MODEL, "data/scored.parquet"):
        project.path(name).unlink()
    project.run("dvc", "pull")
    assert content(project) == before
    assert project.run("git", "status", "--porcelain") == ""


def test_clone_pulls_the_same_bytes(pushed: Project, clone: Project, server: Seaweed) -> None:
    clone.run("dvc", "pull", **server.env())
    assert content(clone) == content(pushed)
    # Nothing is left to do, and the remote isn't asked.
    assert ran(clone.repro()) == []
    assert content(clone) == content(pushed)
    assert clone.run("git", "status", "--porcelain") == ""


def test_repro_pulls_instead_of_computing(pushed: Project, clone: Project, server: Seaweed) -> None:
    assert ran(clone.run("dvc", "repro", "--pull", **server.env())) == []
    assert content(clone) == content(pushed)
    assert clone.run("git", "status", "--porcelain") == ""


def test_old_commit_comes_back(pushed: Project, server: Seaweed, tmp_path: Path) -> None:
    """After another night, the commit before it is complete in the remote still."""
    later = pushed.copy(tmp_path / "later")
    later.publish("--days", "1")
    later.repro()
    later.commit()
    later.run("dvc", "push", **server.env())
    clone = later.clone(tmp_path / "clone")
    clone.run("git", "checkout", "--quiet", "HEAD~1")
    clone.run("dvc", "pull", **server.env())
    assert content(clone) == content(pushed) != content(later)


@pytest.mark.parametrize(
    "damage",
    [
        "truncated",
        pytest.param("replaced", marks=pytest.mark.slow),
        pytest.param("gone", marks=pytest.mark.slow),
    ],
)
def test_pull_refuses_a_damaged_object_and_names_the_file(
    pushed: Project, clone: Project, server: Seaweed, damage: str
) -> None:
    client = server.client()
    place = {"Bucket": "acme-models", "Key": remote_path(pushed, MODEL)}
    whole = client.get_object(**place)["Body"].read()
    try:
        if damage == "gone":
            client.delete_object(**place)
        else:
            body = whole[:-100] if damage == "truncated" else whole[::-1]
            client.put_object(**place, Body=body)
        printed = clone.fail("dvc", "pull", code=1, **server.env())
        assert MODEL in printed
        assert not clone.path(MODEL).exists()
    finally:
        client.put_object(**place, Body=whole)
    # Nothing wrong stayed behind in the cache.
    clone.run("dvc", "pull", **server.env())
    assert content(clone) == content(pushed)


@pytest.mark.parametrize("damage", [pytest.param("truncated", marks=pytest.mark.slow), "gone"])
def test_verify_names_a_damaged_object(
    pushed: Project, clone: Project, server: Seaweed, damage: str
) -> None:
    clone.run("ratchet", "register")
    name = "data/records.json"
    client = server.client()
    place = {"Bucket": "acme-models", "Key": remote_path(pushed, name)}
    whole = client.get_object(**place)["Body"].read()
    try:
        if damage == "gone":
            client.delete_object(**place)
            printed = clone.fail("ratchet", "verify", "v1", code=5, **server.env())
            assert f"{name} of model@v1.0.0 is not in DVC's remote" in printed
        else:
            client.put_object(**place, Body=whole[:-100])
            clone.run("ratchet", "verify", "v1", **server.env())
            printed = clone.fail("ratchet", "verify", "v1", "--data", code=5, **server.env())
            key = place["Key"]
            told = f"{name} of model@v1.0.0 is damaged in DVC's remote, at s3://acme-models/{key}"
            assert told in printed
    finally:
        client.put_object(**place, Body=whole)


@pytest.mark.slow
def test_gc_tells_when_the_remote_denies_deletion(clone: Project, server: Seaweed) -> None:
    """DVC itself prints success then."""
    clone.run("ratchet", "register")
    client = server.client()
    orphan = {"Bucket": "acme-models", "Key": f"dvc/files/md5/00/{'0' * 30}"}
    client.put_object(**orphan, Body=b"of no commit")
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteObject*",
        "Resource": "arn:aws:s3:::acme-models/dvc/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [deny]}
    client.put_bucket_policy(Bucket="acme-models", Policy=json.dumps(policy))
    command = ("ratchet", "gc", "--keep", "90d", "--cloud", "--yes")
    try:
        printed = clone.fail(*command, code=5, **server.env("keeper", "keeper-secret"))
        # Other tests may have left objects there, too.
        told = re.search(r"its remote still has (\d+) of \1 objects that should have", printed)
        assert told, printed
        client.head_object(**orphan)
    finally:
        client.delete_bucket_policy(Bucket="acme-models")
    printed = clone.run(*command, **server.env())
    assert f"{told[1]} from the remote; complete afterwards: model@v1.0.0" in printed
    clone.run("ratchet", "verify", "v1", "--data", **server.env())


def test_damaged_model_is_computed_again(pushed: Project, clone: Project, server: Seaweed) -> None:
    client = server.client()
    place = {"Bucket": "acme-models", "Key": remote_path(pushed, MODEL)}
    whole = client.get_object(**place)["Body"].read()
    try:
        client.put_object(**place, Body=whole[:-100])
        assert ran(clone.run("dvc", "repro", "--pull", **server.env())) == ["train"]
    finally:
        client.put_object(**place, Body=whole)
    assert content(clone) == content(pushed)


@pytest.mark.parametrize(
    ("remote", "filled", "command"),
    [
        ("local", False, "dvc repro"),
        ("local", True, "dvc repro --pull"),
        ("s3", False, "dvc repro --pull"),
    ],
)
def test_make_repro_pulls_where_a_remote_may_hold_something(
    tmp_path: Path, remote: str, filled: bool, command: str
) -> None:
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    (tmp_path / ".dvc").mkdir()
    if filled:
        (tmp_path / ".dvc/remote").mkdir()
    (tmp_path / "requirements").mkdir()
    (tmp_path / ".venv/bin").mkdir(parents=True)
    # Commands that say how they were called; what they do is tested elsewhere.
    says = f'[ "$*" = "config core.remote" ] && echo {remote} || echo "$(basename "$0") $*"'
    for name in ("dvc", "ratchet"):
        (tmp_path / ".venv/bin" / name).write_text(f"#!/bin/sh\n{says}\n")
        (tmp_path / ".venv/bin" / name).chmod(0o755)
    # Newest first, so that make finds the environment ready.
    for age, name in enumerate(
        [
            ".venv/.run",
            ".venv/bin/uv",
            "pyproject.toml",
            "requirements/run.txt",
            "requirements/uv.txt",
        ]
    ):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1_000_000 - age, 1_000_000 - age))
    printed = subprocess.run(
        ["make", "repro"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert command in printed.splitlines()
