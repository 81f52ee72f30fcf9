"""What the steps with `uses:` do in the tests: small doubles of the real actions.

act.py makes an action of each that runs `python stand_ins.py NAME CONTEXT`. They read their inputs
as the real ones do, refuse what they can't play, and talk to the stand-in of GitHub alone.
"""

import base64
import fnmatch
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from globbing import files_of
from machine import warm

Json = dict[str, Any]


class Step:
    """A step that runs: its inputs, what its job may, and where its words go."""

    def __init__(self, context: Path) -> None:
        read: Json = json.loads(context.read_text(encoding="utf-8"))
        self.run: Json = read
        self.job: Json = read["jobs"][os.environ["GITHUB_JOB"]]
        given: dict[str, str] = json.loads(os.environ["INPUTS"])
        self.inputs = {name: value for name, value in given.items() if value != ""}
        self.asked: set[str] = set()
        self.workspace = Path(os.environ["GITHUB_WORKSPACE"])

    def input(self, name: str, default: str = "") -> str:
        """Return an input as text."""
        self.asked.add(name)
        return self.inputs.get(name, default).strip()

    def switch(self, name: str, default: bool) -> bool:
        """Return an input that is true or false."""
        value = self.input(name, str(default).lower())
        if value.lower() not in ("true", "false"):
            fail(f"Input does not meet YAML 1.2 Core Schema specification: {name}")
        return value.lower() == "true"

    def done(self, action: str) -> None:
        """Refuse inputs that nobody has read: the real action would have heeded them."""
        unread = sorted(self.inputs.keys() - self.asked)
        if unread:
            fail(f"The tests' stand-in of {action} doesn't play {', '.join(unread)}")

    def token(self) -> str:
        """Return the job's own token."""
        return str(self.job["token"])

    def needs(self, permission: str, message: str) -> None:
        """Fail with `message` unless the job has the right to write this."""
        if self.job["permissions"].get(permission) != "write":
            fail(message)


def fail(message: str) -> NoReturn:
    """End the step as an action does that failed."""
    print(f"::error::{message}")
    sys.exit(1)


def output(**values: object) -> None:
    """Set outputs of the step."""
    _append("GITHUB_OUTPUT", {name.replace("_", "-"): value for name, value in values.items()})


def export(**values: str) -> None:
    """Set variables for the steps that follow."""
    _append("GITHUB_ENV", values)


def mask(secret: str) -> None:
    """Keep a value out of the log."""
    print(f"::add-mask::{secret}")


def checkout(step: Step) -> None:
    """Clone the repository with the token, on a machine that is warm (machine.py)."""
    slug = os.environ["GITHUB_REPOSITORY"]
    if step.input("repository", slug) != slug:
        fail("The tests know one repository only")
    folder = step.workspace / step.input("path", ".")
    ref, token = step.input("ref"), step.input("token", step.token())
    depth = int(step.input("fetch-depth", "1"))
    tags, persist = step.switch("fetch-tags", False), step.switch("persist-credentials", True)
    for name in ("clean", "set-safe-directory", "show-progress"):
        step.switch(name, True)  # nothing to clean, no one else's folder, no progress
    step.done("actions/checkout")
    folder.mkdir(parents=True, exist_ok=True)
    mask(token)
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    header = f"AUTHORIZATION: basic {basic}"
    mask(basic)
    secret = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.https://github.com/.extraheader",
        "GIT_CONFIG_VALUE_0": header,
    }

    def git(*arguments: str, code: int | None = 0) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env=os.environ | secret,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if code is not None and done.returncode != code:
            print(done.stdout)
            fail(f"The process '/usr/bin/git' failed with exit code {done.returncode}")
        return done.stdout.strip()

    url = f"{os.environ['GITHUB_SERVER_URL']}/{slug}"
    if not (folder / ".git").exists():
        git("init", "--quiet", "--initial-branch", "main", ".")
        git("remote", "add", "origin", url)
    # Without `ref:` it's the event's own commit, wherever its branch may be by now.
    event = os.environ["GITHUB_SHA"], os.environ["GITHUB_REF"]
    wanted, full = _resolve(git, ref) if ref else event
    short = full.removeprefix("refs/heads/")
    branch = full.startswith("refs/heads/")
    local = f"refs/remotes/origin/{short}" if branch else "refs/remotes/checkout"
    specs = [f"+{wanted}:{local}"]
    if depth == 0:
        specs = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*", *specs]
    elif tags:
        specs.append("+refs/tags/*:refs/tags/*")
    limit = [f"--depth={depth}"] if depth else []
    for spec in specs:  # one by one: the last may move what the first has set
        git("fetch", "--quiet", "--no-tags", *limit, "origin", spec)
    if branch:
        git("checkout", "--quiet", "--force", "-B", short, local)
    else:
        git("checkout", "--quiet", "--force", "--detach", local)
    if persist:
        git("config", "http.https://github.com/.extraheader", header)
    output(commit=git("rev-parse", "HEAD"), ref=full)
    warm(folder, Path(step.run["programs"]))


def _resolve(git: Callable[..., str], ref: str) -> tuple[str, str]:
    """Return the commit and the full name of what `ref:` names."""
    if len(ref) == 40 and all(c in "0123456789abcdef" for c in ref):
        return ref, ref
    names = [ref] if ref.startswith("refs/") else [f"refs/heads/{ref}", f"refs/tags/{ref}"]
    listed = git("ls-remote", "--quiet", "origin").splitlines()
    known = {name: sha for sha, name in (line.split() for line in listed)}
    for name in names:
        if name in known:
            return known[name], name
    fail(f"A branch or tag with the name '{ref}' could not be found")


def setup_python(step: Step) -> None:
    """Put this Python on the path, if it is the one that is asked for."""
    wanted = step.input("python-version")
    if named := step.input("python-version-file"):
        wanted = (step.workspace / named).read_text(encoding="utf-8").strip()
    for ignored in ("cache", "cache-dependency-path", "check-latest", "token"):
        step.input(ignored)
    step.done("actions/setup-python")
    here = ".".join(map(str, sys.version_info[:3]))
    if not wanted or not f"{here}.".startswith(f"{wanted}."):
        fail(f"The version '{wanted}' was not found for Ubuntu 24.04; the tests run on {here}")
    print(f"Python {here}")
    with Path(os.environ["GITHUB_PATH"]).open("a", encoding="utf-8") as file:
        file.write(f"{step.run['python']}\n")
    output(python_version=here, python_path=f"{step.run['python']}/python3")


def cache(step: Step) -> None:
    """Miss: a job must do without what another may have left."""
    step.input("path"), step.input("restore-keys")
    miss_fails = step.switch("fail-on-cache-miss", False)
    step.switch("lookup-only", False)
    print(f"Cache not found for input keys: {step.input('key')}")
    step.done("actions/cache")
    if miss_fails:
        fail("Failed to restore cache entry. Exiting as fail-on-cache-miss is set.")
    output(cache_hit="false")


def upload_artifact(step: Step) -> None:
    """Copy files to where the run's other jobs find them."""
    name, missing = step.input("name", "artifact"), step.input("if-no-files-found", "warn")
    patterns = step.input("path").splitlines()
    hidden = step.switch("include-hidden-files", False)
    overwrite = step.switch("overwrite", False)
    for ignored in ("retention-days", "compression-level"):
        step.input(ignored)
    step.done("actions/upload-artifact")
    files = files_of(step.workspace, patterns, hidden=hidden)
    if not files:
        message = f"No files were found with the provided path: {', '.join(patterns)}. "
        message += "No artifacts will be uploaded."
        if missing == "error":
            fail(message)
        print(message if missing == "ignore" else f"::warning::{message}")
        return
    folder = Path(step.run["artifacts"]) / os.environ["GITHUB_RUN_ID"] / name
    if folder.exists():
        if not overwrite:
            fail("Failed to CreateArtifact: an artifact with this name already exists on this run")
        shutil.rmtree(folder)
    digest = hashlib.sha256()
    for inside, path in sorted(files.items()):
        (folder / inside).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / inside)  # as a zip file does: without its mode
        digest.update(path.read_bytes())
    number = len(list(folder.parent.iterdir()))
    run = f"{os.environ['GITHUB_SERVER_URL']}/{os.environ['GITHUB_REPOSITORY']}/actions/runs"
    url = f"{run}/{os.environ['GITHUB_RUN_ID']}/artifacts/{number}"
    print(f"Artifact {name} has been successfully uploaded: {', '.join(sorted(files))}")
    output(artifact_id=number, artifact_url=url, artifact_digest=digest.hexdigest())


def download_artifact(step: Step) -> None:
    """Copy back what a job of this run, or of `run-id`, has uploaded."""
    name, pattern = step.input("name"), step.input("pattern", "*")
    merge = step.switch("merge-multiple", False)
    run = step.input("run-id", os.environ["GITHUB_RUN_ID"])
    if run != os.environ["GITHUB_RUN_ID"] and not step.input("github-token"):
        fail("Unable to download artifact(s): another run needs github-token")
    step.input("github-token")
    target = step.workspace / step.input("path", ".")
    step.done("actions/download-artifact")
    folder = Path(step.run["artifacts"]) / run
    found = sorted(each.name for each in folder.iterdir()) if folder.exists() else []
    if name and name not in found:
        fail(f"Unable to download artifact(s): Artifact not found for name: {name}")
    for each in [name] if name else fnmatch.filter(found, pattern):
        inside = target if name or merge else target / each
        shutil.copytree(folder / each, inside, dirs_exist_ok=True)
    output(download_path=target.resolve())


def create_github_app_token(step: Step) -> None:
    """Trade the App's key for a token with the rights that `permission-*` ask for."""
    import jwt

    client, key = step.input("client-id"), step.input("private-key")
    if not client or not key:
        fail("The 'client-id' and 'private-key' inputs must be set to non-empty strings")
    wanted = {
        name.removeprefix("permission-").replace("-", "_"): step.input(name)
        for name in step.inputs
        if name.startswith("permission-")
    }
    owner, repository = os.environ["GITHUB_REPOSITORY"].split("/")
    if step.input("owner", owner) != owner or step.input("repositories", repository) != repository:
        fail("The tests know one repository only")
    step.switch("skip-token-revoke", False)
    step.done("actions/create-github-app-token")
    now = int(time.time())
    claims = {"iss": client, "iat": now - 60, "exp": now + 540}
    try:
        word = jwt.encode(claims, key, algorithm="RS256")
    except (ValueError, jwt.PyJWTError) as error:
        fail(f"Failed to create token: {error}")
    installation = _call(word, "GET", f"/repos/{owner}/{repository}/installation", None)
    path = f"/app/installations/{installation['id']}/access_tokens"
    asked = {"repositories": [repository]} | ({"permissions": wanted} if wanted else {})
    token = _call(word, "POST", path, asked)["token"]
    mask(token)
    slug, number = installation["app_slug"], installation["id"]
    output(token=token, app_slug=slug, installation_id=number)


def _call(word: str, method: str, path: str, body: Json | None) -> Json:
    request = urllib.request.Request(
        os.environ["GITHUB_API_URL"] + path,
        method=method,
        headers={"Authorization": f"Bearer {word}"},
        data=None if body is None else json.dumps(body).encode(),
    )
    try:
        with urllib.request.urlopen(request) as answer:
            read: Json = json.load(answer)
            return read
    except urllib.error.HTTPError as error:
        with error:
            fail(f"Failed to create token: {json.load(error)['message']}")


def configure_aws_credentials(step: Step) -> None:
    """Give the job the keys of a role, if it may ask and runs where the role trusts it."""
    arn, region = step.input("role-to-assume"), step.input("aws-region")
    for ignored in ("role-session-name", "role-duration-seconds", "mask-aws-account-id"):
        step.input(ignored)
    allowed = step.input("allowed-account-ids")
    step.done("aws-actions/configure-aws-credentials")
    if not region:
        fail("Input required and not supplied: aws-region")
    if allowed and arn.split(":")[4] not in allowed.replace(",", " ").split():
        fail("The account ID of the provided credentials is not in allowed-account-ids")
    step.needs("id-token", "Credentials could not be loaded, please check your action inputs")
    role = step.run["roles"].get(arn)
    if role is None or role["environment"] != step.job["environment"]:
        fail(
            "Could not assume role with OIDC: Not authorized to perform "
            "sts:AssumeRoleWithWebIdentity"
        )
    mask(role["secret_key"])
    export(
        AWS_REGION=region,
        AWS_DEFAULT_REGION=region,
        AWS_ACCESS_KEY_ID=role["access_key"],
        AWS_SECRET_ACCESS_KEY=role["secret_key"],
    )


def attest(step: Step) -> None:
    """Write down what was attested: each file's name and SHA-256."""
    step.needs("id-token", "Failed to get ID token: missing id-token permission")
    step.needs("attestations", "Failed to persist attestation: Resource not accessible")
    paths, digest = step.input("subject-path"), step.input("subject-digest")
    about = {name: step.input(name) for name in ("predicate-type", "predicate-path", "predicate")}
    subject = step.input("subject-name")
    step.switch("show-summary", True), step.input("github-token")
    step.done("actions/attest")
    if bool(paths) == bool(digest):
        fail("One of subject-path, subject-digest or subject-checksums must be provided")
    if digest:
        subjects = {subject: digest.removeprefix("sha256:")}
    else:
        files = files_of(step.workspace, paths.replace(",", "\n").splitlines(), hidden=True)
        subjects = {
            str(path.relative_to(step.workspace)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files.values()
        }
    if not subjects:
        fail(f"Could not find subject at path {paths}")
    record = {"job": os.environ["GITHUB_JOB"], "subjects": subjects} | about
    log = Path(step.run["attestations"])
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
    number = len(log.read_text(encoding="utf-8").splitlines())
    bundle = Path(os.environ["RUNNER_TEMP"]) / f"attestation-{number}.json"
    bundle.write_text(json.dumps(record), encoding="utf-8")
    url = f"https://github.com/{os.environ['GITHUB_REPOSITORY']}/attestations/{number}"
    output(attestation_id=number, attestation_url=url, bundle_path=bundle)


def _append(variable: str, values: dict[str, Any]) -> None:
    with Path(os.environ[variable]).open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())


STAND_INS: dict[str, Callable[[Step], None]] = {
    "actions/attest": attest,
    "actions/cache": cache,
    "actions/checkout": checkout,
    "actions/create-github-app-token": create_github_app_token,
    "actions/download-artifact": download_artifact,
    "actions/setup-python": setup_python,
    "actions/upload-artifact": upload_artifact,
    "aws-actions/configure-aws-credentials": configure_aws_credentials,
}

if __name__ == "__main__":
    STAND_INS[sys.argv[1]](Step(Path(sys.argv[2])))
