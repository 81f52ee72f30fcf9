"""Faults that the contract meets, in the files of days: columns renamed, dropped, retyped.

A few columns a day, at random; nothing but the contract is asked.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ratchet.data.contract import Contract, judge
from ratchet.data.schema import Kind, Schema

COLUMNS_A_DAY = 3
CODED = ("carrier", "origin", "dest", "engine")
WORDS: Mapping[Kind, str] = {"number": " units", "integer": ".5", "date": " midnight"}

Spoil = Callable[[pd.DataFrame, str, Schema], pd.DataFrame]


def renamed(rows: pd.DataFrame, column: str, _: Schema) -> pd.DataFrame:
    return rows.rename(columns={column: column + "_new"})


def dropped(rows: pd.DataFrame, column: str, _: Schema) -> pd.DataFrame:
    return rows.drop(columns=column)


def retyped(rows: pd.DataFrame, column: str, schema: Schema) -> pd.DataFrame:
    """Write what isn't of the type behind each value; categories become numbers."""
    kind, values = schema.columns[column].type, rows[column]
    if kind == "category":
        new = pd.Series(pd.factorize(values)[0], index=rows.index).astype("str")
    else:
        new = values + WORDS[kind]
    return rows.assign(**{column: new.where(values.notna())})


def lower_cased(rows: pd.DataFrame, column: str, _: Schema) -> pd.DataFrame:
    return rows.assign(**{column: rows[column].str.lower()})


SPOILS: Mapping[str, Spoil] = {
    "column renamed": renamed,
    "column dropped": dropped,
    "column retyped": retyped,
    "vocabulary in lower case": lower_cased,
}


def caught(inbox: Path, days: Sequence[str], folder: Path, schema: Schema) -> dict[str, list[bool]]:
    """Return for each fault and each file spoilt by it whether the contract refuses the file."""
    folder.mkdir()
    random = np.random.default_rng(4)
    contract = Contract.of(schema)
    found: dict[str, list[bool]] = {name: [] for name in SPOILS}
    for day in days:
        rows = pd.read_csv(inbox / f"{day}.csv", dtype="str")
        for name, spoil in SPOILS.items():
            # An empty column has no value that could be of a wrong type.
            filled = [str(column) for column in rows if rows[column].notna().any()]
            choice = list(CODED) if spoil is lower_cased else filled
            files: list[Path] = []
            for column in random.permutation(choice)[:COLUMNS_A_DAY].tolist():
                files.append(folder / f"{day}-{len(files)}.csv")
                spoil(rows, column, schema).to_csv(files[-1], index=False)
            found[name] += [bool(each.failures) for each in judge(files, contract)]
    return found
