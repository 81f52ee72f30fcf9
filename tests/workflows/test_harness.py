"""The harness itself, with a small workflow of its own: act, the stand-ins, and what they refuse.

The other tests of this folder run the project's real files with it.
"""

from pathlib import Path

import psutil
import pytest
from act import Environment, Role, Runner
from github import GitHub
from globbing import files_of
from hub import SLUG
from small import HEAD, PLAY, PULL, commit, gh_says, uses


def mentions(process: psutil.Process, folder: Path) -> bool:
    """Whether the folder stands in a process's command line."""
    return str(folder) in " ".join(process.info["cmdline"] or [])


def test_jobs_hand_over_and_open_a_pull_request(
    github: GitHub, runner: Runner, tmp_path: Path
) -> None:
    commit(github, tmp_path / "project", PLAY)
    main = github.sha()
    run = runner.run("flow.yml", "workflow_dispatch")
    assert run.results == {"make": "success", "propose": "success", "alarm": "skipped"}, run.log
    # The checkout's own code ran, in an environment that needed nothing.
    told = run.step("make", "version")
    assert told.outputs["version"].startswith("ratchet ")
    assert str(tmp_path / "runner") in told.log
    assert "/src/ratchet/__init__.py" in told.log
    assert "Installing" not in run.step("make", "make setup").log
    assert run.jobs["make"].summary == "## It is made\n"
    assert run.step("make", "Stop").result == "skipped"
    # Hidden files stay behind.
    assert [path.name for path in run.artifacts["report"].rglob("*")] == ["report.txt"]
    (pull,) = github.open_pulls
    assert (pull.author, pull.title, pull.labels) == ("ratchet-nights[bot]", "Next", ["good"])
    assert pull.sha == github.sha("next")
    assert github.changed("main", "next") == ["report.txt"]
    assert github.sha() == main
    (push,) = github.pushes
    assert push.ref == "refs/heads/next"
    assert push.triggers
    assert [call.url for call in github.calls] == ["https://hooks.example.com/done"]
    assert github.calls[0].body == b"hi"
    # Nobody is left behind.
    assert not [p for p in psutil.process_iter(["cmdline"]) if mentions(p, tmp_path)]
    # No token is in the log.
    assert not any(token in run.log for token in github.tokens)


def test_failure_raises_the_alarm_and_proposes_nothing(
    github: GitHub, runner: Runner, tmp_path: Path
) -> None:
    commit(github, tmp_path / "project", PLAY)
    run = runner.run("flow.yml", "workflow_dispatch", inputs={"fail": "true"})
    assert run.results == {"make": "failure", "propose": "skipped", "alarm": "success"}, run.log
    stop = run.step("make", "Stop")
    assert stop.result == "failure"
    assert "reasons" in stop.log
    (issue,) = github.true_issues
    assert (issue.title, issue.author) == ("make: failure", "github-actions[bot]")
    assert not github.pulls
    assert not github.pushes
    assert not run.artifacts


@pytest.mark.parametrize(
    ("spoil", "job", "says"),
    [
        ({"permission-contents: write": "permission-contents: read"}, "propose", "denied to"),
        ({"permission-contents: write": "permission-pages: write"}, "propose", "not granted"),
        ({"permissions: {contents: read}": "permissions: {}"}, "make", "Repository not found"),
    ],
)
def test_token_without_rights_is_refused(
    github: GitHub, runner: Runner, tmp_path: Path, spoil: dict[str, str], job: str, says: str
) -> None:
    flow = PLAY
    for old, new in spoil.items():
        assert old in flow
        flow = flow.replace(old, new)
    commit(github, tmp_path / "project", flow)
    run = runner.run("flow.yml", "workflow_dispatch")
    assert run.jobs[job].result == "failure"
    assert says in run.jobs[job].log
    assert run.results["alarm"] == "success", run.log
    assert not github.pulls
    assert list(github.refs()) == ["refs/heads/main"]


def test_job_may_only_what_the_file_says(github: GitHub, runner: Runner, tmp_path: Path) -> None:
    commit(github, tmp_path / "project", PLAY.replace("{issues: write}", "{issues: read}"))
    run = runner.run("flow.yml", "workflow_dispatch", inputs={"fail": "true"})
    assert run.results["alarm"] == "failure"
    assert "Resource not accessible by integration (HTTP 403)" in run.jobs["alarm"].log
    assert not github.issues


CLOUD = f"""{HEAD}
  cloud:
    runs-on: ubuntu-24.04
    environment: nightly
    permissions: {{id-token: write, attestations: write}}
    steps:
      - {uses("aws-actions/configure-aws-credentials")}
        with: {{role-to-assume: "${{{{ vars.AWS_ROLE_ARN }}}}", aws-region: eu-central-1}}
      - run: echo "$AWS_ACCESS_KEY_ID $AWS_REGION" && echo content > file.txt
      - {uses("actions/attest")}
        with: {{subject-path: file.txt}}
  other:
    runs-on: ubuntu-24.04
    steps:
      - run: echo "[${{{{ vars.AWS_ROLE_ARN }}}}][$AWS_ACCESS_KEY_ID][$GITHUB_TOKEN]"
"""
ROLE = "arn:aws:iam::123456789012:role/nightly"


def test_role_is_given_to_the_environment_that_it_trusts(
    github: GitHub, runner: Runner, tmp_path: Path
) -> None:
    commit(github, tmp_path / "project", CLOUD)
    runner.environments["nightly"] = Environment(variables={"AWS_ROLE_ARN": ROLE})
    runner.roles[ROLE] = Role("nightly", "AKIA1", "key")
    run = runner.run("flow.yml", "workflow_dispatch")
    assert run.results == {"cloud": "success", "other": "success"}, run.log
    assert "AKIA1 eu-central-1" in run.jobs["cloud"].log
    # Nothing of it is there for a job outside of the environment.
    assert run.jobs["other"].log.splitlines()[-1] == "[][][]"
    content = "434728a410a78f56fc1b5899c3593436e61ab0c731e9072d95e96db290205e53"
    assert run.attestations[0]["subjects"] == {"file.txt": content}
    runner.roles[ROLE] = Role("gate", "AKIA1", "key")
    run = runner.run("flow.yml", "workflow_dispatch")
    assert run.results["cloud"] == "failure"
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in run.log


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (uses("actions/checkout"), "uses: actions/checkout@v6", "not pinned"),
        (uses("actions/checkout"), f"uses: actions/checkout@{'0' * 40}", "describes v"),
        (uses("actions/checkout"), f"uses: someone/else@{'0' * 40}", "not in actions.json"),
        ("fetch-depth: 0", "fetch-dept: 0", "has no input fetch-dept"),
        ("client-id: $", "app-name: $", "has no input app-name"),
        ("runs-on: ubuntu-24.04", "runs-on: ubuntu-latest", "runs-on must be"),
        ("permissions: {}\njobs", "jobs", "no permissions at the top"),
    ],
)
def test_file_that_cannot_be_played_is_refused(
    github: GitHub, runner: Runner, tmp_path: Path, old: str, new: str, says: str
) -> None:
    assert old in PLAY
    commit(github, tmp_path / "project", PLAY.replace(old, new, 1))
    with pytest.raises(AssertionError, match=says):
        runner.run("flow.yml", "workflow_dispatch")


def test_input_that_a_stand_in_does_not_play_is_refused(
    github: GitHub, runner: Runner, tmp_path: Path
) -> None:
    flow = PLAY.replace("fetch-depth: 0", "fetch-depth: 0, lfs: true")
    commit(github, tmp_path / "project", flow)
    run = runner.run("flow.yml", "workflow_dispatch")
    assert "doesn't play lfs" in run.jobs["make"].log
    assert run.results["make"] == "failure"


def test_pull_request_is_checked_out_as_github_does(
    github: GitHub, runner: Runner, tmp_path: Path
) -> None:
    commit(github, tmp_path / "project", PULL)
    github.git("branch", "next", "main")
    tree = github.git("rev-parse", "main^{tree}")
    for branch in ("next", "main"):
        made = github.git("commit-tree", tree, "-p", branch, "-m", branch)
        github.git("update-ref", f"refs/heads/{branch}", made)
    token = github.token("person", pull_requests="write", contents="read")
    fields = ("-f", "head=next", "-f", "base=main", "-f", "title=T")
    gh_says(github, token.value, "api", f"repos/{SLUG}/pulls", *fields)
    (pull,) = github.open_pulls
    assert github.mergeable(pull)
    run = runner.run("flow.yml", "pull_request", pull=pull)
    assert run.results == {"look": "success"}, run.log
    merged = github.git("rev-parse", f"refs/pull/{pull.number}/merge")
    assert f"head {github.sha('next')}\nbase {github.sha()}\nmerged {merged}" in run.log
    assert f"{merged} refs/pull/{pull.number}/merge next" in run.log
    commit_of_merge = github.merge(pull.number)
    assert (github.sha(), pull.state, pull.merged) == (commit_of_merge, "closed", True)


def test_artifact_takes_what_the_real_action_would(tmp_path: Path) -> None:
    for name in ("a/b.txt", "a/c/d.txt", "a/.h/e.txt", "a/.f", "g.md", ".dvc/tmp/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    def names(*patterns: str, hidden: bool = False) -> list[str]:
        return sorted(files_of(tmp_path, list(patterns), hidden=hidden))

    assert names("a") == ["b.txt", "c/d.txt"]
    assert names("a/") == ["b.txt", "c/d.txt"]
    assert names("a", hidden=True) == [".f", ".h/e.txt", "b.txt", "c/d.txt"]
    assert names("a/c/d.txt") == ["d.txt"]
    assert names("a/**/*.txt") == ["b.txt", "c/d.txt"]
    assert names("a", "g.md") == ["a/b.txt", "a/c/d.txt", "g.md"]
    assert names("a", "!a/c/**") == ["b.txt"]
    assert names(".dvc/tmp") == ["x"]
    assert names("gone", "*.none") == []
