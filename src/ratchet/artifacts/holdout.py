"""Which rows teach and which judge, and their labels: train and the gate must mean the same.

The gate runs this, and nothing of what makes a model.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ratchet.artifacts.card import Rows
from ratchet.data.target import Target
from ratchet.data.validated import BATCH
from ratchet.errors import DataError


def split(rows: pa.Table, hashes: dict[str, str], holdout: int) -> tuple[pa.Table, pa.Table]:
    """Split the rows, in time order, into those that teach and those of the newest batches."""
    batches = list(hashes)
    if len(batches) <= holdout:
        raise DataError(
            f"the window has {len(batches)} accepted batches, window.holdout takes {holdout}, and "
            "none is left to train on; wait for more, lower window.holdout in params.yaml, or see "
            "why batches are quarantined in reports/validation.json"
        )
    judges = pc.is_in(rows[BATCH], pa.array(batches[-holdout:]))
    teaching = len(rows) - pc.sum(judges).as_py()
    return rows.slice(0, teaching), rows.slice(teaching)  # without a copy


def labels(rows: pa.Table, target: Target, part: str) -> np.ndarray:
    """Return the labels (rows,) of a `part`; DataError when there is nothing to learn from them."""
    column = rows[target.column]
    if column.null_count:
        batches = rows.filter(pc.is_null(column))[BATCH].unique().to_pylist()
        raise DataError(
            f"{target.column} is missing in {column.null_count} {part} rows of "
            f"{', '.join(batches)}, which a person accepted; write exclude in the manifest instead"
        )
    found = target.labels(rows)
    if found.min() == found.max():
        raise DataError(
            f"the {part} rows ({len(found)} in {pc.count_distinct(rows[BATCH])} batches) have "
            f"{target.only(found[0])} in {target.column}; check target in schema.yaml and task in "
            "params.yaml, or take a larger window"
        )
    return found


def describe_rows(
    rows: pa.Table, hashes: dict[str, str], labels: np.ndarray, target: Target
) -> Rows:
    """Return what a card says of `rows` and their labels; `hashes` are those of all batches."""
    batches = {batch: hashes[batch] for batch in rows[BATCH].unique().to_pylist()}
    return Rows.of(batches, labels, target.task, len(target.classes))
