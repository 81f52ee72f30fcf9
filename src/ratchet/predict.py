"""Score the rows of a file with a model, for the person who uses it."""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from ratchet.artifacts import persist
from ratchet.artifacts.card import read_card
from ratchet.data.contract import Contract, judge
from ratchet.data.features import feature_frame
from ratchet.errors import DataError, EvidenceError
from ratchet.files import atomic_write


def run(model: Path, file: Path, *, card: Path | None = None, to: Path | None = None) -> int:
    """Write the probability of the positive label for each row of `file`; return their number.

    The rows keep their order. `card` is the model's card, by default `card.json` beside it. The
    scores go to the CSV file `to`, by default to standard output, in one column `score`.

    Raises DataError when the file isn't what the model was built for: a feature that is missing or
    has another type, range or vocabulary, each named. Raises EvidenceError when a file is missing
    or the model isn't the one on the card.
    """
    if not file.is_file():
        raise EvidenceError(f"{file}: no such file")
    about = read_card(card or model.with_name("card.json"))
    estimator = persist.load(model, sha256=about.model_sha256)
    # A share of nulls makes no sense in a file of a few rows: a column may have them or not.
    columns = {
        name: column.model_copy(update={"max_null": float(column.max_null > 0)})
        for name, column in about.features.items()
    }
    [judged] = judge([file], Contract(columns))
    if judged.failures or judged.table is None:
        reasons = "\n".join(f"  {failure}" for failure in judged.failures)
        raise DataError(f"{file}: isn't input that {model} was built for:\n{reasons}")
    kinds = {name: column.type for name, column in about.features.items()}
    score = estimator.predict_proba(feature_frame(judged.table, kinds))[:, 1]
    scores = pa.table({"score": score})
    if to is None:
        pyarrow.csv.write_csv(scores, sys.stdout.buffer)
    else:
        with atomic_write(to) as partial:
            pyarrow.csv.write_csv(scores, partial)
    return len(score)
