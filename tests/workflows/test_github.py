"""The stand-in of GitHub: it takes and refuses what GitHub does, in its words."""

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from github import GitHub
from hub import SLUG, Dispatch, Token
from small import FLOW, PLAY, PULL, commit, gh_says


def gh(github: GitHub, token: str, path: str, method: str = "", **fields: str) -> Any:
    """Call the stand-in with `gh api`; return the answer, errors too."""
    given = [f"--raw-field={name}={value}" for name, value in fields.items()]
    given += [f"--method={method}"] if method else []
    printed = gh_says(github, token, "api", f"repos/{SLUG}/{path}", *given).stdout
    return json.loads(printed or "null")


@pytest.fixture
def clone(github: GitHub, tmp_path: Path) -> Path:
    """A clone of a repository with one commit; its origin is the stand-in."""
    commit(github, tmp_path / "project", PULL)
    url = f"https://github.com/{SLUG}.git"
    subprocess.run(["git", "remote", "add", "origin", url], cwd=tmp_path / "project", check=True)
    return tmp_path / "project"


def push(clone: Path, github: GitHub, token: Token, path: str, ref: str) -> str:
    """Commit a change of a file and push it with a token; return what git says."""
    with (clone / path).open("a") as file:
        file.write("# changed\n")
    header = "http.extraheader=Authorization: basic " + (
        base64.b64encode(f"x-access-token:{token.value}".encode()).decode()
    )
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    said = ""
    for command in (
        [*identity, "commit", "--quiet", "--all", "-m", f"Change {path}"],
        ["-c", header, "push", "origin", f"+HEAD:refs/heads/{ref}"],
    ):
        done = subprocess.run(
            ["git", *command],
            cwd=clone,
            env=os.environ | github.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        said += done.stdout + done.stderr
    return said


def test_github_says_why_it_refuses_a_pull_request(github: GitHub, tmp_path: Path) -> None:
    commit(github, tmp_path / "project", PULL)
    github.git("branch", "next", "main")
    token = github.token("person", pull_requests="write").value
    fields = {"head": "next", "base": "main", "title": "T"}

    def reason(**changed: str) -> object:
        answer = gh(github, token, "pulls", **(fields | changed))
        assert answer["status"] == "422"
        (error,) = answer["errors"]
        return error.get("message", error)

    assert reason() == "No commits between main and next"
    assert reason(head="gone") == {"resource": "PullRequest", "code": "invalid", "field": "head"}
    tree = github.git("rev-parse", "main^{tree}")
    github.git(
        "update-ref", "refs/heads/next", github.git("commit-tree", tree, "-p", "main", "-m", "x")
    )
    assert gh(github, token, "pulls", **fields)["number"] == 1
    assert reason() == "A pull request already exists for acme:next."


def test_push_is_refused_in_githubs_words(github: GitHub, clone: Path) -> None:
    app = github.token("app", contents="write")
    assert "GH006: Protected branch" in push(clone, github, app, "Makefile", "main")
    assert "without `workflows` permission" in push(clone, github, app, FLOW, "next")
    reader = github.token("reader", contents="read")
    assert f"Permission to {SLUG}.git denied to reader" in push(
        clone, github, reader, "Makefile", "x"
    )
    assert list(github.refs()) == ["refs/heads/main"]
    assert not github.pushes
    # What is on GitHub already may be pushed again, workflows too.
    allowed = github.token("person", contents="write", workflows="write")
    assert "new branch" in push(clone, github, allowed, "Makefile", "next")
    assert "new branch" in push(clone, github, app, "Makefile", "other")
    assert [each.token.name for each in github.pushes] == ["person", "app"]


def test_pull_request_follows_its_branch_and_closes_with_it(github: GitHub, clone: Path) -> None:
    token = github.token("app", contents="write", pull_requests="write")
    push(clone, github, token, "Makefile", "next")
    number = gh(github, token.value, "pulls", head="next", base="main", title="T")["number"]
    pull = github.pulls[number]
    push(clone, github, token, "Makefile", "next")
    assert pull.sha == github.sha("next")
    github.commit("main", "Makefile", "all:\n")
    assert gh(github, token.value, f"pulls/{number}")["mergeable"] is False
    gh(github, token.value, "git/refs/heads/next", method="DELETE")
    assert (pull.state, pull.merged) == ("closed", False)


def test_token_for_pull_requests_cannot_write_issues(github: GitHub, clone: Path) -> None:
    both = github.token("both", contents="write", pull_requests="write", issues="write")
    pulls = github.token("pulls", pull_requests="write")
    push(clone, github, both, "Makefile", "next")
    gh(github, both.value, "issues", title="I")
    gh(github, both.value, "pulls", head="next", base="main", title="P")
    listed = gh(github, both.value, "issues?state=open")
    assert [each["number"] for each in listed] == [2, 1]
    assert ["pull_request" in each for each in listed] == [True, False]
    assert gh(github, pulls.value, "issues/1/comments", body="B")["status"] == "403"
    assert gh(github, pulls.value, "issues/2/comments", body="B")["user"]["login"] == "pulls"
    assert gh(github, "wrong", "issues/2/comments", body="B")["status"] == "401"
    # GitHub makes a label where there is none.
    assert gh(github, pulls.value, "issues/2/labels", **{"labels[]": "new"})[0]["name"] == "new"


def test_world_can_change_just_before_a_request(github: GitHub, clone: Path) -> None:
    token = github.token("app", contents="write")
    before = github.sha()
    github.once_before("POST", "git-receive-pack", lambda: github.commit("main", "README", "x"))
    assert github.sha() == before
    push(clone, github, token, "Makefile", "next")
    assert github.git("rev-parse", "main^") == before
    assert github.show("main", "README") == "x\n"
    assert github.git("merge-base", "main", "next") == before


def test_release_and_its_files(github: GitHub, tmp_path: Path) -> None:
    commit(github, tmp_path / "project", PULL)
    token = github.token("job", contents="write").value
    asset = tmp_path / "card.md"
    asset.write_text("card")
    create = ["release", "create", "v1", str(asset), "--repo", SLUG, "--notes", "N"]
    assert "doesn't exist" in gh_says(github, token, *create, "--verify-tag").stderr
    assert gh_says(github, token, *create, "--target", "main").returncode == 0
    (release,) = github.releases
    assert (release.tag, release.draft, release.assets) == ("v1", False, {"card.md": b"card"})
    assert github.refs()["refs/tags/v1"] == github.sha()
    assert "already exists" in gh_says(github, token, *create).stderr
    view = ["release", "view", "--repo", SLUG, "--json", "body", "--jq", ".body"]
    assert gh_says(github, token, *view, "v1").stdout == "N\n"
    assert "not found" in gh_says(github, token, *view, "v2").stderr


def test_workflow_is_dispatched(github: GitHub, tmp_path: Path) -> None:
    commit(github, tmp_path / "project", PLAY)
    token = github.token("job", actions="write")
    run = ["workflow", "run", "flow.yml", "--repo", SLUG, "--ref", "main"]
    assert gh_says(github, token.value, *run, "-f", "fail=true").returncode == 0
    assert github.dispatches == [Dispatch("flow.yml", "main", {"fail": "true"}, token)]
    assert "Unexpected inputs" in gh_says(github, token.value, *run, "-f", "no=1").stderr
    reader = github.token("reader", actions="read").value
    assert "not accessible by integration" in gh_says(github, reader, *run).stderr
    assert len(github.dispatches) == 1
