"""Issues, comments and labels. A pull request is an issue too."""

from hub import Comment, Issue, Pull
from rest import Call, Json, RefusedError, invalid, reply, route, user
from web import Response


def issue_json(call: Call, issue: Issue) -> Json:
    """Return an issue as GitHub shows it."""
    kind = "pull" if isinstance(issue, Pull) else "issues"
    shown: Json = {
        "id": 10_000 + issue.number,
        "number": issue.number,
        "html_url": f"{call.hub.url}/{kind}/{issue.number}",
        "url": f"{call.hub.api}/issues/{issue.number}",
        "title": issue.title,
        "body": issue.body,
        "state": issue.state,
        "state_reason": issue.state_reason,
        "labels": [label_json(call, name) for name in issue.labels],
        "user": user(issue.author),
        "comments": len(issue.comments),
    }
    if isinstance(issue, Pull):
        shown["pull_request"] = {"html_url": shown["html_url"]}
    return shown


def label_json(call: Call, name: str) -> Json:
    """Return a label as GitHub shows it."""
    return {"name": name} | call.hub.labels[name]


def comment_json(call: Call, comment: Comment) -> Json:
    """Return a comment as GitHub shows it."""
    kind = "pull" if comment.number in call.hub.pulls else "issues"
    return {
        "id": comment.id,
        "body": comment.body,
        "user": user(comment.author),
        "url": f"{call.hub.api}/issues/comments/{comment.id}",
        "html_url": f"{call.hub.url}/{kind}/{comment.number}#issuecomment-{comment.id}",
    }


@route("GET", "{repo}/issues", issues="read", pull_requests="read")
def list_issues(call: Call) -> Response:
    """List issues, pull requests among them, newest first."""
    state = call.query.get("state", "open")
    wanted = {name for name in call.query.get("labels", "").split(",") if name}
    creator = call.query.get("creator", "")
    found = [
        issue_json(call, issue)
        for issue in call.hub.issues.values()
        if state in (issue.state, "all")
        and wanted <= set(issue.labels)
        and creator in ("", issue.author)
    ]
    return call.page(found[::-1])


@route("POST", "{repo}/issues", issues="write")
def create_issue(call: Call) -> Response:
    """Open an issue."""
    if not call.body.get("title"):
        raise invalid("Issue", "missing_field", field="title")
    issue = Issue(
        call.hub.number(), call.token.login, call.body["title"], call.body.get("body") or ""
    )
    call.hub.issues[issue.number] = issue
    add_names(call, issue, call.body.get("labels", []))
    return reply(201, issue_json(call, issue))


@route("GET", "{repo}/issues/{n}", issues="read", pull_requests="read")
def get_issue(call: Call) -> Response:
    """Show an issue."""
    return reply(200, issue_json(call, found(call, "read")))


@route("PATCH", "{repo}/issues/{n}", issues="write", pull_requests="write")
def update_issue(call: Call) -> Response:
    """Change an issue: title, body, state, labels."""
    issue = found(call, "write")
    body = call.body
    state = body.get("state", issue.state)
    if state not in ("open", "closed"):
        raise invalid("Issue", "invalid", field="state")
    if state != issue.state:
        issue.state_reason = body.get("state_reason", "completed" if state == "closed" else None)
    issue.title, issue.body, issue.state = (
        body.get("title", issue.title),
        body.get("body", issue.body),
        state,
    )
    if "labels" in body:
        issue.labels = []
        add_names(call, issue, body["labels"])
    return reply(200, issue_json(call, issue))


@route("GET", "{repo}/issues/{n}/comments", issues="read", pull_requests="read")
def list_comments(call: Call) -> Response:
    """List an issue's comments, oldest first."""
    return call.page([comment_json(call, each) for each in found(call, "read").comments])


@route("POST", "{repo}/issues/{n}/comments", issues="write", pull_requests="write")
def create_comment(call: Call) -> Response:
    """Comment on an issue."""
    issue = found(call, "write")
    if not call.body.get("body"):
        raise invalid("IssueComment", "missing_field", field="body")
    comment = Comment(next(call.hub.ids), issue.number, call.token.login, call.body["body"])
    issue.comments.append(comment)
    return reply(201, comment_json(call, comment))


@route("PATCH", "{repo}/issues/comments/{n}", issues="write", pull_requests="write")
def update_comment(call: Call) -> Response:
    """Rewrite a comment."""
    for issue in call.hub.issues.values():
        for comment in issue.comments:
            if comment.id == int(call.arguments[0]):
                permit(call, issue, "write")
                comment.body = call.body["body"]
                return reply(200, comment_json(call, comment))
    raise RefusedError(404, "Not Found")


@route("GET", "{repo}/issues/{n}/labels", issues="read", pull_requests="read")
def list_issue_labels(call: Call) -> Response:
    """List an issue's labels."""
    return call.page([label_json(call, name) for name in found(call, "read").labels])


@route("POST", "{repo}/issues/{n}/labels", issues="write", pull_requests="write")
def add_labels(call: Call) -> Response:
    """Add labels to an issue; those that don't exist are made."""
    issue = found(call, "write")
    add_names(call, issue, call.body["labels"])
    return reply(200, [label_json(call, name) for name in issue.labels])


@route("PUT", "{repo}/issues/{n}/labels", issues="write", pull_requests="write")
def set_labels(call: Call) -> Response:
    """Replace an issue's labels."""
    found(call, "write").labels = []
    return add_labels(call)


@route("DELETE", "{repo}/issues/{n}/labels/{name}", issues="write", pull_requests="write")
def remove_label(call: Call) -> Response:
    """Take a label from an issue."""
    issue, name = found(call, "write"), call.arguments[1]
    if name not in issue.labels:
        raise RefusedError(404, "Label does not exist")
    issue.labels.remove(name)
    return reply(200, [label_json(call, each) for each in issue.labels])


@route("GET", "{repo}/labels", issues="read", pull_requests="read")
def list_labels(call: Call) -> Response:
    """List the repository's labels."""
    return call.page([label_json(call, name) for name in call.hub.labels])


@route("POST", "{repo}/labels", issues="write", pull_requests="write")
def create_label(call: Call) -> Response:
    """Make a label."""
    name = call.body["name"]
    if name.lower() in {known.lower() for known in call.hub.labels}:
        raise invalid("Label", "already_exists", field="name")
    describe(call, name)
    return reply(201, label_json(call, name))


@route("GET", "{repo}/labels/{name}", issues="read", pull_requests="read")
def get_label(call: Call) -> Response:
    """Show a label."""
    if call.arguments[0] not in call.hub.labels:
        raise RefusedError(404, "Not Found")
    return reply(200, label_json(call, call.arguments[0]))


@route("PATCH", "{repo}/labels/{name}", issues="write", pull_requests="write")
def update_label(call: Call) -> Response:
    """Change a label's colour or description."""
    get_label(call)
    describe(call, call.arguments[0])
    return reply(200, label_json(call, call.arguments[0]))


def describe(call: Call, name: str) -> None:
    """Write a label down as the body says. Raises RefusedError for a colour that is none."""
    known = call.hub.labels.get(name, {"color": "ededed", "description": ""})
    given = {key: call.body[key] for key in ("color", "description") if key in call.body}
    if given.get("color", "").startswith("#") or len(given.get("color", "ededed")) != 6:
        raise invalid("Label", "invalid", field="color")
    if len(given.get("description", "")) > 100:
        raise invalid("Label", "too_long", field="description")
    call.hub.labels[name] = known | given


def add_names(call: Call, issue: Issue, names: list[str]) -> None:
    """Put labels on an issue; those that don't exist are made."""
    for name in names:
        call.hub.labels.setdefault(name, {"color": "ededed", "description": ""})
        if name not in issue.labels:
            issue.labels.append(name)


def found(call: Call, level: str) -> Issue:
    """Return the issue that the path names. Raises RefusedError when there is none."""
    issue = call.hub.issues.get(int(call.arguments[0]))
    if issue is None:
        raise RefusedError(404, "Not Found")
    permit(call, issue, level)
    return issue


def permit(call: Call, issue: Issue, level: str) -> None:
    """Raise RefusedError for a plain issue when the token has a right to pull requests only."""
    if not isinstance(issue, Pull) and not call.token.may("issues", level):
        raise RefusedError(403, "Resource not accessible by integration")
