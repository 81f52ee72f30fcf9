"""From differences to a verdict. Pure: figures and rules in, outcomes with reasons out.

Two rules about a metric's loss (by how much the challenger is worse) and its interval:

- *significant loss*: BLOCK if the loss is above a minimal one and the interval lies above 0. The
  minimal loss keeps a tiny but certain difference from stopping a night.
- *non-inferiority*: BLOCK unless the interval excludes a loss of more than a margin. The burden of
  proof is the challenger's. Wellek (2010), Testing Statistical Hypotheses of Equivalence and
  Noninferiority, chapter 1. Asked always (`margin`), or only of a challenger whose predictions
  moved far from the champion's (`margin_if_moved`): who changes much must prove more.

What is far depends on how much is new. Each new batch pushes the predictions a little in a
direction of its own, so honest challengers move like a random walk, with the square root of the
number of batches that they learned from and the champion did not. On few days a spoiled model's
loss often hides behind the luck of the days; that it moved does not, for that needs no labels.

It fails closed: a figure that is missing or isn't finite is an ERROR, and so is a judgement that
has judged nothing. Improvement never blocks: no rule looks at a gain.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite, sqrt

from ratchet.config import Bootstrap, Gate, Rule, SliceRules
from ratchet.errors import ConfigError
from ratchet.gate import words
from ratchet.gate.paired import Difference, Movement, require_paired
from ratchet.gate.slices import Slice, chances
from ratchet.scoring.bootstrap import Unit
from ratchet.scoring.digits import count
from ratchet.scoring.metrics import METRICS
from ratchet.task import Task

EXACT = 1e3  # from here on four digits would be spelt with an exponent


class Status(StrEnum):
    """What a rule says."""

    FINE = "fine"
    WARNS = "warns"
    BLOCKS = "blocks"
    ERROR = "error"
    UNJUDGED = "not judged"


class Verdict(StrEnum):
    """What all rules say together. FIRST: there is no champion, and the floors hold."""

    PASS = "PASS"
    FIRST = "FIRST"
    BLOCK = "BLOCK"
    ERROR = "ERROR"


@dataclass(frozen=True)
class Outcome:
    """What one rule says, and why, in a sentence. subject: the metric, or the slice."""

    rule: str
    subject: str
    status: Status
    reason: str


@dataclass(frozen=True)
class Judgement:
    """The verdict, and the outcomes that it follows from."""

    verdict: Verdict
    outcomes: Sequence[Outcome]

    @property
    def reasons(self) -> list[str]:
        """The sentences of the outcomes that made the verdict; none for PASS and FIRST."""
        made = {Verdict.BLOCK: Status.BLOCKS, Verdict.ERROR: Status.ERROR}.get(self.verdict)
        return [each.reason for each in self.outcomes if each.status == made]


def require_fit(rules: Gate, task: Task, where: str) -> None:
    """Raise ConfigError, beginning with `where`, when rules name a metric of another task."""
    require_paired(rules.metrics, task, f"{where}: gate.metrics")
    if rules.slices.columns:
        require_paired([rules.slices.metric], task, f"{where}: gate.slices.metric")


def judge(outcomes: Iterable[Outcome], *, first: bool = False) -> Judgement:
    """Put outcomes together; `first` if there is no champion to compare with.

    One ERROR is an ERROR, else one BLOCK a BLOCK. Where no rule judged anything it is an ERROR,
    but for the first model, of which only floors are asked.
    """
    listed = list(outcomes)
    statuses = {each.status for each in listed}
    if Status.ERROR in statuses:
        return Judgement(Verdict.ERROR, listed)
    if Status.BLOCKS in statuses:
        return Judgement(Verdict.BLOCK, listed)
    if first:
        return Judgement(Verdict.FIRST, listed)
    if Status.FINE not in statuses:
        nothing = Outcome("rules", "gate", Status.ERROR, "no rule of gate: judged anything")
        return Judgement(Verdict.ERROR, [*listed, nothing])
    return Judgement(Verdict.PASS, listed)


def far_from(new_batches: int, rules: Gate) -> float:
    """Return how far predictions may move without proof, given the number of new batches.

    As for one batch when there is none: a change of code or parameters alone.
    """
    return rules.moved_above * sqrt(max(new_batches, 1))


def about_pairs(rules: Gate) -> dict[str, Unit]:
    """Return the metrics that a rule about pairs may ask for, each with what resamples draw."""
    return {name: rule.unit for name, rule in rules.metrics.items() if _asked(rule, far=True)}


def judge_pair(
    found: Mapping[str, Difference], moved: Movement, new_batches: int, rules: Gate
) -> Iterator[Outcome]:
    """Judge the differences on the same rows by the rules of every metric.

    found: the differences by metric, each from resamples of the unit that its rule names, with
    intervals of the confidence that `rules` says. new_batches: batches that taught the challenger
    and not the champion.
    """
    limit = far_from(new_batches, rules)
    if not isfinite(moved.mean) or new_batches < 0:
        figures = {"movement": moved.mean, "new batches": new_batches}
        yield _broken("moved_above", "predictions", figures)
        return
    far = moved.mean > limit
    if any(rule.margin_if_moved is not None for rule in rules.metrics.values()):
        yield Outcome(
            "moved_above",
            "predictions",
            Status.UNJUDGED if far else Status.FINE,  # far isn't wrong: more is asked below
            f"predictions moved by {moved.mean:.4f}{_measure(moved)} on average; above {limit:.4f} "
            f"({count(new_batches, 'new batch', 'new batches')}) they need proof: "
            f"{'they do' if far else 'they do not'}",
        )
    for name, rule in rules.metrics.items():
        asked = _asked(rule, far)
        if not asked:
            continue
        difference = found.get(name)
        if difference is None:
            yield Outcome("rescored", name, Status.ERROR, f"{name} was not compared")
        elif wrong := _unusable(difference):
            yield _broken("rescored", name, wrong)
        else:
            yield from (_compare(kind, most, difference, rules.bootstrap) for kind, most in asked)


def judge_floors(figures: Mapping[str, float], rules: Gate) -> Iterator[Outcome]:
    """Judge the challenger's own figures on the holdout: all that is asked of a first model."""
    for name, rule in rules.metrics.items():
        if rule.floor is None:
            continue
        figure = figures.get(name)
        if figure is None or not isfinite(figure):
            yield _broken("floor", name, {"challenger": figure})
            continue
        greater = _greater_is_better(name)
        # Written so that whatever isn't surely fine blocks.
        fine = figure >= rule.floor if greater else figure <= rule.floor
        side = "at least" if greater else "at most"
        yield Outcome(
            "floor",
            name,
            Status.FINE if fine else Status.BLOCKS,
            f"{name} of the new model is {_spelt(figure)}; asked is {side} {rule.floor:g}",
        )


def judge_recorded(
    base: Mapping[str, float | None], head: Mapping[str, float | None], rules: Gate
) -> Iterator[Outcome]:
    """Judge the figures that the two commits recorded, as `dvc metrics diff` shows them.

    They are taken on different rows: `max_drop` is against collapses and must be wide. A metric
    that only one of the two has is an ERROR, and so is a figure that isn't finite.
    """
    for name in sorted(base.keys() | head.keys()):
        figures = {"base": base.get(name), "this revision": head.get(name)}
        if any(each is None or not isfinite(each) for each in figures.values()):
            yield _broken("recorded", name, figures)
    for name, rule in rules.metrics.items():
        before, after = base.get(name), head.get(name)
        if rule.max_drop is None:
            continue
        if before is None or after is None:
            if name not in base and name not in head:  # the others were told above
                yield _broken("max_drop", name, {"base": before, "this revision": after})
            continue
        drop = before - after if _greater_is_better(name) else after - before
        if isfinite(drop):
            yield Outcome(
                "max_drop",
                name,
                Status.FINE if drop <= rule.max_drop else Status.BLOCKS,
                f"recorded {name} went from {_spelt(before)} to {_spelt(after)}: "
                f"{_worse(drop, words.decimals(name, before, after))}, allowed are "
                f"{rule.max_drop:g}",
            )


def judge_slices(slices: Sequence[Slice], rules: SliceRules) -> Iterator[Outcome]:
    """Judge each slice: it blocks if it surely loses more than the margin.

    "Surely" is corrected for the number of slices that are judged (`ratchet.gate.slices`).
    """
    for part in slices:
        if part.difference is not None and (wrong := _unusable(part.difference)):
            yield _broken("slices", f"{part.column}={part.value}", wrong)
            return
    for part, chance in zip(slices, chances(slices, rules.margin), strict=True):
        name = f"{part.column}={part.value}"
        if part.difference is None or chance is None:
            yield Outcome("slices", name, Status.UNJUDGED, f"{name}: {part.reason}")
            continue
        loss = _worse(part.difference.loss, _decimals(part.difference))
        yield Outcome(
            "slices",
            name,
            Status.BLOCKS if chance < rules.chance else Status.FINE,
            f"{name} ({part.rows} rows): {rules.metric} is {loss}; chance of that if it "
            f"lost no more than {rules.margin:g}: {_share(chance)}",
        )


def _asked(rule: Rule, far: bool) -> list[tuple[str, float]]:
    """Return the rules about a pair, (kind, limit), that are asked of this challenger."""
    kinds = {
        "significant_loss": rule.significant_loss,
        "margin": rule.margin,
        "margin_if_moved": rule.margin_if_moved if far else None,
    }
    return [(kind, limit) for kind, limit in kinds.items() if limit is not None]


def _compare(kind: str, limit: float, found: Difference, bootstrap: Bootstrap) -> Outcome:
    sure = f"{bootstrap.confidence:.0%}"
    digits = _decimals(found)
    between = f"{sure} interval {words.between(found.low, found.high, digits)}"
    said = f"{found.metric} is {_worse(found.loss, digits)} ({between})"
    if kind == "significant_loss":
        fine = found.loss <= limit or found.low <= 0
        why = f"{said}; a loss above {limit:g} that is surely one blocks"
    else:
        fine = found.high <= limit
        most = f"at most {max(found.high, 0):,.{digits}f} worse with {sure} confidence"
        why = f"{said}: {most}; asked is at most {limit:g}"
        if kind == "margin_if_moved":
            why += ", because predictions moved far"
    return Outcome(kind, found.metric, Status.FINE if fine else Status.BLOCKS, why)


def _unusable(found: Difference) -> dict[str, float]:
    """Return the figures of a difference that aren't finite or contradict each other."""
    figures = {
        "champion": found.champion,
        "challenger": found.challenger,
        "loss": found.loss,
        "low": found.low,
        "high": found.high,
    }
    wrong = {name: each for name, each in figures.items() if not isfinite(each)}
    if not wrong and found.low > found.high:
        return {"low": found.low, "high": found.high}
    return wrong


def _broken(rule: str, name: str, figures: Mapping[str, float | None]) -> Outcome:
    said = ", ".join(
        f"{which} {'is missing' if figure is None else f'is {figure}'}"
        for which, figure in figures.items()
    )
    return Outcome(rule, name, Status.ERROR, f"{name}: {said}; without it nothing can be judged")


def _greater_is_better(name: str) -> bool:
    if name not in METRICS:
        raise ConfigError(
            f"params.yaml: gate.metrics.{name}: max_drop and floor are for recorded metrics; "
            f"choose among {', '.join(METRICS)}"
        )
    return METRICS[name].greater_is_better


def _worse(loss: float, digits: int) -> str:
    how = "worse" if loss > 0 else "better"
    return f"{abs(loss):,.{digits}f} {how}" if loss else "unchanged"


def _decimals(found: Difference) -> int:
    return words.decimals(found.metric, found.champion, found.challenger)


def _measure(moved: Movement) -> str:
    return "" if moved.flips is not None else " of the labels' standard deviation"


def _spelt(figure: float) -> str:
    return f"{figure:.4g}" if abs(figure) < EXACT else f"{figure:,.0f}"


def _share(chance: float) -> str:
    return f"{chance:.2g}" if chance >= 0.0001 else "below 0.0001"
