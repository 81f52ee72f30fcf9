"""Hold each batch against the contract and the batches before it; set the bad ones aside."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

import pyarrow as pa

from ratchet.artifacts.table import write_csv
from ratchet.checks import leakage, timeline
from ratchet.checks import report as markdown
from ratchet.checks.alarms import explain
from ratchet.checks.judging import Judging, Places, Rules
from ratchet.checks.past import Past
from ratchet.checks.records import Record, Records, read_records, write_records
from ratchet.code import code_hash
from ratchet.config import Params
from ratchet.data.contract import Contract, Judged, judge
from ratchet.data.failure import Failure
from ratchet.data.manifest import Batch, read_manifest
from ratchet.data.schema import Schema, load_schema
from ratchet.data.target import Target, target_of
from ratchet.data.validated import BATCHES_PER_PART, part_name, read_batch, write_part
from ratchet.errors import DataError, EvidenceError
from ratchet.files import remove_partials, sha256_file, sha256_text, write_text

HASHING = 4  # threads that hash files


@dataclass(frozen=True)
class Validation:
    """The state of the window: rows of each accepted batch, and why the others are quarantined.

    `overruled` batches are bad and are in use because a person wrote `accept` in the manifest; they
    are among the accepted, and so are those with `warnings`. `suspects` are features that alone
    tell the target. `fatal` names those whose alarms stop the run. `judged` counts the batches that
    were judged in this run.
    """

    accepted: Mapping[str, int]
    quarantined: Mapping[str, Sequence[Failure]]
    overruled: Mapping[str, Sequence[Failure]]
    warnings: Mapping[str, Sequence[Failure]]
    fatal: Sequence[str]
    judged: int
    suspects: Sequence[Failure] = ()


@dataclass(frozen=True)
class Line:
    """A fetched batch: its position in the manifest, and whether it teaches or judges.

    The others are there for comparison.
    """

    position: int
    batch: Batch
    in_window: bool


def run(
    params: Params,
    *,
    manifest: Path,
    raw: Path,
    schema: Path,
    validated: Path,
    profiles: Path,
    records: Path,
    report: Path,
    summary: Path,
    plots: Path,
) -> Validation:
    """Judge the batches in `raw` and bring all the other files and folders up to date.

    A batch is read only when its content, what it is compared with, or the rules have changed.

    Raises DataError when the newest batch or too large a share of the window is quarantined, or an
    alarm of severity `fail` is raised; the report and the good batches are on disk by then. Raises
    EvidenceError when a file in `raw` isn't what the manifest pins.
    """
    remove_partials(records, report, summary, plots / "arrivals.csv", plots / "drift.csv")
    contract = load_schema(schema)
    target = target_of(params.task, contract)
    rules = Rules(contract, target, params.validate_.checks, params.window.pool)
    lines, from_the_start = _fetched(manifest, raw, params.window.size)
    name = fingerprint(rules)
    old = read_records(records, name, validated, profiles)
    judging = Judging(
        rules,
        Places(raw, validated, profiles),
        old,
        Past(params.window.reference, from_the_start=from_the_start),
    )
    new: dict[str, Record] = {}
    parts: dict[str, str] = {}
    profiles.mkdir(parents=True, exist_ok=True)
    for group, verdicts in _by_contract(
        lines, judging, rules.contract, raw, params.validate_.n_jobs
    ):
        settled = {
            line.batch.id: judging.settle(line.batch, verdicts.get(line.batch.id)) for line in group
        }
        found = _write_group(validated, group, settled, old)
        new |= found
        parts |= {part: sha256_file(validated / part) for part in _parts(found)}
    write_records(records, Records(name, new, parts), validated, profiles)
    validation = _summarise(lines, new, judging.judged)
    window = {line.batch.id: new[line.batch.id] for line in lines if line.in_window}
    validation = replace(validation, suspects=_suspects(window, validated, contract, target))
    overrides = _overrides(lines)
    write_text(report, json.dumps(_report(validation, window, overrides), indent=1) + "\n")
    write_text(
        summary,
        markdown.write(
            window,
            rules.checks,
            target,
            quarantined=validation.quarantined,
            overruled=validation.overruled,
            warnings=validation.warnings,
            suspects=validation.suspects,
            overrides=overrides,
        ),
    )
    write_csv(plots / "arrivals.csv", timeline.arrivals(window, target))
    write_csv(plots / "drift.csv", timeline.drift(window, rules.checks))
    _refuse_if_too_bad(validation, params.validate_.max_quarantined, summary)
    return validation


def _by_contract(
    lines: Sequence[Line], judging: Judging, contract: Contract, raw: Path, n_jobs: int
) -> Iterable[tuple[list[Line], Mapping[str, Judged]]]:
    """Yield neighbouring batches, and by id how those that must be read keep the contract.

    The groups are read one after the other, or side by side in at most `n_jobs` processes.
    """
    groups = [
        list(group) for _, group in groupby(lines, lambda line: line.position // BATCHES_PER_PART)
    ]
    waiting = [[line.batch for line in group if judging.must_read(line.batch)] for group in groups]
    paths = [[raw / batch.file_name for batch in batches] for batches in waiting]
    # A second process costs seconds to start: it pays from some hundred batches on.
    n_jobs = min(n_jobs, 1 + sum(map(bool, waiting)) // 8)
    verdicts: Iterable[list[Judged]]
    if n_jobs == 1:
        verdicts = (judge(each, contract) for each in paths)
    else:
        from joblib import Parallel, delayed  # its import takes as long as to judge five batches

        verdicts = Parallel(n_jobs=n_jobs, return_as="generator")(
            delayed(judge)(each, contract) for each in paths
        )
    for group, batches, found in zip(groups, waiting, verdicts, strict=True):
        yield group, dict(zip([batch.id for batch in batches], found, strict=True))


def _write_group(
    folder: Path,
    group: Sequence[Line],
    settled: Mapping[str, tuple[Record, Callable[[], pa.Table]]],
    old: Records,
) -> dict[str, Record]:
    """Put the accepted ones of neighbouring batches into their part; return all their records.

    The part is written only when it isn't there. Rows that weren't read in this run come from the
    old parts, which stay until the new records are in force.
    """
    members = [
        line.batch
        for line in group
        if line.in_window and settled[line.batch.id][0].accepted(line.batch.override)
    ]
    number = group[0].position // BATCHES_PER_PART
    name = part_name(number, [(batch.id, batch.sha256) for batch in members]) if members else ""
    if members and name not in old.parts:
        tables = {batch.id: settled[batch.id][1]() for batch in members}
        write_part(folder / name, tables, {batch.id: batch.sha256 for batch in members})
    accepted = {batch.id for batch in members}
    return {
        batch: replace(record, part=name if batch in accepted else "")
        for batch, (record, _) in settled.items()
    }


def _parts(records: Mapping[str, Record]) -> set[str]:
    return {record.part for record in records.values() if record.part}


def fingerprint(rules: Rules) -> str:
    """Return one hash of all that a verdict depends on besides the batches."""
    libraries = [f"{name} {version(name)}" for name in ("numpy", "pandas", "pandera", "pyarrow")]
    words = [
        rules.schema.model_dump_json(),
        rules.target.task,
        rules.checks.model_dump_json(),
        str(rules.pool),
        code_hash(Judging.__module__),
        *libraries,
    ]
    return sha256_text("\n".join(words))


def _fetched(manifest: Path, raw: Path, size: int) -> tuple[list[Line], bool]:
    """Return the batches that lie in `raw`, oldest first; and whether none precedes the first.

    The newest `size` of them are the window.
    """
    usable = [
        (position, batch)
        for position, batch in enumerate(read_manifest(manifest))
        if not batch.excluded
    ]
    here = [(position, batch) for position, batch in usable if (raw / batch.file_name).is_file()]
    if not here:
        raise EvidenceError(f"{raw}: holds no batch; run `dvc repro fetch`")
    with ThreadPoolExecutor(HASHING) as pool:
        hashes = list(pool.map(sha256_file, (raw / batch.file_name for _, batch in here)))
    for (_, batch), sha256 in zip(here, hashes, strict=True):
        if sha256 != batch.sha256:
            raise EvidenceError(
                f"{raw / batch.file_name}: isn't what {manifest} pins, someone edited it; "
                "`dvc repro fetch` brings it anew"
            )
    window = {batch.id for _, batch in here[-size:]}
    lines = [Line(position, batch, batch.id in window) for position, batch in here]
    return lines, here[0] == usable[0]


def _summarise(lines: Sequence[Line], records: Mapping[str, Record], judged: int) -> Validation:
    window = {line.batch.id: records[line.batch.id] for line in lines if line.in_window}
    earlier: list[Mapping[str, float]] = []
    bad: dict[str, list[Failure]] = {}
    warnings: dict[str, list[Failure]] = {}
    for batch, record in window.items():
        words = [(alarm.severity, explain(alarm, earlier)) for alarm in record.alarms]
        found = [*record.failures, *(said for severity, said in words if severity != "warn")]
        warned = [said for severity, said in words if severity == "warn"]
        if found:
            bad[batch] = found
        if warned and record.part:
            warnings[batch] = warned
        earlier.append(record.statistics)
    return Validation(
        accepted={batch: record.rows for batch, record in window.items() if record.part},
        quarantined={batch: found for batch, found in bad.items() if not window[batch].part},
        overruled={batch: found for batch, found in bad.items() if window[batch].part},
        warnings=warnings,
        fatal=[
            batch
            for batch, record in window.items()
            if not record.part and any(alarm.severity == "fail" for alarm in record.alarms)
        ],
        judged=judged,
    )


def _suspects(
    records: Mapping[str, Record], validated: Path, schema: Schema, target: Target
) -> list[Failure]:
    """Look at the newest accepted rows of the window for features that alone tell the target."""
    needed, tables = leakage.rows_needed(schema), []
    for batch, record in reversed(list(records.items())):
        if needed > 0 and record.part:
            tables.append(read_batch(validated / record.part, batch).slice(0, needed))
            needed -= len(tables[-1])
    return leakage.suspects(pa.concat_tables(tables), schema, target) if tables else []


def _overrides(lines: Sequence[Line]) -> dict[str, dict[str, str]]:
    return {
        line.batch.id: {"override": line.batch.override, "note": line.batch.note}
        for line in lines
        if line.in_window and line.batch.override
    }


def _report(
    validation: Validation,
    window: Mapping[str, Record],
    overrides: Mapping[str, Mapping[str, str]],
) -> dict[str, object]:
    """Return the report's content. Nothing in it depends on what an earlier run had done."""
    return {
        "batches": len(window),
        "rows": sum(validation.accepted.values()),
        "compared": sum(bool(record.against) for record in window.values()),
        "accepted": validation.accepted,
        "quarantined": _failures(validation.quarantined),
        "overruled": _failures(validation.overruled),
        "warnings": _failures(validation.warnings),
        "suspects": [asdict(each) for each in validation.suspects],
        "overrides": overrides,
    }


def _failures(batches: Mapping[str, Sequence[Failure]]) -> dict[str, object]:
    return {batch: [asdict(each) for each in failures] for batch, failures in batches.items()}


def _refuse_if_too_bad(validation: Validation, max_quarantined: float, report: Path) -> None:
    newest = max([*validation.accepted, *validation.quarantined])
    count = len(validation.accepted) + len(validation.quarantined)
    share = len(validation.quarantined) / count
    for batch in dict.fromkeys([newest, *validation.fatal]):
        if batch in validation.quarantined:
            reasons = "; ".join(map(str, validation.quarantined[batch]))
            which = "the newest batch, " * (batch == newest)
            raise DataError(f"{which}{batch}, is refused: {reasons}\n{_hint(report, batch)}")
    if share > max_quarantined:
        raise DataError(
            f"{len(validation.quarantined)} of {count} batches ({share:.0%}) are quarantined, "
            f"validate.max_quarantined is {max_quarantined:.0%}\n{_hint(report, 'ID')}"
        )


def _hint(report: Path, batch: str) -> str:
    return (
        f"see {report}; have it delivered again and run `ratchet discover --accept-changed {batch}`"
        f", or `ratchet batch exclude {batch} --note WHY`, or where its rows can be read "
        f"`ratchet batch accept {batch} --note WHY`"
    )
