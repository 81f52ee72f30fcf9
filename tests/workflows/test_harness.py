"""The harness itself, with a small workflow of its own: act, the stand-ins, and what they refuse.

The other tests of this folder run the project's real files with it.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from act import Environment, Role, Runner
from github import GitHub
from globbing import files_of
from hub import SLUG
from project import REPOSITORY
from workflow import actions

FLOW = ".github/workflows/flow.yml"


def uses(name: str) -> str:
    return f"uses: {name}@{actions()[name]['sha']}"


HEAD = """
name: Flow
on:
  workflow_dispatch:
    inputs:
      fail: {type: boolean, default: false}
permissions: {}
jobs:
"""
PLAY = f"""{HEAD}
  make:
    runs-on: ubuntu-24.04
    permissions: {{contents: read}}
    outputs:
      version: ${{{{ steps.version.outputs.version }}}}
    steps:
      - {uses("actions/checkout")}
        with: {{fetch-depth: 0, persist-credentials: false}}
      - {uses("actions/setup-python")}
        with: {{python-version: "3.11"}}
      - run: make setup
      - id: version
        name: Tell the version
        run: |
          source .venv/bin/activate
          echo "version=$(ratchet --version)" >> "$GITHUB_OUTPUT"
          python -c 'import ratchet; print(ratchet.__file__)'
          dvc --version
          mkdir -p reports/.hidden && echo fine > reports/report.txt && echo x > reports/.hidden/x
          echo "## It is made" >> "$GITHUB_STEP_SUMMARY"
      - name: Stop
        if: inputs.fail
        run: |
          echo "reasons" && exit 3
      - {uses("actions/upload-artifact")}
        with: {{name: report, path: reports/, if-no-files-found: error}}
  propose:
    runs-on: ubuntu-24.04
    needs: make
    permissions: {{}}
    steps:
      - {uses("actions/create-github-app-token")}
        id: app
        with:
          client-id: ${{{{ vars.APP_CLIENT_ID }}}}
          private-key: ${{{{ secrets.APP_PRIVATE_KEY }}}}
          permission-contents: write
          permission-pull-requests: write
      - {uses("actions/checkout")}
        with: {{token: "${{{{ steps.app.outputs.token }}}}", persist-credentials: false}}
      - {uses("actions/download-artifact")}
        with: {{name: report, path: incoming}}
      - name: Push
        env:
          GH_TOKEN: ${{{{ steps.app.outputs.token }}}}
        run: |
          git config user.name bot && git config user.email bot@example.com
          cp incoming/report.txt report.txt && ls -A incoming
          git add report.txt && git commit --quiet --message "${{{{ needs.make.outputs.version }}}}"
          git -c credential.helper= -c credential.helper='!gh auth git-credential' \\
            push --force origin HEAD:refs/heads/next
          gh api repos/$GITHUB_REPOSITORY/pulls -f head=next -f base=main -f title=Next \\
            -f body=Body --jq .number
          gh api repos/$GITHUB_REPOSITORY/issues/1/labels -f 'labels[]=good' --silent
          curl --silent --show-error --fail --data hi https://hooks.example.com/done
  alarm:
    runs-on: ubuntu-24.04
    needs: [make, propose]
    if: failure()
    permissions: {{issues: write}}
    steps:
      - env:
          GH_TOKEN: ${{{{ github.token }}}}
          WHERE: ${{{{ needs.make.result }}}}
        run: |
          gh api repos/$GITHUB_REPOSITORY/issues -f title="make: $WHERE" --jq .html_url
"""


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHub]:
    with GitHub(tmp_path / "github") as running:
        running.labels["good"] = {"color": "00ff00", "description": ""}
        yield running
        running.check()


@pytest.fixture
def runner(github: GitHub, tmp_path: Path) -> Runner:
    made = Runner(tmp_path / "runner", github)
    made.variables["APP_CLIENT_ID"] = github.app.client_id
    made.secrets["APP_PRIVATE_KEY"] = github.app.private_key
    return made


def commit(github: GitHub, folder: Path, flow: str) -> None:
    """Make a repository with this workflow, and what `make setup` and `ratchet` need, on main."""
    for name in ("Makefile", "pyproject.toml", ".gitignore"):
        folder.mkdir(exist_ok=True)
        shutil.copy2(REPOSITORY / name, folder)
    for name in ("requirements", "src"):
        shutil.copytree(REPOSITORY / name, folder / name)
    (folder / ".github" / "workflows").mkdir(parents=True)
    (folder / FLOW).write_text(flow)
    for command in (
        ["init", "--quiet", "--initial-branch", "main"],
        ["add", "--all"],
        ["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", "one"],
        ["push", "--quiet", str(github.repository), "main"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)


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


PULL = f"""
name: Pull
on: pull_request
permissions: {{}}
jobs:
  look:
    runs-on: ubuntu-24.04
    permissions: {{contents: read}}
    steps:
      - {uses("actions/checkout")}
        with: {{path: head, fetch-depth: 0, ref: "${{{{ github.event.pull_request.head.sha }}}}"}}
      - {uses("actions/checkout")}
        with: {{path: base, ref: "${{{{ github.base_ref }}}}"}}
      - {uses("actions/checkout")}
        with: {{path: merged, fetch-depth: 2}}
      - run: |
          for each in head base merged; do git -C $each log -1 --format="$each %H"; done
          git -C head merge-base origin/main HEAD
          echo "$GITHUB_SHA $GITHUB_REF ${{{{ github.event.pull_request.head.ref }}}}"
"""


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
    opened = gh(github, token.value, "pulls", head="next", base="main", title="T")
    assert opened["mergeable"] is True
    pull = github.pulls[opened["number"]]
    run = runner.run("flow.yml", "pull_request", pull=pull)
    assert run.results == {"look": "success"}, run.log
    merged = github.git("rev-parse", f"refs/pull/{pull.number}/merge")
    assert f"head {github.sha('next')}\nbase {github.sha()}\nmerged {merged}" in run.log
    assert f"{merged} refs/pull/{pull.number}/merge next" in run.log
    commit_of_merge = github.merge(pull.number)
    assert (github.sha(), pull.state, pull.merged) == (commit_of_merge, "closed", True)


def gh(github: GitHub, token: str, path: str, **fields: str) -> dict[str, object]:
    """Call the stand-in with `gh api`; return the answer, errors too."""
    from act import _beside

    command = [str(_beside("gh")), "api", f"repos/{SLUG}/{path}"]
    for name, value in fields.items():
        command += ["-f", f"{name}={value}"]
    environment = github.environment() | {"GH_TOKEN": token, "HOME": str(github.repository.parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    read: dict[str, object] = json.loads(done.stdout)
    return read


def test_github_says_why_it_refuses_a_pull_request(github: GitHub, tmp_path: Path) -> None:
    commit(github, tmp_path / "project", PULL)
    github.git("branch", "next", "main")
    token = github.token("person", pull_requests="write").value
    fields = {"head": "next", "base": "main", "title": "T"}

    def reason(**changed: str) -> object:
        answer = gh(github, token, "pulls", **(fields | changed))
        assert answer["status"] == "422"
        (error,) = answer["errors"]  # type: ignore[misc]
        return error.get("message", error)

    assert reason() == "No commits between main and next"
    assert reason(head="gone") == {"resource": "PullRequest", "code": "invalid", "field": "head"}
    tree = github.git("rev-parse", "main^{tree}")
    github.git(
        "update-ref", "refs/heads/next", github.git("commit-tree", tree, "-p", "main", "-m", "x")
    )
    assert gh(github, token, "pulls", **fields)["number"] == 1
    assert reason() == "A pull request already exists for acme:next."


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
