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
            encoded = column.combine_chunks().dictionary_encode()
            codes = encoded.indices.fill_null(-1).to_numpy()
            # As Python strings, which rows share; pandas' own type would make one for each row.
            values = pd.Index(encoded.dictionary.to_pylist(), dtype=object)
            columns[name] = pd.Categorical.from_codes(codes, values)
        else:
            columns[name] = column.cast(pa.float64()).to_pandas()
    return pd.DataFrame(columns, copy=False)
