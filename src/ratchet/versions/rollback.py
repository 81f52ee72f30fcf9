"""An accepted version brought back: its model, and all that belongs to it, on top of today's code.

One new commit, no history rewritten. The model is brought and checked before anything is touched,
and whatever fails leaves the working tree as it was.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from ratchet.artifacts.answers import Answers
from ratchet.artifacts.card import parse_card
from ratchet.data.schema import load_schema
from ratchet.errors import BlockedError, ConfigError, EvidenceError
from ratchet.files import write_text
from ratchet.gate.answers import ask_file
from ratchet.gate.restoration import Restoration, restoration
from ratchet.gate.revisions import History, sha256_at
from ratchet.gate.run import Places
from ratchet.git import git
from ratchet.journal import accepted, rolled_back
from ratchet.journal.accepted import Version, model_at, name_of
from ratchet.journal.commits import Revision
from ratchet.journal.rolled_back import RolledBack
from ratchet.proposals.proposal import Proposal, pack
from ratchet.versions import record, worktree
from ratchet.versions.rollback_report import Side, Story, brief, markdown
from ratchet.versions.snapshot import values


@dataclass(frozen=True)
class Rollback:
    """What a rollback did, or in a dry run would do.

    version: the tag of the restored version. model_sha256: its model. rolled_back: the SHA-256 of
    the model that it replaces, empty where the commit before has none. paths: the files that
    change, new and deleted ones too; none when HEAD has that model already. title, report: for the
    commit and the pull request. summary: for the terminal. commit: empty when none was made.
    answers: what became of the golden predictions; None where there was nothing to do.
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


@dataclass(frozen=True)
class _Move:
    """From HEAD's model to an accepted one, and why.

    bad: the SHA-256 of HEAD's model, empty without one. left: its version, None when it has none.
    """

    head: Revision
    then: Revision
    version: Version
    bad: str
    left: Version | None
    why: str


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

    force: even a version that was itself rolled back. dry_run: all but the change: the model is
    brought to DVC's cache and proven, the data are asked for. model_only: bring the model and leave
    the data to `dvc pull`.

    Raises ConfigError for an unknown version or a working tree with changes, BlockedError for a
    version that was rolled back, EvidenceError when the version can't be had or proven.
    """
    history = History(top)
    move = _choose(history, places, name, reason)
    version, bad = move.version, move.bad
    title = f"Roll back to {version.tag}: {move.why}"
    if bad and bad == version.model_sha256:
        said = f"nothing to do: HEAD has the model of {version.tag} ({bad[:12]})"
        return Rollback(version.tag, bad, bad, (), title, "", said, "")
    listed = history.text(move.head, rolled_back.FILE) or ""
    _refuse_rolled_back(rolled_back.parse(listed), version, force)
    worktree.refuse_changes(top, ("data/", "models/", "reports/"))
    restored = restoration(
        history,
        move.head,
        move.then,
        params=places.params,
        schema=places.schema,
        manifest=places.manifest,
    )
    answers = _check(history, places, move, restored.files)
    story = _story(history, places, move, restored, answers)
    report = markdown(story)
    files = {**restored.files, rolled_back.REPORT: report.encode()}
    if bad:
        line = _line(move, worktree.author(top))
        files[rolled_back.FILE] = rolled_back.append(listed, line).encode()
    changed = {
        path: content
        for path, content in files.items()
        if history.content(move.head, path) != content
    }
    made = ""
    if dry_run and not model_only:
        _refuse_incomplete(history, move)
    if not dry_run:
        kept = [path for path in history.outputs(move.then) if path not in restored.files]
        kept = [places.model] if model_only else kept
        made = _carry_out(history, places, move, changed, kept, title)
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


def _choose(history: History, places: Places, name: str, reason: str) -> _Move:
    """Find the version that a person calls `name`, and what HEAD has instead.

    Raises ConfigError for an unknown version, or without a reason.
    """
    head = history.resolve("HEAD")
    known = accepted.versions(history.top, places.card, head.commit)
    version = accepted.find(known, name)
    why = " ".join(reason.split())
    if not why:
        raise ConfigError("say why with --reason: the next person will want to know")
    bad = model_at(history, head, places.card)
    then = Revision(version.tag, version.commit)
    return _Move(head, then, version, bad, accepted.with_model(known, bad), why)


def _refuse_rolled_back(listed: list[RolledBack], version: Version, force: bool) -> None:
    before = rolled_back.naming(listed, version.model_sha256)
    if before and not force:
        raise BlockedError(
            f"{version.tag} was itself rolled back on {before.date[:10]}, by {before.by}: "
            f"{before.reason}; choose another version, or bring it back all the same with --force "
            "(the gate then asks for a person's approval)"
        )


def _refuse_incomplete(history: History, move: _Move) -> None:
    """Raise EvidenceError unless cache and remote together have all that belongs to the version."""
    objects = history.objects(move.then)
    wrong = history.missing(objects)
    if wrong:
        some = min(wrong, key=lambda oid: objects[oid])
        raise EvidenceError(
            f"{len(wrong)} of {len(objects)} objects of {move.version.tag} can't be had: "
            f"{objects[some]} {wrong[some]}; `ratchet verify {move.version.short}` names them, "
            "and --model-only brings the model alone"
        )


def _story(
    history: History, places: Places, move: _Move, restored: Restoration, answers: Answers
) -> Story:
    """Gather what the report tells; what can't be read of a commit is left out."""

    def side(at: Revision, version: Version | None) -> Side:
        card, metrics = (history.content(at, path) for path in (places.card, places.metrics))
        said = record.read(card, metrics, None, None)
        return Side(at, version, model_at(history, at, places.card), said)

    locks = [history.content(at, places.environment) for at in (move.head, move.then)]
    return Story(
        move.why,
        side(move.head, move.left),
        side(move.then, move.version),
        restored,
        {path: values(history, move.head, path) for path in (places.params, places.schema)},
        places.params,
        places.schema,
        locks[0] != locks[1],
        answers,
        places.model,
    )


def _line(move: _Move, who: str) -> RolledBack:
    """Return the line about the model that goes."""
    return RolledBack(
        move.bad,
        move.left.tag if move.left else "",
        move.why,
        who,
        move.version.tag,
        datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _carry_out(
    history: History,
    places: Places,
    move: _Move,
    changed: Mapping[str, bytes | None],
    kept: Sequence[str],
    title: str,
) -> str:
    """Bring the outputs that DVC keeps, write the files and commit; return the commit."""
    top, outputs = history.top, history.outputs(move.then)
    history.bring_outputs([outputs[path] for path in kept])
    left = move.left.tag if move.left else move.bad or "no model"
    message = f"{title}\n\nRollback-To: {move.version.tag}\nRolled-Back: {left}\n"
    with worktree.all_or_nothing(top, changed):
        history.checkout(kept)
        _prove(top / places.model, move.version)
        return worktree.commit(top, list(changed), message)


def _check(
    history: History, places: Places, move: _Move, files: Mapping[str, bytes | None]
) -> Answers:
    """Bring the model aside and ask it its golden predictions.

    Raises EvidenceError unless it is the accepted one, and today's code knows what it is.
    """
    version, then = move.version, move.then
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
            card = parse_card(files[places.card] or b"", places.card)
        except (ConfigError, EvidenceError) as error:
            raise EvidenceError(
                f"today's code can't read what {version.tag} has: {error}; check that version out "
                "beside this one and run it with its own code and environment"
            ) from error
        return ask_file(history, then, places.golden, card, model)


def _prove(model: Path, version: Version) -> None:
    """Raise EvidenceError unless the file is the accepted model."""
    found = sha256_at(model)
    if found != version.model_sha256:
        raise EvidenceError(
            f"{model}: is not the model of {version.tag}: its card says SHA-256 "
            f"{version.model_sha256[:12]}, the file has {found[:12]}; `dvc pull --force` in a "
            f"checkout of {version.tag} brings it again"
        )
