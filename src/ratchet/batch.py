"""One batch explained, and a person's word on it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from ratchet.checks.alarms import explain
from ratchet.checks.labels import tell
from ratchet.checks.profile import Profile
from ratchet.checks.profile_file import read_profile
from ratchet.checks.records import Record, Records, load_records, profile_path
from ratchet.config import Check, Params
from ratchet.data.manifest import Batch, read_manifest, write_manifest
from ratchet.data.schema import load_schema
from ratchet.data.target import Target, target_of
from ratchet.errors import ConfigError, EvidenceError
from ratchet.git import attempt

NEIGHBOURS = 3  # shown on each side
FIGURES = 12  # shown, those closest to their limits


def override(manifest: Path, batch_id: str, word: str, note: str) -> Batch:
    """Write a person's word (`accept`, `exclude`, or empty for none) beside a batch; return it.

    The note gets the person's name from git, so that the report can say who overrules what.

    Raises ConfigError for an unknown batch or a word without a reason.
    """
    batches = read_manifest(manifest)
    if word and not note.strip():
        raise ConfigError("say why with --note: the next person will want to know")
    said = f"{' '.join(note.split())} ({_person(manifest.parent)})" if word else ""
    changed = replace(_find(batches, batch_id, manifest), override=word, note=said)
    write_manifest(manifest, [changed if each.id == batch_id else each for each in batches])
    return changed


def _person(folder: Path) -> str:
    return attempt(folder, "config", "user.name").stdout.strip() or "git has no user.name"


def _find(batches: Sequence[Batch], batch_id: str, manifest: Path) -> Batch:
    for batch in batches:
        if batch.id == batch_id:
            return batch
    near = [each.id for each in batches[-3:]]
    raise ConfigError(f"{manifest}: no batch {batch_id!r}; the newest are {', '.join(near)}")


def show(
    params: Params, batch_id: str, *, manifest: Path, schema: Path, records: Path, profiles: Path
) -> None:
    """Print what is known of a batch: verdict, reasons, figures, columns, neighbours.

    Raises ConfigError for an unknown batch, EvidenceError when it hasn't been judged.
    """
    contract = load_schema(schema)
    batches = read_manifest(manifest)
    batch = _find(batches, batch_id, manifest)
    known = load_records(records)
    record = known.batches.get(batch_id)
    if record is None:
        raise EvidenceError(
            f"{batch_id} isn't among the batches that `validate` has judged; "
            "it is too old for the window, excluded, or newer than the last `dvc repro validate`"
        )
    earlier = [each.statistics for name, each in known.batches.items() if name < batch_id]
    # What bad data hold, such as [/b] or :x:, is not ours to render.
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(f"{batch_id}: {_verdict(batch, record)}", style="bold")
    console.print(f"{batch.uri}  {batch.bytes:,} bytes  SHA-256 {batch.sha256[:12]}")
    if batch.override:
        console.print(f"override: {batch.override}, {batch.note or 'without a note'}")
    for failure in record.failures:
        console.print(f"\n{failure}")
    for alarm in record.alarms:
        console.print(f"\n[{alarm.severity}] {explain(alarm, earlier)}")
    if record.statistics:
        console.print()
        console.print(_figures(record, params))
    elif record.readable:
        console.print("\nnot compared: too few batches before it")
    if record.readable:
        columns = read_profile(profile_path(profiles, batch_id))
        console.print()
        console.print(_columns(columns, list(contract.columns)))
    console.print()
    console.print(_neighbours(batches, known, batch_id, target_of(params.task, contract)))


def _verdict(batch: Batch, record: Record) -> str:
    if not record.is_good:
        return "accepted by a person" if record.accepted(batch.override) else "quarantined"
    return "accepted, with warnings" if record.alarms else "accepted"


def _figures(record: Record, params: Params) -> Table:
    table = _table(
        f"Against the batches before (closest to an alarm, {FIGURES} of {len(record.statistics)})",
        "check",
        "column",
    )
    for name in "figure", "limit", "of limit":
        table.add_column(name, justify="right")
    rows = []
    for series, value in record.statistics.items():
        check, _, column = series.partition(" ")
        about: Check = getattr(params.validate_.checks, check)
        limit = about.limit(column)
        rows.append((value / max(limit, 1e-9), check, column, value, limit))
    for share, check, column, value, limit in sorted(rows, reverse=True)[:FIGURES]:
        table.add_row(check, column, f"{value:.3g}", f"{limit:.3g}", f"{share:.0%}")
    return table


def _columns(profile: Profile, names: Sequence[str]) -> Table:
    """Return what the profile says of each column of the contract, in its order."""
    table = _table("Columns", "column")
    for name in "null", "distinct", "mean", "lowest", "highest", "commonest":
        table.add_column(name, justify="left" if name == "commonest" else "right")
    for name in names:
        if name not in profile.columns:
            continue  # dates have no profile
        column = profile.columns[name]
        present = profile.rows - column.nulls
        numeric = bool(np.isfinite(column.low))
        figures = [f"{column.total / max(present, 1):.4g}", f"{column.low:g}", f"{column.high:g}"]
        cells = ["many", *(figures if numeric else [""] * len(figures)), ""]
        if column.values is not None:
            keys, counts = column.values
            cells[0] = f"{len(keys):,}"
            if present:
                top = int(np.argmax(counts))
                commonest = f"{keys[top]:g}" if numeric else str(keys[top])
                cells[-1] = f"{commonest} ({counts[top] / present:.0%})"
        table.add_row(name, f"{column.nulls / profile.rows:.1%}", *cells)
    return table


def _neighbours(batches: Sequence[Batch], known: Records, batch_id: str, target: Target) -> Table:
    table = _table("Neighbours", "batch")
    told = tell(known.batches, target)
    for name in "rows", told.what:
        table.add_column(name, justify="right")
    table.add_column("")
    judged = [batch for batch in batches if batch.id in known.batches]
    here = [batch.id for batch in judged].index(batch_id)
    for batch in judged[max(0, here - NEIGHBOURS) : here + NEIGHBOURS + 1]:
        record = known.batches[batch.id]
        label = told.spell(told.numbers[batch.id]) if batch.id in told.numbers else ""
        style = "bold" if batch.id == batch_id else ""
        table.add_row(batch.id, f"{record.rows:,}", label, _verdict(batch, record), style=style)
    return table


def _table(title: str, *columns: str) -> Table:
    return Table(*columns, title=title, title_justify="left", box=None, title_style="bold")
