"""Rows, and whole batches, that came before."""

from collections.abc import Sequence

import numpy as np

from ratchet.data.profile import Profile
from ratchet.data.row_sketch import shared
from ratchet.data.statistic import Statistic


def measure_duplicates(
    batch: Profile, reference: Sequence[Profile], names: Sequence[str]
) -> list[Statistic]:
    """Return which share of a batch's rows came before, in any and in one of the reference.

    Rows are compared without the time column, by a sample of their hashes. `names` are the ids of
    the reference batches, or their place before the batch.
    """
    found = shared(batch.sketch, [one.sketch for one in reference])
    if not found.shape[1]:
        return []
    anywhere = float(found.any(axis=0).mean())
    by_batch = found.mean(axis=1)
    most = int(np.argmax(by_batch))
    return [
        Statistic(
            "duplicate_rows",
            "",
            anywhere,
            f"{anywhere:.1%} of the rows came before in the {len(reference)} batches before, but "
            "for their time",
            round(anywhere * batch.rows),
        ),
        Statistic(
            "duplicate_batch",
            "",
            float(by_batch[most]),
            f"{by_batch[most]:.1%} of the rows are those of {names[most]}, but for their time",
            round(float(by_batch[most]) * batch.rows),
        ),
    ]
