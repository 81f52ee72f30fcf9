"""Play the faults: spoil copies of the newest good batches and let `validate` judge them.

What judges is the stage itself, on the project's own params, schema and history, in a temporary
folder. The project's files are read and never written.
"""

import gzip
import io
import json
import tempfile
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ratchet.checks.past import FEWEST
from ratchet.config import Params
from ratchet.data.failure import Failure
from ratchet.data.manifest import Batch, read_manifest, write_manifest
from ratchet.data.schema import Schema, load_schema
from ratchet.drill.dialect import read_rows, respelt
from ratchet.drill.fault import Case, Fault, Must, NotApplicableError
from ratchet.errors import DataError
from ratchet.files import sha256_file
from ratchet.stages import validate

OLDER = 7  # good batches before the spoilt one that a fault may look at
Outcome = Literal["caught", "warned", "slipped", "passed", "refused", "not applicable"]


@dataclass(frozen=True)
class Finding:
    """What became of a fault: `caught` or `slipped`; a harmless change `passed` or was `refused`.

    `warned`: it was noticed, but by checks alone whose severity is `warn`, so the batch is used.
    `columns` are those that it changed, none when it changed rows or bytes. `batch` is the first
    one with `failures`; empty if none has any. `reason` says why a fault isn't applicable, or why
    it can't be caught yet.
    """

    fault: Fault
    outcome: Outcome
    columns: tuple[str, ...] = ()
    batch: str = ""
    failures: tuple[Failure, ...] = ()
    reason: str = ""

    @property
    def wrong(self) -> bool:
        """Whether it had to be caught and slipped, or had to pass and was refused."""
        slipped = self.outcome == "slipped" and not self.reason
        return self.outcome == "refused" or (slipped and self.must == "catch")

    @property
    def must(self) -> Must:
        """What is due."""
        return self.fault.must


@dataclass(frozen=True)
class Drill:
    """A whole drill: on which batch, with how many good ones before it, by which seed."""

    batch: str
    history: int
    seed: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class _Place:
    """What `validate` writes, in a folder of its own."""

    folder: Path

    @property
    def validated(self) -> Path:
        return self.folder / "validated"

    @property
    def profiles(self) -> Path:
        return self.folder / "profiles"

    @property
    def records(self) -> Path:
        return self.folder / "records.json"

    @property
    def report(self) -> Path:
        return self.folder / "validation.json"

    def take(self, validated: Path, profiles: Path, records: Path) -> None:
        """Begin with what another run left. It is linked: a run replaces files, never edits."""
        _link(validated.iterdir() if validated.is_dir() else (), self.validated)
        _link(profiles.iterdir() if profiles.is_dir() else (), self.profiles)
        if records.is_file():
            self.records.write_bytes(records.read_bytes())

    def judge(self, params: Params, manifest: Path, raw: Path, schema: Path) -> Mapping[str, Any]:
        """Run the stage and return its report, which it writes before it refuses to go on."""
        try:
            validate.run(
                params,
                manifest=manifest,
                raw=raw,
                schema=schema,
                validated=self.validated,
                profiles=self.profiles,
                records=self.records,
                report=self.report,
                summary=self.folder / "validation.md",
                plots=self.folder / "plots",
            )
        except DataError:
            if not self.report.is_file():
                raise
        report: Mapping[str, Any] = json.loads(self.report.read_text(encoding="utf-8"))
        return report


def run(
    params: Params,
    faults: Sequence[Fault],
    *,
    manifest: Path,
    raw: Path,
    schema: Path,
    validated: Path,
    profiles: Path,
    records: Path,
    seed: int = 0,
    track: Callable[[Sequence[Fault]], Iterable[Fault]] = iter,
) -> Drill:
    """Inject each of `faults` into a copy of the newest good batch, or batches, of the window.

    A batch is good when it was accepted on its own merits: no person overruled anything. What the
    project's own last `validate` left is used as far as it still holds; else the window is judged
    once, aside. `track` hands the faults on one by one as they are played, to show progress.

    Raises DataError when no batch of the window is good, EvidenceError when none was fetched.
    """
    contract = load_schema(schema)
    with tempfile.TemporaryDirectory(prefix="ratchet-drill-") as folder:
        base = _Place(Path(folder, "base"))
        base.take(validated, profiles, records)
        report = base.judge(params, manifest, raw, schema)
        good = sorted(report["accepted"].keys() - report["overruled"].keys())
        if not good:
            raise DataError(
                f"{raw}: no batch of the window keeps the contract, so there is none to drill on; "
                "`ratchet summary` shows why they are quarantined"
            )
        said = _warnings(report, good)
        window = _Window(params, manifest, raw, schema, contract, base, tuple(good), said, seed)
        findings = tuple(
            _play(fault, window, _Place(Path(folder, fault.name))) for fault in track(faults)
        )
    return Drill(good[-1], len(good) - 1, seed, findings)


# A batch, and code and column of what was said about it.
_Warning = tuple[str, str, str]


def _warnings(report: Mapping[str, Any], batches: Iterable[str]) -> dict[_Warning, Failure]:
    return {
        (batch, failure.code, failure.column): failure
        for batch in batches
        for failure in map(Failure.of, report["warnings"].get(batch, ()))
    }


@dataclass(frozen=True)
class _Window:
    """The window as it is, judged; the faults are played against it."""

    params: Params
    manifest: Path
    raw: Path
    schema: Path
    contract: Schema
    base: _Place
    good: tuple[str, ...]
    said: Collection[_Warning]
    seed: int
    _known: dict[Path, pd.DataFrame] = field(default_factory=dict)

    def read(self, path: Path) -> pd.DataFrame:
        """Return a good batch's rows as plain strings, read once; nobody changes them."""
        if path not in self._known:
            self._known[path] = read_rows(path, self.contract)
        return self._known[path]


def _play(fault: Fault, window: _Window, place: _Place) -> Finding:
    """Spoil the newest good batches and have them judged; the newest one ends the window.

    `validate` judges batches in the order of time, each against those before it. So all spoilt
    ones can come at once: each is judged as if its own night had come.
    """
    pins = {batch.id: batch for batch in read_manifest(window.manifest)}
    spoilt = window.good[-fault.batches :]
    if len(spoilt) < fault.batches:
        reason = f"needs {fault.batches} good batches, there are {len(spoilt)}"
        return Finding(fault, "not applicable", reason=reason)
    raw = place.folder / "raw"
    raw.mkdir(parents=True)
    columns: tuple[str, ...] = ()
    for position, batch in enumerate(spoilt, len(window.good) - len(spoilt)):
        try:
            columns = _spoil(fault, window, position, pins[batch], raw / pins[batch].file_name)
        except NotApplicableError as error:
            return Finding(fault, "not applicable", reason=str(error))
        path = raw / pins[batch].file_name
        pins[batch] = replace(
            pins[batch], bytes=path.stat().st_size, sha256=sha256_file(path), override=""
        )
    kept = [batch for batch in pins.values() if batch.id <= spoilt[-1]]
    names = [batch.file_name for batch in kept if batch.id not in spoilt]
    _link((window.raw / name for name in names if (window.raw / name).is_file()), raw)
    manifest = place.folder / "manifest.csv"
    write_manifest(manifest, kept)
    place.take(window.base.validated, window.base.profiles, window.base.records)
    try:
        report = place.judge(window.params, manifest, raw, window.schema)
    except Exception as error:
        error.add_note(f"while `ratchet drill --only {fault.name}` was judged")
        raise
    refused = [batch for batch in spoilt if batch in report["quarantined"]]
    harmless = fault.must == "pass"
    if refused:
        failures = tuple(map(Failure.of, report["quarantined"][refused[0]]))
        return Finding(fault, "refused" if harmless else "caught", columns, refused[0], failures)
    if harmless:
        return Finding(fault, "passed", columns)
    # What was said about the good batch as well isn't about the fault.
    told = _warnings(report, spoilt)
    new = {key: told[key] for key in told if key not in window.said}
    if new:
        first = min(batch for batch, _, _ in new)
        failures = tuple(failure for (batch, _, _), failure in new.items() if batch == first)
        return Finding(fault, "warned", columns, first, failures)
    due = min(FEWEST, window.params.window.reference)
    early = not report["compared"] and len(window.good) <= due
    reason = f"nothing to compare with before {due} good batches are there" if early else ""
    return Finding(fault, "slipped", columns, reason=reason)


def _spoil(fault: Fault, window: _Window, position: int, batch: Batch, to: Path) -> tuple[str, ...]:
    """Write the spoilt file of the good batch at `position` to `to`; return the changed columns.

    Raises NotApplicableError, also when the fault changes nothing though it has to be harmful.
    """
    older = window.good[max(0, position - OLDER) : position]
    files = {each.id: window.raw / each.file_name for each in read_manifest(window.manifest)}
    path = files[batch.id]
    case = Case(
        rows=window.read(path).copy(),
        older=[window.read(files[each]) for each in older],
        schema=window.contract,
        # By the name, so that a fault alone does what it does among others.
        random=np.random.default_rng([window.seed, zlib.crc32(fault.name.encode()), position]),
        content=path.read_bytes(),
        suffix="".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix,
        task=window.params.task,
    )
    changed = fault.change(case)
    content = (
        changed if isinstance(changed, bytes) else _file(changed, case.suffix, window.contract)
    )
    if fault.must != "pass" and content == _file(window.read(path), case.suffix, window.contract):
        raise NotApplicableError("it changes nothing in this batch")
    to.write_bytes(content)
    return () if isinstance(changed, bytes) else _changed(window.read(path), changed)


def _changed(before: pd.DataFrame, after: pd.DataFrame) -> tuple[str, ...]:
    """Return the columns that came, went, or hold other values in rows that are still there."""
    other = [name for name in before if name not in after]
    other += [name for name in after if name not in before]
    if not other and before.index.equals(after.index):
        other = [name for name in before if not before[name].equals(after[name])]
    return tuple(map(str, other))


def _file(rows: pd.DataFrame, suffix: str, contract: Schema) -> bytes:
    """Return rows of plain strings as the bytes of a file of this kind."""
    if suffix == ".parquet":
        buffer = io.BytesIO()
        table = pa.Table.from_pandas(rows, preserve_index=False)
        pq.write_table(table.replace_schema_metadata(), buffer)
        return buffer.getvalue()
    spelling = contract.format
    text: str = respelt(rows, contract).to_csv(
        index=False, lineterminator="\n", sep=spelling.delimiter
    )
    content = text.encode(spelling.encoding)
    return gzip.compress(content, mtime=0) if suffix.endswith(".gz") else content


def _link(files: Iterable[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        (folder / file.name).symlink_to(file.resolve())
