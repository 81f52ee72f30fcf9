"""Measure a batch against the accepted batches before it: every statistic of every check."""

import datetime
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ratchet.checks.columns import measure_columns
from ratchet.checks.duplicates import measure_duplicates
from ratchet.checks.history import limit
from ratchet.checks.label_rate import measure_label_rate
from ratchet.checks.pairs import measure_pairs
from ratchet.checks.profile import Profile
from ratchet.checks.statistic import Statistic
from ratchet.data.schema import Schema
from ratchet.data.target import Target

FEWEST = 2  # batches that a reference needs


def measure(
    batch_id: str,
    table: pa.Table,
    profile: Profile,
    reference: Sequence[Profile],
    schema: Schema,
    target: Target,
) -> list[Statistic]:
    """Return every statistic of a batch: its typed rows, and its profile beside those before it.

    `reference` holds one profile for each batch, oldest first. Raises ValueError when it has
    fewer than FEWEST.
    """
    if len(reference) < FEWEST:
        raise ValueError(f"a reference needs {FEWEST} batches, got {len(reference)}")
    back = [f"the batch {len(reference) - n} before" for n in range(len(reference))]
    return [
        _row_count(profile, reference),
        *_out_of_day(batch_id, table, schema),
        *measure_columns(profile, reference, schema),
        *measure_label_rate(profile, reference, target),
        *measure_pairs(profile, reference, target.column),
        *measure_duplicates(profile, reference, back),
    ]


def _row_count(profile: Profile, reference: Sequence[Profile]) -> Statistic:
    past = np.array([one.rows for one in reference], dtype=float)
    median = float(np.median(past))
    ratios = np.abs(np.log(np.maximum([*past, profile.rows], 0.5) / max(median, 0.5)))
    usual = float(limit(ratios[:-1]))
    return Statistic(
        "row_count",
        "",
        float(ratios[-1]) - usual,
        f"{profile.rows} rows, the median of the {len(past)} batches before is {median:g}, usually "
        f"{median * np.exp(-usual):.0f} to {median * np.exp(usual):.0f}",
        profile.rows,
    )


def _out_of_day(batch_id: str, table: pa.Table, schema: Schema) -> list[Statistic]:
    try:
        day = datetime.date.fromisoformat(batch_id[:10])
    except ValueError:
        return []
    if schema.time is None or not table.num_rows:
        return []
    days = table.column(schema.time).cast(pa.timestamp("us")).cast(pa.date32(), safe=False)
    elsewhere = days.filter(pc.fill_null(pc.not_equal(days, pa.scalar(day)), True))
    share = len(elsewhere) / table.num_rows
    return [
        Statistic(
            "out_of_day",
            schema.time,
            share,
            f"{share:.1%} of the rows aren't of {day}",
            len(elsewhere),
            tuple(str(each) for each in elsewhere.unique()[:3].to_pylist()),
        )
    ]
