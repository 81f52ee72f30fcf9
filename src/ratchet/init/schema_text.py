"""The text of `schema.yaml`: a line for each column, and beside it why it is as it is."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ratchet.data.schema import Format, Value
from ratchet.init.columns import Draft
from ratchet.task import Task

WIDTH = 100
REVIEW = "review: "
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./ -]*(?<! )")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


@dataclass(frozen=True)
class Contract:
    """All that schema.yaml shall say."""

    task: Task
    positive: Value | None
    columns: Sequence[Draft]
    target: Draft
    time: str | None
    time_why: str
    key: Sequence[str]
    weight: str | None
    rows: tuple[int, int]
    rows_seen: str
    ignore_extra: str
    format: Format
    reviews: Mapping[str, Sequence[str]]
    notes: Sequence[str] = ()


def write(contract: Contract, source: str) -> str:
    """Return the text of the file. `source` says of what the columns were guessed."""
    reviews = contract.reviews
    target = {"column": contract.target.name}
    if contract.positive is not None:
        target["positive"] = contract.positive  # type: ignore[assignment]
    lines = [
        "# What a batch must look like: drafted by `ratchet init` from",
        f"# {source}.",
        "# A batch that breaks it is set aside. Look at the lines with `review:`; ranges and lists",
        "# are what was seen, with head-room. `dvc repro` judges all batches anew after a change.",
        *_commented(f"target: {flow(target)}", contract.target.reviews),
    ]
    if contract.time is not None:
        lines += _commented(f"time: {scalar(contract.time)}", reviews.get("time", ()))
    said = reviews.get("key", ())
    lines += _commented(
        f"key: {flow(list(contract.key))}",
        said if contract.key else (),
        note="" if contract.key else "; ".join(said),
    )
    if contract.weight is not None:
        lines.append(f"weight: {scalar(contract.weight)}  # a row counts so much in training")
    least, most = contract.rows
    lines.append(f"rows: {{min: {least}, max: {most}}}  # {contract.rows_seen}")
    if contract.ignore_extra:
        lines += _commented("extra_columns: ignore", [contract.ignore_extra])
    spelt = contract.format.model_dump(exclude_unset=True, exclude_defaults=True)
    if spelt:
        lines += _commented(f"format: {flow(spelt)}", reviews.get("format", ()))
    lines.append("columns:")
    for each in contract.columns:
        lines += column(each)
    return "\n".join(lines) + "\n"


def column(each: Draft) -> list[str]:
    """Return the lines of a column."""
    fields: dict[str, object] = {"type": each.type}
    if not each.feature and not each.is_target:
        fields["feature"] = False
    for name in ("encoding", "min", "max", "values", "categories"):
        if getattr(each, name) is not None:
            fields[name] = getattr(each, name)
    if each.max_null:
        fields["max_null"] = each.max_null
    reviews = [] if each.is_target else each.reviews
    return _commented(f"  {scalar(each.name)}: {flow(fields)}", reviews, note=each.note)


def _commented(line: str, reviews: Sequence[str], note: str = "") -> list[str]:
    """Return the line with its comments: beside it, or above where it is too long."""
    said = [note] * bool(note) + [f"{REVIEW}{'; '.join(reviews)}"] * bool(reviews)
    remark = "; ".join(said)
    remark = f"# {' '.join(remark.split())}" if remark else ""  # a value in it may break the line
    if not remark:
        return _wrapped(line)
    if len(line) + 2 + len(remark) <= WIDTH:
        return [f"{line}  {remark}"]
    return [f"{line[: len(line) - len(line.lstrip())]}{remark}", *_wrapped(line)]


def _wrapped(line: str) -> list[str]:
    """Break a long list after its commas."""
    if len(line) <= WIDTH:
        return [line]
    parts = _pieces(line)
    lines, current = [], parts[0]
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    for part in parts[1:]:
        if len(current) + 1 + len(part) > WIDTH:
            lines.append(current)
            current = indent + part
        else:
            current = f"{current} {part}"
    return [*lines, current]


def _pieces(line: str) -> list[str]:
    """Split at `, ` outside of quotes."""
    pieces, start, quoted, skip = [], 0, False, False
    for place, character in enumerate(line):
        if skip:
            skip = False
        elif quoted and character == "\\":
            skip = True
        elif character == '"':
            quoted = not quoted
        elif character == " " and not quoted and place and line[place - 1] == ",":
            pieces.append(line[start:place])
            start = place + 1
    return [*pieces, line[start:]]


def flow(value: object) -> str:
    """Return a value as YAML on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def scalar(value: object) -> str:
    """Return a word, number or truth value as YAML 1.2, which earlier versions read as well."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\U{ord(each):08x}" for each in quoted)
