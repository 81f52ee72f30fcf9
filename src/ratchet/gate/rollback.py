"""A rollback is no new model: it was accepted before, and is judged as what it is.

That it was accepted is the base's word, not the pull request's: the version's tag must be in the
base's history. That it is nothing else is computed: the pull request must be exactly what
`ratchet rollback` makes there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ratchet.errors import RatchetError
from ratchet.gate.restoration import restoration
from ratchet.gate.revisions import History
from ratchet.journal import accepted, rolled_back
from ratchet.journal.accepted import Version, model_at
from ratchet.journal.commits import LOCK, Revision
from ratchet.journal.rolled_back import RolledBack

# What a rollback writes besides the files that it restores.
OWN = (rolled_back.FILE, rolled_back.REPORT)
# What a model rests on besides the files that a rollback restores.
RESTS_ON = ("dvc.yaml", "requirements", "src")


@dataclass(frozen=True)
class Rollback:
    """An accepted version that a revision has.

    brought: the revision brings it back; else the base has it already, rolled back to before.
    """

    version: Version
    brought: bool

    def __str__(self) -> str:
        """Say what it is in a sentence."""
        if self.brought:
            return f"rollback to {self.version.tag}, accepted on {self.version.day}"
        return f"the model didn't change: it is {self.version.tag}, which was rolled back to"


@dataclass(frozen=True)
class Recognised:
    """rollback: None when it is none. unlike: why it is none although its model was accepted."""

    rollback: Rollback | None = None
    unlike: Sequence[str] = ()


def recognise(
    history: History,
    base: Revision,
    head: Revision,
    *,
    card: str,
    params: str,
    schema: str,
    manifest: str,
) -> Recognised:
    """Tell whether the head has an accepted version's model by a rollback, and nothing besides.

    card, params, schema, manifest: paths. Raises EvidenceError when git can't say.
    """
    known = accepted.versions(history.top, card, base.commit)
    version = accepted.with_model(known, model_at(history, head, card))
    parted = history.parted(base, head)
    if version is None or parted is None:
        return Recognised()
    then = Revision(version.tag, version.commit)
    changed = history.differing(parted, head)
    if model_at(history, base, card) == version.model_sha256:
        last = rolled_back.parse(history.text(base, rolled_back.FILE) or "")[-1:]
        stands = (
            [each.restored for each in last] == [version.tag]
            and not any(_within(path, (*RESTS_ON, params, schema, manifest)) for path in changed)
            and all(
                history.content(head, path) == history.content(then, path)
                for path in (LOCK, *history.outputs(then))
            )
        )
        return Recognised(Rollback(version, brought=False) if stands else None)
    try:
        files = restoration(
            history, parted, then, params=params, schema=schema, manifest=manifest
        ).files
    except RatchetError as error:
        return Recognised(unlike=[str(error)])
    unlike = [f"{path} changes beside" for path in changed if path not in files.keys() | {*OWN}]
    unlike += [
        f"{path} isn't what the rollback makes"
        for path, content in files.items()
        if history.content(head, path) != content
    ]
    return Recognised(unlike=unlike) if unlike else Recognised(Rollback(version, brought=True))


def rolled_back_before(
    history: History, base: Revision, head: Revision, card: str
) -> RolledBack | None:
    """Return the base's line about the head's model, if it isn't the base's model as well.

    Raises EvidenceError when the list of either can't be read.
    """
    listed, _ = (
        rolled_back.parse(history.text(at, rolled_back.FILE) or "", f"{rolled_back.FILE} at {at}")
        for at in (base, head)
    )
    model = model_at(history, head, card)
    return None if model == model_at(history, base, card) else rolled_back.naming(listed, model)


def _within(path: str, places: Sequence[str]) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in places)
