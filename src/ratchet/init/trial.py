"""Try the drafts: hold the batches against the contract and each other, aside, and calibrate."""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ratchet import calibrate
from ratchet.artifacts.holdout import split
from ratchet.checks.records import load_records
from ratchet.config import Checks, Params, load_params
from ratchet.data import discover, landing
from ratchet.data.repeats import compared_columns, repeats
from ratchet.data.schema import load_schema
from ratchet.data.validated import read_window
from ratchet.errors import DataError, EvidenceError
from ratchet.stages import fetch, validate

PER_MONTH = 0.5  # as `ratchet calibrate` proposes
ADVICE = (
    "the model would be judged on what it has learned; have only new rows delivered, or one file "
    "with all rows and `--time COLUMN`, by which it is cut (docs/validation.md, Rows that come "
    "again)"
)


@dataclass(frozen=True)
class Trial:
    """How the batches fared. `calibrated`: from how many batches thresholds came, 0 where too few.

    set_aside: which of the window's batches the drafts would quarantine, each with its first
    reason. newest: the newest batch if it is among them, at which a run would stop. reviews: what a
    person must look at before all else, and where.
    """

    batches: int
    calibrated: int
    set_aside: Mapping[str, str]
    newest: str
    reviews: Sequence[tuple[str, str]] = ()


def run(params: Path, schema: Path, manifest: Path, incoming: Path) -> Trial:
    """Pin, fetch and validate beside `manifest`; write thresholds to `params` if there are enough.

    With fewer batches only the contract is tried. What was downloaded to `incoming` isn't again.
    """
    here = landing.beside(manifest)
    if incoming.is_dir():
        shutil.copytree(incoming, here, dirs_exist_ok=True)
    loaded = load_params(params)
    pinned = discover.run(loaded, manifest=manifest, schema=schema).batches
    if len(pinned) < 2 * calibrate.FEWEST:  # so many are compared, and as many before the first
        alone = loaded.window.model_copy(update={"reference": 0})
        loaded = loaded.model_copy(update={"window": alone})
    folder = manifest.parent
    fetch.run(loaded, manifest=manifest, raw=folder / "raw")
    _validate(_warning(loaded), schema, manifest)
    records = folder / "records.json"
    window = [*load_records(records).batches.items()][-loaded.window.size :]
    set_aside = {batch: str(each.failures[0]) for batch, each in window if each.failures}
    compared = calibrate.compared(records, until="")
    reviews = _repeats(loaded, schema, folder / "validated")
    calibrated = len(compared) >= calibrate.FEWEST
    if calibrated:
        proposal = calibrate.calibrate(compared, loaded.validate_.checks, PER_MONTH)
        calibrate.write_thresholds(params, proposal.checks)
        reviews += [(f"checks, {name}", note) for name, note in proposal.notes.items()]
        set_aside |= {batch: ", ".join(names) for batch, names in proposal.quarantined.items()}
    names = [batch for batch, _ in window]
    return Trial(
        len(names),
        len(compared) if calibrated else 0,
        {batch: set_aside[batch] for batch in names if batch in set_aside},
        names[-1] if names[-1] in set_aside else "",
        reviews,
    )


def _repeats(params: Params, schema: Path, validated: Path) -> list[tuple[str, str]]:
    """Say whether the newest batches hold what those before them held, as full exports do."""
    try:
        rows, hashes = read_window(validated)
    except EvidenceError:  # no batch was accepted
        return []
    holdout = min(params.window.holdout, len(hashes) - 1)
    if not holdout:
        return []
    parts = split(rows, hashes, holdout)
    found = repeats(*parts, compared_columns(load_schema(schema)))
    if not found.is_odd:
        return []
    return [("source", f"{found.words}: {ADVICE}")]


def _warning(params: Params) -> Params:
    """Return the parameters with checks that set nothing aside.

    Else a good batch that the sample's thresholds set aside would be missing among those that the
    next ones are compared with, and so would be what is usual.
    """
    checks = {
        name: check if check["severity"] == "off" else {**check, "severity": "warn"}
        for name, check in params.validate_.checks.model_dump().items()
    }
    softer = params.validate_.model_copy(update={"checks": Checks.model_validate(checks)})
    return params.model_copy(update={"validate_": softer})


def _validate(params: Params, schema: Path, manifest: Path) -> None:
    """Judge the batches; that too many are bad, or the newest, is for the caller to say."""
    folder = manifest.parent
    with suppress(DataError):
        validate.run(
            params,
            manifest=manifest,
            raw=folder / "raw",
            schema=schema,
            validated=folder / "validated",
            profiles=folder / "profiles",
            records=folder / "records.json",
            report=folder / "validation.json",
            summary=folder / "validation.md",
            plots=folder / "plots",
        )
