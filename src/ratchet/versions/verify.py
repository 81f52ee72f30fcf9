"""Can an accepted version be restored? Tried in a fresh clone, from git and DVC's remote alone."""

import hashlib
import json
import os
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from ratchet.artifacts.answers import Answers, compared
from ratchet.artifacts.card import Card
from ratchet.artifacts.golden import read_golden
from ratchet.code import code_hash
from ratchet.errors import EvidenceError, RatchetError
from ratchet.files import sha256_file
from ratchet.gate.answers import ask_file
from ratchet.gate.clean_room import read_card
from ratchet.gate.rebuild import TAIL, made_again, run_in
from ratchet.gate.revisions import History
from ratchet.gate.run import Places
from ratchet.journal.accepted import Version
from ratchet.journal.commits import Revision

MOST_NAMED = 20  # of the objects that a version lacks


@dataclass(frozen=True)
class How:
    """How thoroughly a version is verified.

    local_cache: take objects from this machine's cache, too. data: bring every object and check its
    hash, not the model's alone. environment: build the version's own locked environment in the
    clone, and ask the model there. rebuild: train it again in the clone, and compare the bytes.
    """

    local_cache: bool = False
    data: bool = False
    environment: bool = False
    rebuild: bool = False


@dataclass
class Verified:
    """What was found of a version.

    problems: why it can't be restored; none if it can. notes: what was looked at, and what else is
    worth knowing. otherwise: with today's code and libraries it answers in another way, or not at
    all. objects: how many DVC keeps for it. seconds: that it took.
    """

    version: str
    model_sha256: str
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    otherwise: bool = False
    objects: int = 0
    seconds: float = 0.0

    @property
    def restorable(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.problems


def pick(known: Sequence[Version], number: int, seed: str) -> list[Version]:
    """Return so many of the versions, or all if there are fewer; the same for the same seed."""
    chosen = random.Random(seed).sample(list(known), min(number, len(known)))
    return sorted(chosen, key=lambda version: version.number)


def run(top: Path, places: Places, version: Version, how: How = How()) -> Verified:
    """Restore a version of the repository `top` in a fresh clone and check all that can be checked.

    What is wrong with the version doesn't raise. Raises EvidenceError when DVC's remote can't be
    asked: that says nothing about the version.
    """
    began = time.perf_counter()
    found = Verified(version.tag, version.model_sha256)
    with tempfile.TemporaryDirectory(prefix="ratchet-verify-") as scratch:
        clone = Path(scratch) / "clone"
        here = History(top)
        at = Revision(version.tag, version.commit)
        here.clone(at, clone, empty_cache=not how.local_cache)
        history = History(clone)
        wrong = _objects(history, at, found, how)
        _hint(here, version, found, wrong, how)
        try:
            card = _in_git(history, at, places, version, found)
            lost = history.output(at, places.model) in wrong
            model = None if lost else _model(history, at, places, card, found)
            if model:
                same = _environment(here, history, at, places, card, found)
                today = ask_file(history, at, places.golden, card, model)
                found.otherwise = today.wrong
                _tell(found, today, "today's", must=same)
                if how.environment or how.rebuild:
                    _in_clone(history, at, places, card, found, how)
        except RatchetError as error:
            found.problems.append(str(error))
    found.seconds = time.perf_counter() - began
    return found


def describe(found: Verified) -> str:
    """Return a line on the version, and one for each thing that is wrong or worth knowing."""
    word = "restorable" if found.restorable else "NOT RESTORABLE"
    head = f"{found.version} ({found.model_sha256[:12]}): {word}, {found.seconds:.0f} s"
    lines = [*(f"  ! {each}" for each in found.problems), *(f"  {each}" for each in found.notes)]
    return "\n".join([head, *lines])


def summary(all_found: Sequence[Verified]) -> str:
    """Return the line that stands for all: how many can be restored, and which can't."""
    good = sum(each.restorable for each in all_found)
    slowest = max((each.seconds for each in all_found), default=0.0)
    parts = [f"{good} of {len(all_found)} restorable, slowest {slowest:.0f} s"]
    parts += [
        f"{each.version} is not, as {each.problems[0]}"
        + (f" (and {len(each.problems) - 1} more)" if len(each.problems) > 1 else "")
        for each in all_found
        if not each.restorable
    ]
    moved = [each.version for each in all_found if each.otherwise]
    if moved:
        parts.append(f"only as accepted in their own environment: {', '.join(moved)}")
    return "; ".join(parts)


def markdown(all_found: Sequence[Verified], about: str) -> str:
    """Return the summary with each version's findings for a page on GitHub."""
    details = "\n".join(describe(each) for each in all_found)
    return f"## {summary(all_found)}\n\n{about}\n\n```text\n{details.replace('```', '')}\n```\n"


def to_json(all_found: Sequence[Verified]) -> str:
    """Return what was found for machines."""
    told = [{**asdict(each), "restorable": each.restorable} for each in all_found]
    return json.dumps(
        {"summary": summary(all_found), "versions": told}, indent=1, ensure_ascii=False
    )


def _objects(history: History, at: Revision, found: Verified, how: How) -> Mapping[str, str]:
    """Name the objects that can't be had. Return what is wrong with them, by their MD5."""
    try:
        objects = history.objects(at)
    except RatchetError as error:
        found.problems.append(str(error))
        return {}
    found.objects = len(objects)
    wrong = history.missing(objects)
    where = "DVC's remote" + (" or the cache here" if how.local_cache else "")
    there = f"in {where}"
    if how.data or how.rebuild:
        wrong |= history.bring(objects.keys() - wrong.keys())
        there = f"brought from {where}, and their hashes checked"
    named = sorted((objects[oid], oid) for oid in wrong)
    found.problems += [
        f"{path} of {found.version} {wrong[oid]} (MD5 {oid})" for path, oid in named[:MOST_NAMED]
    ]
    if len(named) > MOST_NAMED:
        found.problems.append(f"and {len(named) - MOST_NAMED} more")
    if not found.problems:
        found.notes.append(f"{len(objects)} objects {there}")
    return wrong


def _hint(
    here: History, version: Version, found: Verified, wrong: Mapping[str, str], how: How
) -> None:
    """Note where objects that can't be had may be, or why they are gone."""
    cached = len(wrong) - len(here.uncached(wrong))
    if cached and not how.local_cache:
        found.notes.append(
            f"{cached} of these are in the cache here: --local-cache takes them from there"
        )
    if wrong and not version.stages:
        found.notes.append(
            "it is in no stage: if `ratchet gc` let it go, --keep WINDOW asks for such no more"
        )


def _in_git(
    history: History, at: Revision, places: Places, version: Version, found: Verified
) -> Card:
    """Check what git has of the version: every result is the one that dvc.lock recorded."""
    card = read_card(history, at, places.card)
    if card.model_sha256 != version.model_sha256:
        found.problems.append(f"{places.card} at {at} is another model's")
    for path, md5 in history.outputs(at).items():
        content = history.content(at, path)
        if content is not None and hashlib.md5(content).hexdigest() != md5:
            found.problems.append(f"{path} at {at} isn't what dvc.lock recorded there")
    return card


def _model(
    history: History, at: Revision, places: Places, card: Card, found: Verified
) -> Path | None:
    """Put the model into the clone; None, with the reason told, if it isn't the card's."""
    md5 = history.output(at, places.model)
    if md5 is None:
        found.problems.append(f"{places.model} is not in dvc.lock at {at}")
        return None
    path = history.top / places.model
    history.bring_file(md5, path)
    if sha256_file(path) != card.model_sha256:
        found.problems.append(
            f"{places.model} at {at} is not the model on its card: SHA-256 "
            f"{sha256_file(path)[:12]}, the card says {card.model_sha256[:12]}"
        )
        return None
    found.notes.append("the model's SHA-256 is that of its card")
    return path


def _environment(
    here: History, history: History, at: Revision, places: Places, card: Card, found: Verified
) -> bool:
    """Check the lock file of the environment; tell whether it and the code are those of today."""
    lock = history.content(at, places.environment)
    if lock is None or hashlib.sha256(lock).hexdigest() != card.environment_sha256:
        found.problems.append(f"{places.environment} at {at} isn't the one on the model's card")
        return False
    same = here.content(here.resolve("HEAD"), places.environment) == lock
    said = "is today's" if same else "is not today's: try --own-environment"
    found.notes.append(f"its locked environment {said}")
    return same and card.code_sha256 == code_hash("ratchet.stages.train")


def _tell(found: Verified, answers: Answers, where: str, *, must: bool) -> None:
    """Note what the model answered. must: other answers are a problem."""
    said = f"in {where} environment the model {answers}"
    (found.problems if must and answers.wrong else found.notes).append(said)


def _in_clone(
    history: History, at: Revision, places: Places, card: Card, found: Verified, how: How
) -> None:
    """Build the version's own environment if asked to, and run there what is to be run."""
    environment = None
    if how.environment:
        environment = history.top / ".venv"
        _setup(history.top)
        found.notes.append("its own locked environment was built")
        own = _predicted(history, at, places, environment, card)
        if own:
            _tell(found, own, "its own", must=True)
    if how.rebuild:
        differing = made_again(history.top, environment)
        again = sha256_file(history.top / places.model)
        if again == card.model_sha256:
            found.notes.append("trained again, with the same bytes")
        else:
            found.problems.append(
                f"trained again, the model is another: SHA-256 {again[:12]}"
                + ("" if environment else "; its own environment may give it: --own-environment")
            )
        others = [path for path in differing if path != places.model]
        if others:
            found.notes.append(f"made again, these differ: {', '.join(others)}")


def _own_environment() -> dict[str, str]:
    """Return this process's variables without the one that leads to today's code."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def _setup(clone: Path) -> None:
    done = run_in(clone, ["make", "--no-print-directory", "setup"], _own_environment())
    if done.returncode != 0:
        raise EvidenceError(
            f"its locked environment can't be built: `make setup` ended with {done.returncode}:\n"
            f"{done.stdout[-TAIL:]}"
        )


def _predicted(
    history: History, at: Revision, places: Places, environment: Path, card: Card
) -> Answers | None:
    """Ask the golden predictions with the version's own `ratchet predict`; None without any."""
    content = history.content(at, places.golden)
    if content is None:
        return None
    golden = read_golden(content, f"{places.golden} at {at}")
    rows, scores = (history.top.parent / name for name in ("golden.parquet", "golden.csv"))
    pq.write_table(golden.rows.select(golden.rows.column_names[1:]), rows)
    program = str(environment / "bin" / "ratchet")
    command = [program, "predict", places.model, str(rows), "--to", str(scores)]
    done = run_in(history.top, command, _own_environment())
    if done.returncode != 0:
        return Answers(len(golden.rows), 0, None, done.stdout[-TAIL:].strip(), ())
    answers = pa.csv.read_csv(scores)
    # The columns that `ratchet predict` writes.
    names = [f"score_{name}" for name in card.classes] or ["score"]
    columns = [answers[name].cast(pa.float64()).to_numpy() for name in names]
    score = np.column_stack(columns) if card.classes else columns[0]
    return compared(golden, score, card.task)
