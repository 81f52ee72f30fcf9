"""Propose thresholds for the checks from what they measured on the window's batches."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ratchet import round_trip
from ratchet.checks.records import Record, load_records
from ratchet.checks.thresholds import RULES, propose
from ratchet.config import Check, Checks, Params
from ratchet.errors import ConfigError, DataError
from ratchet.files import write_text

FEWEST = 28  # batches that were compared: from fewer one can't tell what is rare
DAYS_OF_A_MONTH = 30
DIGITS = 3


@dataclass(frozen=True)
class Proposal:
    """Thresholds by check, and which checks each set of them would have set batches aside by.

    `series` has the figures of each check and column, one a batch, oldest first. `notes` say, by
    check and column, where good batches come so near to 1 that a share tells little or nothing.
    """

    batches: Sequence[str]
    series: Mapping[str, Sequence[float]]
    checks: Checks
    quarantined: Mapping[str, Sequence[str]]
    quarantined_now: Mapping[str, Sequence[str]]
    notes: Mapping[str, str]


def run(
    params: Params,
    params_file: Path,
    *,
    records: Path,
    per_month: float,
    until: str,
    write: bool,
) -> Proposal:
    """Print proposed thresholds beside the present ones, and write them if asked to.

    The figures are those that `validate` took, in time order, each batch against those before it.

    Raises EvidenceError without them, DataError when there are too few.
    """
    if per_month <= 0:
        raise ConfigError(f"--per-month must be above 0 (got {per_month:g})")
    proposal = calibrate(compared(records, until), params.validate_.checks, per_month)
    _show(proposal, params.validate_.checks, per_month, params_file, write=write)
    if write:
        write_thresholds(params_file, proposal.checks)
    return proposal


def calibrate(batches: Mapping[str, Record], checks: Checks, per_month: float) -> Proposal:
    """Return thresholds for at most `per_month` false alarms of each check in 30 batches.

    A check keeps its floor, and columns that need more than that get a threshold of their own. One
    that no threshold below 1 would let good batches pass is left out for a column; of the whole
    batch it keeps its threshold, and warns.

    Raises DataError when there are too few batches.
    """
    if len(batches) < FEWEST:
        raise DataError(
            f"{len(batches)} batches were compared with those before them, {FEWEST} are needed to "
            "tell what is rare; keep the thresholds until there are more, or widen window.train"
        )
    names = sorted({name for record in batches.values() for name in record.statistics})
    # A figure that couldn't be had, as that of a column without values, is none to worry about.
    series = {
        name: [record.statistics.get(name, 0.0) for record in batches.values()] for name in names
    }
    proposed, notes = _propose(series, checks, round(DAYS_OF_A_MONTH / per_month))
    return Proposal(
        list(batches),
        series,
        proposed,
        _above(list(batches), series, proposed),
        _above(list(batches), series, checks),
        notes,
    )


def _propose(
    series: Mapping[str, Sequence[float]], checks: Checks, batches_per_alarm: int
) -> tuple[Checks, dict[str, str]]:
    """Return the checks with the thresholds that their rules give, and what is to be known."""
    made, notes = {}, {}
    for check, rule in RULES.items():
        own: Check = getattr(checks, check)
        found = {
            name.partition(" ")[2]: round(propose(values, rule, batches_per_alarm), DIGITS)
            for name, values in series.items()
            if name.split(" ")[0] == check
        }
        uncapped = replace(rule, share=False)
        for column, value in found.items():
            name = f"{check} {column}".rstrip()
            high = propose(series[name], uncapped, batches_per_alarm) >= 1
            if rule.share and high and own.severity != "off":
                notes[name] = _near_one(value, column)
        whole, severity = found.pop("", rule.floor), own.severity
        if rule.share and whole >= 1:
            whole = own.threshold if own.threshold < 1 else rule.floor
            severity = own.severity if own.severity == "off" else "warn"
        columns = {column: value for column, value in found.items() if value > rule.floor}
        changes = {"threshold": whole, "columns": columns, "severity": severity}
        made[check] = own.model_copy(update=changes)
    return Checks.model_validate({name: each.model_dump() for name, each in made.items()}), notes


def _near_one(threshold: float, column: str) -> str:
    """Say what is left of a share check whose good batches come near to 1."""
    if threshold < 1:
        return f"good batches come near to 1; beyond {threshold:g} there is hardly anything to see"
    if column:
        return "good batches reach 1, beyond which nothing is; 1 leaves this column out"
    return "good batches reach 1, beyond which nothing is; it can only warn, or be off"


def compared(records: Path, until: str) -> dict[str, Record]:
    """Return the batches that were compared, oldest first, and keep the contract.

    Raises EvidenceError when validate has left no records.
    """
    known = load_records(records)
    return {
        batch: record
        for batch, record in known.batches.items()
        if record.statistics and not record.failures and (not until or batch <= until)
    }


def _above(
    batches: Sequence[str], series: Mapping[str, Sequence[float]], checks: Checks
) -> dict[str, list[str]]:
    """Return by which checks and columns the batches would be set aside."""
    found: dict[str, list[str]] = {}
    for name, values in series.items():
        check, _, column = name.partition(" ")
        own: Check = getattr(checks, check)
        if own.severity in ("off", "warn"):
            continue
        for batch, value in zip(batches, values, strict=True):
            if value > own.limit(column):
                found.setdefault(batch, []).append(name)
    return dict(sorted(found.items()))


def _show(
    proposal: Proposal, checks: Checks, per_month: float, params_file: Path, *, write: bool
) -> None:
    console = Console(highlight=False, markup=False, emoji=False)
    count, first, last = len(proposal.batches), proposal.batches[0], proposal.batches[-1]
    console.print(
        f"{count} batches, {first} to {last}; at most {per_month:g} good ones in "
        f"{DAYS_OF_A_MONTH} shall be set aside.\n"
    )
    table = Table("check", "column", box=None)
    for title in "highest", "now", "above", "proposed", "above":
        table.add_column(title, justify="right", no_wrap=True)
    for check in RULES:
        for row in _rows(proposal, check, checks):
            table.add_row(*row)
    console.print(table)
    for name, note in proposal.notes.items():
        console.print(f"{name}: {note}")
    for title, found in (
        ("Set aside by the present thresholds", proposal.quarantined_now),
        ("Set aside by the proposed ones", proposal.quarantined),
    ):
        console.print(f"\n{title}: {len(found)} of {count}")
        for batch, names in found.items():
            console.print(f"  {batch}  {', '.join(names)}")
    console.print(
        "\nA bad batch among them makes the thresholds lax: `ratchet batch exclude ID`, run "
        "`dvc repro validate` and calibrate again."
    )
    done = f"Written to {params_file}; `git diff` shows it, `dvc repro` judges by it."
    console.print(done if write else f"Nothing was written; --write puts them into {params_file}.")


def _rows(proposal: Proposal, check: str, checks: Checks) -> Iterable[list[str]]:
    """Yield a row for each column with a threshold of its own, now or proposed, and for the rest.

    `above` counts the batches above a threshold, in the worst column.
    """
    old: Check = getattr(checks, check)
    new: Check = getattr(proposal.checks, check)
    own = {
        name.partition(" ")[2]: values
        for name, values in proposal.series.items()
        if name.split(" ")[0] == check
    }
    singled = sorted(old.columns.keys() | new.columns.keys())
    for column in [*singled, ""]:
        rest = own.keys() - set(singled) if column == "" else own.keys() & {column}
        if rest:
            now, proposed = old.limit(column), new.limit(column)
            counts = [
                max(sum(value > limit for value in own[each]) for each in rest)
                for limit in (now, proposed)
            ]
            highest = max(max(own[each]) for each in rest)
            name = column or ("(others)" if singled else "")
            figures = [f"{highest:.3g}", f"{now:g}", str(counts[0]), f"{proposed:g}"]
            yield [check, name, *figures, str(counts[1])]


def write_thresholds(params_file: Path, checks: Checks) -> None:
    """Put thresholds and severities into the file and leave all else, comments too, as it is."""
    content = round_trip.load(params_file.read_text(encoding="utf-8"))
    for check in RULES:
        made: Check = getattr(checks, check)
        written = content["validate"]["checks"][check]
        written["threshold"] = _short(made.threshold)
        written["severity"] = made.severity
        if made.columns:
            written["columns"] = {name: _short(value) for name, value in made.columns.items()}
        else:
            written.pop("columns", None)
    write_text(params_file, round_trip.dump(content))


def _short(value: float) -> float:
    """Return a whole number as one: 7 and not 7.0."""
    return int(value) if value.is_integer() else value
