"""Where a person stands who types `ratchet` alone: whose data, which model, last night, what next.

It never fails: what can't be read is told in its line.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ratchet.errors import RatchetError

UNNAMED = "no version is registered here yet"


@dataclass(frozen=True)
class Here:
    """What stands here: lines of a title and a text, then commands, each with what it is for."""

    about: tuple[tuple[str, str], ...]
    commands: tuple[tuple[str, str], ...]


def look(
    top: Path, *, params: Path, manifest: Path, card: Path, ledgers: Sequence[Path], sample: Path
) -> Here:
    """Look around in the folder `top`, without the network.

    ledgers: files with lines of nights. sample: the folder from which the sample's batches come.
    """
    if not (top / params).exists():
        told = f"{params} isn't there; run in the top folder of a Ratchet repository"
        return Here((("here", told),), (("cd FOLDER", "go there"),))
    url, data = _source(top / params, sample)
    pinned, batches = _batches(top / manifest)
    model = _model(top / card)
    champion = _champion(top, card)
    about = (
        ("data", data),
        ("batches", batches),
        ("model", model or "none yet"),
        ("champion", champion),
        ("last night", _last_night([top / each for each in ledgers])),
    )
    found = {"pinned": pinned > 0, "model": bool(model), "unnamed": champion == UNNAMED}
    return Here(about, _next(**found, of_sample=Path(url) == sample))


def describe(here: Here, groups: Mapping[str, Sequence[str]]) -> str:
    """Return the page. groups: the names of all commands, by the title of their group."""
    wide = max(len(command) for command, _ in here.commands)
    width = max(map(len, groups))
    return "\n".join(
        [
            "Ratchet: nightly model retraining that can only turn forward.",
            "",
            *(f"  {title:<10}  {text}" for title, text in here.about),
            "",
            "Next",
            *(f"  {command:<{wide}}  {text}" for command, text in here.commands),
            "",
            "Commands (`ratchet COMMAND --help` has examples)",
            *(f"  {title:<{width}}  {' '.join(names)}" for title, names in groups.items()),
        ]
    )


def _source(params: Path, sample: Path) -> tuple[str, str]:
    from ratchet.config import load_params

    try:
        url = load_params(params).source.url
    except RatchetError as error:
        return "", _first_line(error)
    return url, f"the sample, from {url}" if Path(url) == sample else f"your own, from {url}"


def _batches(manifest: Path) -> tuple[int, str]:
    from ratchet.data.manifest import read_manifest

    try:
        pinned = read_manifest(manifest)
    except RatchetError as error:
        return 0, _first_line(error)
    if not pinned:
        return 0, "none is pinned"
    aside = sum(batch.excluded for batch in pinned)
    more = f", {aside} of them excluded" if aside else ""
    return len(pinned), f"{len(pinned)} pinned, {pinned[0].id} to {pinned[-1].id}{more}"


def _model(card: Path) -> str:
    from ratchet.artifacts.card import read_card

    if not card.exists():
        return ""
    try:
        found = read_card(card)
    except RatchetError as error:
        return _first_line(error)
    taught, judged = list(found.train.batches), list(found.holdout.batches)
    return (
        f"{found.model_sha256[:12]}, {found.estimator}, taught by {len(taught)} batches until "
        f"{taught[-1]}, judged by {len(judged)} until {judged[-1]}"
    )


def _champion(top: Path, card: Path) -> str:
    from ratchet.journal import accepted

    try:
        known = accepted.versions(top, card.as_posix())
    except RatchetError:
        return "git can't tell"
    if not known:
        return UNNAMED
    in_production = [each for each in known if accepted.STAGE in each.stages]
    version = (in_production or [each for each in known if each.stages] or known)[-1]
    where = f" in {', '.join(version.stages)}" if version.stages else ", in no stage"
    return f"{version.tag}{where}, since {version.day} ({version.model_sha256[:12]})"


def _last_night(ledgers: Sequence[Path]) -> str:
    lines = []
    for path in ledgers:
        if path.exists():
            text = path.read_text(encoding="utf-8", errors="replace")
            lines += [row for row in csv.DictReader(io.StringIO(text)) if row.get("night")]
    if not lines:
        return "none yet"
    last = max(lines, key=lambda row: row["night"])
    words = [last.get("decision") or "", last.get("verdict") or ""]
    return f"{last['night']}: {', '.join(filter(None, words))}: {last.get('reason') or ''}"


def _next(
    *, pinned: bool, model: bool, unnamed: bool, of_sample: bool
) -> tuple[tuple[str, str], ...]:
    """Return the commands that make sense now."""
    found = []
    if not pinned or not model:
        found.append(("make repro", "the first model, from what the source has"))
    else:
        if of_sample:
            found.append(("ratchet sample publish --days 1", "the sample's next day arrives"))
        elif unnamed:
            found.append(("ratchet register", "name the committed model: the first version"))
        found += [
            ("ratchet nightly", "a whole night: what is new, a model if it's worth it, the gate"),
            ("ratchet summary", "how good the model is, and which batches are set aside"),
            ("ratchet history", "the accepted versions"),
        ]
    if of_sample:
        found.append(("ratchet init URL --target COL", "begin with your own data"))
    return (
        *found,
        ("ratchet doctor", "is everything there that a night needs?"),
        ("ratchet --help", "all commands, a line each"),
    )


def _first_line(error: RatchetError) -> str:
    return str(error).splitlines()[0]
