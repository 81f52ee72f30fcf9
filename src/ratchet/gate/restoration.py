"""What a rollback makes of the files in git: those of an accepted version, on top of today's code.

Computed from two commits alone. `ratchet rollback` writes it, and the gate computes it again: a
pull request is a rollback only if it is this and nothing else.

What protects models stays as it is now, and what people have decided since is carried over.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ratchet import round_trip
from ratchet.config import Gate, Params
from ratchet.data.manifest import Batch, dump, parse
from ratchet.errors import ConfigError, EvidenceError, in_one_line
from ratchet.gate import policy
from ratchet.gate.revisions import History
from ratchet.gate.rules import require_fit
from ratchet.journal.commits import LOCK, Revision
from ratchet.task import Task

# What the night that made a model said of it. Its line in the run ledger stays where it is.
SAID = ("reports/drill.json", "reports/verdict.json", "reports/verdict.md")
TASK = "task"


@dataclass(frozen=True)
class Manifest:
    """The restored manifest, and what became of what was pinned and said since.

    carried: the words of people that were taken over, by batch. left: batches pinned since, which
    the next `discover` finds again. left_words: what people said of these. repinned: batches whose
    content was pinned anew since, and is the version's again. again: batches that the version had
    pinned and today hasn't.
    """

    text: str
    carried: Mapping[str, str]
    left: Sequence[str]
    left_words: Mapping[str, str]
    repinned: Sequence[str]
    again: Sequence[str]


@dataclass(frozen=True)
class Settings:
    """The restored params.yaml. kept: policy that stays today's, a line each. adapted: what
    today's code asks for and the version didn't have, or doesn't know any more, a line each.
    """

    text: str
    kept: Sequence[str]
    adapted: Sequence[str]


@dataclass(frozen=True)
class Restoration:
    """The files to have after the rollback, by path; None for one that must not be there."""

    files: Mapping[str, bytes | None]
    manifest: Manifest
    settings: Settings


def restoration(
    history: History, now: Revision, then: Revision, *, params: str, schema: str, manifest: str
) -> Restoration:
    """Return what rolling back from the commit `now` to the accepted commit `then` makes.

    params, schema, manifest: paths in both commits. Raises EvidenceError when the version lacks a
    file, or today's code can't work with its parameters.
    """
    pins = restore_manifest(
        parse(history.text(now, manifest) or dump([]), f"{manifest} at {now}"),
        _text(history, then, manifest),
        f"{manifest} at {then}",
    )
    settings = restore_params(
        history.text(now, params) or "", _text(history, then, params), f"{params} of {then.name}"
    )
    gone = [path for path in SAID if history.content(now, path) is not None]
    with suppress(EvidenceError):  # a broken dvc.lock may be why we are here
        gone += [path for path in history.outputs(now) if history.content(now, path) is not None]
    files: dict[str, bytes | None] = dict.fromkeys(gone)
    for path in (LOCK, schema, *SAID, *history.outputs(then)):
        content = history.content(then, path)
        if content is not None:  # else DVC keeps it
            files[path] = content
    files[params] = settings.text.encode()
    files[manifest] = pins.text.encode()
    return Restoration(files, pins, settings)


def restore_manifest(now: Sequence[Batch], then: str, where: str) -> Manifest:
    """Return the version's pins, with what people have said of these batches until now.

    Lines of batches that were excluded since are kept whole: `discover` would bring them back.

    then: the text of the version's manifest. Raises ConfigError, naming the place `where`, when it
    can't be understood.
    """
    pins = {batch.id: batch for batch in parse(then, where)}
    restored = dict(pins)
    carried = {}
    for batch in now:
        if batch.id in pins:
            ours = replace(pins[batch.id], override=batch.override, note=batch.note)
            if ours != pins[batch.id]:
                restored[batch.id] = ours
                carried[batch.id] = _word(batch)
        elif batch.excluded:
            restored[batch.id] = batch
            carried[batch.id] = _word(batch)
    left = [batch for batch in now if batch.id not in restored]
    here = {batch.id for batch in now}
    return Manifest(
        dump(restored.values()) if carried else then,
        carried,
        [batch.id for batch in left],
        {batch.id: _word(batch) for batch in left if batch.override},
        [each.id for each in now if each.id in pins and each.sha256 != pins[each.id].sha256],
        [each for each in pins if each not in here],
    )


def restore_params(now: str, then: str, where: str) -> Settings:
    """Return the version's params.yaml with today's policy, in the shape that today's code reads.

    Where today's rules are about another task's metrics they can't judge what the version predicts:
    its own come back with it, which is a change of policy.

    Raises EvidenceError, naming the file `where`, when that can't be.
    """
    today, content = _loaded(now, "params.yaml as it is now"), _loaded(then, where)
    kept: list[str] = []
    adapted: list[str] = []
    if isinstance(content, dict) and TASK not in content:
        content[TASK] = Params.model_fields[TASK].default
        adapted.append(f"{TASK}: unknown to the version, which is {content[TASK]}")
    for key in policy.VALUES:
        before, after = policy.pick(content, key), policy.pick(today, key)
        if key == "gate" and not _fits(after, policy.pick(content, TASK)):
            adapted.append(
                f"gate: today's rules aren't for task: {policy.pick(content, TASK)}; the version's"
            )
            continue
        kept += policy.differences(before, after, key)
        if before != after:
            _put(content, key.split("."), after)
    for found in _unfit(round_trip.dump(content)):
        path = [str(part) for part in found["loc"]]
        value = policy.pick(today, ".".join(path))
        if found["type"] == "missing" and value is not None:
            _put(content, path, value)
            adapted.append(f"{'.'.join(path)}: unknown to the version; as it is today")
        elif found["type"] == "extra_forbidden":
            _put(content, path, None)
            adapted.append(f"{'.'.join(path)}: unknown to today's code; left out")
    text = round_trip.dump(content) if kept or adapted else then
    for found in _unfit(text):
        raise EvidenceError(
            f"{where}: today's code can't work with it: "
            f"{'.'.join(str(part) for part in found['loc'])}: {found['msg']}; check that version "
            "out beside this one and run it with its own code and environment"
        )
    return Settings(text, kept, adapted)


def _fits(rules: Any, task: Task) -> bool:
    try:
        require_fit(Gate.model_validate(rules), task, "")
    except ConfigError:
        return False
    except ValidationError:
        return True  # not a question of the task
    return True


def _loaded(text: str, where: str) -> Any:
    try:
        return round_trip.load(text) or {}
    except YAMLError as error:
        raise EvidenceError(f"{where}: is not valid YAML: {in_one_line(error)}") from None


def _text(history: History, at: Revision, path: str) -> str:
    found = history.text(at, path)
    if found is None:
        raise EvidenceError(f"{path} is not there at {at}: that commit holds no whole version")
    return found


def _word(batch: Batch) -> str:
    return f"{batch.override or 'no word any more'}{': ' if batch.note else ''}{batch.note}"


def _put(content: Any, path: Sequence[str], value: Any) -> None:
    """Set a value where its section is there; None takes it away."""
    *above, last = path
    for part in above:
        if not isinstance(content, dict) or part not in content:
            return
        content = content[part]
    if value is None:
        content.pop(last, None)
    else:
        content[last] = value


def _unfit(text: str) -> Sequence[Any]:
    """Return what today's code doesn't understand in a params.yaml."""
    try:
        Params.model_validate(YAML(typ="safe").load(text))
    except ValidationError as error:
        return error.errors()
    return []
