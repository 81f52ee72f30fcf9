"""Which rows have the positive label."""

import pyarrow as pa
import pyarrow.compute as pc

from ratchet.data.schema import Schema
from ratchet.errors import ConfigError


def is_positive(rows: pa.Table, schema: Schema) -> pa.ChunkedArray:
    """Return whether the target has its positive value: bool, null where the target is null.

    Raises ConfigError when the positive value can't be one of the target's.
    """
    target = rows[schema.target.column]
    try:
        positive = pa.scalar(schema.target.positive).cast(target.type)
    except (pa.ArrowException, OverflowError):
        raise ConfigError(
            f"schema.yaml: target.positive: {schema.target.positive!r} can't be a value of "
            f"{schema.target.column}, whose type is {target.type}"
        ) from None
    return pc.equal(target, positive)


def count_positive(rows: pa.Table, schema: Schema) -> int:
    """Return the number of rows with the positive label."""
    count: int = pc.sum(is_positive(rows, schema)).as_py() or 0
    return count
