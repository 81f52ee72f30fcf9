"""The repository itself: branches, refs, commits, statuses, releases, dispatches, the App."""

import hashlib

import git_http
from hub import DEFAULT_BRANCH, NAME, OWNER, SLUG, Dispatch, Release, Status, Token
from rest import Call, Json, RefusedError, invalid, reply, route, user
from ruamel.yaml import YAML
from web import Response


@route("GET", "{repo}")
def get_repository(call: Call) -> Response:
    """Show the repository."""
    about = {"name": NAME, "full_name": SLUG, "default_branch": DEFAULT_BRANCH, "private": True}
    return reply(200, about | {"html_url": call.hub.url, "owner": user(OWNER)})


@route("GET", "{repo}/branches/{ref}", contents="read")
def get_branch(call: Call) -> Response:
    """Show a branch."""
    name = call.arguments[0]
    sha = call.hub.refs().get(f"refs/heads/{name}")
    if sha is None:
        raise RefusedError(404, "Branch not found")
    protected = f"refs/heads/{name}" in call.hub.protected
    return reply(200, {"name": name, "commit": {"sha": sha}, "protected": protected})


@route("GET", "{repo}/git/ref/{ref}", contents="read")
def get_ref(call: Call) -> Response:
    """Show a branch or tag."""
    name = f"refs/{call.arguments[0]}"
    if name not in call.hub.refs():
        raise RefusedError(404, "Not Found")
    return reply(200, _ref_json(call, name))


@route("GET", "{repo}/git/matching-refs/{ref}", contents="read")
def list_refs(call: Call) -> Response:
    """List branches or tags that begin so."""
    names = [ref for ref in call.hub.refs() if ref.startswith(f"refs/{call.arguments[0]}")]
    return call.page([_ref_json(call, name) for name in sorted(names)])


@route("POST", "{repo}/git/refs", contents="write")
def create_ref(call: Call) -> Response:
    """Make a branch or tag."""
    ref, sha = call.body["ref"], call.body["sha"]
    if ref in call.hub.refs():
        raise RefusedError(422, "Reference already exists")
    if not git_http.succeeds(call.hub.repository, "cat-file", "-e", f"{sha}^{{commit}}"):
        raise RefusedError(422, "Object does not exist")
    with call.hub.pushing(call.token):
        call.hub.git("update-ref", ref, sha)
    return reply(201, _ref_json(call, ref))


@route("PATCH", "{repo}/git/refs/{ref}", contents="write")
def update_ref(call: Call) -> Response:
    """Move a branch or tag."""
    ref, sha = f"refs/{call.arguments[0]}", call.body["sha"]
    _may_write(call, ref)
    old = call.hub.refs()[ref]
    ahead = git_http.succeeds(call.hub.repository, "merge-base", "--is-ancestor", old, sha)
    if not ahead and not call.body.get("force", False):
        raise RefusedError(422, "Update is not a fast forward")
    with call.hub.pushing(call.token):
        call.hub.git("update-ref", ref, sha)
    return reply(200, _ref_json(call, ref))


@route("DELETE", "{repo}/git/refs/{ref}", contents="write")
def delete_ref(call: Call) -> Response:
    """Remove a branch or tag."""
    ref = f"refs/{call.arguments[0]}"
    _may_write(call, ref)
    with call.hub.pushing(call.token):
        call.hub.git("update-ref", "-d", ref)
    return reply(204)


@route("GET", "{repo}/commits/{ref}", contents="read")
def get_commit(call: Call) -> Response:
    """Show a commit."""
    name = call.arguments[0]
    if not git_http.succeeds(call.hub.repository, "cat-file", "-e", f"{name}^{{commit}}"):
        raise RefusedError(422, f"No commit found for SHA: {name}")
    shown = call.hub.git("show", "--no-patch", "--format=%H%n%P%n%B", f"{name}^{{commit}}")
    sha, parents, message = shown.split("\n", 2)
    above = [{"sha": parent} for parent in parents.split()]
    return reply(200, {"sha": sha, "parents": above, "commit": {"message": message}})


@route("POST", "{repo}/statuses/{name}", statuses="write")
def create_status(call: Call) -> Response:
    """Give a commit a status."""
    body = call.body
    if body["state"] not in ("error", "failure", "pending", "success"):
        raise invalid("Status", "custom", message="state is not included in the list")
    if len(body.get("description") or "") > 140:
        raise invalid("Status", "custom", message="description is too long")
    status = Status(
        call.arguments[0],
        body.get("context", "default"),
        body["state"],
        body.get("description") or "",
        body.get("target_url") or "",
        call.token.login,
    )
    call.hub.statuses.append(status)
    return reply(201, {"state": status.state, "context": status.context})


@route("GET", "{repo}/releases", contents="read")
def list_releases(call: Call) -> Response:
    """List releases, newest first."""
    return call.page([release_json(call, each) for each in call.hub.releases[::-1]])


@route("POST", "{repo}/releases", contents="write")
def create_release(call: Call) -> Response:
    """Make a release, and its tag where there is none, unless it is a draft."""
    hub, body = call.hub, call.body
    tag, target = body["tag_name"], body.get("target_commitish", DEFAULT_BRANCH)
    if any(each.tag == tag and not each.draft for each in hub.releases):
        raise invalid("Release", "already_exists", field="tag_name")
    release = Release(
        next(hub.ids),
        tag,
        target,
        body.get("name") or tag,
        body.get("body") or "",
        call.token.login,
        bool(body.get("draft", False)),
        bool(body.get("prerelease", False)),
    )
    _tag(call, release)
    hub.releases.append(release)
    return reply(201, release_json(call, release))


@route("GET", "{repo}/releases/latest", contents="read")
def get_latest(call: Call) -> Response:
    """Show the newest release that is neither a draft nor a pre-release."""
    full = [each for each in call.hub.releases if not each.draft and not each.prerelease]
    if not full:
        raise RefusedError(404, "Not Found")
    return reply(200, release_json(call, full[-1]))


@route("GET", "{repo}/releases/tags/{ref}", contents="read")
def get_by_tag(call: Call) -> Response:
    """Show the release of a tag; a draft has none yet."""
    for release in call.hub.releases:
        if release.tag == call.arguments[0] and not release.draft:
            return reply(200, release_json(call, release))
    raise RefusedError(404, "Not Found")


@route("POST", "graphql", contents="read")
def query(call: Call) -> Response:
    """Answer the two queries of `gh release`: whose draft is this tag, and is there a tag?"""
    tag, text = call.body["variables"].get("tagName", ""), call.body["query"]
    if "release(tagName:" in text:
        drafts = [
            {"databaseId": e.id, "isDraft": e.draft} for e in call.hub.releases if e.tag == tag
        ]
        found = {"release": drafts[-1] if drafts else None}
    elif "ref(qualifiedName:" in text:
        found = {"ref": {"id": tag} if tag in call.hub.refs() else None}
    else:
        call.hub.unknown.append(f"POST /graphql {text}")
        raise RefusedError(501, "The stand-in of GitHub speaks REST; use `gh api repos/...`")
    return reply(200, {"data": {"repository": found}})


@route("GET", "{repo}/releases/{n}", contents="read")
def get_release(call: Call) -> Response:
    """Show a release."""
    return reply(200, release_json(call, _release(call)))


@route("PATCH", "{repo}/releases/{n}", contents="write")
def update_release(call: Call) -> Response:
    """Change a release, or publish a draft."""
    release, body = _release(call), call.body
    release.name = body.get("name") or release.name
    release.body = body.get("body", release.body)
    release.prerelease = body.get("prerelease", release.prerelease)
    release.draft = body.get("draft", release.draft)
    _tag(call, release)
    return reply(200, release_json(call, release))


@route("DELETE", "{repo}/releases/{n}", contents="write")
def delete_release(call: Call) -> Response:
    """Remove a release; its tag stays."""
    call.hub.releases.remove(_release(call))
    return reply(204)


@route("POST", "{repo}/releases/{n}/assets", contents="write")
def upload_asset(call: Call) -> Response:
    """Attach a file to a release; this call goes to uploads.github.com."""
    if call.request.host != "uploads.github.com":
        raise RefusedError(404, "Not Found")
    release, name = _release(call), call.query.get("name", "")
    if not name or not call.request.body:
        raise RefusedError(400, "Bad Content-Length: 0" if name else "Required: name")
    if name in release.assets:
        raise invalid("ReleaseAsset", "already_exists", field="name")
    release.assets[name] = call.request.body
    return reply(201, _asset_json(call, release, name))


@route("GET", "{repo}/actions/workflows/{name}", actions="read")
def get_workflow(call: Call) -> Response:
    """Show a workflow, by its file's name or its number."""
    names = _workflows(call)
    name = call.arguments[0]
    name = names.get(int(name), "") if name.isdigit() else name
    if name not in names.values():
        message = f"workflow {name} not found on the default branch"
        raise RefusedError(404, message)
    path = f".github/workflows/{name}"
    (number,) = (each for each, known in names.items() if known == name)
    return reply(200, {"id": number, "name": name, "path": path, "state": "active"})


@route("POST", "{repo}/actions/workflows/{name}/dispatches", actions="write")
def dispatch(call: Call) -> Response:
    """Ask a workflow to run."""
    name, ref, hub = call.arguments[0], call.body.get("ref", ""), call.hub
    name = _workflows(call).get(int(name), "") if name.isdigit() else name
    branch = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
    if branch not in hub.refs():
        raise RefusedError(422, f"No ref found for: {ref}")
    path = f".github/workflows/{name}"
    if not git_http.succeeds(hub.repository, "cat-file", "-e", f"{branch}:{path}"):
        raise RefusedError(404, "Not Found")
    # YAML 1.2, so `on` is a word.
    triggers = YAML(typ="safe").load(hub.show(branch, path))["on"]
    if "workflow_dispatch" not in triggers:
        raise RefusedError(422, "Workflow does not have 'workflow_dispatch' trigger")
    known = triggers["workflow_dispatch"] if isinstance(triggers, dict) else None
    inputs = call.body.get("inputs", {})
    strange = sorted(inputs.keys() - ((known or {}).get("inputs") or {}).keys())
    if strange:
        raise RefusedError(422, f"Unexpected inputs provided: {strange}")
    hub.dispatches.append(Dispatch(name, ref, inputs, call.token))
    return reply(204)


@route("GET", "{repo}/installation", app="write")
def get_installation(call: Call) -> Response:
    """Show the App's installation in the repository, to the App."""
    app = call.hub.app
    return reply(200, {"id": app.installation, "app_slug": app.slug, "permissions": app.granted})


@route("POST", "app/installations/{n}/access_tokens", app="write")
def create_token(call: Call) -> Response:
    """Trade the App's word for a token with the rights it asks for, or all it was granted."""
    app = call.hub.app
    wanted = {
        name.replace("_", "-"): level for name, level in call.body.get("permissions", {}).items()
    } or app.granted
    granted = Token("", "the installation", app.login, app.granted)
    if not all(granted.may(name, level) for name, level in wanted.items()):
        message = "The permissions requested are not granted to this installation."
        raise RefusedError(422, message)
    rights = {name.replace("-", "_"): level for name, level in wanted.items()}
    made = call.hub.token("app", app.login, **rights)
    return reply(201, {"token": made.value, "permissions": wanted})


def release_json(call: Call, release: Release) -> Json:
    """Return a release as GitHub shows it."""
    base = f"{call.hub.api}/releases/{release.id}"
    upload = base.replace("https://api.", "https://uploads.")
    return {
        "id": release.id,
        "url": base,
        "html_url": f"{call.hub.url}/releases/tag/{release.tag}",
        "upload_url": f"{upload}/assets{{?name,label}}",
        "assets_url": f"{base}/assets",
        "tag_name": release.tag,
        "target_commitish": release.target,
        "name": release.name,
        "body": release.body,
        "draft": release.draft,
        "prerelease": release.prerelease,
        "created_at": "2026-01-01T00:00:00Z",
        "published_at": None if release.draft else "2026-01-01T00:00:00Z",
        "author": user(release.author),
        "assets": [_asset_json(call, release, name) for name in release.assets],
    }


def _asset_json(call: Call, release: Release, name: str) -> Json:
    content = release.assets[name]
    return {
        "name": name,
        "size": len(content),
        "state": "uploaded",
        "digest": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "browser_download_url": f"{call.hub.url}/releases/download/{release.tag}/{name}",
    }


def _workflows(call: Call) -> dict[int, str]:
    """Return the files of the default branch's workflows by their numbers."""
    listed = call.hub.git("ls-tree", "--name-only", f"{DEFAULT_BRANCH}:.github/workflows")
    return dict(enumerate(listed.splitlines(), start=501))


def _tag(call: Call, release: Release) -> None:
    """Make a release's tag where there is none; a draft's waits until it is published."""
    hub, ref = call.hub, f"refs/tags/{release.tag}"
    if release.draft or ref in hub.refs():
        return
    if not git_http.succeeds(hub.repository, "cat-file", "-e", f"{release.target}^{{commit}}"):
        raise invalid("Release", "invalid", field="target_commitish")
    with hub.pushing(call.token):
        hub.git("update-ref", ref, f"{release.target}^{{commit}}")


def _release(call: Call) -> Release:
    for release in call.hub.releases:
        if release.id == int(call.arguments[0]):
            return release
    raise RefusedError(404, "Not Found")


def _ref_json(call: Call, name: str) -> Json:
    return {"ref": name, "object": {"sha": call.hub.refs()[name], "type": "commit"}}


def _may_write(call: Call, ref: str) -> None:
    if ref not in call.hub.refs():
        raise RefusedError(422, "Reference does not exist")
    if ref in call.hub.protected:
        raise RefusedError(422, "Reference update failed: protected branch")
