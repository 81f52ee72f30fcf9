"""verify.yml, executed: the weekly drill with the gate's role, and its alarm."""

import re

import pytest
from project import MODEL
from world import REMOTE, World


@pytest.mark.slow
def test_the_drill_restores_versions_and_screams_when_it_cannot(world: World) -> None:
    # Before anything was accepted there is nothing to restore, and nothing to scream about.
    run = world.run("verify.yml", "schedule")
    assert run.results == {"restore": "success", "alarm": "success"}, run.log
    assert "no version is registered yet" in run.log

    world.project.run("ratchet", "register")
    world.project.run("git", "push", "--quiet", "--tags", "origin")
    world.github.follow()
    [model] = [md5 for path, md5 in world.project.outputs().items() if path == MODEL]
    [key] = [key for key in world.remote() if key.endswith(f"{model[:2]}/{model[2:]}")]
    client = world.server.client()
    whole = client.get_object(Bucket=REMOTE, Key=key)["Body"].read()
    client.delete_object(Bucket=REMOTE, Key=key)
    before = world.remote()
    run = world.run("verify.yml", "schedule")
    assert run.results == {"restore": "failure", "alarm": "success"}, run.log
    [issue] = world.github.true_issues
    assert (issue.state, issue.labels) == ("open", ["ratchet: restore alarm"])
    assert f"{MODEL} of model@v1.0.0 is not in DVC's remote" in issue.body

    client.put_object(Bucket=REMOTE, Key=key, Body=whole)
    run = world.run("verify.yml", "workflow_dispatch", inputs={"versions": "all"})
    assert run.results == {"restore": "success", "alarm": "success"}, run.log
    assert re.search(r"verify: 1 of 1 restorable, slowest \d+ s", run.log)
    assert issue.state == "closed"
    assert world.remote() == before | {key}
