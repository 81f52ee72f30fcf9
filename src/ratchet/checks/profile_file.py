"""Keep profiles on disk: one small Parquet file each, the same bytes for the same profile."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ratchet.checks.profile import ColumnProfile, Profile, Tally
from ratchet.checks.row_sketch import RowSketch
from ratchet.errors import EvidenceError
from ratchet.files import atomic_write

_TALLIES = ("texts", "numbers", "bins")
_ASCENDING = ("cell", "cell_count")  # smaller when each is kept as the difference to the last


def write_profile(path: Path, profile: Profile) -> None:
    """Write a profile, atomically. The file has one row; its lists are the profile's arrays."""
    row: dict[str, pa.Array] = {
        "rows": pa.array([profile.rows]),
        "batches": pa.array([profile.batches]),
        "times": pa.array([profile.times], pa.list_(pa.int64())),
        "columns": _list(list(profile.columns), pa.string()),
        "firsts": _list([first for first, _ in profile.pairs], pa.string()),
        "seconds": _list([second for _, second in profile.pairs], pa.string()),
        "cell": _list(profile.cells[0], pa.int32()),
        "cell_count": _list(profile.cells[1], pa.int64()),
        "correlations": _list(profile.correlations, pa.float64()),
        "level": pa.array([profile.sketch.level]),
        "hashes": _list(profile.sketch.hashes, pa.uint64()),
    }
    each = profile.columns.values()
    row["nulls"] = _list([one.nulls for one in each], pa.int64())
    row["most"] = _list([one.most for one in each], pa.int64())
    row["totals"] = _list([one.total for one in each], pa.float64())
    row["squares"] = _list([one.squares for one in each], pa.float64())
    row["lows"] = _list([one.low for one in each], pa.float64())
    row["highs"] = _list([one.high for one in each], pa.float64())
    known = [one.values for one in each]
    texts = [values if values and values[0].dtype == object else None for values in known]
    numbers = [values if values and values[0].dtype != object else None for values in known]
    row |= _flatten("texts", texts, pa.string())
    row |= _flatten("numbers", numbers, pa.float64())
    row |= _flatten("bins", [one.bins for one in each], pa.int64())
    with atomic_write(path) as partial:
        pq.write_table(
            pa.table(row),
            partial,
            compression="zstd",
            use_dictionary=False,
            write_statistics=False,
            store_schema=False,
            column_encoding={f"{name}.list.element": "DELTA_BINARY_PACKED" for name in _ASCENDING},
        )


def read_profile(path: Path) -> Profile:
    """Read what `write_profile` wrote.

    Raises EvidenceError when the file is missing or isn't a profile.
    """
    try:
        table = pq.read_table(path, use_threads=False)
        columns = {name: table.column(name)[0] for name in table.column_names}
        return _profile({name: _value(scalar) for name, scalar in columns.items()})
    except (OSError, pa.ArrowInvalid, KeyError, TypeError, IndexError) as error:
        raise EvidenceError(
            f"{path}: cannot be read as a profile ({error}); delete it, and the next run of "
            "`dvc repro` makes it anew"
        ) from error


def _profile(row: dict[str, Any]) -> Profile:
    names = row["columns"].tolist()
    tallies = {kind: _unflatten(row, kind, len(names)) for kind in _TALLIES}
    columns = {
        name: ColumnProfile(
            int(row["nulls"][i]),
            tallies["texts"][i] or tallies["numbers"][i],
            tallies["bins"][i] or (np.zeros(0, np.int64), np.zeros(0, np.int64)),
            int(row["most"][i]),
            float(row["totals"][i]),
            float(row["squares"][i]),
            float(row["lows"][i]),
            float(row["highs"][i]),
        )
        for i, name in enumerate(names)
    }
    times = row["times"]
    return Profile(
        rows=row["rows"],
        batches=row["batches"],
        columns=columns,
        pairs=tuple(zip(row["firsts"].tolist(), row["seconds"].tolist(), strict=True)),
        cells=(row["cell"].astype(np.int64), row["cell_count"]),
        correlations=row["correlations"],
        sketch=RowSketch(row["level"], row["hashes"]),
        times=None if times is None else (int(times[0]), int(times[1])),
    )


def _flatten(kind: str, tallies: list[Tally | None], key: pa.DataType) -> dict[str, pa.Array]:
    """Put tallies end to end; a size of -1 stands for none."""
    present = [tally for tally in tallies if tally is not None]
    keys = [each for keys, _ in present for each in keys.tolist()]
    counts = [each for _, counts in present for each in counts.tolist()]
    return {
        f"{kind}_sizes": _list([-1 if t is None else len(t[0]) for t in tallies], pa.int64()),
        f"{kind}_keys": _list(keys, key),
        f"{kind}_counts": _list(counts, pa.int64()),
    }


def _unflatten(row: dict[str, Any], kind: str, columns: int) -> list[Tally | None]:
    sizes = row[f"{kind}_sizes"]
    ends = np.cumsum(np.maximum(sizes, 0))
    keys, counts = row[f"{kind}_keys"], row[f"{kind}_counts"]
    return [
        None
        if sizes[i] < 0
        else (keys[ends[i] - sizes[i] : ends[i]], counts[ends[i] - sizes[i] : ends[i]])
        for i in range(columns)
    ]


def _list(values: Any, kind: pa.DataType) -> pa.Array:
    """Return an array with one entry, the list of `values`."""
    items = pa.array(values, kind)
    return pa.ListArray.from_arrays(pa.array([0, len(items)], pa.int32()), items)


def _value(scalar: pa.Scalar) -> Any:
    if isinstance(scalar, pa.ListScalar):
        return None if not scalar.is_valid else scalar.values.to_numpy(zero_copy_only=False)
    return scalar.as_py()
