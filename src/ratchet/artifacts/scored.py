"""`data/scored.parquet`: the holdout's rows with the label and the model's score of each."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ratchet.data.validated import BATCH
from ratchet.errors import EvidenceError
from ratchet.files import atomic_write

# No column of a contract can have these names: they would begin with an underscore.
LABEL, SCORE = "_label", "_score"


@dataclass(frozen=True)
class Scored:
    """Scored rows in time order.

    batch: (rows,) the batch's id. label: (rows,) as `ratchet.data.target` has them. score: (rows,)
    or (rows, classes) float64, as `ratchet.artifacts.predictions` has them. columns: the rows'
    columns by the contract.
    """

    batch: np.ndarray
    label: np.ndarray
    score: np.ndarray
    columns: pa.Table


def write_scored(path: Path, rows: pa.Table, label: np.ndarray, score: np.ndarray) -> None:
    """Write typed `rows`, which have the column `batch`, with their labels and scores."""
    table = rows.append_column(LABEL, pa.array(label)).append_column(SCORE, scores_column(score))
    with atomic_write(path) as partial:
        pq.write_table(table, partial, compression="zstd")


def read_scored(path: Path) -> Scored:
    """Read what `write_scored` wrote.

    Raises EvidenceError when the file is missing or isn't one.
    """
    try:
        table = pq.read_table(path)
        label, score = table[LABEL].to_numpy(), _scores(table[SCORE])
        batch = np.array(table[BATCH].to_pylist())  # to_numpy would import pandas for strings
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise EvidenceError(f"{path}: no scored rows ({error}); run `dvc repro train`") from error
    return Scored(batch, label, score, table.drop_columns([BATCH, LABEL, SCORE]))


def scores_column(score: np.ndarray) -> pa.Array:
    """Return scores (rows,) or (rows, classes) as one column: of numbers, or of lists of them."""
    if score.ndim == 1:
        return pa.array(score)
    return pa.FixedSizeListArray.from_arrays(pa.array(score.ravel()), score.shape[1])


def _scores(column: pa.ChunkedArray) -> np.ndarray:
    lists = pa.types.is_fixed_size_list(column.type)
    flat = column.combine_chunks().flatten() if lists else column
    scores: np.ndarray = flat.to_numpy()
    return scores.reshape(len(column), -1) if lists else scores
