"""Typed rows as the input of a model."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ratchet.data.schema import CALENDAR, Column, Kind, Schema
from ratchet.errors import DataError

# What a model may know of a date. Never the year or the day itself: a model that has seen each day
# once learns how that day went, and no day comes twice.
_READ = {
    "month": pc.month,
    "weekday": lambda dates: pc.day_of_week(dates, count_from_zero=False),  # 1 = Monday
    "hour": pc.hour,
}


def feature_frame(table: pa.Table, features: Mapping[str, Kind]) -> pd.DataFrame:
    """Return the feature columns of `table` as a DataFrame, in the order of `features`.

    Numbers and booleans come as float64 with NaN for null; categories as pandas categoricals of
    strings, which take a byte or two a row. In place of a date stand its month, day of the week
    and hour, as NAME.month and so on. Shape (rows, len(inputs(...))).
    """
    columns = {}
    for name, kind in features.items():
        column = table.column(name)
        if kind == "category":
            encoded = column.combine_chunks().dictionary_encode()
            codes = encoded.indices.fill_null(-1).to_numpy()
            # As Python strings, which rows share; pandas' own type would make one for each row.
            values = pd.Index(encoded.dictionary.to_pylist(), dtype=object)
            columns[name] = pd.Categorical.from_codes(codes, values)
        elif kind == "date":
            for part in CALENDAR:
                numbers = _READ[part](column).cast(pa.float64())
                columns[f"{name}.{part}"] = numbers.to_pandas()
        else:
            columns[name] = column.cast(pa.float64()).to_pandas()
    return pd.DataFrame(columns, copy=False)


def kinds_of(features: Mapping[str, Column]) -> dict[str, Kind]:
    """Return the type of each column, as `feature_frame` wants it."""
    return {name: column.type for name, column in features.items()}


def inputs(features: Mapping[str, Column]) -> dict[str, str]:
    """Return the columns of the feature frame, each with how the model is to take it.

    That is its type, with "integer" for the parts of a date, or for a category the `encoding` that
    the contract asks for.
    """
    kinds: dict[str, str] = {}
    for name, column in features.items():
        if column.type == "date":
            kinds |= {f"{name}.{part}": "integer" for part in CALENDAR}
        else:
            kinds[name] = column.encoding or column.type
    return kinds


def learnable(rows: pa.Table, schema: Schema) -> tuple[dict[str, Column], dict[str, str]]:
    """Return the features that a model can learn from `rows`, and why the others are dropped.

    A feature without any value is dropped where the contract lets it be: with `max_null: 1`. One
    that always has the same value stays: it does no harm, and may vary tomorrow.

    Raises DataError when another feature has no value, or none is left.
    """
    empty = [name for name in schema.features if rows[name].null_count == len(rows)]
    wrong = [name for name in empty if schema.columns[name].max_null < 1]
    if wrong or len(empty) == len(schema.features):
        raise DataError(
            f"{', '.join(wrong or empty)}: no value in any of the {len(rows)} training rows; mend "
            "the source, or set feature: false in schema.yaml (max_null: 1 has a column left out "
            "for as long as it is empty)"
        )
    dropped = dict.fromkeys(empty, "no value in any training row")
    kept = {name: schema.columns[name] for name in schema.features if name not in dropped}
    return kept, dropped


def weights(rows: pa.Table, schema: Schema) -> np.ndarray | None:
    """Return how much each row counts in training, (rows,) float64; None when all count alike.

    Raises DataError for what can't be a weight, in batches that a person accepted all the same.
    """
    if schema.weight is None:
        return None
    column: np.ndarray = rows[schema.weight].cast(pa.float64()).to_numpy()
    if not (column >= 0).all() or not column.any():
        raise DataError(
            f"{schema.weight}: weights must be numbers of 0 or more, and not all 0; look at the "
            "batches that were accepted by hand in data/manifest.csv"
        )
    return column
