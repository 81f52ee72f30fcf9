"""The world of the workflow tests: what a template's copy holds, and a night by hand in it."""

import pytest
from botocore.exceptions import ClientError
from project import MODEL, NEWEST, NEXT, ran
from world import DATA, PREFIX, REMOTE, World


def test_copy_is_a_repository_in_use(world: World) -> None:
    project = world.project
    assert project.run("git", "status", "--porcelain") == ""
    assert project.run("git", "rev-parse", "main").strip() == world.github.sha()
    assert ran(project.repro(**world.env)) == []
    # The remote is complete, and a fresh clone gets the model from it.
    clone = world.clone("clone", "main")
    assert clone.path(MODEL).read_bytes() == project.path(MODEL).read_bytes()
    # The source answers, and the manifest's versions are there still.
    before = project.read("data/manifest.csv")
    assert before.splitlines()[-1].startswith(f"{NEWEST},s3://{DATA}/{PREFIX}")
    project.run("ratchet", "discover", **world.env)
    assert project.read("data/manifest.csv") == before


def test_producer_delivers_and_a_person_pushes(world: World) -> None:
    assert world.produce() == [NEXT]
    world.project.run("ratchet", "discover", **world.env)
    pushed = world.push("Next batch", branch="retrain/next")
    assert world.github.sha("retrain/next") == pushed
    assert world.github.changed("main", "retrain/next") == ["data/manifest.csv"]
    assert f"\n{NEXT},s3://{DATA}/" in world.github.show("retrain/next", "data/manifest.csv")


def test_outage_begins_where_it_should(world: World) -> None:
    before = world.remote()
    with world.outage(rb"PUT /acme-models/", after=1) as outage:
        environment = world.env | {"AWS_ENDPOINT_URL": outage.endpoint, "AWS_MAX_ATTEMPTS": "1"}
        for name in "abcd":
            world.project.path(name).write_text(name)
        world.project.run("dvc", "add", *"abcd")
        world.project.run("dvc", "pull", "models/model.skops", **environment)
        assert not outage.began
        world.project.fail("dvc", "push", "--jobs", "1", *"abcd", code=1, **environment)
        assert outage.began
    assert len(world.remote() - before) == 1
    world.project.run("dvc", "push", *"abcd", **world.env)
    assert len(world.remote() - before) == 4


@pytest.mark.parametrize(("environment", "may"), [("nightly", True), ("gate", False)])
def test_roles_have_their_rights_in_the_copy(world: World, environment: str, may: bool) -> None:
    (role,) = (r for r in world.runner.roles.values() if r.environment == environment)
    client = world.server.client(access_key=role.access_key, secret_key=role.secret_key)
    assert client.list_objects_v2(Bucket=REMOTE, Prefix="dvc/")["KeyCount"]

    def put() -> None:
        client.put_object(Bucket=REMOTE, Key="dvc/x", Body=b"x")

    if may:
        put()
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            put()
    with pytest.raises(ClientError, match="AccessDenied"):
        client.put_object(Bucket=DATA, Key=PREFIX + "x", Body=b"x")
