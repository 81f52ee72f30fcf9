"""`data/validated/`: the window's accepted batches, typed, in a few consolidated Parquet files.

Many small files are slow to read and one file is slow to add to. So a part holds the accepted ones
of 32 neighbouring lines of the manifest: a night with one new batch writes the newest part, and
the oldest one when a batch has left it. A part's name derives from the batches that it holds.

`data/records.json` remembers how each batch was judged, by what contract and code. It lies outside
of the folder, so that a new judgement with the same rows doesn't look like new data to train on.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ratchet.data.failure import Failure
from ratchet.errors import EvidenceError
from ratchet.files import atomic_write, sha256_file, sha256_text, write_text

BATCHES_PER_PART = 32
BATCH = "batch"
ORIGIN = b"ratchet.raw_sha256"


@dataclass(frozen=True)
class Record:
    """What is known of a batch: the hash of its raw file, its rows, and how it broke the contract.

    `readable` says whether its rows can be had with their types. `part` is the Parquet file that
    holds them, empty for a batch that isn't accepted.
    """

    sha256: str
    rows: int
    readable: bool
    failures: tuple[Failure, ...] = ()
    part: str = ""


@dataclass(frozen=True)
class Records:
    """The records of a window by batch id, and the SHA-256 of each part by file name.

    `fingerprint` says by which contract, code and libraries the batches were judged.
    """

    fingerprint: str
    batches: Mapping[str, Record] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)


def read_records(path: Path, fingerprint: str, folder: Path) -> Records:
    """Return what an earlier run recorded at `path` and still holds; nothing is a good answer too.

    Records made by another contract or code are forgotten, and so are those whose rows lie in a
    part of `folder` that isn't what was recorded.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        old = Records(
            content["fingerprint"],
            {batch: _record(**values) for batch, values in content["batches"].items()},
            dict(content["parts"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return Records(fingerprint)
    if old.fingerprint != fingerprint:
        return Records(fingerprint)
    sound = {name: sha for name, sha in old.parts.items() if _is(folder / name, sha)}
    kept = {
        batch: record
        for batch, record in old.batches.items()
        if not record.part or record.part in sound
    }
    return Records(fingerprint, kept, sound)


def write_records(path: Path, records: Records, folder: Path) -> None:
    """Put the records in force, then delete the files in `folder` that they don't name."""
    content = {
        "fingerprint": records.fingerprint,
        "parts": dict(sorted(records.parts.items())),
        "batches": {batch: _content(record) for batch, record in sorted(records.batches.items())},
    }
    write_text(path, json.dumps(content) + "\n")
    folder.mkdir(parents=True, exist_ok=True)
    for part in folder.iterdir():
        if part.name not in records.parts:
            part.unlink()


def _content(record: Record) -> dict[str, Any]:
    return {**vars(record), "failures": [vars(failure) for failure in record.failures]}


def _record(failures: Sequence[Mapping[str, Any]], **values: Any) -> Record:
    made = [Failure(**{**each, "examples": tuple(each["examples"])}) for each in failures]
    return Record(**values, failures=tuple(made))


def _is(path: Path, sha256: str) -> bool:
    return path.is_file() and sha256_file(path) == sha256


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
