"""Hold each new batch against the contract; keep the good ones typed, set the bad ones aside."""

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

from ratchet.code import code_hash
from ratchet.config import Params
from ratchet.data.contract import Contract, Judged, judge
from ratchet.data.failure import Failure
from ratchet.data.manifest import Batch, read_manifest
from ratchet.data.schema import load_schema
from ratchet.data.validated import (
    BATCHES_PER_PART,
    Record,
    Records,
    part_name,
    read_batch,
    read_records,
    write_part,
    write_records,
)
from ratchet.errors import DataError, EvidenceError
from ratchet.files import remove_partials, sha256_file, sha256_text, write_text

HASHING = 4  # threads that hash files


@dataclass(frozen=True)
class Validation:
    """The state of the window: rows of each accepted batch, and why the others are quarantined.

    `overruled` batches broke the contract and are in use because a person wrote `accept` in the
    manifest; they are among the accepted. `judged` counts the batches that were read in this run.
    """

    accepted: Mapping[str, int]
    quarantined: Mapping[str, Sequence[Failure]]
    overruled: Mapping[str, Sequence[Failure]]
    judged: int


def run(
    params: Params,
    *,
    manifest: Path,
    raw: Path,
    schema: Path,
    validated: Path,
    records: Path,
    report: Path,
) -> Validation:
    """Judge the batches in `raw` and bring `validated`, `records` and `report` up to date.

    A batch is read only when its content, the contract or the code that judges it has changed.

    Raises DataError when the newest batch or too large a share of the window is quarantined; the
    report and the good batches are on disk by then. Raises EvidenceError when a file in `raw`
    isn't what the manifest pins.
    """
    remove_partials(records, report)
    contract = Contract.of(load_schema(schema))
    window = _window(manifest, raw)
    old = read_records(records, fingerprint(schema), validated)
    groups = [
        (number, [batch for _, batch in lines])
        for number, lines in groupby(window, key=lambda line: line[0] // BATCHES_PER_PART)
    ]
    waiting = [[batch for batch in batches if not _settled(batch, old)] for _, batches in groups]
    verdicts = _judge(
        [[raw / batch.file_name for batch in batches] for batches in waiting],
        contract,
        params.validate_.n_jobs,
    )
    new: dict[str, Record] = {}
    parts: dict[str, str] = {}
    for (number, batches), unknown, found in zip(groups, waiting, verdicts, strict=True):
        judged = dict(zip([batch.id for batch in unknown], found, strict=True))
        group = _write_group(validated, number, batches, judged, old)
        new |= group
        parts |= {part: sha256_file(validated / part) for part in _parts(group)}
    write_records(records, Records(old.fingerprint, new, parts), validated)
    validation = _summarise(new, sum(map(len, waiting)))
    write_text(report, json.dumps(_report(validation), indent=1) + "\n")
    _refuse_if_too_bad(validation, params.validate_.max_quarantined, report)
    return validation


def _judge(
    groups: Sequence[Sequence[Path]], contract: Contract, n_jobs: int
) -> Iterable[list[Judged]]:
    """Judge the groups one after the other, or side by side in at most `n_jobs` processes."""
    # A second process costs seconds to start: it pays from some hundred batches on.
    n_jobs = min(n_jobs, 1 + sum(map(bool, groups)) // 8)
    if n_jobs == 1:
        return (judge(paths, contract) for paths in groups)
    from joblib import Parallel, delayed  # its import takes as long as to judge five batches

    judged: Iterable[list[Judged]] = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(judge)(paths, contract) for paths in groups
    )
    return judged


def _write_group(
    folder: Path, number: int, batches: list[Batch], judged: Mapping[str, Judged], old: Records
) -> dict[str, Record]:
    """Put the accepted ones of neighbouring batches into their part; return all their records.

    The part is written only when it isn't there. Rows that weren't read in this run come from the
    old parts, which stay until the new records are in force.
    """
    records = {
        batch.id: _record(batch, judged[batch.id]) if batch.id in judged else old.batches[batch.id]
        for batch in batches
    }
    members = [batch for batch in batches if _accepts(batch, records[batch.id])]
    name = part_name(number, [(batch.id, batch.sha256) for batch in members]) if members else ""
    if members and name not in old.parts:
        tables = {
            batch.id: judged[batch.id].table
            if batch.id in judged
            else read_batch(folder / records[batch.id].part, batch.id)
            for batch in members
        }
        write_part(folder / name, tables, {batch.id: batch.sha256 for batch in members})
    accepted = {batch.id for batch in members}
    return {
        batch: replace(record, part=name if batch in accepted else "")
        for batch, record in records.items()
    }


def _parts(records: Mapping[str, Record]) -> set[str]:
    return {record.part for record in records.values() if record.part}


def fingerprint(schema: Path) -> str:
    """Return one hash of all that a verdict depends on besides the batch itself."""
    libraries = [f"{name} {version(name)}" for name in ("pandas", "pandera", "pyarrow")]
    return sha256_text("\n".join([sha256_file(schema), code_hash(judge.__module__), *libraries]))


def _window(manifest: Path, raw: Path) -> list[tuple[int, Batch]]:
    """Return the batches that lie in `raw`, oldest first, with their positions in the manifest."""
    window = [
        (position, batch)
        for position, batch in enumerate(read_manifest(manifest))
        if (raw / batch.file_name).is_file()
    ]
    if not window:
        raise EvidenceError(f"{raw}: holds no batch; run `dvc repro fetch`")
    with ThreadPoolExecutor(HASHING) as pool:
        hashes = list(pool.map(sha256_file, (raw / batch.file_name for _, batch in window)))
    for (_, batch), sha256 in zip(window, hashes, strict=True):
        if sha256 != batch.sha256:
            raise EvidenceError(
                f"{raw / batch.file_name}: isn't what {manifest} pins, someone edited it; "
                "`dvc repro fetch` brings it anew"
            )
    return window


def _settled(batch: Batch, old: Records) -> bool:
    """Tell whether an earlier verdict holds and the rows, if they are needed, are at hand."""
    record = old.batches.get(batch.id)
    if record is None or record.sha256 != batch.sha256:
        return False
    return bool(record.part) or not _accepts(batch, record)


def _accepts(batch: Batch, record: Record) -> bool:
    return record.readable and (not record.failures or batch.override == "accept")


def _record(batch: Batch, judged: Judged) -> Record:
    return Record(batch.sha256, judged.rows, judged.table is not None, tuple(judged.failures))


def _summarise(records: Mapping[str, Record], judged: int) -> Validation:
    accepted = {batch: record.rows for batch, record in records.items() if record.part}
    broken = {batch: record for batch, record in records.items() if record.failures}
    quarantined = {b: record.failures for b, record in broken.items() if not record.part}
    overruled = {b: record.failures for b, record in broken.items() if record.part}
    return Validation(accepted, quarantined, overruled, judged)


def _report(validation: Validation) -> dict[str, object]:
    """Return the report's content. Nothing in it depends on what an earlier run had done."""
    return {
        "batches": len(validation.accepted) + len(validation.quarantined),
        "rows": sum(validation.accepted.values()),
        "accepted": validation.accepted,
        "quarantined": _failures(validation.quarantined),
        "overruled": _failures(validation.overruled),
    }


def _failures(batches: Mapping[str, Sequence[Failure]]) -> dict[str, object]:
    return {batch: [asdict(each) for each in failures] for batch, failures in batches.items()}


def _refuse_if_too_bad(validation: Validation, max_quarantined: float, report: Path) -> None:
    newest = max([*validation.accepted, *validation.quarantined])
    count = len(validation.accepted) + len(validation.quarantined)
    share = len(validation.quarantined) / count
    hint = (
        f"see {report}; have it delivered again and run `ratchet discover --accept-changed ID`, or "
        "write exclude, or accept where its rows can be read, in the manifest's column override"
    )
    if newest in validation.quarantined:
        reasons = "; ".join(map(str, validation.quarantined[newest]))
        raise DataError(f"the newest batch, {newest}, breaks the contract: {reasons}\n{hint}")
    if share > max_quarantined:
        raise DataError(
            f"{len(validation.quarantined)} of {count} batches ({share:.0%}) are quarantined, "
            f"validate.max_quarantined is {max_quarantined:.0%}\n{hint}"
        )
