"""What is to be predicted: the task, guessed from the target's values."""

import difflib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ratchet.data.failure import quoted
from ratchet.data.schema import Format, Value
from ratchet.data.target import MOST_CLASSES
from ratchet.errors import ConfigError, DataError
from ratchet.init.columns import Draft, numbers
from ratchet.init.sample import Sample
from ratchet.init.spelling import delimiter_of, unread
from ratchet.task import Task

FEW = 10  # different whole numbers that may as well be classes
_YES = ("1", "true", "yes", "y", "t", "ja", "j", "oui", "si", "on", "positive", "1.0")


def find(name: str, names: Sequence[str], where: str, newest: str) -> None:
    """Raise ConfigError, with a guess at what was meant, when there is no such column.

    newest: the place of the batch that the names are of.
    """
    if name in names:
        return
    meant = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    meant = meant or [each for each in names if each.lower() == name.lower()][:1]
    shown = ", ".join(names[:15]) + (f" and {len(names) - 15} more" if len(names) > 15 else "")
    raise ConfigError(
        f"{where}: there is no column {name!r}; "
        + (f"did you mean {meant[0]}? " if meant else "")
        + f"the newest batch, {newest}, has {shown}"
        + ("; is its first line no header, but a row?" if _are_values(names) else "")
    )


def _are_values(names: Sequence[str]) -> bool:
    """Tell whether a header's names read like a row: some are numbers or dates."""
    words = pa.array(names, pa.string())
    usual = Format.model_validate({})
    return any(len(unread(words, kind, usual)) < len(words) for kind in ("number", "date"))


def settle(
    target: Draft, sample: Sample, spelling: Format, wanted: Task | None
) -> tuple[Task, Value | None]:
    """Return the task and the positive value, and let the target's draft say what it may be.

    Raises DataError when there is nothing to learn, ConfigError when the task that is wanted
    doesn't fit.
    """
    _refuse_gaps(target, sample)
    words = sample.columns[target.name].dictionary.to_pylist()
    if len(words) < 2:
        raise DataError(
            f"{target.name} is always {words[0]!r} in {len(sample.batch):,} rows: there is nothing "
            "to predict; name another column with --target, or look where its other values are"
        )
    if target.type == "boolean":
        if {word.lower() for word in words} != {"true", "false"} and len(words) == 2:
            target.type = "category"  # `positive: yes` says more than `positive: true`
        target.distinct = 2
    numeric = target.type in ("number", "integer")
    task = wanted or _guess(target, numeric)
    _refuse(target, task, wanted, numeric)
    target.drop("")
    target.is_target = True
    target.max_null = 0.0
    if task == "regression":
        return task, None
    target.min = target.max = None
    if target.type == "number":
        if task == "multiclass":
            raise ConfigError(
                f"--task multiclass: {target.name} holds numbers with a fraction, which make no "
                "classes; use --task regression"
            )
    elif target.type == "integer":
        figures = numbers(sample.columns[target.name].dictionary, "integer", spelling)
        target.values = sorted(map(int, figures))
    elif target.type != "boolean":
        target.type = "category"
        target.categories = sorted(words)
    return task, (_positive(target, sample, spelling) if task == "binary" else None)


def _guess(target: Draft, numeric: bool) -> Task:
    if target.distinct == 2:
        return "binary"
    if not numeric:
        return "multiclass"
    if target.type == "integer" and target.distinct <= FEW:
        target.reviews.append(
            f"{target.distinct} whole numbers are taken for classes; --task regression if they "
            "count something"
        )
        return "multiclass"
    if target.type == "integer" and target.distinct <= MOST_CLASSES / 2:
        target.reviews.append(
            f"{target.distinct} whole numbers are taken for a quantity; --task multiclass if they "
            "name something"
        )
    return "regression"


def _refuse(target: Draft, task: Task, wanted: Task | None, numeric: bool) -> None:
    """Raise ConfigError unless the target's values fit the task."""
    asked = f"--task {wanted}: " if wanted else ""
    said = f"{asked}{target.name} has {target.distinct:,} different values"
    if target.type == "date":
        raise ConfigError(f"{target.name} is a date, which can't be a target; name another column")
    if task == "binary" and target.distinct != 2:
        raise ConfigError(f"{said}, and yes or no are two; use --task multiclass or regression")
    if task == "multiclass" and target.distinct > MOST_CLASSES:
        raise ConfigError(
            f"{said}, and at most {MOST_CLASSES} can be classes; "
            + ("use --task regression" if numeric else "put rare ones together")
        )
    if task == "regression" and not numeric:
        raise ConfigError(f"{said} that aren't all numbers; use --task binary or multiclass")


def _refuse_gaps(target: Draft, sample: Sample) -> None:
    missing = sample.missing(target.name)
    if missing.min() == 1:
        raise DataError(
            f"{target.name} has no value in any of {len(sample.batch):,} rows; name another column "
            "with --target"
        )
    without = [batch for batch, names in sample.headers.items() if target.name not in names]
    if len(without) > len(sample.ids) / 5:
        header = sample.headers[without[-1]]
        raise DataError(
            f"{target.name} is no column of {len(without)} of {len(sample.ids)} batches, the "
            f"newest of them {without[-1]}, whose first line is read as {_columns(header)}; "
            "deliver all in one form, or choose with --pattern"
        )
    gaps = [batch for batch, share in zip(sample.ids, missing, strict=True) if share > 0]
    if len(gaps) > len(sample.ids) / 5 or sample.ids[-1] in gaps:
        rows = round(float((missing * sample.rows).sum()))
        raise DataError(
            f"{target.name} is missing in {rows} rows of {len(gaps)} of {len(sample.ids)} batches, "
            f"the newest of them {gaps[-1]} ({_first_gap(target.name, gaps[-1], sample)}): a row "
            "can teach or judge only with its label; deliver rows when it is known, without the "
            "others"
        )
    if gaps:
        target.reviews.append(f"missing in rows of {', '.join(gaps[:3])}, which are set aside")


def _columns(header: Sequence[str]) -> str:
    """Say how a batch's first line is read, and of which delimiter that may come."""
    shown = ", ".join(map(repr, header[:5]))
    if len(header) == 1 and (other := delimiter_of(header[0])) in header[0]:
        return f"one column, {shown}: is {other!r} its delimiter?"
    return f"{len(header)} columns, {shown}" if len(header) > 1 else f"one column, {shown}"


def _first_gap(name: str, batch: str, sample: Sample) -> str:
    """Say which row of a batch is the first without a value, and what else it holds."""
    rows = np.flatnonzero(sample.batch == sample.ids.index(batch))
    places = sample.columns[name].indices.take(pa.array(rows))
    row = int(np.flatnonzero(pc.is_null(places))[0])
    values = [each[int(rows[row])].as_py() for each in sample.columns.values()]
    shown = ", ".join(quoted(value) for value in values if value is not None)
    return f"row {row + 1} of {len(rows)}: {quoted(shown)}"


def _positive(target: Draft, sample: Sample, spelling: Format) -> Value:
    column = sample.columns[target.name]
    words = column.dictionary.to_pylist()
    counts = np.bincount(column.indices.drop_null().to_numpy(), minlength=2)
    known = [word for word in words if word.lower() in _YES]
    rarer = words[int(np.argmin(counts))]
    word = known[0] if len(known) == 1 else rarer
    share = counts[words.index(word)] / counts.sum()
    if len(known) != 1:
        target.reviews.append(f"{word} counts as positive, the rarer of the two ({share:.1%})")
    if target.type == "boolean":
        return word.lower() in {each.lower() for each in spelling.true}
    if target.type in ("number", "integer"):
        value = float(numbers(column.dictionary, target.type, spelling)[words.index(word)])
        return int(value) if target.type == "integer" else value
    return str(word)
