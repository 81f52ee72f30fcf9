"""Rows of the holdout that the training rows have as well, word for word.

A model is judged on rows that it never saw. Deliveries that hold the whole history, or a part of
it again and again, take that away, and nothing in the figures tells.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ratchet.data.schema import Schema
from ratchet.data.validated import BATCH

LEAST = 0.05  # share of rows beyond chance that anybody wants to hear of
CLEAR = 3  # deviations by which a share must be above chance
UNSEEN = 3  # twins that may have been missed: with none among n rows, up to 3/n have one (95 %)
DIGITS = 4  # beyond them processors may differ
_FACTOR = np.uint64(0x100000001B3)


@dataclass(frozen=True)
class Repeats:
    """How many of the holdout's `rows` the training rows have, `repeated`.

    `chance` is the largest share that would be so in any data whose rows are as often alike within
    a batch as these are: small tables of a few categories repeat by nature.
    """

    rows: int
    repeated: int
    chance: float

    @property
    def share(self) -> float:
        """The share of the holdout's rows that came before."""
        return self.repeated / max(self.rows, 1)

    @property
    def is_odd(self) -> bool:
        """Whether chance wouldn't do for it."""
        deviation = np.sqrt(self.chance * (1 - self.chance) / max(self.rows, 1))
        return bool(self.share > self.chance + max(LEAST, CLEAR * deviation))

    @property
    def words(self) -> str:
        """Say how many they are, beside chance."""
        return (
            f"{self.share:.1%} of the holdout's rows stand word for word among those that teach, "
            f"features and label (by chance at most {self.chance:.1%})"
        )


def compared_columns(schema: Schema) -> tuple[str, ...]:
    """Return by which columns rows are alike: what the model is given, and what it is to say."""
    names = [*schema.features, schema.target.column]
    return tuple(name for name in names if name != schema.time)


def repeats(teaching: pa.Table, judging: pa.Table, columns: Sequence[str]) -> Repeats:
    """Compare typed rows, which have the column `batch`, by all the values of `columns`."""
    # Together, for pandas has other types for a column with gaps, and so other hashes.
    hashes = _hashes(pa.concat_tables([teaching, judging]), columns)
    known, asked = np.split(hashes, [len(teaching)])
    return Repeats(
        len(asked),
        int(np.isin(asked, known).sum()),
        _chance([*_by_batch(teaching, known), *_by_batch(judging, asked)], len(known)),
    )


def _chance(batches: Sequence[np.ndarray], rows: int) -> float:
    """Return the largest share of rows that `rows` others would have by chance.

    If a share q of rows has a twin among the m others of its own batch, then among n rows drawn
    alike at most 1 - (1 - q) ** (n / m) have one, however rare or common each is (Jensen).
    """
    total = sum(map(len, batches))
    alone = sum(int((np.unique(each, return_counts=True)[1] == 1).sum()) for each in batches)
    others = sum(len(each) ** 2 for each in batches) / max(total, 1) - 1
    if others <= 0:
        return 1.0  # batches of one row tell nothing
    twins = (total - alone + UNSEEN) / (total + UNSEEN)
    return round(float(1 - (1 - twins) ** max(rows / others, 1)), DIGITS)


def _by_batch(rows: pa.Table, hashes: np.ndarray) -> list[np.ndarray]:
    """Return the hashes of each batch; its rows stand together."""
    codes = rows[BATCH].combine_chunks().dictionary_encode().indices.to_numpy()
    return np.split(hashes, np.flatnonzero(np.diff(codes)) + 1)


def _hashes(rows: pa.Table, columns: Sequence[str]) -> np.ndarray:
    """Return a hash of each row: uint64, (rows,). One column after the other is in memory."""
    from pandas.util import hash_pandas_object  # those who read a card need no pandas

    found: np.ndarray = np.zeros(len(rows), dtype=np.uint64)
    for name in columns:
        values = rows[name].to_pandas(strings_to_categorical=True)
        found = (found ^ hash_pandas_object(values, index=False).to_numpy()) * _FACTOR
    return found
