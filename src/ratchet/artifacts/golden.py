"""`models/golden.json`: some rows of the holdout, and what the model answered when it was made.

Whoever brings an old model back asks it these rows again: the file's hash shows that it is the same
model, and the answers show that it still means the same to today's libraries.

A line for each row, so that a person can read it: the batch, the features, the answer. Other
columns of a batch, such as names and keys, don't get into git this way.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ratchet.artifacts.scored import scores_column
from ratchet.data.validated import BATCH
from ratchet.errors import EvidenceError
from ratchet.files import write_text

ROWS = 50
# Values in the whole file: of a table with hundreds of columns fewer rows are kept, but some.
MOST_VALUES, FEWEST_ROWS = 2000, 5

_ANSWER = "_score"  # no column of a contract begins with an underscore


@dataclass(frozen=True)
class Golden:
    """Rows with the column `batch` and a model's features, typed, and the model's score of each.

    score: (rows,) or (rows, classes) float64, as `ratchet.artifacts.predictions` has them.
    """

    rows: pa.Table
    score: np.ndarray


def choose(judging: pa.Table, score: np.ndarray, features: Collection[str]) -> Golden:
    """Return the golden rows among those that judge, with their scores.

    Nothing is drawn: they are spread evenly over the batches, and over the rows of each.
    """
    most = max(FEWEST_ROWS, min(ROWS, MOST_VALUES // len(features)))
    _, first, sizes = np.unique(judging[BATCH].to_numpy(), return_index=True, return_counts=True)
    shares = np.diff(np.arange(len(sizes) + 1) * most // len(sizes))
    chosen = np.concatenate(
        [
            start + np.unique((np.arange(share) + 0.5) * size // max(share, 1)).astype(int)
            for start, size, share in zip(first, sizes, shares, strict=True)
        ]
    )
    chosen.sort()
    rows = judging.select([BATCH, *features]).take(pa.array(chosen)).combine_chunks()
    return Golden(rows, score[chosen])


def write_golden(path: Path, golden: Golden) -> None:
    """Write the rows as JSON, atomically: numbers with all their digits, null for no value."""
    table = golden.rows.append_column(_ANSWER, scores_column(golden.score))
    columns = {field.name: str(field.type) for field in table.schema}
    lines = (
        json.dumps(list(row), ensure_ascii=False, default=datetime.isoformat)
        for row in zip(*(column.to_pylist() for column in table.columns), strict=True)
    )
    listed = ",\n  ".join(lines)
    names = json.dumps(columns, ensure_ascii=False)
    write_text(path, f'{{\n "columns": {names},\n "rows": [\n  {listed}\n ]\n}}\n')


def read_golden(content: bytes, where: str) -> Golden:
    """Return what `write_golden` wrote.

    Raises EvidenceError, naming the place `where`, when it isn't that.
    """
    try:
        found = json.loads(content)
        columns = found["columns"]
        values = list(zip(*found["rows"], strict=True))
        *typed, (_, answers) = zip(columns.items(), values, strict=True)
        table = pa.table(
            {name: _array(column, pa.type_for_alias(kind)) for (name, kind), column in typed}
        )
        score = np.array(answers)
        if score.dtype != np.float64 or list(columns)[-1] != _ANSWER:
            raise TypeError(f"{_ANSWER} must be numbers")
        return Golden(table, score)
    except (ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as error:
        raise EvidenceError(
            f"{where}: holds no golden predictions ({error}); `dvc repro train` writes it"
        ) from error


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return values that were read from JSON, where a date is text."""
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.string()).cast(kind)
    return pa.array(values, kind)
