"""What a rollback restored, what it kept, and what it leaves behind."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ruamel.yaml import YAML

from ratchet.artifacts.answers import Answers
from ratchet.gate import words
from ratchet.gate.policy import differences
from ratchet.gate.restoration import Restoration
from ratchet.journal.accepted import Version
from ratchet.journal.commits import Revision
from ratchet.scoring.digits import count
from ratchet.scoring.metrics import METRICS
from ratchet.versions.record import Record, span

MOST_LINES = 20  # of differences between two files that are told


@dataclass(frozen=True)
class Side:
    """What is known of one of the two models, as it was recorded then."""

    at: Revision
    version: Version | None
    model_sha256: str
    record: Record

    @property
    def name(self) -> str:
        """The tag of its version, or the beginning of its hash."""
        return self.version.tag if self.version else self.model_sha256[:12] or "no model"


@dataclass(frozen=True)
class Story:
    """Everything that a rollback tells.

    bad: what is rolled back. good: what is restored. before: the content of params.yaml and
    schema.yaml, by path, as it was. other_environment: the lock file of the libraries has changed
    since the version was accepted. answers: what became of its golden predictions. model: the path
    of the model.
    """

    reason: str
    bad: Side
    good: Side
    restored: Restoration
    before: Mapping[str, object]
    params: str
    schema: str
    other_environment: bool
    answers: Answers
    model: str

    @property
    def changed_values(self) -> Mapping[str, Sequence[str]]:
        """What the rollback changes in params.yaml and schema.yaml, by path, a line each."""
        return {
            path: [
                line.removeprefix(".")
                for line in differences(self.before[path], _parsed(self.restored.files[path]), "")
            ]
            for path in (self.params, self.schema)
        }


def markdown(story: Story) -> str:
    """Return the report as Markdown that fits a pull request."""
    parts = [
        f"# Rolled back to `{story.good.name}`",
        f"**{words.sentence(story.reason)}**",
        _both(story),
        _answers(story),
        _section("Left behind", _left(story)),
        _section("Kept as it was before the rollback", _kept(story)),
        _section("Next", _next(story)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def brief(story: Story, commit: str) -> str:
    """Return what the terminal shows. commit: empty in a dry run."""
    pins, values = story.restored.manifest, story.changed_values
    done = "is back" if commit else "would be back"
    lines = [
        f"{story.good.name} ({story.good.model_sha256[:12]}) {done}, instead of "
        f"{story.bad.name}: {story.reason}"
    ]
    version, card = story.good.version, story.good.record.card
    if version and card:
        lines.append(f"  accepted on {version.day}, taught by {span(card.train)}")
    left = [f"{count(len(pins.left), 'batch', 'batches')} pinned since"] * bool(pins.left)
    for path, changes in values.items():
        left += [f"{count(len(changes), 'value', 'values')} of {path}"] * bool(changes)
    if left:
        lines.append(f"  left behind: {', '.join(left)}")
    if pins.again:
        lines.append(f"  pinned again: {count(len(pins.again), 'batch', 'batches')}")
    if pins.carried:
        lines.append(f"  people's words carried over: {words.ids(list(pins.carried))}")
    proven = "the model's SHA-256 is proven: it is the accepted file"
    lines += [f"  commit {commit[:10]}; {proven}" if commit else f"  {proven}", *_told(story)]
    if commit:
        lines.append("  next: open a pull request; reports/rollback.md has all of it")
    return "\n".join(lines)


def _both(story: Story) -> str:
    bad, good = story.bad, story.good
    rows = [
        ["version", *(f"`{side.name}`" for side in (bad, good))],
        ["accepted on", *(side.version.day if side.version else "" for side in (bad, good))],
        ["commit", *(f"`{side.at.commit[:10]}`" for side in (bad, good))],
        ["model, SHA-256", *(f"`{side.model_sha256[:12] or 'none'}`" for side in (bad, good))],
    ]
    cards = [side.record.card for side in (bad, good)]
    for name, part in (("taught by", "train"), ("judged by", "holdout")):
        rows.append([name, *(span(getattr(card, part)) if card else "" for card in cards)])
    for name, figure in good.record.figures.items():
        before, digits = bad.record.figures.get(name), words.decimals(name, figure.value)
        values = (before.value if before else None, figure.value)
        rows.append([METRICS[name].title, *(words.figure(each, digits) for each in values)])
    table = words.table(["", "rolled back", "restored"], rows)
    return f"{table}\n\nMetrics are as recorded then, each on its own days."


def own_environment(tag: str, model: str) -> list[str]:
    """Return the commands that run a version with its own code and locked environment."""
    return [
        f"git worktree add ../{tag} {tag} && cd ../{tag}",
        "make setup && source .venv/bin/activate",
        f"dvc pull {model} && ratchet predict {model} FILE",
    ]


def _told(story: Story) -> Iterator[str]:
    yield f"  the model {story.answers}"
    if story.answers.wrong:
        yield "  its own code and environment, in which it answers as it did:"
        yield from (f"    {line}" for line in own_environment(story.good.name, story.model))


def _answers(story: Story) -> str:
    """Say whether the model still means the same to today's code and libraries."""
    said = words.plain(f"The model {story.answers}.")
    if not story.answers.wrong:
        return f"The file is the accepted one, byte for byte. {said}"
    commands = "\n".join(own_environment(story.good.name, story.model))
    return (
        f"⚠️ **The file is the accepted one, byte for byte, but: {said}** Whoever serves it with "
        "today's libraries gets other predictions than those that were accepted, or none. Its own "
        f"code and environment:\n\n```\n{commands}\n```"
    )


def _left(story: Story) -> Iterator[str]:
    pins = story.restored.manifest
    if pins.left:
        yield (
            f"batches pinned since, which the next `ratchet discover` finds again: "
            f"{words.ids(pins.left)}"
        )
    for batch, word in pins.left_words.items():
        said = f"{words.plain(batch)}: {words.plain(word)}"
        yield f"**a person's word on one of these, to be said again: {said}**"
    if pins.again:
        yield f"batches that weren't pinned any more, and are again: {words.ids(pins.again)}"
    if pins.repinned:
        yield f"batches whose content was pinned anew since: {words.ids(pins.repinned)}"
    for path, changes in story.changed_values.items():
        yield from _first(f"`{path}`", changes)


def _kept(story: Story) -> Iterator[str]:
    restored = story.restored
    yield "code, `dvc.yaml`, workflows"
    if story.other_environment:
        yield (
            "⚠️ the locked environment, which is not that of the version: its own is "
            f"`requirements/run.txt` at `{story.good.name}`"
        )
    yield from _first("the gate's policy, which the version had otherwise", restored.settings.kept)
    yield from _first(f"`{story.params}`", restored.settings.adapted)
    for batch, word in restored.manifest.carried.items():
        yield f"a person's word on {words.plain(batch)}: {words.plain(word)}"


def _next(story: Story) -> Iterator[str]:
    yield (
        "open a pull request; the gate knows the rollback by the version's tag. `dvc push` isn't "
        "needed: the remote has had all of it since the version was accepted"
    )
    yield f"after the merge, `ratchet register` puts `{story.good.name}` in production again"
    yield (
        "the next night discovers and trains on what is new; `dvc status` is stale until then, as "
        "today's code didn't make this model"
    )
    if story.bad.model_sha256:
        yield (
            f"`{story.bad.model_sha256[:12]}` stands in `models/rolled_back.csv`: the gate refuses "
            "it. If a batch made it bad: `ratchet discover`, `ratchet batch exclude ID --note WHY`"
        )


def _section(title: str, lines: Iterable[str]) -> str:
    listed = [f"- {line}" for line in lines]
    return "\n".join([f"## {title}", "", *listed]) if listed else ""


def _first(title: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines[:MOST_LINES]:
        yield f"{title}: {words.plain(words.short(line))}"
    if len(lines) > MOST_LINES:
        yield f"{title}: {len(lines) - MOST_LINES} more"


def _parsed(content: bytes | None) -> object:
    return YAML(typ="safe").load((content or b"").decode()) or {}
