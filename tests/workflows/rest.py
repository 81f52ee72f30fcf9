"""The REST calls of GitHub that we use: paths, rights, status codes and the fields we read."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from hub import SLUG, Hub, Token
from web import Request, Response

Json = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """A request to a known path, by a token that may make it."""

    hub: Hub
    token: Token
    request: Request
    arguments: tuple[str, ...]

    @property
    def body(self) -> Json:
        """The body's JSON."""
        read = json.loads(self.request.body or b"{}")
        assert isinstance(read, dict)
        return read

    @property
    def query(self) -> Mapping[str, str]:
        """The query's fields."""
        return self.request.query

    def page(self, found: Sequence[Any]) -> Response:
        """Return the page that is asked for."""
        size, page = int(self.query.get("per_page", 30)), int(self.query.get("page", 1))
        return reply(200, list(found)[(page - 1) * size : page * size])


class RefusedError(Exception):
    """A call that ends in an error of GitHub's."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        about = {"documentation_url": "https://docs.github.com/rest", "status": str(status)}
        self.response = reply(status, {"message": message} | more | about)


Handler = Callable[[Call], Response]
_ROUTES: list[tuple[str, re.Pattern[str], tuple[tuple[str, str], ...], Handler]] = []
_IN_PATH = {"n": r"(\d+)", "name": r"([^/]+)", "ref": r"(.+)", "repo": "repos/([^/]+/[^/]+)"}


def route(method: str, path: str, **rights: str) -> Callable[[Handler], Handler]:
    """Register a handler for a path below the host; any one of `rights` suffices.

    In the path `{n}` is a number, `{name}` one part, `{ref}` the rest, `{repo}` the repository.
    """
    pattern = re.sub(r"{(\w+)}", lambda found: _IN_PATH[found[1]], path)
    needed = tuple((name.replace("_", "-"), level) for name, level in rights.items())

    def register(handler: Handler) -> Handler:
        _ROUTES.append((method, re.compile("/" + pattern), needed, handler))
        return handler

    return register


def answer(hub: Hub, request: Request, sent: str, token: Token | None) -> Response:
    """Answer a call to api.github.com or uploads.github.com."""
    if hub.app.signed(sent):
        token = Token(sent, "the app's word", hub.app.login, {"app": "write"})
    if token is None:
        return RefusedError(401, "Bad credentials" if sent else "Requires authentication").response
    for method, pattern, needed, handler in _ROUTES:
        found = pattern.fullmatch(request.path)
        if method != request.method.replace("HEAD", "GET") or found is None:
            continue
        arguments = [unquote(part) for part in found.groups()]
        try:
            if request.path.startswith("/repos/") and arguments.pop(0) != SLUG:
                raise RefusedError(404, "Not Found")
            if needed and not any(token.may(name, level) for name, level in needed):
                raise RefusedError(403, "Resource not accessible by integration")
            return handler(Call(hub, token, request, tuple(arguments)))
        except RefusedError as refused:
            return refused.response
    hub.unknown.append(f"{request.method} {request.path}")
    return RefusedError(501, "The stand-in of GitHub doesn't know this call").response


def reply(status: int, content: object = None) -> Response:
    """Return a response in JSON."""
    headers = {"Content-Type": "application/json; charset=utf-8"}
    return Response(status, b"" if content is None else json.dumps(content).encode(), headers)


def invalid(resource: str, code: str, **more: str) -> RefusedError:
    """Return GitHub's 422: `field=` names what is wrong, or `message=` says it."""
    errors = [{"resource": resource, "code": code} | more]
    return RefusedError(422, "Validation Failed", errors=errors)


def user(login: str) -> Json:
    """Return who did something."""
    return {"login": login, "type": "Bot" if login.endswith("[bot]") else "User"}
