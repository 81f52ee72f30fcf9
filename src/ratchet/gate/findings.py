"""What the gate found out on its way to a verdict: everything that its report tells."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ratchet.artifacts.card import Card
from ratchet.artifacts.scored import Scored
from ratchet.gate import same_rows
from ratchet.gate.more import Compared
from ratchet.gate.paired import Difference, Movement
from ratchet.gate.policy import Policy
from ratchet.gate.recorded import Recorded
from ratchet.gate.rollback import Rollback
from ratchet.gate.rules import Judgement, Outcome, Status, Verdict, judge
from ratchet.gate.same_rows import Pair
from ratchet.gate.slices import Slice
from ratchet.gate.words import confidently
from ratchet.journal.commits import Revision
from ratchet.scoring.bootstrap import Unit
from ratchet.scoring.metrics import main_of

EVIDENCE = "evidence"  # the rule of what must hold before anything can be judged


@dataclass(frozen=True)
class Batches:
    """What happened to the data between two revisions: ids of batches."""

    added: Sequence[str] = ()
    removed: Sequence[str] = ()
    repinned: Sequence[str] = ()
    overruled: Mapping[str, str] = field(default_factory=dict)
    quarantined: Sequence[str] = ()


@dataclass(frozen=True)
class Side:
    """One of the two models: its card, the size of its file in bytes, its figures, its scores."""

    card: Card
    bytes: int
    figures: Mapping[str, float]
    scored: Scored


@dataclass
class Findings:
    """Filled step by step; what a step that failed would have filled stays empty."""

    base_name: str
    base: Revision | None = None
    head: Revision | None = None
    behind: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    policy: Policy | None = None
    policy_changes: Sequence[str] = ()
    approved: bool = False
    recorded: dict[str, Recorded] = field(default_factory=dict)
    batches: Batches = field(default_factory=Batches)
    champion: Side | None = None
    challenger: Side | None = None
    rollback: Rollback | None = None
    same_model: bool = False
    first: bool = False
    differences: Mapping[str, Difference] = field(default_factory=dict)
    movement: Movement | None = None
    slices: Sequence[Slice] = ()
    latency: Compared | None = None
    drill: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def judgement(self) -> Judgement:
        """The verdict of all outcomes so far."""
        return judge(self.outcomes, first=self.first)

    @property
    def reason(self) -> str:
        """Why the verdict is what it is, in one sentence."""
        judged = self.judgement
        if judged.reasons:
            more = len(judged.reasons) - 1
            return judged.reasons[0] + (f" (and {more} more)" if more else "")
        if self.rollback:
            return str(self.rollback)
        if self.same_model:
            return "the model didn't change: its bytes are those of the base's"
        if judged.verdict == Verdict.FIRST:
            return "only the floors were asked for"
        return self.in_words or "no rule speaks against it"

    @property
    def in_words(self) -> str:
        """What the intervals mean; empty without a comparison."""
        if self.policy is None or self.challenger is None:
            return ""
        main = main_of(self.challenger.card.task)
        return confidently(self.differences, self.policy.rules.bootstrap.confidence, main)

    def compare(self) -> None:
        """Judge champion and challenger, which are there, by their scores of the same rows.

        The task's two main metrics are compared with intervals whatever the rules ask for.
        """
        assert self.policy is not None
        assert self.champion is not None
        assert self.challenger is not None
        asked, old, new = self.policy.rules, self.champion, self.challenger
        rows, task = new.scored, new.card.task
        units: dict[str, Unit] = dict.fromkeys(main_of(task), "batch")
        compared = same_rows.compare(
            Pair(rows.label, rows.batch, rows.columns, old.scored.score, rows.score, task),
            units | {name: rule.unit for name, rule in asked.metrics.items()},
            len(new.card.train.batches.items() - old.card.train.batches.items()),
            asked,
            self.policy.evaluate.threshold,
        )
        self.differences, self.movement = compared.differences, compared.movement
        self.slices = compared.slices
        self.outcomes += compared.outcomes

    def with_status(self, *statuses: Status) -> list[Outcome]:
        """Return the outcomes with these statuses, in the order in which they were found."""
        return [each for each in self.outcomes if each.status in statuses]

    def evidence(self, subject: str, problems: Iterable[str], said: str, advice: str) -> None:
        """Note what must hold: fine as `said`, or an ERROR with the problems and the advice."""
        listed = list(problems)
        if not listed:
            self.outcomes.append(Outcome(EVIDENCE, subject, Status.FINE, said))
            return
        shown = "; ".join(listed[:5]) + (f"; and {len(listed) - 5} more" if len(listed) > 5 else "")
        self.outcomes.append(Outcome(EVIDENCE, subject, Status.ERROR, f"{shown}; {advice}"))
