"""The policy that judges a revision is the base's: it can't weaken what judges it.

Read from the base: the rules in params.yaml, and the allow-list of types in model files. What the
revision changes of the policy itself is found here, told in the report, and left to a person.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ratchet.artifacts import persist
from ratchet.code import closure
from ratchet.config import Evaluate, Gate
from ratchet.errors import ConfigError, EvidenceError
from ratchet.gate.revisions import History
from ratchet.gate.rules import require_fit
from ratchet.journal import rolled_back
from ratchet.journal.commits import Revision
from ratchet.task import Task

# What decides about a model besides values in params.yaml, and besides the code that the gate runs.
# A name with a slash at its end is a folder. dvc's settings are here, as they say which remote is
# asked for the evidence; code owners, as they approve all this; what says the verdict to people,
# and to CI as an exit code.
FILES = (
    ".dvc/config",
    ".github/CODEOWNERS",
    ".github/workflows/",
    rolled_back.FILE,
    persist.TRUSTED_HOME,
    "src/ratchet/cli/gate.py",
    "src/ratchet/cli/main.py",
    "src/ratchet/gate/",
)
# A shorter holdout, other slices or another threshold can hide a loss as well as a loose rule.
VALUES = ("evaluate", "gate", "window.holdout")


@dataclass(frozen=True)
class Policy:
    """By what is judged: rules, how to score, and which types may be in a model file.

    source: the revision that they come from. new: the base has no such rules that this code can
    read, so that they are the revision's own.
    """

    rules: Gate
    evaluate: Evaluate
    trusted: frozenset[str]
    source: Revision
    new: bool = False


def task_of(content: Mapping[str, Any], where: str) -> Task:
    """Return the task of a commit's params.yaml, which is binary where older code wrote it.

    Raises EvidenceError, naming the place `where`, for one that isn't known.
    """
    try:
        return TypeAdapter(Task).validate_python(content.get("task", "binary"))
    except ValidationError as error:
        raise EvidenceError(f"{where}: task: {error.errors()[0]['msg']}") from error


def read_policy(
    history: History, base: Revision, head: Revision, params: str, task: Task
) -> Policy:
    """Return the base's policy, or the head's where the base has none that can be read.

    params: the path of params.yaml. task: the head's; rules about another one's metrics judge
    nothing. Raises EvidenceError when neither has rules.
    """
    listed = history.text(base, persist.TRUSTED_HOME)
    trusted = persist.TRUSTED if listed is None else persist.read_trusted(listed)
    reasons = []
    for at in (base, head):
        content = history.yaml(at, params) or {}
        try:
            rules = Gate.model_validate(content.get("gate"))
            evaluate = Evaluate.model_validate(content.get("evaluate"))
            require_fit(rules, task, f"{params} at {at}")
        except ValidationError as error:
            reasons.append(f"{params} at {at}: {_first(error)}")
            continue
        except ConfigError as error:
            reasons.append(str(error))
            continue
        return Policy(rules, evaluate, trusted, at, new=at is head)
    raise EvidenceError("no rules to judge by: " + "; ".join(reasons))


def changes(history: History, base: Revision, head: Revision, params: str) -> list[str]:
    """Return what the head changes of the policy, a line each."""
    touched = [
        path
        for path in history.changed(base, head)
        if judges(path)
        if path != rolled_back.FILE or _lost_lines(history, base, head, path)
    ]
    if params not in history.changed(base, head):
        return touched
    before, after = (history.yaml(at, params) or {} for at in (base, head))
    values = [
        f"{params}: {line}"
        for key in VALUES
        for line in differences(pick(before, key), pick(after, key), key)
    ]
    return [*touched, *values]


def judges(path: str) -> bool:
    """Tell whether a file of a repository decides about models: the gate's code, or one of FILES.

    The gate's code is what it imports, however far, wherever that lies. It must import nothing that
    makes models: what a person changes there is what is judged.
    """
    return path in _code() or any(
        path.startswith(each) if each.endswith("/") else path == each for each in FILES
    )


@cache
def _code() -> frozenset[str]:
    return frozenset(f"src/{name.replace('.', '/')}.py" for name in closure("ratchet.gate.run"))


def _lost_lines(history: History, base: Revision, head: Revision, path: str) -> bool:
    """Tell whether the head lacks a line that was there when it left the base: more are fine."""
    parted = history.parted(base, head) or base
    before, after = ((history.text(at, path) or "").splitlines() for at in (parted, head))
    return any(line not in after for line in before)


def pick(content: dict[str, Any], key: str) -> Any:
    """Return the value at a key such as `window.holdout`; None when there is none."""
    found: Any = content
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def differences(before: Any, after: Any, key: str) -> Iterator[str]:
    """Yield a line for each value that differs below `key`, as `KEY: BEFORE → AFTER`."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(each for each in after if each not in before)]:
            yield from differences(before.get(name), after.get(name), f"{key}.{name}")
    elif before != after:
        yield f"{key}: {_spelt(before)} → {_spelt(after)}"


def _spelt(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(str(each) for each in value)}]"
    return "absent" if value is None else "..." if isinstance(value, dict) else str(value)


def _first(error: ValidationError) -> str:
    found = error.errors()[0]
    where = ".".join(["gate", *(str(part) for part in found["loc"])])
    return f"{where}: {found['msg']}"
