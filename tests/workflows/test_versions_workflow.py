"""release.yml and rollback.yml, executed: a model becomes a version, and an old one is back."""

from act import Run
from challenge import TREES, challenge
from git_http import git
from project import MODEL, Project
from world import World

from ratchet.files import sha256_file
from ratchet.journal import accepted, rolled_back

FIRST, SECOND = "model@v1.0.0", "model@v2.0.0"
CARD = "models/card.json"
# What a shell, git, a step's output or Markdown could take for more than text.
REASON = "late $(touch pwned) `touch pwned`; rm -rf / \"'\n::set-output name=x::y\n@team <b>ok</b>"
REASON += 20 * " and a long story"


def release(world: World, at: str = "") -> Run:
    """Run what a push to main starts. `at`: for a commit of before."""
    run = world.run("release.yml", "push", at=at)
    assert run.results == {"release": "success"}, run.log
    return run


def tags(world: World) -> dict[str, str]:
    """Return the tags on the remote and the commits that they name."""
    return {
        ref.removeprefix("refs/tags/"): commit
        for ref, commit in world.github.refs().items()
        if ref.startswith("refs/tags/")
    }


def merge(world: World, branch: str, **params: float) -> str:
    """Merge a new model; return its SHA-256."""
    world.github.merge(challenge(world, branch, **params).number)
    return sha256_file(world.project.path(MODEL))


def in_production(world: World) -> str:
    """Return the SHA-256 of the model that the registry says is in production."""
    found = accepted.versions(world.github.repository, CARD)
    [there] = [each.model_sha256 for each in found if "prod" in each.stages]
    return there


def test_versions_are_made_and_brought_back(world: World) -> None:
    first = merge(world, "one", **{f"{TREES}max_iter": 6})
    one = world.github.sha()
    # A machine that fails in the middle leaves nothing behind that a second run can't take up.
    world.github.once_before("POST", "releases$", world.github.tokens.clear)
    run = world.run("release.yml", "push")
    assert run.results == {"release": "failure"}, run.log
    assert tags(world) == {FIRST: one, "model#prod#1": one}
    [attested] = run.attestations
    assert attested["subjects"] == {MODEL: first}
    assert world.github.releases == []
    run = release(world)
    assert run.attestations == []
    [made] = world.github.releases
    assert (made.tag, made.name, made.author) == (FIRST, FIRST, "github-actions[bot]")
    assert made.assets[CARD.rpartition("/")[2]].decode() == world.project.read(CARD)
    assert first in made.body
    pushes = len(world.github.pushes)

    # Nothing new: nothing is pushed.
    run = release(world)
    assert f"nothing new: {FIRST} is in prod" in run.log
    assert run.step("release", "Push its tags").result == "skipped"
    assert len(world.github.pushes) == pushes
    assert len(world.github.releases) == 1

    # A night's model: the gate's report that came with it is told.
    pull = challenge(world, "two", **{f"{TREES}max_iter": 7})
    project = world.project
    project.path("reports/verdict.md").write_text("# The gate's word\n")
    project.run("git", "add", "--all")
    project.run("git", "commit", "--quiet", "--amend", "--no-edit")
    project.run("git", "push", "--quiet", "--force", "origin", "HEAD:two")
    world.github.follow()
    two, second = world.github.merge(pull.number), sha256_file(project.path(MODEL))
    release(world)
    assert tags(world) == {FIRST: one, "model#prod#1": one, SECOND: two, "model#prod#2": two}
    assert in_production(world) == second
    notes = world.github.releases[-1].body
    assert "# The gate's word" in notes
    assert f"`{FIRST}`" in notes
    assert "# The gate's word" not in made.body

    # A version that nobody knows.
    run = world.run("rollback.yml", "workflow_dispatch", inputs={"version": "v9", "reason": "x"})
    assert run.results == {"restore": "failure", "propose": "skipped"}, run.log
    assert f"is no version in this history; the newest are {SECOND}, {FIRST}" in run.log
    assert world.github.open_pulls == []

    # Back to the first.
    inputs = {"version": "v1", "reason": REASON}
    run = world.run("rollback.yml", "workflow_dispatch", inputs=inputs)
    assert run.results == {"restore": "success", "propose": "success"}, run.log
    assert world.github.sha() == two
    [pull] = world.github.open_pulls
    told = " ".join(REASON.split())
    assert (pull.author, pull.head, pull.labels) == (
        "ratchet-nights[bot]", "rollback/v1.0.0", ["rollback"],
    )  # fmt: skip
    assert pull.title == f"Roll back to {FIRST}: {told}"[:255] + "…"
    assert pull.body == world.github.show(pull.head, rolled_back.REPORT)
    assert not list(world.folder.rglob("pwned*"))
    [line] = rolled_back.parse(world.github.show(pull.head, rolled_back.FILE))
    assert (line.reason, line.by, line.model_sha256) == (told, "a-person", second)

    # The commit is what a person's own `ratchet rollback` makes, but for who and when.
    person = Project(world.folder / "person")
    git(world.folder, "clone", "--quiet", str(world.github.repository), str(person.folder))
    person.run("ratchet", "rollback", "v1", "--reason", REASON, "--model-only", **world.env)
    person.run("git", "fetch", "--quiet", "origin", pull.head)
    differing = person.run("git", "diff", "--name-only", "HEAD", "FETCH_HEAD").split()
    assert differing == [rolled_back.FILE]
    trailers = ("git", "log", "-1", "--format=%(trailers)")
    assert person.run(*trailers, "FETCH_HEAD").startswith(person.run(*trailers).strip())

    # ci's gate knows it.
    run = world.run("ci.yml", "pull_request", pull=pull, job="comment")
    assert (run.results["gate"], run.results["comment"]) == ("success", "success"), run.log
    assert f"Rollback to {FIRST}, accepted on" in pull.comments[0].body
    back = world.github.merge(pull.number)

    release(world)
    # A person who runs the second model's release again doesn't undo that.
    late = release(world, at=two)
    assert "nothing done" in late.log
    assert tags(world).keys() - {"model#prod#3"} == {
        FIRST, "model#prod#1", SECOND, "model#prod#2",
    }  # fmt: skip
    assert tags(world)["model#prod#3"] == one
    assert in_production(world) == first
    assert len(world.github.releases) == 2
    clone = world.clone("clone", "main")
    assert sha256_file(clone.path(MODEL)) == first
    assert clone.run("git", "rev-parse", "HEAD").strip() == back
