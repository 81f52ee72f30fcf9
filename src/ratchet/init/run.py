"""Draft `schema.yaml` and `params.yaml` for the data at a URL, try them, and write them.

Of the plots in `dvc.yaml` those of another task become comments.
"""

import datetime
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ratchet.config import Params, load_params
from ratchet.data import landing
from ratchet.data.manifest import write_manifest
from ratchet.data.schema import Format, load_schema
from ratchet.errors import ConfigError
from ratchet.files import write_text
from ratchet.init import params_text, plots_text, schema_text, trial
from ratchet.init.columns import Draft, draft, numbers
from ratchet.init.leaks import suspects
from ratchet.init.look import BYTES, Found, Splitting, inbox_in, look
from ratchet.init.place import Place, clear, is_committed, refuse, replace_all
from ratchet.init.roles import calendar, check_key, course, key_of, time_of
from ratchet.init.sample import Sample, read_sample
from ratchet.init.schema_text import Contract
from ratchet.init.skew import Spread, spread
from ratchet.init.spelling import spelling_of
from ratchet.init.task import find, settle
from ratchet.init.trial import Trial
from ratchet.task import Task

SLICES = 2  # columns whose values are measured apart
VALUES = 20  # most values of such a column
# Below it boosting finds more in the order of a category's names than in its groups, which it fits
# to single rows: on 1,500 to 8,500 rows it was better by .015 to .03 AUC, also for 225 names, on
# 78,000 worse by .005.
FEW_ROWS = 20_000
_COURSES = {
    "rises": "dates that rise with the batches",
    "stays": "dates, of one batch so far",
    "wavers": "dates, but they don't rise with the batches",
}


@dataclass(frozen=True)
class Wish:
    """What a person has said on the command line; None and empty where it is left to a guess."""

    url: str
    target: str
    time: str | None = None
    key: Sequence[str] = ()
    task: Task | None = None
    weight: str | None = None
    split: Splitting | None = None
    pattern: str | None = None
    force: bool = False


@dataclass(frozen=True)
class Drafted:
    """What was guessed: for the summary that a person reads."""

    found: Found
    sample: Sample
    contract: Contract
    params: Params
    trial: Trial | None
    untried: str
    sample_gone: bool
    removed: Sequence[str] = field(default_factory=list)
    committed: bool = True


def run(wish: Wish, place: Place) -> Drafted:
    """Draft both files, try them on the batches, and put all in place, or nothing.

    Raises ConfigError when files of one's own are there and `force` wasn't said, or the wish
    doesn't fit the data; DataError and EvidenceError when the data can't be read or learned from.
    """
    was_sample = refuse(place, force=wish.force)
    before = load_params(place.params)
    place.scratch.mkdir(parents=True, exist_ok=True)
    incoming = landing.beside(place.manifest)
    with tempfile.TemporaryDirectory(dir=place.scratch, prefix="init-") as folder:
        scratch = Path(folder)
        found = look(
            wish.url,
            pattern=wish.pattern,
            period=wish.split,
            time=wish.time,
            incoming=incoming,
            scratch=scratch,
        )
        origins = {each.id: each.uri for each in found.listed}
        sample = read_sample(found.paths, found.dialect, origins)
        contract, spreads = draft_contract(wish, found, sample)
        text = schema_text.write(contract, _source(wish, sample))
        schema, params = scratch / "schema.yaml", scratch / "params.yaml"
        write_text(schema, text)
        load_schema(schema)
        facts = _facts(wish, found, sample, contract, spreads)
        write_text(params, params_text.write(place.params.read_text(encoding="utf-8"), facts))
        loaded = load_params(params)
        untried = _why_not(found, loaded)
        manifest = inbox_in(scratch).with_name("manifest.csv")
        tried = None if untried else trial.run(params, schema, manifest, incoming)
        if tried is None or not tried.calibrated:
            write_text(params, params_text.soften(params.read_text(encoding="utf-8")))
        files: dict[Path, str | None] = {
            place.schema: text,
            place.params: params.read_text(encoding="utf-8"),
            place.pipeline: plots_text.write(
                place.pipeline.read_text(encoding="utf-8"), contract.task
            ),
        }
        gone: list[str] = []
        committed = is_committed(place.manifest)
        moved = (before.source.url, before.source.split) != (wish.url, found.split)
        pins = place.manifest.is_file() and len(place.manifest.read_bytes().splitlines()) > 1
        if was_sample or (moved and pins):
            write_manifest(scratch / "empty.csv", [])
            files[place.manifest] = (scratch / "empty.csv").read_text(encoding="utf-8")
            gone.append(place.manifest.as_posix())
        if was_sample:
            results = clear(place)
            files |= dict.fromkeys(results)
            gone += [path.as_posix() for path in results]
        replace_all(files)
    made = load_params(place.params)
    return Drafted(found, sample, contract, made, tried, untried, was_sample, gone, committed)


def draft_contract(wish: Wish, found: Found, sample: Sample) -> tuple[Contract, Spread]:
    """Return what schema.yaml shall say, and how the target spreads."""
    names = list(sample.columns)
    for name, where in _named(wish):
        find(name, names, where, found.listed[-1].uri)
    words = {name: values.dictionary for name, values in sample.columns.items()}
    is_csv = not found.listed[-1].uri.endswith(".parquet")
    spelt = spelling_of(words, found.dialect) if is_csv else None
    spelling = spelt.format if spelt else Format.model_validate({})
    sample = replace(sample.without(spelling.nulls), nested={**sample.nested, **found.nested})
    drafts = {name: draft(name, sample, spelling) for name in names}
    reviews: dict[str, Sequence[str]] = {"format": spelt.reviews if spelt else ()}
    target = drafts[wish.target]
    task, positive = settle(target, sample, spelling, wish.task)
    time, time_why = _time(wish, found, drafts, sample, spelling, reviews)
    key = list(wish.key)
    if key:
        check_key(key, sample)
    else:
        key, why = key_of(list(drafts.values()), sample, time, wish.target)
        reviews["key"] = [why]
    for name in [*key, *([time] if time and not drafts[time].gaps else [])]:
        drafts[name].max_null = 0.0
    _weight(wish, drafts)
    labels = _labels(target, sample, spelling, task, positive)
    for name, why in suspects(list(drafts.values()), sample, spelling, task, labels).items():
        drafts[name].drop("it may know the target afterwards")
        drafts[name].reviews.append(f"{why}; feature: true if it is known when you predict")
    if not any(each.feature for each in drafts.values()):
        raise ConfigError(
            f"{wish.url}: no column is left to learn from: "
            + "; ".join(f"{each.name}: {each.note}" for each in drafts.values() if each.note)
        )
    if not any(each.type == "boolean" for each in drafts.values()):
        # The target says yes and no in its own words.
        spelling = Format.model_validate(
            spelling.model_dump(exclude_unset=True, exclude={"true", "false"})
        )
    if len(found.listed) * np.median(sample.rows) < FEW_ROWS:
        for each in drafts.values():
            few = each.type == "category" and each.distinct < FEW_ROWS // 100
            if few and each.feature and each is not target:
                each.encoding = "ordinal"
    spreads = _spread(target, task, labels)
    contract = Contract(
        task,
        positive,
        list(drafts.values()),
        target,
        time,
        time_why,
        key,
        wish.weight,
        *_rows(found, sample),
        _extra(sample),
        spelling,
        reviews,
        _zones(drafts),
    )
    return contract, spreads


def _named(wish: Wish) -> list[tuple[str, str]]:
    named = [(wish.target, "--target"), *((name, "--key") for name in wish.key)]
    named += [(wish.time, "--time")] if wish.time else []
    return named + ([(wish.weight, "--weight")] if wish.weight else [])


def _time(
    wish: Wish,
    found: Found,
    drafts: Mapping[str, Draft],
    sample: Sample,
    spelling: Format,
    reviews: dict[str, Sequence[str]],
) -> tuple[str | None, str]:
    """Return the column of time and why, and decide of each date whether its calendar can teach."""
    time = wish.time or found.time or time_of(list(drafts.values()), sample, spelling)
    if time is not None and drafts[time].type != "date":
        raise ConfigError(
            f"--time {time}: holds values that can't be read as times; write them as ISO 8601 "
            "(2026-11-23T03:00:00)"
        )
    for each in drafts.values():
        if each.type == "date" and each.feature:
            teaches, why = calendar(each, sample, spelling)
            each.note = f"{why}, in UTC" if each.zoned else why
            if not teaches:
                each.drop(why)
    if time is None:
        dated = any(each.type == "date" for each in drafts.values())
        return None, "no date rises with the batches" if dated else "no column holds dates"
    goes = course(drafts[time], sample, spelling)
    if goes == "wavers":
        reviews["time"] = ["it doesn't rise with the batches' names, which must sort in time order"]
    if found.split and not wish.time:
        reviews["time"] = [
            "the file is cut by it: do rows of the past ever change? Then say --split none"
        ]
    if wish.time:
        return time, "as you said"
    return time, "the file is cut by it" if found.split else _COURSES[goes]


def _zones(drafts: Mapping[str, Draft]) -> Sequence[str]:
    zoned = [each.name for each in drafts.values() if each.zoned]
    if not zoned:
        return []
    return [
        f"{', '.join(zoned)}: times with an offset (+01:00) become those of UTC, by which days, "
        "weeks and hours are told"
    ]


def _weight(wish: Wish, drafts: Mapping[str, Draft]) -> None:
    if not wish.weight:
        return
    each = drafts[wish.weight]
    if each.type not in ("number", "integer") or wish.weight == wish.target:
        raise ConfigError(f"--weight {wish.weight}: must be a column of numbers, not the target")
    each.drop("the rows' weight")
    each.min, each.max_null = max(each.min or 0.0, 0.0), 0.0


def _labels(
    target: Draft, sample: Sample, spelling: Format, task: Task, positive: object
) -> np.ndarray:
    """Return the labels (rows,), NaN where there is none."""
    column = sample.columns[target.name]
    words = column.dictionary.to_pylist()
    if task == "regression":
        of_word = numbers(column.dictionary, "number", spelling)
    elif task == "multiclass":
        of_word = np.arange(len(words), dtype=float)
    elif isinstance(positive, bool):
        of_word = np.array([w.lower() in {y.lower() for y in spelling.true} for w in words], float)
    elif isinstance(positive, str):
        of_word = np.array([word == positive for word in words], float)
    else:
        of_word = (numbers(column.dictionary, "number", spelling) == positive).astype(float)
    place = np.asarray(column.indices.fill_null(-1))
    labels: np.ndarray = np.append(of_word, np.nan)[place]
    return labels


def _spread(target: Draft, task: Task, labels: np.ndarray) -> Spread:
    """Return how the target spreads, and let its draft say when a few rows rule that."""
    known = labels[np.isfinite(labels)]
    if task != "regression":
        share = np.bincount(known.astype(np.intp)) / len(known)
        share = share[share > 0]
        return Spread(float(-(share * np.log(share)).sum()))
    found = spread(known)
    if found.metric == "mae":
        target.reviews.append(
            f"{100 * found.few:.2g} % of the rows make half of its variance, and so rule RMSE and "
            "R²: the gate goes by mae, in which each row counts alike; or write a rule for rmse"
        )
    return found


def _rows(found: Found, sample: Sample) -> tuple[tuple[int, int], str]:
    """Return the fewest and the most rows of a batch, with head-room, and what was seen."""
    counts = sample.rows
    if found.periods is not None:
        done = sorted(found.periods)[:-1]
        counts = np.array([found.periods[each] for each in done])
    few, most = int(np.quantile(counts, 0.02)), int(counts.max())
    newest = int(counts[-1])
    least = max(1, min(few, newest) // 2)
    seen = f"{counts.min():,} to {most:,} were seen"
    return (least, math.ceil(2 * most / 10) * 10), seen


def _extra(sample: Sample) -> str:
    said = []
    if sample.unusable:
        shown = ", ".join(repr(name) for name in sample.unusable[:5])
        said.append(f"left out, as no column can be called that: {shown}")
    everywhere = {*sample.columns, *sample.unusable}
    lacking = {name for names in sample.headers.values() for name in everywhere ^ {*names}}
    if lacking:
        said.append(f"not in all batches: {', '.join(sorted(lacking)[:5])}")
    return "; ".join(said)


def _source(wish: Wish, sample: Sample) -> str:
    many = f"{len(sample.ids)} batches" if len(sample.ids) > 1 else "1 batch"
    return (
        f"{len(sample.batch):,} rows of {many} ({sample.ids[0]} to {sample.ids[-1]}) at {wish.url}"
    )


def _facts(
    wish: Wish, found: Found, sample: Sample, contract: Contract, spreads: Spread
) -> params_text.Facts:
    usual = int(np.median(sample.rows))
    slices = [
        each.name
        for each in contract.columns
        if each.feature
        and each.type in ("category", "boolean")
        and 2 <= each.distinct <= VALUES
        and each.max_null < 0.5
    ]
    return params_text.Facts(
        contract.task,
        wish.url,
        found.pattern,
        found.split,
        len(found.listed),
        max(1, usual),
        spreads.unit,
        slices[:SLICES],
        _days(contract, sample),
        spreads.metric,
    )


def _days(contract: Contract, sample: Sample) -> bool | None:
    """Tell whether the batches' ids are the days of their rows; None without days or times.

    A row without a time isn't of the day, as in the check `out_of_day`.
    """
    if contract.time is None:
        return None
    column = sample.columns[contract.time]
    seconds = numbers(column.dictionary, "date", contract.format)
    days = np.append(np.floor(seconds / 86_400), np.nan)[np.asarray(column.indices.fill_null(-1))]
    for number, batch in enumerate(sample.ids):
        try:
            day = datetime.date.fromisoformat(batch[:10])
        except ValueError:
            return None
        own = days[sample.batch == number]
        if (own != (day - datetime.date(1970, 1, 1)).days).mean() > 0.01:
            return False
    return True


def _why_not(found: Found, params: Params) -> str:
    """Return why the drafts weren't tried; empty when they can be."""
    window = found.listed[-params.window.fetched :]
    size = sum(each.bytes for each in window)
    if size > BYTES:
        return f"the window has {size / 1e6:,.0f} MB"
    if len(window) <= params.window.holdout:
        return f"there {'is' if len(window) == 1 else 'are'} but {len(window)}"
    return ""
