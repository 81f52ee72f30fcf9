"""The workflow files as they are parsed: what docs/github.md says of them, how they are hardened.

Permissions, environments, concurrency and branch filters are GitHub's to enforce; here they are
read.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

PROJECT = Path(__file__).parents[2]
FILES = sorted((PROJECT / ".github/workflows").glob("*.yml"))
WORKFLOWS: dict[str, Any] = {path.stem: YAML(typ="safe").load(path) for path in FILES}
JOBS = {
    f"{name}.{job}": about
    for name, workflow in WORKFLOWS.items()
    for job, about in workflow["jobs"].items()
}
ACTIONS = json.loads((Path(__file__).parent / "actions.json").read_text(encoding="utf-8"))
NOTHING = "\u2013"  # as the page's table has it
# Jobs that hold a token which may write. They run no package and read no data.
PRIVILEGED = {"nightly.propose", "nightly.alarm", "rollback.propose", "ci.comment", "verify.alarm"}


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in JOBS.items():
        for step in job["steps"]:
            yield name, step


def using(action: str) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((job, step) for job, step in steps() if step.get("uses", "").startswith(f"{action}@"))


def documented() -> Iterator[list[str]]:
    text = (PROJECT / "docs/github.md").read_text(encoding="utf-8")
    table = text.partition("| workflow | job |")[2].partition("\n\n")[0]
    for line in table.splitlines()[2:]:
        yield [cell.strip() for cell in line.strip("| ").split("|")]


def test_the_page_says_what_each_job_may_do() -> None:
    told = {
        f"{workflow}.{job}": (environment, permissions, minutes)
        for workflow, job, environment, permissions, minutes in documented()
    }
    found = {
        name: (
            job.get("environment", NOTHING),
            ", ".join(f"{what}: {right}" for what, right in job["permissions"].items()),
            str(job["timeout-minutes"]),
        )
        for name, job in JOBS.items()
    }
    assert found == told


def test_the_page_names_every_variable_and_secret() -> None:
    page = (PROJECT / "docs/github.md").read_text(encoding="utf-8")
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"\b(?:vars|secrets)\.(\w+)", text):
            assert f"`{name}`" in page or f"{name} " in page, f"{path.name}: {name}"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_nothing_is_granted_but_by_a_job(name: str) -> None:
    workflow = WORKFLOWS[name]
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_workflow_has_a_concurrency_group(name: str) -> None:
    group = WORKFLOWS[name]["concurrency"]
    assert group["group"].startswith(name)
    # A night, a release or a rollback that is half done must not be cut off by the next.
    stops = group["cancel-in-progress"]
    assert stops is False or (name, stops) == ("ci", "${{ github.event_name == 'pull_request' }}")


def triggers(name: str) -> dict[str, Any]:
    # YAML 1.1 reads `on` as true; ruamel.yaml, at 1.2, doesn't.
    found: dict[str, Any] = WORKFLOWS[name]["on"]
    return found


def test_what_starts_them() -> None:
    assert set(triggers("nightly")) == {"schedule", "workflow_dispatch"}
    assert set(triggers("nightly")["workflow_dispatch"]["inputs"]) == {"force", "until"}
    assert set(triggers("ci")) == {"pull_request", "merge_group", "push"}
    # What isn't started can't be green: the required check must run on every pull request.
    assert triggers("ci")["pull_request"] is None
    assert triggers("ci")["push"] == {"branches": ["main"]}
    assert set(triggers("release")) == {"push"}
    assert triggers("release")["push"]["branches"] == ["main"]
    assert set(triggers("rollback")) == {"workflow_dispatch"}
    assert set(triggers("rollback")["workflow_dispatch"]["inputs"]) == {"version", "reason"}
    assert set(triggers("verify")) == {"schedule", "workflow_dispatch"}
    assert set(triggers("verify")["workflow_dispatch"]["inputs"]) == {"versions"}


@pytest.mark.parametrize("name", JOBS)
def test_every_job_has_a_fixed_machine_and_a_name(name: str) -> None:
    assert JOBS[name]["runs-on"] == "ubuntu-24.04"
    assert JOBS[name]["name"]


def test_actions_are_pinned_to_commits_of_the_version_in_the_comment() -> None:
    found = 0
    for path in FILES:
        for line in path.read_text(encoding="utf-8").splitlines():
            if "uses:" not in line:
                continue
            pinned = re.fullmatch(r"\s+uses: ([\w-]+/[\w-]+)@([0-9a-f]{40}) # (v[\d.]+)", line)
            assert pinned, f"{path.name}: {line}"
            action, sha, version = pinned.groups()
            assert (ACTIONS[action]["sha"], ACTIONS[action]["version"]) == (sha, version)
            found += 1
    assert found > 10


def test_actions_get_inputs_that_they_have() -> None:
    for name, step in steps():
        if "uses" in step:
            known = ACTIONS[step["uses"].partition("@")[0]]["inputs"]
            assert set(step.get("with", {})) <= set(known), f"{name}: {step['name']}"


def test_no_checkout_keeps_credentials() -> None:
    checkouts = list(using("actions/checkout"))
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for _, step in checkouts)


def test_no_expression_stands_in_a_script() -> None:
    assert [step["name"] for _, step in steps() if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("name", sorted(PRIVILEGED))
def test_jobs_with_a_token_that_writes_install_nothing_and_reach_no_data(name: str) -> None:
    job = JOBS[name]
    assert "id-token" not in job["permissions"]
    runs = [step["run"] for step in job["steps"] if "run" in step]
    assert runs
    assert all(run.startswith("python3 -m ratchet ") for run in runs)


def test_only_these_jobs_can_write() -> None:
    writers = {
        name
        for name, job in JOBS.items()
        if any(
            right == "write" and what != "id-token" for what, right in job["permissions"].items()
        )
        or any(each == name for each, _ in using("actions/create-github-app-token"))
    }
    # `again` only starts the workflow; `release` runs after the merge, on what was accepted.
    assert writers == PRIVILEGED | {"nightly.again", "release.release"}


def test_the_app_s_token_can_do_two_things() -> None:
    for _, step in using("actions/create-github-app-token"):
        rights = {key: value for key, value in step["with"].items() if "permission" in key}
        assert rights == {"permission-contents": "write", "permission-pull-requests": "write"}


@pytest.mark.parametrize("name", [name for name, job in JOBS.items() if "environment" in job])
def test_what_has_the_data_s_role_runs_on_main_only_or_reads_only(name: str) -> None:
    job = JOBS[name]
    if job["environment"] == "nightly":
        assert job["if"] == "github.ref_name == github.event.repository.default_branch"


def test_code_owners_watch_what_judges_and_what_runs() -> None:
    owned = [
        line.split()[0]
        for line in (PROJECT / ".github/CODEOWNERS").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert {"/.github/", "/params.yaml", "/src/ratchet/gate/", "/.dvc/config"} <= set(owned)
    missing = {path for path in owned if not (PROJECT / path.strip("/")).exists()}
    assert missing <= {"/models/rolled_back.csv"}  # the first rollback writes it


def test_dependabot_looks_after_actions_and_packages() -> None:
    found = YAML(typ="safe").load(PROJECT / ".github/dependabot.yml")["updates"]
    assert {each["package-ecosystem"] for each in found} == {"github-actions", "pip"}
