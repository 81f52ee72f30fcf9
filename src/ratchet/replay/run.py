"""Play the user's own pipeline over the manifest's history: files in, a comparison out."""

import resource
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ratchet.config import Params
from ratchet.data.manifest import read_manifest, select_window
from ratchet.errors import ConfigError, DataError
from ratchet.files import sha256_file, write_text
from ratchet.gate.rules import require_fit
from ratchet.replay.bench import Bench
from ratchet.replay.history import Night, Places, nights
from ratchet.replay.models import Workshop, make_all
from ratchet.replay.nights import POLICIES, Played, needed, play
from ratchet.replay.spoil import choose
from ratchet.stages import fetch, validate

T = TypeVar("T")
Track = Callable[[Iterable[T], str, int], Iterable[T]]
IGNORED = "*\n"


@dataclass(frozen=True)
class Options:
    """What to play. nights: newest ones, None for all. first: batches there on the first night.

    every: the pipeline runs on one of so many nights. share: of nights with a spoiled challenger,
    0 for none. seed: which nights those are, and what is random in them.
    """

    nights: int | None = None
    first: int | None = None
    every: int = 1
    share: float = 0.0
    seed: int = 0
    jobs: int = 1


@dataclass(frozen=True)
class Replay:
    """What was played, by every policy. clean: the same without spoiled challengers, or None.

    seconds: wall time of this run. memory_mb: its largest resident set, children apart.
    """

    params: Params
    options: Options
    nights: Sequence[Night]
    played: Sequence[Played]
    clean: Sequence[Played] | None
    spoiled: Mapping[int, str]
    quarantined: int
    fitted: int
    seconds: float
    memory_mb: float


def run(
    params: Params,
    options: Options,
    *,
    manifest: Path,
    raw: Path,
    schema: Path,
    cache: Path,
    track: Track,  # type: ignore[type-arg]
) -> Replay:
    """Bring and judge the history, make the models of all nights, and play them.

    All of it is kept in the folder `cache`: a run that was stopped goes on where it was.

    Raises ConfigError when there are too few batches, or the gate's metrics aren't the task's;
    EvidenceError when a batch can't be had.
    """
    require_fit(params.gate, params.task, "params.yaml")
    began = time.monotonic()
    places = Places(cache, schema)
    batches = [each for each in read_manifest(manifest) if not each.excluded]
    first = options.first or min(params.window.size, max(len(batches) // 2, 2))
    if first < params.window.holdout + 1:
        raise ConfigError(
            f"replay: --first must be above window.holdout, {params.window.holdout} (got {first})"
        )
    _bring(params, options, len(batches), manifest, raw, places)
    _validate(params, len(batches), places)
    workshop = Workshop(places, params.train, params.task)
    history = workshop.history
    lacking = len(batches) - len(history.batches)
    numbered = nights(
        history,
        params,
        first=max(first - lacking, params.window.holdout + 1),
        newest=options.nights,
        every=options.every,
    )
    holdout, places_ = params.window.holdout, len(history.accepted)
    spoiled = choose(len(numbered), options.share, options.seed) if options.share else {}
    wanted = needed(numbered, {}, holdout, options.seed)
    wanted |= needed(numbered, spoiled, holdout, options.seed)
    bench = Bench(params, places, workshop)
    for model, foretold in track(
        make_all(workshop, wanted.items(), options.jobs), "Making the nights' models", len(wanted)
    ):
        bench.learn(model, foretold)

    def all_policies(kinds: Mapping[int, str], title: str) -> list[Played]:
        return [
            play(
                track(numbered, f"{title}, {policy.name}", len(numbered)),
                policy,
                bench,
                holdout=holdout,
                places=places_,
                task=params.task,
                spoiled=kinds,
                seed=options.seed,
            )
            for policy in POLICIES
        ]

    clean = all_policies({}, "Playing")
    played = all_policies(spoiled, "With spoiled ones") if spoiled else clean
    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Replay(
        params,
        options,
        numbered,
        played,
        clean if spoiled else None,
        spoiled,
        sum(not batch.accepted for batch in history.batches),
        len(wanted),
        time.monotonic() - began,
        usage * 1024 / 1e6,
    )


def _bring(
    params: Params,
    options: Options,
    count: int,
    manifest: Path,
    raw: Path,
    places: Places,
) -> None:
    """Bring the files of the batches that the nights need: from `raw`, else as `fetch` does."""
    write_text(places.cache / ".gitignore", IGNORED)
    write_text(places.manifest, manifest.read_text(encoding="utf-8-sig"))
    size = count
    if options.nights is not None:
        size = min(count, options.nights + params.window.fetched)
    places.raw.mkdir(parents=True, exist_ok=True)
    for batch in select_window(read_manifest(places.manifest), size):
        here, there = raw / batch.file_name, places.raw / batch.file_name
        if here.is_file() and not there.exists() and sha256_file(here) == batch.sha256:
            shutil.copyfile(here, there)
    fetch.run(_wide(params, size), manifest=places.manifest, raw=places.raw)


def _validate(params: Params, count: int, places: Places) -> None:
    """Judge all batches in time order, as every night did with its newest."""
    report = places.cache / "reports"
    # That a night's newest batch is refused is part of the play; all is on disk by then.
    with suppress(DataError):
        validate.run(
            _wide(params, count),
            manifest=places.manifest,
            raw=places.raw,
            schema=places.schema,
            validated=places.validated,
            profiles=places.profiles,
            records=places.records,
            report=report / "validation.json",
            summary=report / "validation.md",
            plots=report / "plots",
        )


def _wide(params: Params, count: int) -> Params:
    """Return the params with a window over so many batches."""
    train = max(count - params.window.holdout, 1)
    window = params.window.model_copy(update={"train": train})
    return params.model_copy(update={"window": window})
