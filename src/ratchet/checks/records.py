"""`data/records.json`: how each batch was judged, by what contract, checks and code.

It lies outside of `data/validated/`, so that a new judgement with the same rows doesn't look like
new data to train on.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ratchet.checks.alarms import Alarm
from ratchet.checks.statistic import Statistic
from ratchet.data.failure import Failure
from ratchet.errors import EvidenceError
from ratchet.files import sha256_file, write_text


@dataclass(frozen=True)
class Record:
    """What is known of a batch: the hash of its raw file, its rows, and how it was judged.

    `readable` says whether its rows can be had with their types; then `label` is what
    `labels.summary` says of its labels, and `profile` the SHA-256 of its profile. `failures` say
    how it broke the contract. `against` names the batches that it was compared with, empty when it
    wasn't; `statistics` has the figures of that by series, `alarms` those above their thresholds.
    `part` is the Parquet file that holds its rows, empty for a batch that doesn't teach or judge.
    """

    sha256: str
    rows: int
    readable: bool
    failures: tuple[Failure, ...] = ()
    label: tuple[float, ...] = ()
    profile: str = ""
    against: str = ""
    statistics: Mapping[str, float] = field(default_factory=dict)
    alarms: tuple[Alarm, ...] = ()
    part: str = ""

    @property
    def is_good(self) -> bool:
        """Whether nothing speaks against the batch but warnings."""
        return not self.failures and all(alarm.severity == "warn" for alarm in self.alarms)

    def accepted(self, override: str) -> bool:
        """Whether the batch may be used, given a person's word in the manifest."""
        return self.readable and (self.is_good or override == "accept")


@dataclass(frozen=True)
class Records:
    """The records by batch id, and the SHA-256 of each part by file name.

    `fingerprint` says by which contract, checks, code and libraries the batches were judged.
    """

    fingerprint: str
    batches: Mapping[str, Record] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)


def load_records(path: Path) -> Records:
    """Return what stands in the file; EvidenceError when it can't be read or isn't one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Records(
            content["fingerprint"],
            {batch: _record(**values) for batch, values in content["batches"].items()},
            dict(content["parts"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvidenceError(f"{path}: {error}; run `dvc repro validate`") from None


def read_records(path: Path, fingerprint: str, validated: Path, profiles: Path) -> Records:
    """Return what an earlier run recorded at `path` and still holds; nothing is a good answer too.

    Records made by other rules or code are forgotten, and so are those whose rows or profile in the
    folders `validated` and `profiles` aren't what was recorded.
    """
    try:
        old = load_records(path)
    except EvidenceError:
        return Records(fingerprint)
    if old.fingerprint != fingerprint:
        return Records(fingerprint)
    sound = {name: sha for name, sha in old.parts.items() if _is(validated / name, sha)}
    kept = {
        batch: record
        for batch, record in old.batches.items()
        if (not record.part or record.part in sound)
        and (not record.readable or _is(profile_path(profiles, batch), record.profile))
    }
    return Records(fingerprint, kept, sound)


def write_records(path: Path, records: Records, validated: Path, profiles: Path) -> None:
    """Put the records in force, then delete the parts and profiles that they don't name."""
    content = {
        "fingerprint": records.fingerprint,
        "parts": dict(sorted(records.parts.items())),
        "batches": {batch: asdict(record) for batch, record in sorted(records.batches.items())},
    }
    write_text(path, json.dumps(content) + "\n")
    profiled = {
        profile_path(profiles, batch).name
        for batch, record in records.batches.items()
        if record.readable
    }
    for folder, names in (validated, records.parts), (profiles, profiled):
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.iterdir():
            if file.name not in names:
                file.unlink()


def profile_path(profiles: Path, batch: str) -> Path:
    """Return where a batch's profile lies."""
    return profiles / f"{batch}.parquet"


def _record(failures: Any, alarms: Any, label: Any, **values: Any) -> Record:
    return Record(
        **values,
        label=tuple(label),
        failures=tuple(map(Failure.of, failures)),
        alarms=tuple(
            Alarm(**{**each, "statistic": _statistic(each["statistic"])}) for each in alarms
        ),
    )


def _statistic(values: Mapping[str, Any]) -> Statistic:
    return Statistic(**{**values, "examples": tuple(values["examples"])})


def _is(path: Path, sha256: str) -> bool:
    return path.is_file() and sha256_file(path) == sha256
