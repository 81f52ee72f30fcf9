"""The gate's report for the pull request.

The verdict comes first, then its reason in one sentence, then what a person looks for next.
Tables have four columns at most: more don't fit a phone.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ratchet.artifacts.card import Card
from ratchet.files import write_text
from ratchet.gate import record, words
from ratchet.gate.findings import Findings
from ratchet.gate.paired import Difference
from ratchet.gate.rules import Outcome, Status, Verdict
from ratchet.gate.slices import Slice
from ratchet.journal import rolled_back
from ratchet.scoring.metrics import METRICS
from ratchet.task import Task

# A comment on GitHub takes 65,536 characters, a step summary 1 MiB.
MOST_CHARACTERS = 60_000
MOST_SLICES = 20
CURVES: Mapping[Task, str] = {
    "binary": "roc.png",
    "multiclass": "calibration.png",
    "regression": "predictions.png",
}
PICTURES = ("differences.png", *CURVES.values(), "batches.png")  # of all tasks

_TITLES = {
    Verdict.PASS: "✅ PASS: the new model may take over",
    Verdict.FIRST: "🌱 FIRST: the first model, and it clears the floors",
    Verdict.BLOCK: "⛔ BLOCK: this must not be merged",
    Verdict.ERROR: "❌ ERROR: the evidence doesn't hold",
}
_MARKS = {
    Status.FINE: "✅",
    Status.WARNS: "⚠️",
    Status.BLOCKS: "⛔",
    Status.ERROR: "❌",
    Status.UNJUDGED: "▫️",
}
_MORE = ("size", "latency", "calibration", "churn", "same_inputs", "same_model", "inputs")
_COMPARING = ("significant_loss", "margin", "margin_if_moved")


def markdown(found: Findings, pictures: str = "", drawn: Sequence[str] = ()) -> str:
    """Return the report as GitHub Markdown of at most `MOST_CHARACTERS`.

    drawn: names of the pictures there are. pictures: what stands before them in a link.
    """
    parts = [
        part
        for part in (
            _head(found),
            _policy(found),
            _why(found),
            _same_rows(found),
            _images(pictures, drawn),
            _slices(found),
            _more(found),
            _data(found),
            _drill(found),
            _next(found),
            _recorded(found),
            _evidence(found),
        )
        if part
    ]
    told = "\n\n".join(parts) + "\n"
    if len(told) <= MOST_CHARACTERS:
        return told
    note = "\n\n*Shortened to fit a comment: `gate.json` has everything.*\n"
    kept, room = [], MOST_CHARACTERS - len(note)
    for part in parts:
        room -= len(part) + 2
        if room < 0:
            break
        kept.append(part)
    return "\n\n".join(kept) + note


def _head(found: Findings) -> str:
    title = _TITLES[found.judgement.verdict]
    if found.judgement.verdict == Verdict.PASS:
        if found.rollback:
            title = "✅ PASS: this model was accepted before"
        elif found.same_model:
            title = "✅ PASS: the model didn't change"
    lines = [f"# {title}", "", f"**{words.sentence(found.reason)}**", ""]
    against = f"`{found.base.commit[:10]}`" if found.base else ""
    if found.base and found.base_name != found.base.commit:
        against += f" ({words.plain(found.base_name)})"
    if found.head and against:
        lines.append(f"`{found.head.commit[:10]}` against {against}.")
    if found.challenger:
        rows = found.challenger.card.holdout
        ids = list(rows.batches)
        span = ids[0] if len(ids) == 1 else f"{ids[0]} to {ids[-1]}"
        judged = "Both judged on the same" if found.champion else "Judged on"
        lines.append(
            f"{judged} {rows.rows:,} rows of {len(ids)} "
            f"{'batch' if len(ids) == 1 else 'batches'}, {span}; "
            f"{_labels(found.challenger.card)}."
        )
    if found.behind:
        lines.append(
            f"⚠️ The base has {found.behind} {'commit' if found.behind == 1 else 'commits'} that "
            "this revision lacks: bring it up to date before the merge."
        )
    return "\n".join(lines)


def _policy(found: Findings) -> str:
    if not found.policy_changes and not (found.policy and found.policy.new):
        return ""
    lines = [f"- `{words.plain(each)}`" for each in found.policy_changes[: words.MOST_IDS]]
    if len(found.policy_changes) > words.MOST_IDS:
        lines.append(f"- and {len(found.policy_changes) - words.MOST_IDS} more")
    if found.policy and found.policy.new:
        lines.append("- the base has no rules that this gate can read: judged by this revision's")
    word = "A person has approved that." if found.approved else "**A person must approve that.**"
    return "\n".join(
        ["> **⚠️ THIS REVISION CHANGES THE POLICY THAT JUDGES MODELS.** " + word, ">"]
        + [f"> {line}" for line in lines]
    )


def _why(found: Findings) -> str:
    told = found.with_status(Status.ERROR) + found.with_status(Status.BLOCKS)
    told += found.with_status(Status.WARNS)
    lines = [
        f"- {_MARKS[each.status]} {words.sentence(each.reason)}" for each in told[:MOST_SLICES]
    ]
    if len(told) > MOST_SLICES:
        lines.append(f"- and {len(told) - MOST_SLICES} more")
    return "\n".join(["## Why", "", *lines]) if lines else ""


def _same_rows(found: Findings) -> str:
    if not found.challenger:
        return ""
    new = found.challenger.figures
    if not found.champion:
        rows = [
            [words.title(name), words.figure(figure, words.decimals(name, figure))]
            for name, figure in new.items()
        ]
        return "## The model, scored here\n\n" + words.table(["metric", "model"], rows)
    old = found.champion.figures
    rows = []
    for name, each in found.differences.items():
        mark, digits = _mark(found, name), words.decimals(name, each.champion, each.challenger)
        rows.append(
            [
                f"{mark} {words.title(name)}",
                words.way(each.champion, each.challenger, digits),
                words.change(each.loss, digits=digits),
                words.between(each.low, each.high, digits),
            ]
        )
    for name, figure in new.items():
        if name not in found.differences:
            sign = -1 if METRICS[name].greater_is_better else 1
            digits = words.decimals(name, old[name], figure)
            rows.append(
                [
                    f"▫️ {words.title(name)}",
                    words.way(old[name], figure, digits),
                    words.change(sign * (figure - old[name]), digits=digits),
                    "",
                ]
            )
    assert found.policy is not None
    sure = f"{found.policy.rules.bootstrap.confidence:.0%}"
    table = words.table(
        ["metric", "champion → new", "change", f"{sure} interval of the loss"], rows
    )
    moved = found.movement
    tail = f"\n\nIn words: {found.in_words}." if found.in_words else ""
    if moved:
        tail += f" Predictions moved {words.moved(moved, 3)}."
    return "## Same rows, both models\n\n" + table + tail


def _images(before: str, drawn: Sequence[str]) -> str:
    shown = [f"![{name.removesuffix('.png')}]({before}{name})" for name in drawn]
    return "\n\n".join(shown)


def _slices(found: Findings) -> str:
    judged = [each for each in found.slices if each.difference is not None]
    small = [each for each in found.slices if each.difference is None]
    if not found.slices:
        return ""
    marks = {each.subject: _MARKS[each.status] for each in found.outcomes if each.rule == "slices"}
    worst = sorted(judged, key=lambda each: -each.difference.loss if each.difference else 0.0)
    rows = [
        [
            f"{marks.get(_name(each), '')} {words.plain(_name(each))}",
            f"{each.rows:,}",
            *_both(each.difference),
        ]
        for each in worst[:MOST_SLICES]
        if each.difference
    ]
    asked = found.policy.rules.slices.metric if found.policy else ""
    lines = [f"## Slices, by {words.title(asked)}" if asked else "## Slices", ""]
    if rows:
        lines.append(words.table(["slice", "rows", "champion → new", "change"], rows))
    if len(worst) > MOST_SLICES:
        lines.append(f"\n{len(worst) - MOST_SLICES} more are in `gate.json`; these lost most.")
    if small:
        names = ", ".join(f"{words.plain(_name(each))} ({each.rows})" for each in small)
        lines.append(f"\nToo small to judge: {words.short(names)}.")
    return "\n".join(lines)


def _more(found: Findings) -> str:
    told = [each for each in found.outcomes if each.rule in _MORE]
    lines = [f"- {_MARKS[each.status]} {words.sentence(each.reason)}" for each in told]
    return "\n".join(["## More than accuracy", "", *lines]) if lines else ""


def _data(found: Findings) -> str:
    since = found.batches
    lines = [
        f"- {said}: {words.ids(ids)}"
        for said, ids in (
            ("batches added", since.added),
            ("⚠️ batches removed", since.removed),
            ("⚠️ batches whose content is pinned anew", since.repinned),
            ("⚠️ newly quarantined", since.quarantined),
        )
        if ids
    ]
    lines += [
        f"- ⚠️ **a person overruled {words.plain(batch)}: {words.plain(word)}**"
        for batch, word in list(since.overruled.items())[: words.MOST_IDS]
    ]
    return "\n".join(["## Data since the base", "", *lines]) if lines else ""


def _drill(found: Findings) -> str:
    if not found.drill:
        return ""
    lines = [f"- {words.plain(name)}: {len(faults)}" for name, faults in found.drill.items()]
    wrong = [each for name, faults in found.drill.items() if "wrong" in name for each in faults]
    if wrong:
        lines.append(f"- ⚠️ **wrong: {words.ids(wrong)}**")
    return "\n".join(["## Fire drill", "", *lines])


def _next(found: Findings) -> str:
    verdict = found.judgement.verdict
    blocking = {each.rule for each in found.with_status(Status.BLOCKS)}
    lines = {
        Verdict.PASS: ["Merge it."],
        Verdict.FIRST: [
            "Look at the figures yourself: nothing was there to compare with. Then merge."
        ],
        Verdict.ERROR: [
            "Nothing was decided about the model. Mend what is named above, commit, and run "
            "`ratchet gate` again; a person's approval doesn't help here."
        ],
        Verdict.BLOCK: [
            "Keep the champion. Leave this open: the next night brings newer data and tries again. "
            "If it comes back, look at the slices and at the batches added above."
        ],
    }[verdict]
    if verdict == Verdict.PASS and found.rollback and found.rollback.brought:
        lines = [
            "Merge it, then put the version in production: `ratchet register`. What the rollback "
            f"leaves behind is in `{rolled_back.REPORT}`."
        ]
    if verdict == Verdict.BLOCK and "policy" in blocking:
        lines = [
            "Bring the change of policy in a pull request of its own. If it is meant, a person "
            "approves it: the label in CI, `--approve-policy-change` on the command line."
        ] + (lines if blocking != {"policy"} else [])
    return "\n".join(["## What to do next", "", *lines])


def _recorded(found: Findings) -> str:
    if "head" not in found.recorded:
        return ""
    base = found.recorded["base"].figures if "base" in found.recorded else {}
    head = found.recorded["head"].figures
    rows = [
        [
            words.plain(name),
            *(
                words.figure(side.get(name), words.decimals(name, base.get(name), head.get(name)))
                for side in (base, head)
            ),
            words.difference(base, head, name),
        ]
        for name in [*head, *(each for each in base if each not in head)]
    ]
    table = words.table(["metric", "base", "here", "change"], rows)
    return (
        "<details><summary>Recorded: what <code>dvc metrics diff</code> shows</summary>\n\n"
        "Each on its own holdout, so a change may be the days' and not the model's.\n\n"
        f"{table}\n\n</details>"
    )


def _evidence(found: Findings) -> str:
    """List what was checked and what every rule said, but for what stands in a section above."""
    above = {"slices", *_MORE}
    told = [each for each in found.outcomes if each.rule not in above]
    lines = [f"- {_MARKS[each.status]} {words.sentence(each.reason)}" for each in told]
    if found.policy:
        lines.append(f"- rules and allow-list are those of {words.plain(str(found.policy.source))}")
    return "\n".join(
        ["<details><summary>Evidence and rules</summary>", "", *lines, "", "</details>"]
    )


def _labels(card: Card) -> str:
    """Say what the labels of the rows that judge are like."""
    said = {
        "binary": f"{card.holdout.label} are positive",
        "multiclass": card.holdout.label,
        "regression": f"{words.plain(card.target)} is {card.holdout.label}",
    }
    return said[card.task]


def _both(found: Difference) -> tuple[str, str]:
    digits = words.decimals(found.metric, found.champion, found.challenger)
    return (
        words.way(found.champion, found.challenger, digits),
        words.change(found.loss, digits=digits),
    )


def _name(part: Slice) -> str:
    return f"{part.column}={part.value}"


def _mark(found: Findings, metric: str) -> str:
    """Return the gravest mark of the rules that compare this metric."""
    statuses = [
        each.status for each in found.outcomes if each.subject == metric and each.rule in _COMPARING
    ]
    order = (Status.ERROR, Status.BLOCKS, Status.WARNS, Status.FINE)
    return next((_MARKS[each] for each in order if each in statuses), _MARKS[Status.UNJUDGED])


def summary(found: Findings) -> Iterator[str]:
    """Yield what the terminal shows: the verdict, its reason, and all that speaks against it."""
    yield f"{found.judgement.verdict}: {found.reason}"
    graver: list[Outcome] = found.with_status(Status.ERROR, Status.BLOCKS, Status.WARNS)
    for each in graver[:MOST_SLICES]:
        yield f"  {each.status}: {each.reason}"


def write(found: Findings, report: Path, data: Path | None, drawn: Sequence[str]) -> None:
    """Write the report and, by default beside it, its data; the pictures lie in a folder there.

    Pictures of an earlier run that weren't drawn now are removed.
    """
    for name in set(PICTURES) - set(drawn):
        (report.with_suffix("") / name).unlink(missing_ok=True)
    write_text(report, markdown(found, f"{report.stem}/", drawn))
    write_text(data or report.with_suffix(".json"), record.content(found))
