"""The gate: may the model of HEAD take the place of the base's?

It gathers the evidence first. What is missing, unreadable or not what was claimed is an ERROR,
whatever the figures are. Then the rules of the base judge the two models on the same rows.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ratchet.artifacts.card import Card
from ratchet.artifacts.scored import Scored
from ratchet.code import code_hash
from ratchet.config import Evaluate, Train, Window
from ratchet.data.manifest import read_manifest
from ratchet.data.schema import load_schema
from ratchet.data.target import target_of
from ratchet.errors import EvidenceError, RatchetError
from ratchet.gate import answers, clean_room, more, policy, rollback, rules
from ratchet.gate.batches import batches_since, drill_result
from ratchet.gate.findings import EVIDENCE, Findings, Side
from ratchet.gate.rebuild import differing_outputs
from ratchet.gate.revisions import History, sha256_at
from ratchet.gate.rules import Outcome, Status
from ratchet.journal.commits import Revision
from ratchet.scoring.metrics import applicable, score
from ratchet.stages import evaluate
from ratchet.task import Task


@dataclass(frozen=True)
class Places:
    """Where things lie in both revisions: paths relative to the top of the repository."""

    params: str
    schema: str
    manifest: str
    environment: str
    validated: str
    model: str
    card: str
    golden: str
    metrics: str
    validation: str
    drill: str


def run(
    top: Path,
    places: Places,
    base: str,
    *,
    rebuild: bool = False,
    approved: bool = False,
    remote: bool = True,
) -> Findings:
    """Judge HEAD of the repository in `top` against the revision `base`; return all that was found.

    rebuild: also make everything again from the pinned batches, and ask for the same bytes.
    approved: a person accepts that HEAD changes the policy. remote: False where nothing was pushed
    yet, so that DVC's remote isn't asked. Expected failures don't raise; they
    are outcomes, and make the verdict ERROR.
    """
    found = Findings(base, approved=approved)
    with tempfile.TemporaryDirectory(prefix="ratchet-gate-") as scratch:
        try:
            _examine(found, History(top), places, Path(scratch), rebuild, remote)
        except RatchetError as error:
            found.outcomes.append(Outcome(EVIDENCE, "stopped", Status.ERROR, str(error)))
    return found


def _examine(
    found: Findings,
    history: History,
    places: Places,
    scratch: Path,
    rebuild: bool,
    remote: bool,
) -> None:
    """Gather the evidence and judge, step by step; RatchetError where nothing more can be done."""
    head = found.head = history.resolve("HEAD")
    base = found.base = history.resolve(found.base_name)
    found.behind = history.behind(base, head)
    _committed(history, places)
    recognised = rollback.recognise(
        history,
        base,
        head,
        card=places.card,
        params=places.params,
        schema=places.schema,
        manifest=places.manifest,
    )
    found.rollback = recognised.rollback
    _reproduced(found, history)
    _remote(found, history, remote)
    task = policy.task_of(history.yaml(head, places.params) or {}, f"{places.params} at {head}")
    found.policy = policy.read_policy(history, base, head, places.params, task)
    found.policy_changes = policy.changes(history, base, head, places.params)
    found.outcomes += _judge_policy(found, found.policy)
    found.batches = batches_since(history, base, head, places.manifest, places.validation)
    found.drill = drill_result(history, head, places.drill)
    found.outcomes += _rolled_back(found, history, places)
    if found.rollback:
        _accepted_before(found, history, places, scratch)
        return
    if recognised.unlike:
        said = f"not taken as a rollback to an accepted model: {_listed([*recognised.unlike])}"
        found.outcomes.append(Outcome("rollback", "model", Status.WARNS, said))
    champion = None
    if clean_room.has_model(history, base, places.model, places.card):
        champion = clean_room.read_card(history, base, places.card)
    # Of another task are other metrics: side by side they would only look like missing ones.
    same_task = champion is not None and champion.task == task
    _recorded(found, history, places, base if same_task else None, head)

    challenger, window = _clean_room(found, history, places, scratch, task)
    if rebuild:
        different = differing_outputs(history, head, scratch / "clone")
        found.evidence(
            "rebuild",
            different,
            "rebuilt bit for bit",
            "these files are not what this commit makes",
        )
    if champion is None:
        found.first = True
    else:
        _against_champion(found, history, places, scratch, champion, challenger, window)
    found.outcomes += rules.judge_floors(_side(found).figures, found.policy.rules)


def _committed(history: History, places: Places) -> None:
    """The working tree must be HEAD."""
    pipeline = ("dvc.yaml", "dvc.lock", "data", "models", "reports", "requirements", "src")
    gates_own = ("reports/gate", "reports/gate.md", "reports/gate.json")
    dirty = history.uncommitted((*pipeline, places.params, places.schema), gates_own)
    if dirty:
        raise EvidenceError(
            f"not committed: {', '.join(dirty[:5])}{' and more' if len(dirty) > 5 else ''}; the "
            "gate judges commits: commit what belongs to the model, stash or delete the rest"
        )


def _reproduced(found: Findings, history: History) -> None:
    """Everything must be made from what is committed, but for a rollback."""
    if not found.rollback:
        found.evidence(
            "dvc status",
            history.unreproduced(),
            "`dvc status` is clean: what is recorded was made from what is committed",
            "run `dvc repro` and commit",
        )


def _remote(found: Findings, history: History, asked: bool) -> None:
    """Others must be able to pull what is merged."""
    if not asked:
        said = "DVC's remote was not asked: push before the merge"
        found.outcomes.append(Outcome(EVIDENCE, "remote", Status.UNJUDGED, said))
        return
    found.evidence(
        "remote",
        history.wrong_in_remote(),
        "DVC's remote has every object",
        "run `dvc push` where the model was made; move a damaged object away first",
    )


def _rolled_back(found: Findings, history: History, places: Places) -> Iterator[Outcome]:
    """A model that was taken out of service doesn't come back by itself."""
    assert found.base is not None
    assert found.head is not None
    line = rollback.rolled_back_before(history, found.base, found.head, places.card)
    if line is None:
        return
    said = (
        f"this model was rolled back on {line.date[:10]} ({line.reason}): it must not come back by "
        "itself"
    )
    if found.rollback and found.approved:
        said += "; a person brings it back, and a person approved it"
        yield Outcome("rolled_back", "model", Status.WARNS, said)
    else:
        yield Outcome("rolled_back", "model", Status.BLOCKS, said)


def _accepted_before(found: Findings, history: History, places: Places, scratch: Path) -> None:
    """Ask of an accepted model what must hold of any: it is the one on its card, and loads."""
    assert found.base is not None
    assert found.head is not None
    assert found.policy is not None
    assert found.rollback is not None
    sides = (found.base, found.head)
    found.recorded = dict(zip(("base", "head"), history.recorded(*sides), strict=True))
    card = clean_room.read_card(history, found.head, places.card)
    model = clean_room.admit(
        history, found.head, card, places.model, scratch / "challenger", found.policy.trusted
    )
    admitted = f"{places.model} is the one on its card, and loads through the allow-list"
    again = answers.ask(history, found.head, places.golden, card, model.estimator)
    status = Status.WARNS if again.wrong else Status.FINE if again.rows else Status.UNJUDGED
    version = found.rollback.version
    not_asked = (
        f"not asked: `dvc status`, the card's inputs, metrics and comparison; they held when "
        f"{version.tag} was accepted, and code and data have moved on since"
    )
    found.outcomes += [
        Outcome("rollback", "model", Status.FINE, f"the files are those of {version.tag}"),
        Outcome(EVIDENCE, "model", Status.FINE, admitted),
        Outcome(EVIDENCE, "golden predictions", status, f"the model {again}"),
        Outcome(EVIDENCE, "dvc status", Status.UNJUDGED, not_asked),
    ]


def _judge_policy(found: Findings, judged_by: policy.Policy) -> list[Outcome]:
    changed = list(found.policy_changes)
    if judged_by.new:
        changed.append("the rules: the base has none that this gate can read for the task")
    if not changed:
        return [Outcome("policy", "policy", Status.FINE, "the policy is the base's, unchanged")]
    what = f"this revision changes the policy that judges models: {_listed(changed)}"
    if found.approved:
        return [Outcome("policy", "policy", Status.WARNS, f"{what}; a person approved it")]
    return [Outcome("policy", "policy", Status.BLOCKS, f"{what}; a person must approve it")]


def _recorded(
    found: Findings, history: History, places: Places, base: Revision | None, head: Revision
) -> None:
    """Judge what `dvc metrics diff` reports."""
    assert found.policy is not None
    sides = {"head": head} if base is None else {"base": base, "head": head}
    found.recorded = dict(zip(sides, history.recorded(*sides.values()), strict=True))
    problems = [each for side in found.recorded.values() for each in side.problems]
    found.evidence(
        "metrics", problems, f"{places.metrics} can be read", "run `dvc repro evaluate` and commit"
    )
    if base is None or problems:
        return
    before, after = (found.recorded[name].figures for name in ("base", "head"))
    same = history.output(base, places.model) == history.output(head, places.model)
    found.outcomes += [
        each
        for each in rules.judge_recorded(before, after, found.policy.rules)
        if not same or each.status == Status.ERROR
    ]


def _clean_room(
    found: Findings, history: History, places: Places, scratch: Path, task: Task
) -> tuple[clean_room.Model, clean_room.Window]:
    """Take the challenger's model and rows by hash, and hold its claims against them."""
    head = found.head
    assert head is not None
    assert found.policy is not None
    content = history.yaml(head, places.params) or {}
    try:
        holdout = Window.model_validate(content.get("window")).holdout
        measured = Evaluate.model_validate(content.get("evaluate"))
        trained = Train.model_validate(content.get("train"))
    except ValidationError as error:
        raise EvidenceError(f"{places.params} at {head}: {error.errors()[0]['msg']}") from error
    schema = load_schema(history.top / places.schema)
    card = clean_room.read_card(history, head, places.card)
    window = clean_room.read_rows(
        history, head, places.validated, scratch / "rows", target_of(task, schema), holdout
    )
    hashes = {
        "code_sha256": code_hash("ratchet.stages.train", history.top / "src"),
        "environment_sha256": sha256_at(history.top / places.environment),
    }
    manifest = read_manifest(history.top / places.manifest)
    wrong = clean_room.foreign_inputs(card, window, manifest, schema, trained, hashes)
    found.evidence(
        "inputs",
        wrong,
        "the model's card names this commit's data, parameters, contract, code and environment",
        "run `dvc repro` and commit",
    )
    challenger = clean_room.admit(
        history, head, card, places.model, scratch / "challenger", found.policy.trusted
    )
    scored = window.scored(challenger.score(window.judging))
    claimed = found.recorded["head"].figures
    again = evaluate.figures(scored, card, measured.threshold)
    found.evidence(
        "clean room",
        (f"forged or stale metrics: {each}" for each in clean_room.forged(claimed, again)),
        "every committed metric was found again from model and data",
        f"{places.metrics} is not what this model scores: run `dvc repro --force evaluate`",
    )
    forged = answers.forged(
        history.content(head, places.golden),
        places.golden,
        window.judging,
        scored.score,
        card.features,
        card.task,
    )
    found.evidence(
        "golden predictions",
        forged,
        "the golden predictions came out again",
        "run `dvc repro --force train` and commit",
    )
    found.challenger = _measured(challenger, scored, found.policy.evaluate)
    return challenger, window


def _against_champion(
    found: Findings,
    history: History,
    places: Places,
    scratch: Path,
    card: Card,
    challenger: clean_room.Model,
    window: clean_room.Window,
) -> None:
    """Score the champion, whose card is `card`, on the challenger's holdout and judge the two."""
    judged_by, base = found.policy, found.base
    assert judged_by is not None
    assert base is not None
    found.outcomes.append(more.judge_inputs(card, challenger.card, judged_by.rules.more))
    if card.model_sha256 == challenger.card.model_sha256:
        found.same_model = True
        found.outcomes.append(
            Outcome("model", "model", Status.FINE, "the model didn't change: the bytes are equal")
        )
        return
    unlike = clean_room.unlike(card, challenger.card)
    lacking = [name for name in card.features if name not in window.judging.column_names]
    if unlike or lacking:
        why = f"its {unlike}" if unlike else f"the data lack its {', '.join(lacking)}"
        status = Status.WARNS if found.approved else Status.BLOCKS
        said = (
            f"the champion can't be scored on these rows ({why}): floors only, and a person's word"
        )
        found.outcomes.append(Outcome("comparable", "model", status, said))
        found.first = True
        return
    taught = clean_room.seen(card, challenger.card.holdout.batches)
    found.evidence(
        "fair holdout",
        [f"the champion learned from {', '.join(taught)}, which judge here"] if taught else [],
        "the champion has not seen the rows that judge",
        "judge it on batches newer than those: wait for them, or lower window.holdout",
    )
    champion = clean_room.admit(
        history, base, card, places.model, scratch / "champion", judged_by.trusted
    )
    side = _measured(champion, window.scored(champion.score(window.judging)), judged_by.evaluate)
    found.champion = side
    found.compare()
    frames = [each.frame(window.judging) for each in (champion, challenger)]
    found.latency = more.seconds(
        lambda: champion.answers(frames[0]),
        lambda: challenger.answers(frames[1]),
    )
    assert found.movement is not None
    found.outcomes += more.judge_more(
        more.Compared(champion.bytes, challenger.bytes),
        found.latency,
        _calibration(side, _side(found)),
        found.movement.flips,
        judged_by.rules.more,
    )


def _calibration(champion: Side, challenger: Side) -> more.Compared | None:
    name = "calibration_error"
    if name not in champion.figures:  # a task without probabilities
        return None
    return more.Compared(champion.figures[name], challenger.figures[name])


def _measured(model: clean_room.Model, scored: Scored, measured: Evaluate) -> Side:
    figures = score(
        scored.label,
        scored.score,
        task=model.card.task,
        metrics=applicable(scored.label, task=model.card.task),
        threshold=measured.threshold,
    )
    return Side(model.card, model.bytes, figures, scored)


def _side(found: Findings) -> Side:
    assert found.challenger is not None
    return found.challenger


def _listed(items: list[str]) -> str:
    return ", ".join(items[:8]) + (f" and {len(items) - 8} more" if len(items) > 8 else "")
