"""Whether a new model is worth training, and why.

Looks at the champion, the model in `models/`, and at the accepted batches that came after it. No
clock is read: age is counted in batches, so that the same commit gives the same answer.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ratchet.artifacts import persist
from ratchet.artifacts.card import Card, as_recorded, read_card
from ratchet.artifacts.predictions import answer
from ratchet.checks.distance import excesses
from ratchet.checks.profile import Profile
from ratchet.checks.profile_file import read_profile
from ratchet.checks.records import load_records, profile_path
from ratchet.code import code_hash
from ratchet.config import Params, Trigger
from ratchet.data.features import feature_frame, kinds_of
from ratchet.data.manifest import read_manifest
from ratchet.data.schema import Schema, load_schema
from ratchet.data.target import target_of
from ratchet.data.validated import BATCH, read_window
from ratchet.files import sha256_file
from ratchet.scoring.metrics import loss_of, prior_score, score
from ratchet.task import Task

TRAINING = "ratchet.stages.train"


@dataclass(frozen=True)
class Figures:
    """What the decision is made from. All but the rows are NaN without a new batch.

    new: ids of the accepted batches after the champion's newest one. rows: theirs. age: how many
    batches came after it, accepted or not. drift: the
    largest excess of a column's Jensen-Shannon distance, new batches against those that taught the
    champion, over what is usual among these.
    loss: by how much the champion's `advantage` is smaller on the new batches than on its holdout.
    """

    new: tuple[str, ...]
    rows: int
    age: int
    drift: float
    drifted: str
    loss: float


@dataclass(frozen=True)
class Decision:
    """RETRAIN or SKIP: `reasons` has a sentence for each threshold, those that call for it first.

    met: the keys of `trigger:` that call for it.
    `changed` says what besides the data is new since the champion was trained.
    """

    retrain: bool
    reasons: tuple[str, ...]
    figures: Figures | None
    met: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """RETRAIN or SKIP."""
        return "RETRAIN" if self.retrain else "SKIP"


def run(
    params: Params,
    *,
    manifest: Path,
    schema: Path,
    validated: Path,
    profiles: Path,
    records: Path,
    model: Path,
    card: Path,
    environment: Path,
) -> Decision:
    """Decide whether to train on what `validate` has accepted.

    Raises EvidenceError when validate's files are missing, or the model isn't that of its card.
    """
    if not model.exists() and not card.exists():
        return Decision(True, ("there is no model yet",), None)
    contract = load_schema(schema)
    champion = read_card(card)
    changes = changed(champion, params, contract, environment)
    if changes:
        return Decision(True, tuple(f"{what} changed" for what in changes), None)
    known = load_records(records)
    last = max(champion.holdout.batches)
    age = sum(batch.id > last for batch in read_manifest(manifest) if not batch.excluded)
    new = tuple(batch for batch, record in known.batches.items() if record.part and batch > last)
    if not new:
        nothing = Figures((), 0, age, float("nan"), "", float("nan"))
        return decide(nothing, params.trigger, last, champion.task)
    rows, _ = read_window(validated)
    fresh = rows.filter(pc.is_in(rows[BATCH], pa.array(new)))
    taught = [batch for batch in champion.train.batches if batch in known.batches]
    if not taught:
        return Decision(True, ("no batch that taught the model is in the window any more",), None)
    apart = excesses(_profiles(profiles, new), _profiles(profiles, taught), contract.compared)
    drifted = max(apart, key=lambda name: apart[name])
    figures = Figures(
        new,
        len(fresh),
        age,
        apart[drifted],
        drifted,
        _lost(champion, model, rows, fresh, contract),
    )
    return decide(figures, params.trigger, last, champion.task)


def changed(card: Card, params: Params, schema: Schema, environment: Path) -> list[str]:
    """Return what besides the data isn't as it was when the model was trained."""
    train = params.train
    found = {
        "train.estimator": card.estimator != train.estimator,
        "train.parameters": card.parameters
        != as_recorded(train.parameters.get(train.estimator, {})),
        "train.seed": card.seed != train.seed,
        "the features in schema.yaml": card.features
        != {name: schema.columns[name] for name in schema.features if name not in card.dropped},
        "the weight in schema.yaml": card.weight != schema.weight,
        "the target in schema.yaml": (card.target, card.positive)
        != (schema.target.column, schema.target.positive),
        "task": card.task != params.task,
        "the classes in schema.yaml": card.task == params.task
        and card.classes != target_of(params.task, schema).classes,
        "the training code": card.code_sha256 != code_hash(TRAINING),
        str(environment): card.environment_sha256 != sha256_file(environment),
    }
    return [what for what, differs in found.items() if differs]


def decide(figures: Figures, trigger: Trigger, last: str, task: Task = "binary") -> Decision:
    """Hold the figures against the thresholds. `last` is the champion's newest batch."""
    if not figures.new:
        return Decision(False, (f"no batch was accepted after {last}",), figures)
    rows, age = figures.rows >= trigger.new_rows, figures.age >= trigger.age
    # What can't be known isn't fine.
    drift, loss = not figures.drift <= trigger.drift, not figures.loss <= trigger.loss
    by, lost = f"{abs(figures.loss):.4f}", "larger" if figures.loss < 0 else "smaller"
    where = "nearer to" if figures.drift < 0 else "farther from"
    verdicts = [
        (
            "new_rows",
            rows,
            f"{figures.rows:,} new row{'s' * (figures.rows != 1)}: trigger.new_rows, "
            f"{trigger.new_rows:,}, is {_not(rows)}reached",
        ),
        (
            "age",
            age,
            f"{figures.age} batch{'es' * (figures.age != 1)} came after the model's newest one: "
            f"trigger.age, {trigger.age}, is {_not(age)}reached",
        ),
        (
            "drift",
            drift,
            f"{figures.drifted} is {abs(figures.drift):.3f} {where} the training data than usual "
            f"(Jensen-Shannon): trigger.drift, {trigger.drift:g}, is {_not(drift)}exceeded",
        ),
        (
            "loss",
            loss,
            f"the model's advantage over {_PRIORS[task].format(by)} {lost} than on its holdout: "
            f"trigger.loss, {trigger.loss:g}, is {_not(loss)}exceeded",
        ),
    ]
    reasons = [
        *(said for _, met, said in verdicts if met),
        *(said for _, met, said in verdicts if not met),
    ]
    met = tuple(name for name, met, _ in verdicts if met)
    return Decision(bool(met), tuple(reasons), figures, met)


# What the model is held against, and the unit in which its advantage is counted.
_PRIORS: Mapping[Task, str] = {
    "binary": "the class prior is {} nats",
    "multiclass": "the class prior is {} nats",
    "regression": "the mean is {} of the mean's RMSE",
}


def advantage(y: np.ndarray, p: np.ndarray, prior: np.ndarray, task: Task) -> float:
    """Return by how much a model's loss is below that of the prior it learned from.

    y, p: labels and scores, as `ratchet.scoring.rows` has them. In nats; a loss in the labels' unit
    is taken as a share of the prior's, so that a threshold doesn't depend on that unit: NaN where
    the prior is right about every row.
    """
    loss = loss_of(task)
    of_prior = prior_score(y, prior, task=task, metrics=[loss.name])[loss.name]
    gained = of_prior - score(y, p, task=task, metrics=[loss.name])[loss.name]
    if not loss.in_labels_unit:
        return gained
    return gained / of_prior if of_prior else float("nan")


def _not(met: bool) -> str:
    return "" if met else "not "


def _profiles(profiles: Path, batches: Sequence[str]) -> list[Profile]:
    return [read_profile(profile_path(profiles, batch)) for batch in batches]


def _lost(champion: Card, model: Path, rows: pa.Table, fresh: pa.Table, schema: Schema) -> float:
    """Return how much smaller the model's advantage over the prior is on the fresh rows.

    Against the prior, because some days are harder to predict than others, by any model.
    """
    estimator = persist.load(model, sha256=champion.model_sha256)
    task = champion.task
    target = target_of(task, schema)
    kinds = kinds_of(champion.features)

    def ahead(part: pa.Table) -> float:
        p = answer(estimator, champion, feature_frame(part, kinds))
        return advantage(target.labels(part), p, champion.train.prior, task)

    judged = rows.filter(pc.is_in(rows[BATCH], pa.array(list(champion.holdout.batches))))
    return ahead(judged) - ahead(fresh) if len(judged) else float("nan")


def describe(decision: Decision) -> str:
    """Say the decision, then a line for each reason."""
    return "\n".join([decision.word, *(f"  {reason}" for reason in decision.reasons)])


def to_json(decision: Decision) -> str:
    """Return the decision as JSON: `decision`, `reasons`, `figures` (null where there are none)."""
    figures = decision.figures and {
        name: None if value != value else value for name, value in asdict(decision.figures).items()
    }
    return json.dumps(
        {"decision": decision.word, "reasons": decision.reasons, "figures": figures}, indent=1
    )
