"""A stand-in of GitHub with one repository: git over HTTP, the REST calls we use, tokens.

    with GitHub(folder) as github:
        token = github.token("me", contents="write")
        subprocess.run(command, env=github.environment() | {"GH_TOKEN": token.value})
        assert github.pulls[1].state == "open"

It says no as GitHub does: a token has exactly its rights, the repository is private, and what
the stand-in doesn't know ends in `unknown`, which `check` refuses. Any other host takes what it
is sent (`calls`) and answers 200.
"""

import base64
import json
import re
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import git_http
import rest
import rest_issues  # noqa: F401  # this one and the next two register the calls they know
import rest_pulls
import rest_repository  # noqa: F401
from hub import DEFAULT_BRANCH, NAME, OWNER, SLUG, Entry, Hub, Pull, Token
from web import Request, Response, Web


class GitHub(Hub):
    """The stand-in, inside `with`."""

    def __init__(self, folder: Path, repository: Path | None = None) -> None:
        super().__init__(folder, repository)
        self._web = Web(folder, self._handle)

    def environment(self) -> dict[str, str]:
        """Return the variables that lead git, gh, curl and Python to the stand-in."""
        return self._web.environment()

    def check(self) -> None:
        """Raise AssertionError when the stand-in was asked what it doesn't know, or failed."""
        assert not self._web.errors, self._web.errors
        assert not self.unknown, f"the stand-in of GitHub doesn't know {self.unknown}"

    def __enter__(self) -> Self:
        self._web.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._web.__exit__(kind, error, trace)

    def _handle(self, request: Request) -> Response:
        if request.host not in ("github.com", "api.github.com", "uploads.github.com"):
            with self.lock:
                self.calls.append(request)
            return Response(self.answers.get(request.host, 200), b"ok")
        for hook in list(self.hooks):
            method, path, action = hook
            if method == request.method and path.search(request.path):
                self.hooks.remove(hook)
                action()
        sent = _credential(request)
        token = self.tokens.get(sent)
        with self.lock:
            if self.down:
                response = Response(503, b"Service Unavailable")
            elif request.host == "github.com":
                response = self._git(request, sent, token)
            else:
                response = rest.answer(self, request, sent, token)
            name = token.name if token else "unknown" if sent else ""
            self.log.append(Entry(request.method, request.path, name, response.status))
        return response

    def _git(self, request: Request, sent: str, token: Token | None) -> Response:
        """Answer git, or say in GitHub's words why not."""
        found = re.fullmatch(rf"/{SLUG}(?:\.git)?/(.+)", request.path)
        if token is None:
            text = "Invalid username or token. Password authentication is not supported.\n"
            headers = {"WWW-Authenticate": 'Basic realm="GitHub"', "Content-Type": "text/plain"}
            return Response(401, text.encode() if sent else b"", headers)
        if found is None or not token.may("contents", "read"):
            return Response(404, b"Repository not found.\n", {"Content-Type": "text/plain"})
        service = found[1]
        writes = "git-receive-pack" in (service, request.query.get("service"))
        if writes and not token.may("contents", "write"):
            text = f"Permission to {SLUG}.git denied to {token.login}.\n"
            return Response(403, text.encode(), {"Content-Type": "text/plain"})
        variables = {
            "STAND_IN_LOGIN": token.login,
            "STAND_IN_PROTECTED": " ".join(sorted(self.protected)),
            "STAND_IN_WORKFLOWS": "1" if token.may("workflows", "write") else "",
        }
        with self.pushing(token):
            return git_http.serve(self.repository, request, service, variables)


def _credential(request: Request) -> str:
    """Return the token that a request carries, however it does."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        return base64.b64decode(value).decode().partition(":")[2]
    return value


def event(github: GitHub, name: str, pull: Pull | None = None, **more: Any) -> dict[str, Any]:
    """Return the payload of an event as far as workflows read it; `more` is merged into it."""
    payload: dict[str, Any] = {
        "repository": {
            "name": NAME,
            "full_name": SLUG,
            "default_branch": DEFAULT_BRANCH,
            "private": True,
            "html_url": f"https://github.com/{SLUG}",
            "owner": {"login": OWNER},
        },
        "sender": {"login": "a-person"},
    }
    if pull is not None:
        payload |= {"number": pull.number, "pull_request": rest_pulls.pull_json(github, pull)}
        payload |= {"action": "synchronize"}
    if name == "schedule":
        payload["schedule"] = "0 0 * * *"
    return json.loads(json.dumps(payload | more))  # type: ignore[no-any-return]
