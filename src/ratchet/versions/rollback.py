"""An accepted version brought back: its model, and all that belongs to it, on top of today's code.

One new commit, no history rewritten. The model is brought and checked before anything is touched,
and whatever fails leaves the working tree as it was.
"""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from ratchet.artifacts.answers import Answers
from ratchet.artifacts.card import Card
from ratchet.data.schema import load_schema
from ratchet.errors import BlockedError, ConfigError, EvidenceError
from ratchet.files import write_text
from ratchet.gate.answers import ask
from ratchet.gate.restoration import restoration
from ratchet.gate.revisions import History, sha256_at
from ratchet.gate.run import Places
from ratchet.git import git
from ratchet.journal import accepted, rolled_back
from ratchet.journal.accepted import Version, model_at, name_of
from ratchet.journal.commits import Revision
from ratchet.journal.rolled_back import RolledBack
from ratchet.proposals.proposal import Proposal, pack
from ratchet.versions import worktree
from ratchet.versions.rollback_report import Side, Story, brief, markdown


@dataclass(frozen=True)
class Rollback:
    """What a rollback did, or in a dry run would do.

    version: the tag of the restored version. model_sha256: its model. rolled_back: the SHA-256 of
    the model that it replaces, empty where the commit before has none. paths: the files that
    change, new and deleted ones too; none when HEAD has that model already. title, report: for the
    commit and the pull request. summary: for the terminal. commit: empty when none was made.
    answers: what became of the golden predictions; None where they weren't asked.
    """

    version: str
    model_sha256: str
    rolled_back: str
    paths: tuple[str, ...]
    title: str
    report: str
    summary: str
    commit: str
    answers: Answers | None = None


def run(
    top: Path,
    places: Places,
    name: str,
    reason: str,
    *,
    force: bool = False,
    dry_run: bool = False,
    model_only: bool = False,
) -> Rollback:
    """Restore the version that a person calls `name` in the repository `top`, as a new commit.

    force: even a version that was itself rolled back. dry_run: touch nothing. model_only: bring the
    model and leave the data to `dvc pull`.

    Raises ConfigError for an unknown version or a working tree with changes, BlockedError for a
    version that was rolled back, EvidenceError when the version can't be had or proven.
    """
    history = History(top)
    head = history.resolve("HEAD")
    known = accepted.versions(top, places.card, head.commit)
    version = accepted.find(known, name)
    why = " ".join(reason.split())
    if not why:
        raise ConfigError("say why with --reason: the next person will want to know")
    bad = model_at(history, head, places.card)
    title = f"Roll back to {version.tag}: {why}"
    if bad and bad == version.model_sha256:
        said = f"nothing to do: HEAD has the model of {version.tag} ({bad[:12]})"
        return Rollback(version.tag, bad, bad, (), title, "", said, "")
    listed = history.text(head, rolled_back.FILE) or ""
    _refuse_rolled_back(rolled_back.parse(listed), version, force)
    if not dry_run:
        worktree.refuse_changes(top, ("data/", "models/", "reports/"))
    then = Revision(version.tag, version.commit)
    restored = restoration(
        history, head, then, params=places.params, schema=places.schema, manifest=places.manifest
    )
    answers = None if dry_run else _check(history, then, places, version, restored.files)
    bad_version = accepted.with_model(known, bad)
    story = Story(
        why,
        _side(history, head, places, bad_version),
        _side(history, then, places, version),
        restored,
        {each: _yaml_of(history, head, each) for each in (places.params, places.schema)},
        places.params,
        places.schema,
        history.content(head, places.environment) != history.content(then, places.environment),
        answers,
        places.model,
    )
    report = markdown(story)
    files = {**restored.files, rolled_back.REPORT: report.encode()}
    if bad:
        line = RolledBack(
            bad,
            bad_version.tag if bad_version else "",
            why,
            worktree.author(top),
            version.tag,
            datetime.now(UTC).isoformat(timespec="seconds"),
        )
        files[rolled_back.FILE] = rolled_back.append(listed, line).encode()
    changed = {
        path: content for path, content in files.items() if history.content(head, path) != content
    }
    made = ""
    if not dry_run:
        kept = {
            path: md5 for path, md5 in history.outputs(then).items() if path not in restored.files
        }
        if model_only:
            kept = {places.model: kept[places.model]}
        history.bring_outputs(list(kept.values()))
        left = bad_version.tag if bad_version else bad or "no model"
        message = f"{title}\n\nRollback-To: {version.tag}\nRolled-Back: {left}\n"
        with worktree.all_or_nothing(top, changed):
            history.checkout(kept)
            _prove(top / places.model, version)
            made = worktree.commit(top, list(changed), message)
    return Rollback(
        version.tag,
        version.model_sha256,
        bad,
        tuple(sorted(changed)),
        title,
        report,
        brief(story, made),
        made,
        answers,
    )


def hand_over(top: Path, done: Rollback, folder: Path) -> None:
    """Leave the rollback in a folder, from which another job makes the same commit.

    Raises ConfigError when there is no commit: nothing was to be done, or it was a dry run.
    """
    if not done.commit:
        raise ConfigError(f"nothing to hand over: {done.summary}")
    there = [path for path in done.paths if (top / path).exists()]
    proposal = Proposal(
        branch=f"rollback/{name_of(done.version)}",
        base=git(top, "rev-parse", f"{done.commit}^"),
        title=done.title,
        labels=("rollback",),
        paths=tuple(there),
        removed=tuple(path for path in done.paths if path not in there),
        trailers=tuple(git(top, "log", "-1", "--format=%(trailers)", done.commit).splitlines()),
    )
    pack(folder, proposal, done.report, top)


def to_json(done: Rollback) -> str:
    """Return what was done for machines."""
    return json.dumps(asdict(done), indent=1, ensure_ascii=False)


def _refuse_rolled_back(listed: list[RolledBack], version: Version, force: bool) -> None:
    before = rolled_back.naming(listed, version.model_sha256)
    if before and not force:
        raise BlockedError(
            f"{version.tag} was itself rolled back on {before.date[:10]}, by {before.by}: "
            f"{before.reason}; choose another version, or bring it back all the same with --force "
            "(the gate then asks for a person's approval)"
        )


def _side(history: History, at: Revision, places: Places, version: Version | None) -> Side:
    """Gather what is told of one of the two models; what can't be read is left out."""
    try:
        card = Card.model_validate_json(history.content(at, places.card) or b"")
    except ValidationError:
        card = None
    try:
        metrics = json.loads(history.content(at, places.metrics) or b"{}")
        figures = {name: float(each) for name, each in metrics.items()}
    except (ValueError, TypeError, AttributeError):
        figures = {}
    return Side(at, version, model_at(history, at, places.card), card, figures)


def _yaml_of(history: History, at: Revision, path: str) -> object:
    try:
        return history.yaml(at, path) or {}
    except EvidenceError:  # a broken file may be why we are here
        return {}


def _check(
    history: History,
    then: Revision,
    places: Places,
    version: Version,
    files: Mapping[str, bytes | None],
) -> Answers:
    """Bring the model aside and ask it its golden predictions.

    Raises EvidenceError unless it is the accepted one, and today's code knows what it is.
    """
    md5 = history.output(then, places.model)
    if md5 is None:
        raise EvidenceError(f"{places.model} is not in dvc.lock at {then}: no model to restore")
    with tempfile.TemporaryDirectory(prefix="ratchet-rollback-") as scratch:
        model, schema = Path(scratch) / "model", Path(scratch) / Path(places.schema).name
        history.bring_file(md5, model)
        _prove(model, version)
        write_text(schema, (files[places.schema] or b"").decode())
        try:
            load_schema(schema)
            card = Card.model_validate_json(files[places.card] or b"")
        except (ConfigError, ValidationError) as error:
            raise EvidenceError(
                f"today's code can't read what {version.tag} has: {error}; check that version out "
                "beside this one and run it with its own code and environment"
            ) from error
        return ask(history, then, places.golden, card, model)


def _prove(model: Path, version: Version) -> None:
    """Raise EvidenceError unless the file is the accepted model."""
    found = sha256_at(model)
    if found != version.model_sha256:
        raise EvidenceError(
            f"{model}: is not the model of {version.tag}: its card says SHA-256 "
            f"{version.model_sha256[:12]}, the file has {found[:12]}; `dvc pull --force` in a "
            f"checkout of {version.tag} brings it again"
        )
