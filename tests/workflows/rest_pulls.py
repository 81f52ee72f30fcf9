"""Pull requests."""

from hub import JOB_LOGIN, OWNER, SLUG, Hub, Pull
from rest import Call, Json, RefusedError, invalid, reply, route, user
from web import Response


def pull_json(hub: Hub, pull: Pull) -> Json:
    """Return a pull request as GitHub shows it."""
    refs = hub.refs()
    return {
        "id": 10_000 + pull.number,
        "number": pull.number,
        "html_url": f"{hub.url}/pull/{pull.number}",
        "url": f"{hub.api}/pulls/{pull.number}",
        "title": pull.title,
        "body": pull.body,
        "state": pull.state,
        "draft": pull.draft,
        "merged": pull.merged,
        "merged_at": "2026-01-01T00:00:00Z" if pull.merged else None,
        "merge_commit_sha": pull.merge_commit,
        "mergeable": hub.mergeable(pull) if pull.state == "open" else None,
        "labels": [{"name": name} | hub.labels[name] for name in pull.labels],
        "user": user(pull.author),
        "head": {
            "ref": pull.head,
            "sha": pull.sha,
            "label": f"{OWNER}:{pull.head}",
            "repo": _repository(pull.repository),
        },
        "base": {
            "ref": pull.base,
            "sha": refs.get(f"refs/heads/{pull.base}", ""),
            "label": f"{OWNER}:{pull.base}",
            "repo": _repository(SLUG),
        },
    }


def _repository(slug: str) -> Json:
    owner, _, name = slug.partition("/")
    return {"full_name": slug, "name": name, "owner": user(owner)}


@route("GET", "{repo}/pulls", pull_requests="read")
def list_pulls(call: Call) -> Response:
    """List pull requests, newest first; `head` is OWNER:BRANCH, and ignored without the owner."""
    state = call.query.get("state", "open")
    owner, _, head = call.query.get("head", "").rpartition(":")
    found = [
        pull_json(call.hub, pull)
        for pull in call.hub.pulls.values()
        if state in (pull.state, "all")
        and (not owner or (owner == OWNER and head == pull.head))
        and call.query.get("base", pull.base) == pull.base
    ]
    # A list shows less of each than the single pull request.
    brief = [
        {key: value for key, value in each.items() if key not in ("merged", "mergeable")}
        for each in found[::-1]
    ]
    return call.page(brief)


@route("POST", "{repo}/pulls", pull_requests="write")
def create_pull(call: Call) -> Response:
    """Open a pull request."""
    hub, body = call.hub, call.body
    if call.token.login == JOB_LOGIN and not hub.jobs_may_open_pulls:
        message = "GitHub Actions is not permitted to create or approve pull requests."
        raise RefusedError(403, message)
    for field in ("head", "base", "title"):
        if not body.get(field):
            raise invalid("PullRequest", "missing_field", field=field)
    _refuse_long(body)
    head, base = body["head"].removeprefix(f"{OWNER}:"), body["base"]
    refs = hub.refs()
    for field, branch in (("head", head), ("base", base)):
        if f"refs/heads/{branch}" not in refs:
            raise invalid("PullRequest", "invalid", field=field)
    if any((pull.head, pull.base) == (head, base) for pull in hub.open_pulls):
        message = f"A pull request already exists for {OWNER}:{head}."
        raise invalid("PullRequest", "custom", message=message)
    if hub.git("rev-list", "--count", f"{base}..{head}") == "0":
        message = f"No commits between {base} and {head}"
        raise invalid("PullRequest", "custom", message=message)
    pull = Pull(
        hub.number(),
        call.token.login,
        body["title"],
        body.get("body") or "",
        head=head,
        base=base,
        sha=refs[f"refs/heads/{head}"],
        draft=bool(body.get("draft", False)),
    )
    hub.issues[pull.number] = pull
    hub.follow()
    return reply(201, pull_json(hub, pull))


@route("GET", "{repo}/pulls/{n}", pull_requests="read")
def get_pull(call: Call) -> Response:
    """Show a pull request."""
    return reply(200, pull_json(call.hub, _found(call)))


@route("PATCH", "{repo}/pulls/{n}", pull_requests="write")
def update_pull(call: Call) -> Response:
    """Change a pull request: title, body, state, base."""
    pull, body = _found(call), call.body
    _refuse_long(body)
    state = body.get("state", pull.state)
    if state not in ("open", "closed"):
        raise invalid("PullRequest", "invalid", field="state")
    if state == "open" != pull.state and (
        pull.merged or f"refs/heads/{pull.head}" not in call.hub.refs()
    ):
        message = "state cannot be changed. The branch was merged or is gone."
        raise invalid("PullRequest", "custom", message=message)
    pull.title, pull.body = body.get("title", pull.title), body.get("body", pull.body)
    pull.state, pull.base = state, body.get("base", pull.base)
    return reply(200, pull_json(call.hub, pull))


@route("GET", "{repo}/pulls/{n}/files", pull_requests="read")
def list_files(call: Call) -> Response:
    """List the files that a pull request changes."""
    pull = _found(call)
    return call.page([{"filename": name} for name in call.hub.changed(pull.base, pull.sha)])


@route("PUT", "{repo}/pulls/{n}/merge", contents="write")
def merge_pull(call: Call) -> Response:
    """Merge a pull request."""
    pull = _found(call)
    if pull.state != "open" or not call.hub.mergeable(pull):
        raise RefusedError(405, "Pull Request is not mergeable")
    if call.body.get("sha", pull.sha) != pull.sha:
        raise RefusedError(409, "Head branch was modified. Review and try the merge again.")
    commit = call.hub.merge(pull.number)
    return reply(
        200, {"sha": commit, "merged": True, "message": "Pull Request successfully merged"}
    )


@route("GET", "{repo}/commits/{name}/pulls", pull_requests="read", contents="read")
def list_of_commit(call: Call) -> Response:
    """List the pull requests that a commit belongs to, or that brought it."""
    sha = call.arguments[0]
    found = [pull for pull in call.hub.pulls.values() if sha in (pull.sha, pull.merge_commit)]
    return call.page([pull_json(call.hub, pull) for pull in found])


def _refuse_long(body: Json) -> None:
    for field, most in (("title", 256), ("body", 65536)):
        if len(body.get(field) or "") > most:
            message = f"{field} is too long (maximum is {most} characters)"
            raise invalid("PullRequest", "custom", field=field, message=message)


def _found(call: Call) -> Pull:
    pull = call.hub.pulls.get(int(call.arguments[0]))
    if pull is None:
        raise RefusedError(404, "Not Found")
    return pull
