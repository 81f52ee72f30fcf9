"""The settings, the source, and the newest batch against the contract."""

from collections.abc import Sequence
from pathlib import Path

from ratchet.config import Params, load_params
from ratchet.data.manifest import Batch, read_manifest
from ratchet.data.schema import Schema, load_schema
from ratchet.data.source import open_source
from ratchet.data.weather import Limits
from ratchet.doctor.finding import Finding, broken, fail, ok, warn
from ratchet.errors import DataError, EvidenceError, RatchetError

# Better no answer soon than one after a minute: a person waits.
LIMITS = Limits(read=10.0, quiet=10.0)
_DISCOVER = "`ratchet discover`"


def look(params: Path, schema: Path, manifest: Path, raw: Path) -> list[Finding]:
    """Look at all that concerns the data; what can't be read keeps the rest from being asked."""
    findings: list[Finding] = []
    settings = contract = None
    try:
        settings = load_params(params)
        findings.append(ok(str(params), "valid"))
    except RatchetError as error:
        findings.append(broken(str(params), error))
    try:
        contract = load_schema(schema)
        findings.append(ok(str(schema), f"valid: {len(contract.features)} features"))
    except RatchetError as error:
        findings.append(broken(str(schema), error))
    try:
        pinned = read_manifest(manifest)
    except RatchetError as error:
        return [*findings, broken("manifest", error)]
    if settings is not None:
        findings += [_source(settings, pinned), _window(settings, pinned)]
    if contract is not None:
        findings.append(_newest(contract, pinned, raw))
    return findings


def _source(params: Params, pinned: Sequence[Batch]) -> Finding:
    try:
        source = open_source(params.source.url, params.source.pattern, limits=LIMITS)
        listed = source.list()
    except RatchetError as error:
        return broken("source", error)
    if not listed:
        told = f"{source.url} can be read, but nothing in it matches {params.source.pattern}"
        way_out = "check source.url and source.pattern in params.yaml"
        return fail("source", told, way_out, EvidenceError)
    if params.source.split:
        # Its batches are known once it is cut, which takes long and is for discover.
        told = f"{source.url} can be read; {_DISCOVER} cuts it by {params.source.split}"
        return ok("source", told)
    told = f"{source.url} can be read: {len(listed)} batches, the newest is {listed[-1].id}"
    if pinned and source.overwritten:
        return ok("source", told)
    known = {batch.id for batch in pinned}
    new = [item.id for item in listed if item.id not in known and item.id > max(known, default="")]
    if not new:
        return ok("source", told)
    return ok("source", f"{told}; {len(new)} not pinned yet")


def _window(params: Params, pinned: Sequence[Batch]) -> Finding:
    usable = sum(not batch.excluded for batch in pinned)
    window = params.window
    told = f"{usable} usable batches are pinned"
    if usable <= window.holdout:
        why = f"{told}, window.holdout takes {window.holdout}: none is left to train on"
        way_out = f"{_DISCOVER} when more have come, or lower window.holdout in params.yaml"
        return fail("window", why, way_out, DataError)
    if usable < window.size:
        why = f"{told}, the window has room for {window.size}"
        return warn("window", why, "nothing: it fills night by night; fewer rows teach until then")
    if usable < window.fetched:
        why = f"{told}, {window.fetched} are needed to compare each batch with those before it"
        return warn("window", why, "nothing: the oldest are only compared with fewer")
    return ok("window", f"{told}, {window.size} teach or judge")


def _newest(schema: Schema, pinned: Sequence[Batch], raw: Path) -> Finding:
    """Hold the newest batch that is here against the contract."""
    check = "newest batch"
    usable = [batch for batch in pinned if not batch.excluded]
    if not usable:
        return warn(check, "none is pinned", _DISCOVER)
    batch = usable[-1]
    path = raw / batch.file_name
    if not path.is_file():
        return warn(check, f"{batch.id} isn't in {raw}", "`dvc pull`, or `dvc repro fetch`")
    from ratchet.data.contract import Contract, judge

    [judged] = judge([path], Contract.of(schema))
    if not judged.failures:
        return ok(check, f"{batch.id} keeps the contract: {judged.rows} rows")
    told = f"{batch.id} breaks the contract: {'; '.join(map(str, judged.failures))}"
    if batch.override == "accept":
        return warn(check, told, f"nothing: you accepted it ({batch.note})")
    way_out = (
        f"have it delivered again, then `ratchet discover --accept-changed {batch.id}`; or mend "
        f"schema.yaml; or `ratchet batch exclude {batch.id} --note WHY`"
    )
    return fail(check, told, way_out, DataError)
