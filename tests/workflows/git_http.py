"""git over smart HTTP: `git http-backend` on a bare repository."""

import os
import subprocess
from pathlib import Path
from urllib.parse import urlencode

from web import Request, Response

_PATIENCE = 60

# What GitHub refuses after it has taken the objects, in its own words. A push that doesn't come
# over HTTP is the tests' own.
UPDATE_HOOK = """#!/bin/sh
ref=$1 old=$2 new=$3
[ -n "$STAND_IN_LOGIN" ] || exit 0
case " $STAND_IN_PROTECTED " in
*" $ref "*) echo "error: GH006: Protected branch update failed for $ref." >&2; exit 1 ;;
esac
[ -z "$STAND_IN_WORKFLOWS" ] || exit 0
case $new in *[!0]*) ;; *) exit 0 ;; esac
file=$(git rev-list "$new" --not --all | git diff-tree --stdin -r --root --no-commit-id \\
  --name-only | grep '^\\.github/workflows/' | head -n 1)
[ -z "$file" ] && exit 0
echo "refusing to allow a GitHub App to create or update workflow \\`$file\\`" \\
  "without \\`workflows\\` permission" >&2
exit 1
"""


def install(repository: Path) -> None:
    """Set a bare repository up for being served."""
    for key, value in {
        "http.receivepack": "true",
        "uploadpack.allowAnySHA1InWant": "true",
        "uploadpack.allowFilter": "true",
        "gc.auto": "0",
        "receive.autogc": "false",
    }.items():
        git(repository, "config", key, value)
    hook = repository / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(UPDATE_HOOK, encoding="utf-8")
    hook.chmod(0o755)


def serve(repository: Path, request: Request, service: str, variables: dict[str, str]) -> Response:
    """Answer a request for `service`, a path below the repository's URL."""
    environment = clean() | {
        "GIT_PROJECT_ROOT": str(repository.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{repository.name}/{service}",
        "QUERY_STRING": urlencode(request.query),
        "REQUEST_METHOD": request.method,
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
        "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
    }
    done = subprocess.run(
        ["git", "http-backend"],
        input=request.body,
        capture_output=True,
        env=environment | variables,
        timeout=_PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    status = int(headers.pop("Status", "200 OK").split()[0])
    return Response(status, body, headers)


def refs(repository: Path) -> dict[str, str]:
    """Return the branches and tags with the commits that they name."""
    form = "--format=%(refname) %(objectname) %(*objectname)"
    lines = git(repository, "for-each-ref", form, "refs/heads", "refs/tags").splitlines()
    # Of an annotated tag the commit, which stands last.
    return {line.split()[0]: line.split()[-1] for line in lines}


def git(repository: Path, *arguments: str, code: int = 0, **variables: str) -> str:
    """Run a git command in the repository, as GitHub would; return what it printed."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=repository,
        env=clean() | variables,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    assert done.returncode == code, f"git {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout.strip()


def succeeds(repository: Path, *arguments: str) -> bool:
    """Whether a git command ends with 0."""
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=repository, env=clean(), capture_output=True, check=False)
    return done.returncode == 0


def clean() -> dict[str, str]:
    """Return an environment without anyone's own settings of git."""
    who = {"NAME": "GitHub", "EMAIL": "noreply@github.com"}
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
    } | {
        f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()
    }
