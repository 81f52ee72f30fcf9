"""Score the rows of a file with a model, for the person who uses it."""

import sys
from pathlib import Path

from ratchet.artifacts import persist
from ratchet.artifacts.card import read_card
from ratchet.artifacts.table import print_csv, write_csv
from ratchet.data.contract import Contract, judge
from ratchet.data.features import feature_frame
from ratchet.errors import DataError, EvidenceError


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
    if to is None:
        print_csv(sys.stdout.buffer, {"score": score})
    else:
        write_csv(to, {"score": score})
    return len(score)
