"""`data/validated/`: the window's accepted batches, typed, in a few consolidated Parquet files.

Many small files are slow to read and one file is slow to add to. So a part holds the accepted ones
of 32 neighbouring lines of the manifest: a night with one new batch writes the newest part, and
the oldest one when a batch has left it. A part's name derives from the batches that it holds.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ratchet.errors import EvidenceError
from ratchet.files import atomic_write, sha256_text

BATCHES_PER_PART = 32
BATCH = "batch"
ORIGIN = b"ratchet.raw_sha256"


def part_name(number: int, members: Sequence[tuple[str, str]]) -> str:
    """Name the part for the batches in `members`: pairs of id and SHA-256 of the raw file."""
    content = "".join(f"{batch} {sha256}\n" for batch, sha256 in members)
    return f"part-{number:05d}-{sha256_text(content)[:12]}.parquet"


def write_part(path: Path, tables: Mapping[str, pa.Table], hashes: Mapping[str, str]) -> None:
    """Write the rows of the batches, in the order given, with their id in the column `batch`.

    `hashes` has the SHA-256 of each batch's raw file; the part carries them along.
    """
    labelled = [
        table.add_column(0, BATCH, pa.repeat(batch, table.num_rows))
        for batch, table in tables.items()
    ]
    part = pa.concat_tables(labelled).combine_chunks()
    origin = json.dumps({batch: hashes[batch] for batch in tables})
    with atomic_write(path) as partial:
        pq.write_table(part.replace_schema_metadata({ORIGIN: origin}), partial, compression="zstd")


def read_batch(path: Path, batch: str) -> pa.Table:
    """Return one batch's typed rows from the part at `path`."""
    part = _read_part(path)
    return part.filter(pc.equal(part[BATCH], batch)).drop_columns([BATCH])


@lru_cache(maxsize=2)  # batches are asked for in order, so a part's are asked for in a row
def _read_part(path: Path) -> pa.Table:
    return pq.read_table(path)


def read_window(folder: Path) -> tuple[pa.Table, dict[str, str]]:
    """Return the rows of all accepted batches and the SHA-256 of their raw files by id.

    The table has the column `batch` and those of the contract; both are ordered oldest first.
    Raises EvidenceError when the folder holds no part or one that can't be read.
    """
    paths = sorted(folder.glob("part-*.parquet"))
    if not paths:
        raise EvidenceError(f"{folder}: holds no rows; run `dvc repro validate`")
    try:
        parts = [pq.read_table(path) for path in paths]
    except (OSError, pa.ArrowInvalid) as error:
        raise EvidenceError(f"{folder}: {error}; run `dvc repro --force validate`") from error
    hashes: dict[str, str] = {}
    for part in parts:
        hashes |= json.loads(part.schema.metadata[ORIGIN])
    return pa.concat_tables(part.replace_schema_metadata() for part in parts), hashes
