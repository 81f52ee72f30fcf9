"""The registry of accepted models: GTO's tags in git, and nothing else.

Its journal is append-only. A model that comes back isn't registered again: its old version is put
into its stage again, which is a new event.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ratchet.errors import ConfigError, EvidenceError
from ratchet.gate.revisions import History
from ratchet.gate.rules import Verdict
from ratchet.journal import accepted
from ratchet.journal.accepted import STAGE, model_at
from ratchet.journal.commits import LOCK, Revision
from ratchet.versions import record
from ratchet.versions.worktree import author

_PASSING = (Verdict.PASS, Verdict.FIRST)


@dataclass(frozen=True)
class Registered:
    """What became of HEAD's model.

    version: its tag. new: whether that was made now. stage: where it stands. instead: the version
    that stood there, if another. back: whether it was there before, and not since. tags: those made
    now, to be pushed; none when all stood already. refused: what the gate said last of this model,
    where that wasn't PASS.
    """

    version: str
    model_sha256: str
    commit: str
    stage: str
    new: bool
    instead: str
    back: bool
    tags: tuple[str, ...]
    refused: str = ""


def register(
    top: Path,
    *,
    model: str,
    card: str,
    verdicts: Sequence[str] = (),
    stage: str = STAGE,
    message: str = "",
) -> Registered:
    """Make HEAD's model a version, unless it is one, and put that version into the stage.

    top: the repository. model, card: their paths. verdicts: those of files with what the gate said,
    the newest first. message: why; by default the subject of HEAD.
    A second call finds nothing to do.

    Raises EvidenceError when HEAD has no whole model, or not the one of the working tree;
    ConfigError when the tag can't be made.
    """
    history = History(top)
    head = history.resolve("HEAD")
    sha256 = _whole_model(history, head, model, card)
    known = accepted.versions(top, card, head.commit)
    found = accepted.with_model(known, sha256)
    tag = found.tag if found else accepted.tag_of(accepted.next_number(top))
    commit = found.commit if found else head.commit
    why = " ".join(message.split()) or history.subject(head)
    tags = [] if found else [_tag(top, commit, why, version=tag)]
    if not found or stage not in found.stages:
        tags.append(_tag(top, commit, why, stage=stage))
    before = next((each.tag for each in known if stage in each.stages), "")
    return Registered(
        version=tag,
        model_sha256=sha256,
        commit=commit,
        stage=stage,
        new=not found,
        instead="" if before == tag else before,
        back=bool(found and stage in found.was_in and stage not in found.stages),
        tags=tuple(tags),
        refused=refused(sha256, [_content(top / path) for path in verdicts]),
    )


def refused(model_sha256: str, verdicts: Iterable[bytes | None]) -> str:
    """Return the gate's last word on a model where that wasn't PASS; "" where it was, or there is
    none.

    verdicts: contents of files with what the gate said, the newest first; None for one that isn't
    there. What is about another model is passed over.
    """
    found = (record.verdict_on(model_sha256, each) for each in verdicts)
    said = next((each for each in found if each), None)
    return f"{said.verdict}: {said.reason}" if said and said.verdict not in _PASSING else ""


def overtaken(top: Path, merged: str, card: str) -> str:
    """Say why HEAD's model isn't to be registered for the commit `merged`; "" when it is.

    A run for an older commit, or one that a person starts again, must not put into production what
    has been replaced since. HEAD is the newest main.
    """
    history = History(top)
    head, then = history.resolve("HEAD"), history.resolve(merged)
    if model_at(history, head, card) == model_at(history, then, card):
        return ""
    return f"nothing done: {head} has another model than {then}, and a run of its own"


def describe(done: Registered) -> str:
    """Return what was done in a line, and how others get to know of it."""
    if not done.tags:
        return f"nothing new: {done.version} is in {done.stage}"
    if done.new:
        said = f"{done.version} registered ({done.model_sha256[:12]}), in {done.stage}"
    else:
        said = f"{done.version} is {'back ' if done.back else ''}in {done.stage}"
    names = " ".join(f"'{tag}'" for tag in done.tags)
    first = "dvc push && " if done.new else ""
    told = f"{said}\npublish it with: {first}git push origin {names}"
    return (
        f"{told}\nWARNING: the gate's last word on it was {done.refused}" if done.refused else told
    )


def to_json(done: Registered) -> str:
    """Return what was done for machines."""
    return json.dumps(asdict(done), indent=1)


def _whole_model(history: History, head: Revision, model: str, card: str) -> str:
    """Return the SHA-256 of HEAD's model; EvidenceError when HEAD doesn't have a whole one."""
    history.refuse_shallow()
    described = history.content(head, card)
    sha256 = model_at(history, head, card)
    if described is None or not sha256 or history.output(head, model) is None:
        raise EvidenceError(
            f"{head} has no model: {LOCK} must name {model}, and {card} its SHA-256; `dvc repro` "
            "writes both: commit them"
        )
    if hashlib.md5(described).hexdigest() != history.output(head, card):
        raise EvidenceError(
            f"{card} at {head} isn't the card that {LOCK} recorded there; run `dvc repro` and "
            "commit both"
        )
    dirty = history.uncommitted([LOCK, card])
    if dirty:
        raise EvidenceError(
            f"not committed: {', '.join(dirty)}; what is registered is HEAD's model: commit that "
            "of the working tree first, or `git checkout` HEAD's"
        )
    return sha256


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _tag(top: Path, commit: str, message: str, *, version: str = "", stage: str = "") -> str:
    """Make an annotated tag as GTO does, without its look at the whole history; return its name.

    That look would take half a minute at a thousand versions.
    """
    from gto.constants import Action, name_re
    from gto.exceptions import GTOException
    from gto.tag import create_tag, name_tag
    from scmrepo.exceptions import SCMError
    from scmrepo.git import Git

    if stage and not name_re.fullmatch(stage):
        raise ConfigError(f"{stage!r} can't be a stage: letters, digits, - and _ make its name")
    try:
        with Git(str(top)) as scm:
            name = version or name_tag(Action.ASSIGN, accepted.ARTIFACT, stage=stage, scm=scm)
            create_tag(scm, name, rev=commit, message=message)
    except (SCMError, GTOException) as error:
        author(top)  # says so when git lacks a name to sign with
        raise ConfigError(f"git can't tag {commit[:10]}: {error}") from error
    return name
