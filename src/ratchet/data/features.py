"""Typed rows as the input of a model."""

from collections.abc import Mapping

import pandas as pd
import pyarrow as pa

from ratchet.data.schema import Kind


def feature_frame(table: pa.Table, features: Mapping[str, Kind]) -> pd.DataFrame:
    """Return the feature columns of `table` as a DataFrame, in the order of `features`.

    Numbers and booleans come as float64 with NaN for null; categories as pandas categoricals of
    strings, which take a byte or two a row. Shape (rows, len(features)).
    """
    columns = {}
    for name, kind in features.items():
        column = table.column(name)
        if kind == "category":
            columns[name] = column.dictionary_encode().to_pandas()
        else:
            columns[name] = column.cast(pa.float64()).to_pandas()
    return pd.DataFrame(columns, copy=False)
