"""Run a workflow file of the repository with act, on this machine, against the stand-ins.

    runner = Runner(folder, github, server_environment)
    run = runner.run("nightly.yml", "schedule")
    assert run.results == {"retrain": "success", "propose": "success", "alarm": "skipped"}
    print(run.step("retrain", "Discover").log)

act plays the file's own `run:` steps, conditions and outputs. What it leaves out is put in here:
each job has a token of its own with the permissions that the file gives it, and the secrets and
variables of its environment. Not played: concurrency, timeouts, branch filters, rules of an
environment, `hashFiles`-keyed caches (always a miss); all jobs share one HOME.
"""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from venv import EnvBuilder

import psutil
import warm
from github import GitHub, event
from hub import DEFAULT_BRANCH, JOB_LOGIN, SLUG, Pull
from ruamel.yaml import YAML
from workflow import RUNNER, Pin, Workflow, actions

_HERE = Path(__file__).parent
_PATIENCE = 600  # seconds until a run that hangs is ended
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


@dataclass
class Step:
    """A step: its name, result (success, failure, skipped), what it printed, its outputs."""

    name: str
    result: str = "skipped"
    log: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass
class Job:
    """A job: its result (success, failure, skipped), steps by id or number, and summary."""

    id: str
    result: str = "skipped"
    steps: dict[str, Step] = field(default_factory=dict)
    summary: str = ""

    @property
    def log(self) -> str:
        """What all its steps printed."""
        return "".join(f"== {step.name}\n{step.log}" for step in self.steps.values())


@dataclass
class Run:
    """A run of a workflow. `artifacts` are the uploaded ones by name, each a folder."""

    id: int
    jobs: dict[str, Job]
    artifacts: dict[str, Path]
    attestations: list[dict[str, Any]]
    seconds: float

    @property
    def results(self) -> dict[str, str]:
        """Each job's result."""
        return {job.id: job.result for job in self.jobs.values()}

    @property
    def log(self) -> str:
        """What all jobs printed."""
        return "".join(f"==== {job.id}: {job.result}\n{job.log}" for job in self.jobs.values())

    @property
    def url(self) -> str:
        """The page that people would look at."""
        return f"https://github.com/{SLUG}/actions/runs/{self.id}"

    def step(self, job: str, step: str) -> Step:
        """Return a step by its id or its name."""
        for key, found in self.jobs[job].steps.items():
            if step in (key, found.name):
                return found
        known = [found.name for found in self.jobs[job].steps.values()]
        raise AssertionError(f"{job} has no step {step!r}, only {known}")


@dataclass(frozen=True)
class Role:
    """An IAM role: keys of a user with its rights, for jobs of one environment."""

    environment: str
    access_key: str
    secret_key: str


@dataclass
class Environment:
    """A GitHub environment: its own variables and secrets."""

    variables: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)


class Runner:
    """Runs workflows of `github`'s repository; its settings are those of the repository.

    `machine` are variables of the runner itself, such as the endpoint of the S3 server.
    """

    def __init__(
        self, folder: Path, github: GitHub, machine: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.github = github
        self.machine = dict(machine or {})
        self.variables: dict[str, str] = {}
        self.secrets: dict[str, str] = {}
        self.environments: dict[str, Environment] = {}
        self.roles: dict[str, Role] = {}
        self._runs = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._bin, self._python = _programs(folder)

    def run(
        self,
        workflow: str,
        event_name: str,
        *,
        inputs: Mapping[str, str] | None = None,
        ref: str = f"refs/heads/{DEFAULT_BRANCH}",
        pull: Pull | None = None,
        payload: Mapping[str, Any] | None = None,
        job: str = "",
        at: str = "",
    ) -> Run:
        """Run a workflow file as it stands at the event's commit; return when all is over.

        `job` runs that job and what it needs only. `at` is the event's commit, if its branch has
        moved since: somebody presses "Re-run". Raises AssertionError for a file that can't be
        played faithfully, and for a job that should have run and hasn't.
        """
        self._runs += 1
        number = 4241 + self._runs
        place = self.folder / f"run-{self._runs}"
        if pull is not None:
            ref = f"refs/pull/{pull.number}/merge"
        self._check_out(place / "work", ref, at or self.github.git("rev-parse", ref))
        flow = Workflow(place / "work" / ".github" / "workflows" / workflow)
        about = dict(payload or {})
        if event_name == "workflow_dispatch":
            about["inputs"] = dict(inputs or {})
        if event_name == "push":
            sha = at or self.github.git("rev-parse", ref)
            about |= {"ref": ref, "after": sha, "head_commit": {"id": sha}}
            about.setdefault("before", self.github.git("rev-parse", f"{sha}^1"))
        sent = event(self.github, event_name, pull, **about)
        (place / "event.json").write_text(json.dumps(sent), encoding="utf-8")
        options = self._settings(flow, place, fork=pull is not None and pull.repository != SLUG)
        for pin in sorted(flow.pins, key=str):
            options += ["--local-repository", f"{pin}={self._stand_in(pin, place)}"]
        command = [
            *(str(beside("act")), event_name, f"--workflows={place / 'flow' / workflow}"),
            *(f"--directory={place / 'work'}", f"--eventpath={place / 'event.json'}"),
            *(f"--platform={RUNNER}=-self-hosted", "--pull=false", "--no-cache-server"),
            *("--no-skip-checkout", "--action-offline-mode", "--json", "--rm"),
            *(f"--action-cache-path={place / 'act'}", f"--defaultbranch={DEFAULT_BRANCH}"),
            *("--actor=a-person", f"--env=GITHUB_RUN_ID={number}"),
            *(f"--env=GITHUB_RUN_NUMBER={self._runs}", f"--env=GITHUB_REF={ref}"),
            *([f"--job={job}"] if job else []),
            *options,
        ]
        started = time.monotonic()
        lines, errors = self._execute(command, place)
        jobs = _read(flow, lines)
        seconds = time.monotonic() - started
        if not job:
            _check_all_ran(flow, jobs, errors)
        artifacts = self.folder / "artifacts" / str(number)
        attested = place / "attestations.jsonl"
        return Run(
            number,
            jobs,
            {each.name: each for each in artifacts.iterdir()} if artifacts.exists() else {},
            [json.loads(line) for line in attested.read_text().splitlines()]
            if attested.exists()
            else [],
            seconds,
        )

    def _check_out(self, work: Path, ref: str, sha: str) -> None:
        """Lay out what act looks at to know the repository, the commit and the workflow."""
        url = f"https://github.com/{SLUG}.git"
        work.mkdir(parents=True)
        run = self.github.git
        tree = f"--work-tree={work}"
        git_dir = work / ".git"
        run("clone", "--quiet", "--bare", "--shared", str(self.github.repository), str(git_dir))
        here = (f"--git-dir={git_dir}", tree)
        run(*here, "config", "core.bare", "false")
        run(*here, "config", "remote.origin.url", url)
        if ref.startswith("refs/heads/"):
            run(*here, "update-ref", ref, sha)
            run(*here, "symbolic-ref", "HEAD", ref)
        else:
            run(*here, "update-ref", "--no-deref", "HEAD", sha)
        run(*here, "checkout", "--quiet", "--force", sha, "--", ".github")

    def _settings(self, flow: Workflow, place: Path, *, fork: bool) -> list[str]:
        """Write the workflow and the stand-ins' context; return act's options for all values.

        fork: for a pull request of a stranger's, whose jobs may read and have no secrets.
        """
        secrets, variables = dict(self.secrets), dict(self.variables)
        # For what is used outside of a job: GitHub has a token there too, and nobody needs it.
        names: dict[str, dict[str, str]] = {}
        jobs: dict[str, Any] = {}
        for job in flow.jobs.values():
            permissions = _for_strangers(job.permissions) if fork else job.permissions
            rights = {name.replace("-", "_"): level for name, level in permissions.items()}
            token = self.github.token(f"job {job.id}", JOB_LOGIN, **rights)
            own = f"TOKEN_OF_{job.id}".upper().replace("-", "_")
            secrets[own] = token.value
            names[job.id] = dict.fromkeys(
                ("github.token", "secrets.GITHUB_TOKEN"), f"secrets.{own}"
            )
            around = self.environments.get(job.environment, Environment())
            prefix = re.sub(r"\W", "_", f"IN_{job.environment}_".upper())
            for kind, given, all_ in (
                ("secrets", {} if fork else around.secrets, secrets),
                ("vars", around.variables, variables),
            ):
                for name, value in given.items():
                    all_[prefix + name] = value
                    names[job.id][f"{kind}.{name}"] = f"{kind}.{prefix}{name}"
            jobs[job.id] = {
                "token": token.value,
                "permissions": permissions,
                "environment": job.environment,
            }
        context = {
            "jobs": jobs,
            "roles": {arn: vars(role) for arn, role in self.roles.items()},
            "artifacts": str(self.folder / "artifacts"),
            "attestations": str(place / "attestations.jsonl"),
            "python": str(self._python),
            "programs": str(warm.programs()),
        }
        (place / "context.json").write_text(json.dumps(context), encoding="utf-8")
        (place / "flow").mkdir()
        (place / "flow" / flow.path.name).write_text(flow.renamed(names), encoding="utf-8")
        options = [f"--secret={name}={value}" for name, value in secrets.items()]
        return options + [f"--var={name}={value}" for name, value in variables.items()]

    def _stand_in(self, pin: Pin, place: Path) -> Path:
        """Write an action with the real one's inputs and outputs that runs stand_ins.py."""
        about = actions()[pin.name]
        program = f"{sys.executable} {_HERE / 'stand_ins.py'} {pin.name} {place / 'context.json'}"
        main = {
            "id": "main",
            "shell": "bash",
            "env": {"INPUTS": "${{ toJSON(inputs) }}"},
            "run": f"exec {program}",
        }
        outputs = {
            name: {"description": name, "value": f"${{{{ steps.main.outputs.{name} }}}}"}
            for name in about["outputs"]
        }
        content = {
            "name": pin.name,
            "description": f"Stands in for {pin.name} {about['version']}",
            "inputs": {name: {"description": name, "required": False} for name in about["inputs"]},
            "outputs": outputs,
            "runs": {"using": "composite", "steps": [main]},
        }
        folder = place / "actions" / pin.name
        folder.mkdir(parents=True)
        with (folder / "action.yml").open("w", encoding="utf-8") as file:
            YAML().dump(content, file)
        return folder

    def _environment(self) -> dict[str, str]:
        """Return all that the machine's steps see beside what the workflow sets."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        return (
            {
                "PATH": f"{self._bin}:{self._python}:/usr/local/bin:/usr/bin:/bin",
                "HOME": str(home),
                "LANG": "C.UTF-8",
                "OMP_NUM_THREADS": "1",
                "DVC_SITE_CACHE_DIR": str(home / "dvc"),
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_TERMINAL_PROMPT": "0",
                "GH_PROMPT_DISABLED": "1",
                "GH_TELEMETRY": "0",
                "ACT_DISABLE_VERSION_CHECK": "1",
                # act gives the steps a terminal, where GitHub has none.
                "TERM": "dumb",
                "PAGER": "cat",
                "NO_COLOR": "1",
            }
            | self.github.environment()
            | self.machine
        )

    def _execute(self, command: Sequence[str], place: Path) -> tuple[list[dict[str, Any]], str]:
        """Run act to its end; return its log, and the last of all that it said."""
        with (place / "act.log").open("w+b") as log, (place / "act.err").open("w+b") as errors:
            process = subprocess.Popen(
                command,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=errors,
            )
            try:
                process.wait(_PATIENCE)
            finally:
                if process.poll() is None:
                    # Each step has a session of its own, so the process group isn't all.
                    act = psutil.Process(process.pid)
                    for each in [*act.children(recursive=True), act]:
                        with suppress(psutil.NoSuchProcess):
                            each.kill()
                    process.wait()
            log.seek(0), errors.seek(0)
            printed, complained = log.read().decode(), errors.read().decode(errors="replace")
        lines = [line for line in printed.splitlines() if line.startswith("{")]
        return [json.loads(line) for line in lines], printed[-3000:] + complained[-3000:]


def _for_strangers(permissions: Mapping[str, str]) -> dict[str, str]:
    """Return what GitHub leaves of a job's permissions when the pull request is from a fork."""
    left = {name: "read" for name, level in permissions.items() if level != "none"}
    left.pop("id-token", None)
    return left


def _read(flow: Workflow, lines: Sequence[Mapping[str, Any]]) -> dict[str, Job]:
    """Return what act's log tells of each job."""
    jobs = {name: Job(name, steps=_steps(flow, name)) for name in flow.jobs}
    for line in lines:
        if "jobID" not in line:
            continue
        job = jobs[line["jobID"]]
        job.result = line.get("jobResult", job.result)
        if line.get("stage") != "Main" or not line.get("stepID"):
            continue
        step = job.steps[line["stepID"][0]]
        inner = len(line["stepID"]) > 1
        if line.get("raw_output"):
            step.log += _ESCAPES.sub("", line["msg"]).replace("\r\n", "\n")
        elif line.get("command") == "set-output" and not inner:
            step.outputs[line["name"]] = line["arg"]
        elif line.get("command") == "summary":
            job.summary += line["content"]
        elif line.get("command") in ("error", "warning", "notice"):
            step.log += line["raw"]
        if "stepResult" in line and not inner:
            step.result = line["stepResult"]
            step.seconds = line.get("executionTime", 0) / 1e9
    return jobs


def _steps(flow: Workflow, job: str) -> dict[str, Step]:
    """Return a job's steps by id, or number where they have none, as if none had run."""
    found = {}
    for number, step in enumerate(flow.content["jobs"][job]["steps"]):
        name = str(step.get("name") or step.get("uses") or step["run"]).partition("\n")[0]
        found[str(step.get("id", number))] = Step(name)
    return found


def _check_all_ran(flow: Workflow, jobs: Mapping[str, Job], log: str) -> None:
    """Raise AssertionError for a job that has no reason not to have run."""
    assert any(job.result != "skipped" for job in jobs.values()), f"nothing ran:\n{log}"
    for job in flow.jobs.values():
        ready = all(jobs[name].result == "success" for name in job.needs)
        if ready and not job.condition:
            assert jobs[job.id].result != "skipped", f"{job.id} hasn't run:\n{log}"


def _programs(folder: Path) -> tuple[Path, Path]:
    """Make the folders of the machine's own programs, and of a Python without any package."""
    programs = folder / "bin"
    programs.mkdir()
    (programs / "gh").symlink_to(beside("gh"))
    EnvBuilder(symlinks=True).create(folder / "python")
    return programs, folder / "python" / "bin"


def beside(name: str) -> Path:
    """Return a program that came with the tests' packages."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    assert found, f"{name}: no such program; `make test` installs it"
    return Path(found)
