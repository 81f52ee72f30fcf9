"""What waits for a person here: a night's proposal, a rollback, a model without a name.

From git alone, without the network.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from ratchet import alone
from ratchet.git import attempt, git, status
from ratchet.journal import accepted, rolled_back
from ratchet.journal.accepted import STAGE, Version
from ratchet.proposals.proposal import RETRAIN

MAIN = "main"
VERDICT = "reports/verdict.json"
_BRANCHES = 30  # the newest, that are looked at


@dataclass(frozen=True)
class Waiting:
    """What waits. Empty is what doesn't.

    branch: where HEAD is. changed: tracked files that aren't as in HEAD: no night begins with them.
    verdict: the gate's word on the proposal on `retrain/next`. rollback: a branch with one that
    main hasn't. unnamed: main's model is no version. back: the version of main's model, while
    another one is in production. ahead: the version in production, whose commit isn't here. night:
    one that has begun here and hasn't ended. running: it still runs; else it was killed.
    """

    branch: str = ""
    changed: Sequence[str] = ()
    verdict: str = ""
    rollback: str = ""
    unnamed: bool = False
    back: str = ""
    ahead: str = ""
    night: str = ""
    running: bool = False


def look(top: Path, card: str, known: Sequence[Version]) -> Waiting:
    """Return what waits in the repository `top`.

    card: the path of the model's card. known: all versions. Without a branch `main`, the one that
    HEAD is on stands for it. Raises EvidenceError when git can't tell.
    """
    branch = attempt(top, "symbolic-ref", "--quiet", "--short", "HEAD").stdout.strip()
    changed = [path for state, path in status(top) if state != "??"]
    if mark := alone.left(top):
        return Waiting(branch, changed, night=str(mark), running=psutil.pid_exists(mark.pid))
    listed = ("for-each-ref", "--sort=-committerdate", "--format=%(refname:strip=2)")
    branches = git(top, *listed, "refs/heads").split()
    main = MAIN if MAIN in branches else branch
    if main not in branches:
        return Waiting(branch, changed)
    others = [each for each in branches[:_BRANCHES] if each != main]
    found = _unmerged(top, card, main, others)
    return replace(
        _names(top, card, known) if branch == main else Waiting(),
        branch=branch,
        changed=changed,
        verdict=found.get(RETRAIN, ""),
        rollback=next((each for each in found if each != RETRAIN), ""),
    )


def _unmerged(top: Path, card: str, main: str, others: Sequence[str]) -> Mapping[str, str]:
    """Return which branches have a model to take: the proposal, with its verdict, and rollbacks.

    One that began with another model than main has now comes too late, merged or not.
    """
    paths = (card, rolled_back.FILE, VERDICT)
    names = [f"refs/heads/{each}:{path}" for each in (main, *others) for path in paths]
    contents = accepted.contents(top, names)
    ours, taken_back = accepted.model_of(contents[0]), _lines(contents[1])
    found = {}
    for place, branch in enumerate(others, 1):
        described, listed, said = contents[place * len(paths) : (place + 1) * len(paths)]
        rollback = bool(_lines(listed) - taken_back)
        if accepted.model_of(described) in ("", ours) or not (rollback or branch == RETRAIN):
            continue
        refs = (f"refs/heads/{main}", f"refs/heads/{branch}")
        parted = attempt(top, "merge-base", *refs).stdout.strip()
        if accepted.model_of(accepted.contents(top, [f"{parted}:{card}"])[0]) == ours:
            found[branch] = _verdict(said) if branch == RETRAIN else "rollback"
    return found


def _names(top: Path, card: str, known: Sequence[Version]) -> Waiting:
    """Return what is to be said of the name of HEAD's model, and nothing else."""
    model = accepted.model_of(accepted.contents(top, [f"HEAD:{card}"])[0])
    version = accepted.with_model(known, model)
    if version is None:
        return Waiting(unnamed=bool(model))
    there = next((each for each in known if STAGE in each.stages), None)
    if there is None or there.model_sha256 == model:
        return Waiting()
    here = attempt(top, "merge-base", "--is-ancestor", there.commit, "HEAD").returncode == 0
    return Waiting(back=version.short) if here else Waiting(ahead=there.short)


def _lines(content: bytes | None) -> set[bytes]:
    return set((content or b"").splitlines())


def _verdict(content: bytes | None) -> str:
    try:
        return str(json.loads(content or b"{}")["verdict"])
    except (ValueError, KeyError, TypeError):
        return "no verdict"
