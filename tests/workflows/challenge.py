"""Models that people propose: made, pushed, and opened as a pull request, without a whole night."""

import json
from typing import Any

from hub import SLUG, Pull
from small import gh_says
from world import World

TREES = "train__parameters__hist_gradient_boosting__"


def challenge(world: World, branch: str, **params: Any) -> Pull:
    """Make a model with other parameters on top of main, and open its pull request."""
    project = world.project
    project.run("git", "fetch", "--quiet", str(world.github.repository), "main")
    project.run("git", "checkout", "--quiet", "--force", "-B", branch, "FETCH_HEAD")
    project.set("params.yaml", **params)
    project.repro(**world.env)
    project.run("dvc", "push", **world.env)
    world.push("A challenger", branch)
    return opened(world, branch)


def opened(world: World, branch: str) -> Pull:
    """Open a branch's pull request with a token of the App."""
    app = world.github.app
    token = world.github.token("app", app.login, contents="write", pull_requests="write")
    fields = {"head": branch, "base": "main", "title": "A challenger", "body": "Look at it."}
    given = [f"--raw-field={name}={value}" for name, value in fields.items()]
    said = gh_says(world.github, token.value, "api", f"repos/{SLUG}/pulls", *given)
    assert said.returncode == 0, said.stderr
    return world.github.pulls[json.loads(said.stdout)["number"]]
