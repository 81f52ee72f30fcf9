"""A whole night: discover, validate, trigger, train, drill, gate, and what is proposed at the end.

The same code runs on a laptop and in the workflow. Every step is a command that a person can type;
it is shown, measured, and its exit code says what a failure means. Whatever happens, the night
leaves a line for the run ledger and a report.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from ratchet import alone
from ratchet.artifacts.card import read_card
from ratchet.data.failure import Failure
from ratchet.data.manifest import read_manifest
from ratchet.errors import BlockedError, DataError, EvidenceError, RatchetError
from ratchet.files import write_text
from ratchet.git import git
from ratchet.journal import rolled_back
from ratchet.journal.rolled_back import RolledBack
from ratchet.nights import ledger, propose
from ratchet.nights.ledger import Line
from ratchet.nights.steps import Steps, failure
from ratchet.nights.worktree import WorkTree, put_back
from ratchet.proposals import actions, branch
from ratchet.proposals.github import GitHub
from ratchet.proposals.proposal import RETRAIN, Proposal, clear, pack

MANIFEST, LOCK, CARD = "data/manifest.csv", "dvc.lock", "models/card.json"
DRILL = "reports/drill.json"
# What the gate says now, and what it said of the model that a commit holds.
GATE, VERDICT = "reports/gate.md", "reports/verdict.md"
VALIDATION, FINDINGS = "reports/validation.md", "reports/validation.json"
# What the trigger looks at when nothing is new, and what a night needs to go on from.
GLANCE = ("data/records.json",)
STATE = ("data/raw", "data/validated", "data/profiles", "data/records.json", "models/model.skops")


@dataclass(frozen=True)
class Options:
    """How a night runs.

    until: the newest batch id to pin, "" for all there are. force: train whatever the trigger says.
    push: bring it to DVC's remote and to GitHub. hand_over: leave it for another job in `folder`
    instead of touching branches here; the data are pushed. into: the branch to merge into.
    """

    folder: Path
    until: str = ""
    force: bool = False
    push: bool = False
    hand_over: bool = False
    into: str = "main"


@dataclass(frozen=True)
class Night:
    """How a night ended: its line for the ledger, and what it proposes, if anything.

    commit: of the branch `retrain/next`, "" where the proposal was handed over. url: of the pull
    request, "" without one.
    """

    line: Line
    proposal: Proposal | None = None
    commit: str = ""
    url: str = ""


def run(top: Path, options: Options, say: Callable[[str], None] = print) -> Night:
    """Run a night in the repository `top`, which is afterwards as it was, but for the new branch.

    What a killed night has left there is put back first. Raises ConfigError while another process
    works here, and the RatchetError of the step that failed. The line and the report are in
    `options.folder` by then. For another job (`hand_over`) the files stay as the night leaves them.
    """
    with alone.alone(top, "a night") as lock:
        if alone.left(top):
            for told in put_back(top):
                say(told)
            _checkout(Steps(top, Line("", "", ""), say, [lock]))
            alone.finish(top)
        return _run(top, options, say, lock)


def _run(top: Path, options: Options, say: Callable[[str], None], lock: int) -> Night:
    tree = WorkTree(top)
    old = branch.local(top, RETRAIN)
    if not options.hand_over:
        branch.refuse_foreign(top, RETRAIN, old, tree.base)
    if options.push:
        GitHub.here(top).get("pulls", per_page="1")  # better no answer now than after the night
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    line = Line(now, actions.run_url(), tree.base)
    steps = Steps(top, line, say, [lock])
    clear(options.folder)
    night, report = Night(line), ""
    tree.begin()
    (top / GATE).unlink(missing_ok=True)
    try:
        proposal = _train(tree, steps, line, options)
        if proposal is not None:
            report = (top / GATE).read_text(encoding="utf-8")
            night = _propose(tree, options, night, proposal, report, old)
    except BaseException as error:
        tree.stand_back()
        line.decision = "FAILED"
        line.exit_code = error.exit_code if isinstance(error, RatchetError) else 1
        line.reason = str(error) or type(error).__name__
        report = _evidence(tree, line.exit_code)
        raise
    finally:
        _record(options.folder, line, report)
        if not options.hand_over:
            tree.restore(proposed=night.proposal is not None)
            _checkout(steps)
        alone.finish(top)
    return night


def describe(night: Night) -> str:
    """Say in a few lines how the night ended, and what comes next."""
    line, proposal = night.line, night.proposal
    if proposal is None:
        return f"{line.decision}: {line.reason}; nothing is proposed, all is as it was"
    told = [f"{line.decision}: {proposal.title}"]
    if night.url:
        return "\n".join([*told, f"  pull request  {night.url}"])
    if not night.commit:
        return "\n".join([*told, "  `ratchet propose` takes it from here"])
    return "\n".join(
        [
            *told,
            f"  on branch     {RETRAIN} ({night.commit[:10]}); you are where you were",
            f"  report        git show {RETRAIN}:{VERDICT}",
            f"  look at it    git switch {RETRAIN} && dvc checkout",
            "  keep main's   nothing to do: the next night replaces the branch"
            if line.verdict == "BLOCK"
            else f"  take it       git merge {RETRAIN} && dvc checkout && dvc push && git push",
        ]
    )


def _train(tree: WorkTree, steps: Steps, line: Line, options: Options) -> Proposal | None:
    """Do all that comes before a branch; None when there is nothing to propose."""
    top = tree.top
    steps.run(
        "discover", "ratchet", "discover", *(["--until", options.until] * bool(options.until))
    )
    _count(top, line, tree)
    first = not (top / LOCK).exists()
    news = first or MANIFEST in tree.changed() or _is_unjudged(steps)
    _pull(steps, line, STATE if news else GLANCE)
    if news:
        steps.run("fetch", "dvc", "repro", "fetch")
        steps.run("validate", "dvc", "repro", "validate")
        reported = branch.content(top, tree.base, FINDINGS)
        for told in set_aside(reported, (top / FINDINGS).read_text(encoding="utf-8")):
            steps.say(told)
    decision: Any = json.loads(steps.run("trigger", "ratchet", "trigger", "--json", quiet=True))
    line.decision, reasons = decision["decision"], decision["reasons"]
    line.reason = reasons[0]
    steps.say("\n".join([line.decision, *(f"  {reason}" for reason in reasons)]))
    if line.decision == "SKIP" and not options.force:
        return None
    if line.decision == "SKIP":
        line.decision, line.reason = "RETRAIN", f"forced, though {line.reason}"
    if not news:
        _pull(steps, line, STATE)
        steps.run("validate", "dvc", "repro", "validate")
    for stage in ("train", "evaluate"):
        steps.run(stage, "dvc", "repro", stage)
    if LOCK not in tree.changed():
        line.decision, line.reason = "SKIP", "made again, and everything is as it was"
        return None
    before = _rolled_back(top)
    if before:
        line.decision = "SKIP"
        line.reason = (
            f"made the model again that was rolled back on {before.date[:10]}: {before.reason}; "
            "leave the batch out that was bad (`ratchet batch exclude`), or change the parameters"
        )
        return None
    labels = ["retrain", *drilled(steps)]
    verdict = _gate(tree, steps, line)
    labels.append(f"gate: {verdict.lower()}")
    if options.push or options.hand_over:
        _push(steps, line)
    newest = read_manifest(top / MANIFEST)[-1].id
    return Proposal(
        branch=RETRAIN,
        base=tree.base,
        title=f"Retrain on batches until {newest}: {verdict}",
        labels=tuple(labels),
        paths=tuple(path for path in tree.changed() if path != ledger.PATH),
        ledger=ledger.to_csv([line.row()]),
    )


def set_aside(before: str, after: str) -> list[str]:
    """Say of each batch that was quarantined meanwhile why, and at last how to look at one.

    before, after: what `validate` reported, as JSON; before is "" where there was no report.
    """
    known = json.loads(before)["quarantined"] if before else {}
    told, last = [], ""
    for batch, found in json.loads(after)["quarantined"].items():
        if batch in known:
            continue
        first = Failure.of(found[0])
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        told.append(f"set aside tonight: {batch}: {first}{more}")
        last = batch
    if told:
        told.append(
            f"  look at it    ratchet discover && dvc repro validate && ratchet batch show {last}"
        )
    return told


def _count(top: Path, line: Line, tree: WorkTree) -> None:
    """Note which batches are new since the night began."""
    pinned = read_manifest(top / MANIFEST)
    before = branch.content(top, tree.base, MANIFEST)
    new = [batch for batch in pinned if f"\n{batch.id}," not in before]
    line.batches, line.new_batches = len(pinned), len(new)
    line.bytes_new = sum(batch.bytes for batch in new)


def _checkout(steps: Steps) -> None:
    """Let DVC's files be as git's dvc.lock has them."""
    steps.attempt("", "dvc", "checkout", "--quiet", "--force", quiet=True)


def _pull(steps: Steps, line: Line, wanted: tuple[str, ...]) -> None:
    """Bring what isn't in the work tree of these outputs from DVC's remote."""
    sizes = _sizes(steps.top)
    lacking = [path for path in wanted if path in sizes and not (steps.top / path).exists()]
    if lacking:
        steps.run("pull", "dvc", "pull", *lacking)
        line.bytes_pulled += sum(sizes[path] for path in lacking)


def _sizes(top: Path) -> dict[str, int]:
    """Return the size in bytes of each output in dvc.lock."""
    try:
        lock = YAML(typ="safe").load(top / LOCK)
        outs = [out for stage in lock["stages"].values() for out in stage.get("outs", [])]
        return {out["path"]: int(out["size"]) for out in outs}
    except FileNotFoundError:
        return {}


def _is_unjudged(steps: Steps) -> bool:
    """Tell whether a person's word on a batch, the contract or a setting waits for `validate`.

    What is deleted only isn't here: a fresh clone has no data, and needs none to skip the night.
    """
    command = ("dvc", "status", "--json", "fetch", "validate")
    found: Any = json.loads(steps.run("validate", *command, quiet=True))
    causes = (each.get("changed deps", {}) for stage in found.values() for each in stage)
    return any(
        state != "deleted"
        for deps in causes
        for told in deps.values()
        for state in (told.values() if isinstance(told, dict) else [told])
    )


def _rolled_back(top: Path) -> RolledBack | None:
    """Return the line that names tonight's model as one that was taken out of service, if any."""
    path = top / rolled_back.FILE
    listed = rolled_back.parse(path.read_text(encoding="utf-8") if path.exists() else "")
    return rolled_back.naming(listed, read_card(top / CARD).model_sha256)


def drilled(steps: Steps) -> list[str]:
    """Play the faults; return the label that says that one slipped. It is told, it doesn't stop."""
    done = steps.attempt("drill", "ratchet", "drill", "--json", DRILL, quiet=True)
    if done.returncode not in (0, BlockedError.exit_code):
        raise failure(done)
    found = json.loads((steps.top / DRILL).read_text(encoding="utf-8"))
    told = ", ".join(f"{count} {outcome}" for outcome, count in found["outcomes"].items())
    if done.returncode:
        told = str(failure(done)).partition("; ")[0]
    steps.say(f"{told}; `ratchet drill` has the table")
    return ["drill: slipped"] if done.returncode else []


def _gate(tree: WorkTree, steps: Steps, line: Line) -> str:
    """Commit what was made, which the gate asks for, and have it judged; return the verdict.

    The remote isn't asked: it gets the objects only now, and is asked when it has them.
    """
    top = tree.top
    made = branch.commit(top, tree.base, top, tree.changed(), branch.message("Tonight's model"))
    tree.stand_on(made)
    command = ("ratchet", "gate", "--base", tree.base, "--no-remote", "--no-pictures")
    done = steps.attempt("gate", *command)
    if done.returncode not in (0, BlockedError.exit_code):
        raise failure(done)
    tree.stand_back()
    data = (top / GATE).with_suffix(".json")
    told = json.loads(data.read_text(encoding="utf-8"))
    line.verdict, line.gate_reason = str(told["verdict"]), str(told["reason"])
    shutil.copyfile(top / GATE, top / VERDICT)
    shutil.copyfile(data, (top / VERDICT).with_suffix(".json"))
    return line.verdict


def _push(steps: Steps, line: Line) -> None:
    """Bring everything to DVC's remote, and prove that it is there."""
    from ratchet.gate.revisions import History  # dvc

    history = History(steps.top)
    line.bytes_pushed = history.bytes_to_push()
    steps.run("push", "dvc", "push")
    with steps.measured("push", "is the remote complete?"):
        lacking = history.not_in_remote()
        if lacking:
            raise EvidenceError(f"after `dvc push` the remote still lacks {', '.join(lacking[:3])}")
        steps.say("DVC's remote has every object")


def _propose(
    tree: WorkTree, options: Options, night: Night, proposal: Proposal, report: str, old: str
) -> Night:
    """Hand the proposal over, or commit it here, and bring it to GitHub if that is asked for."""
    pack(options.folder, proposal, report, tree.top)
    if options.hand_over:
        return Night(night.line, proposal)
    files, url = options.folder / "files", ""
    if options.push:
        done = propose.run(tree.top, options.folder, into=options.into)
        made, url = done.commit, done.pull_request.url
    else:
        made = propose.committed(tree.top, proposal, files, tree.base, old)
    git(tree.top, "update-ref", f"refs/heads/{RETRAIN}", made)
    return Night(night.line, proposal, made, url)


def _evidence(tree: WorkTree, code: int) -> str:
    """Return the report that explains a failure: of the data, or of the gate if it has spoken.

    What is as it was committed is another night's.
    """
    name = VALIDATION if code == DataError.exit_code else GATE
    path = tree.top / name
    report = path.read_text(encoding="utf-8") if path.exists() else ""
    return "" if report == branch.content(tree.top, tree.base, name) else report


def _record(folder: Path, line: Line, report: str) -> None:
    """Leave the line and the report, and tell GitHub."""
    told = line.decision + (f", {line.verdict}" if line.verdict else "")
    write_text(folder / "report.md", report or f"# {told}\n\n{line.reason}\n")
    write_text(folder / "ledger.csv", ledger.to_csv([line.row()]))
    actions.summary(f"## {told}\n\n{line.reason}\n\n{ledger.markdown(line)}\n{report}")
    actions.output(
        decision=line.decision,
        verdict=line.verdict,
        exit_code=str(line.exit_code),
        reason=line.reason,
    )
