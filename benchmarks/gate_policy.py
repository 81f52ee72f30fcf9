"""Does the gate decide well? Every night of the sample's year, honest and spoiled challengers.

Fits some 500 models for each learner (kept in `--cache`, so that it can be stopped and continued)
and prints for each set of rules: the share of honest challengers blocked, of spoiled ones blocked
by kind, of honest ones that may mend a spoiled champion at once, and the mean log loss of what was
in production. Everything is decided by the gate's own code. Some 40 minutes on one free processor;
most of it are the fits, which `--jobs` shares out, and `--replicates 200` decides alike in less.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from gate_nights import (
    AHEAD,
    FIRST,
    SPOILS,
    STEP,
    WEEK,
    Array,
    Year,
    configured,
    fit_all,
    jobs,
    load_year,
)

from ratchet.config import Bootstrap, Gate, Rule, SliceRules, Train
from ratchet.gate.paired import Difference, Movement, differences, movement
from ratchet.gate.rules import Verdict, judge, judge_pair
from ratchet.scoring.bootstrap import Unit
from ratchet.scoring.metrics import score

WINDOW = 90
REPLICATES = 1000
ABOUT = """\
## How the gate decides

Every night of the sample's year, with a window of 90 days and a holdout of 7, decided by the gate's
own code under each set of rules. *1 night*, *1 week*: share of honest challengers that are blocked,
the champion being so old. Then the share of spoiled challengers that are blocked, by kind; their
mean, and the least of the first four kinds. *mended*: honest challengers that pass the night after
a spoiled champion. *production*: mean log loss of what was in production, on the next day; *with
spoiled*: the same when one night in ten brings a spoiled challenger; *let through*: how many of
those; *oldest*: the most days that a champion stood. `moved >.04: .01` is the default of
`params.yaml`: a challenger whose predictions moved by more than .04 times the root of the new
batches must prove that its log loss is at most .01 worse (95 %, whole days drawn), and a sure loss
above .01 never passes. The rules were chosen on this very year.
"""
COMPARED: dict[Unit, tuple[str, ...]] = {
    "batch": ("log_loss", "log_loss_within", "roc_auc"),
    "row": ("log_loss", "log_loss_within", "roc_auc"),
}

LEARNERS: dict[str, Train] = {
    "LR": configured("logistic_regression"),
    "HGB": configured("hist_gradient_boosting"),
}


def gate(moved_above: float = 1.0, **metrics: Rule) -> Gate:
    return Gate(
        metrics=metrics,
        moved_above=moved_above,
        slices=SliceRules(columns=[], metric="log_loss", margin=0, chance=0.01, min_rows=200),
        bootstrap=Bootstrap(replicates=REPLICATES, confidence=0.95, seed=0),
    )


def proof(moved_above: float, margin: float, within: float | None) -> Gate:
    """Ask for proof beyond `moved_above`; block a sure loss of more than .01 in any case."""
    return gate(
        moved_above,
        log_loss=Rule(margin_if_moved=margin, significant_loss=0.01),
        log_loss_within=Rule(margin_if_moved=within),
    )


def two_thresholds(auc: float, loss: float) -> Gate:
    return gate(
        roc_auc=Rule(significant_loss=auc, unit="row"),
        log_loss=Rule(significant_loss=loss, unit="row"),
    )


RULES: dict[str, Gate] = {
    "AUC, rows, loss > 0": gate(roc_auc=Rule(significant_loss=0, unit="row")),
    "AUC, days, loss > 0": gate(roc_auc=Rule(significant_loss=0)),
    "log loss, rows, loss > 0": gate(log_loss=Rule(significant_loss=0, unit="row")),
    "log loss, days, loss > 0": gate(log_loss=Rule(significant_loss=0)),
    "two thresholds .02, .02, rows": two_thresholds(0.02, 0.02),
    "two thresholds .01, .01, rows": two_thresholds(0.01, 0.01),
    "log loss, days, at most .01": gate(log_loss=Rule(margin=0.01)),
    "log loss, days, at most .02": gate(log_loss=Rule(margin=0.02)),
    "within days, loss > .003, rows": gate(
        log_loss_within=Rule(significant_loss=0.003, unit="row")
    ),
    "within days or log loss > .01, rows": gate(
        log_loss_within=Rule(significant_loss=0.003, unit="row"),
        log_loss=Rule(significant_loss=0.01, unit="row"),
    ),
    **{
        f"moved > {moved}: at most {margin}" + (f", within {within}" if within else ""): proof(
            moved, margin, within
        )
        for moved, margin, within in (
            (0.04, 0.01, None),  # the default
            (0.03, 0.01, None),
            (0.03, 0.01, 0.01),
            (0.03, 0.02, None),
            (0.03, 0.01, 0.005),
            (0.03, 0.02, 0.01),
            (0.03, 0.005, 0.003),
            (0.02, 0.01, None),
        )
    },
}

MENDED = "mended"  # an honest challenger against a spoiled champion of the night before

Model = tuple[str, int]  # kind, night
Decide = Callable[[Model, Model], bool]  # champion, challenger: promote?


@dataclass(frozen=True)
class Compared:
    """A champion and a challenger on the challenger's holdout."""

    found: Mapping[tuple[Unit, str], Difference]  # by unit and metric
    moved: Movement
    new_batches: int

    def passes(self, rules: Gate) -> bool:
        chosen = {name: self.found[rule.unit, name] for name, rule in rules.metrics.items()}
        judged = judge(judge_pair(chosen, self.moved, self.new_batches, rules))
        if judged.verdict is Verdict.ERROR:
            raise AssertionError(judged.reasons)
        return judged.verdict is Verdict.PASS


@dataclass(frozen=True)
class Play:
    """The year, and what every model of one learner predicts from its night on."""

    year: Year
    predicted: Mapping[Model, Array]
    replicates: int = REPLICATES

    def of(self, model: Model, first: int, stop: int) -> Array:
        """Return what a model predicts for the days from `first` to before `stop`."""
        start = self.year.start
        skipped = int(start[first] - start[model[1]])
        found = self.predicted[model][skipped : skipped + int(start[stop] - start[first])]
        if len(found) < start[stop] - start[first]:
            raise LookupError(f"{model} does not reach day {stop - 1}: raise AHEAD")
        return found.astype(np.float64)

    def labels(self, first: int, stop: int) -> tuple[Array, Array]:
        rows = self.year.rows(first, stop)
        sizes = np.diff(self.year.start[first : stop + 1])
        return self.year.y[rows], np.repeat(np.arange(len(sizes)), sizes)

    def compare(self, champion: Model, challenger: Model, holdout: int = WEEK) -> Compared:
        first, stop = challenger[1], challenger[1] + holdout
        y, day = self.labels(first, stop)
        old, new = self.of(champion, first, stop), self.of(challenger, first, stop)
        found = {
            (unit, name): each
            for unit, metrics in COMPARED.items()
            for name, each in differences(
                y, old, new, day, metrics=metrics, seed=0, replicates=self.replicates, unit=unit
            ).items()
        }
        return Compared(found, movement(y, old, new), challenger[1] - champion[1])

    def night_loss(self, model: Model, day: int) -> float:
        y, _ = self.labels(day, day + 1)
        return score(y, self.of(model, day, day + 1), metrics=["log_loss"])["log_loss"]

    def own_auc(self, model: Model) -> float:
        first, stop = model[1], model[1] + WEEK
        y, _ = self.labels(first, stop)
        return score(y, self.of(model, first, stop), metrics=["roc_auc"])["roc_auc"]


@dataclass(frozen=True)
class Replayed:
    """What was in production: mean of the nights' log losses, and how often it changed."""

    loss: float
    promoted: int
    let_through: int
    oldest: int


def replay(play: Play, nights: Sequence[int], decide: Decide, *, spoil: bool) -> Replayed:
    """Play the nights; the model that stands after each serves the next day."""
    champion: Model = ("honest", nights[0] - 1)
    losses, promoted, let_through, oldest = [], 0, 0, 0
    kinds = list(SPOILS)
    for night in nights:
        bad = spoil and night % STEP == 0 and (kinds[night // STEP % len(kinds)], night)
        challenger = bad if bad and bad in play.predicted else ("honest", night)
        # What the cache doesn't reach any more is replaced, and shows as `oldest`.
        stale = night + WEEK + 1 - champion[1] > AHEAD
        if stale or decide(champion, challenger):
            champion = challenger
            promoted += 1
            let_through += challenger[0] != "honest"
        oldest = max(oldest, night - champion[1])
        losses.append(play.night_loss(champion, night + WEEK))
    return Replayed(float(np.mean(losses)), promoted, let_through, oldest)


def pairs(play: Play) -> list[tuple[str, Model, Model]]:
    """Return (what, champion, challenger) of all single decisions."""
    honest = [night for kind, night in play.predicted if kind == "honest"]
    last = play.year.days - WEEK
    found = [
        (f"age {age}", ("honest", night - age), ("honest", night))
        for age in (1, WEEK)
        for night in honest
        if FIRST <= night <= last and night - age in honest
    ]
    spoiled = [model for model in play.predicted if model[0] in SPOILS]
    found += [(kind, ("honest", night - 1), (kind, night)) for kind, night in spoiled]
    found += [(MENDED, (kind, night), ("honest", night + 1)) for kind, night in spoiled]
    return found


def naive(play: Play, champion: Model, challenger: Model) -> bool:
    """Compare two recorded AUCs, each on its own holdout, as a diff of metrics does."""
    return play.own_auc(challenger) - play.own_auc(champion) >= -0.01


def table(play: Play) -> list[str]:
    """Return the lines of the table for one learner."""
    single = pairs(play)
    asked = ["age 1", f"age {WEEK}", *SPOILS, MENDED]
    known: dict[tuple[Model, Model], Compared] = {}

    def compare(a: Model, b: Model) -> Compared:
        if (a, b) not in known:
            known[a, b] = play.compare(a, b)
        return known[a, b]

    last = play.year.days - WEEK - 1
    nights = [night for night in range(FIRST, last + 1) if ("honest", night) in play.predicted]
    lines = [
        "| rules | "
        + " | ".join(["1 night", "1 week", *SPOILS, "mean", "first four", MENDED])
        + " | production | with spoiled | let through | oldest |"
    ]
    lines.append("|---|" + "--:|" * (len(SPOILS) + 9))

    def row(name: str, decide: Decide) -> str:
        blocked = {
            what: float(np.mean([not decide(a, b) for each, a, b in single if each == what]))
            for what in asked
        }
        plain, spoiled = (replay(play, nights, decide, spoil=each) for each in (False, True))
        return line(name, blocked, plain, spoiled)

    lines.append(row("always retrain", always))
    lines.append(row("metrics diff, AUC", partial(naive, play)))
    for name, rules in RULES.items():
        lines.append(row(name, partial(passing, compare, rules)))
    counts = [sum(k == w for k, _, _ in single) for w in asked]
    return [*lines, f"nights: {counts}"]


def always(champion: Model, challenger: Model) -> bool:  # noqa: ARG001 (decides without looking)
    return True


def passing(
    compare: Callable[[Model, Model], Compared], rules: Gate, champion: Model, challenger: Model
) -> bool:
    return compare(champion, challenger).passes(rules)


def line(name: str, blocked: Mapping[str, float], plain: Replayed, spoiled: Replayed) -> str:
    power = [blocked[kind] for kind in SPOILS]
    cells = [f"{blocked['age 1']:.1%}", f"{blocked[f'age {WEEK}']:.1%}"]
    cells += [f"{each:.2f}" for each in (*power, sum(power) / len(power), min(power[:4]))]
    cells += [f"{1 - blocked[MENDED]:.2f}"]
    cells += [f"{plain.loss:.5f}", f"{spoiled.loss:.5f}", str(spoiled.let_through)]
    cells += [str(max(plain.oldest, spoiled.oldest))]
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, help="folder for predictions; default: thrown away")
    parser.add_argument("--learner", choices=LEARNERS, action="append")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--replicates", type=int, default=REPLICATES)
    args = parser.parse_args()
    print(ABOUT, flush=True)
    year = load_year()
    with tempfile.TemporaryDirectory(prefix="gate-") as folder:
        for name in args.learner or LEARNERS:
            began = time.monotonic()
            predicted = fit_all(
                args.cache or Path(folder),
                name,
                LEARNERS[name],
                WINDOW,
                year,
                jobs(year),
                args.jobs,
            )
            print(
                f"\n### {name}\n",
                *table(Play(year, predicted, args.replicates)),
                sep="\n",
                flush=True,
            )
            print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
