"""What happened to the data since the base, from the files that git keeps of both revisions."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ratchet.data.manifest import Batch, parse
from ratchet.errors import EvidenceError
from ratchet.gate.findings import Batches
from ratchet.gate.revisions import History
from ratchet.journal.commits import Revision


class _Validation(BaseModel):
    """What is read of `validate`'s report."""

    quarantined: dict[str, Any] = {}


class _Fault(BaseModel):
    fault: str
    outcome: str
    wrong: bool = False


class _Drill(BaseModel):
    """What is read of the drill's report."""

    faults: list[_Fault] = []


_Report = TypeVar("_Report", bound=BaseModel)


def batches_since(
    history: History, base: Revision, head: Revision, manifest: str, validation: str
) -> Batches:
    """Return which batches the head pins, drops, overrules or quarantines and the base didn't.

    Raises ConfigError or EvidenceError for a file of either that can't be understood.
    """
    before, after = (_pins(history, at, manifest) for at in (base, head))
    was, now = (_read(history, at, validation, _Validation).quarantined for at in (base, head))
    both = [batch for batch in after if batch in before]
    words = {batch: pinned.override for batch, pinned in before.items()}
    return Batches(
        added=[batch for batch in after if batch not in before],
        removed=[batch for batch in before if batch not in after],
        repinned=[each for each in both if before[each].sha256 != after[each].sha256],
        overruled={
            batch: pinned.override or "no word any more"
            for batch, pinned in after.items()
            if pinned.override != words.get(batch, "")
        },
        quarantined=[batch for batch in now if batch not in was],
    )


def drill_result(history: History, head: Revision, path: str) -> dict[str, list[str]]:
    """Return the faults of the fire drill by what became of them; empty when there was none.

    Raises EvidenceError when its report can't be understood.
    """
    found: dict[str, list[str]] = {}
    for each in _read(history, head, path, _Drill).faults:
        outcome = f"{each.outcome} (wrong)" if each.wrong else each.outcome
        found.setdefault(outcome, []).append(each.fault)
    return found


def _pins(history: History, at: Revision, path: str) -> dict[str, Batch]:
    text = history.text(at, path)
    return {} if text is None else {each.id: each for each in parse(text, f"{path} at {at}")}


def _read(history: History, at: Revision, path: str, kind: type[_Report]) -> _Report:
    """Read a report in JSON; one that isn't there says nothing."""
    try:
        return kind.model_validate_json(history.text(at, path) or "{}")
    except ValidationError as error:
        found = error.errors()[0]
        where = ".".join(map(str, found["loc"]))
        raise EvidenceError(
            f"{path} at {at}: isn't what Ratchet writes there ({where}{': ' * bool(where)}"
            f"{found['msg']}); make it anew and commit, or bring it back from git"
        ) from error
