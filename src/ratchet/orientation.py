"""Where a person stands who types `ratchet` alone: whose data, which model, last night, what next.

It never fails: what can't be read is told in its line.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from configparser import ConfigParser
from configparser import Error as BrokenConfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.errors import RatchetError

if TYPE_CHECKING:  # read where it is needed, so that `ratchet` answers at once
    from ratchet.config import Source
    from ratchet.data.manifest import Batch
    from ratchet.journal.accepted import Version
    from ratchet.versions.waiting import Waiting

Commands = Iterator[tuple[str, str]]

_REMOTE = "remote"  # DVC's, of a clone that nobody has given another
_STOPPED = {"KeyboardInterrupt": "stopped with Ctrl-C"}


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
    source, data = _source(top / params, sample)
    pinned, batches = _batches(top / manifest)
    model = _model(top / card)
    known = _versions(top, card)
    waiting = _waiting(top, card, known)
    about = (
        ("data", data),
        ("batches", batches),
        ("model", model or "none yet"),
        ("champion", _champion(known)),
        ("last night", _last_night([top / each for each in ledgers], waiting)),
    )
    of_sample = source is not None and Path(source.url) == sample
    if not pinned or not model:
        now = [("make repro", "the first model, from what the source has")]
    else:
        untouched = of_sample and not known and _remote(top) == _REMOTE
        now = [
            *_first(waiting, untouched=untouched),
            *_then(waiting, of_sample=of_sample, fresh=_fresh(top, source, pinned)),
        ]
    return Here(about, (*now, *_always(of_sample=of_sample)))


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


def _source(params: Path, sample: Path) -> tuple["Source | None", str]:
    from ratchet.config import load_params

    try:
        source = load_params(params).source
    except RatchetError as error:
        return None, _first_line(error)
    whose = "the sample" if Path(source.url) == sample else "your own"
    return source, f"{whose}, from {source.url}"


def _batches(manifest: Path) -> tuple[Sequence["Batch"], str]:
    from ratchet.data.manifest import read_manifest

    try:
        pinned = read_manifest(manifest)
    except RatchetError as error:
        return (), _first_line(error)
    if not pinned:
        return (), "none is pinned"
    aside = sum(batch.excluded for batch in pinned)
    more = f", {aside} of them excluded" if aside else ""
    return pinned, f"{len(pinned)} pinned, {pinned[0].id} to {pinned[-1].id}{more}"


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


def _versions(top: Path, card: Path) -> Sequence["Version"] | None:
    """Return the accepted versions; None when git can't tell."""
    from ratchet.journal import accepted

    try:
        return accepted.versions(top, card.as_posix())
    except RatchetError:
        return None


def _champion(known: Sequence["Version"] | None) -> str:
    from ratchet.journal.accepted import STAGE

    if known is None:
        return "git can't tell"
    if not known:
        return "no version is registered here yet"
    in_production = [each for each in known if STAGE in each.stages]
    version = (in_production or [each for each in known if each.stages] or known)[-1]
    where = f" in {', '.join(version.stages)}" if version.stages else ", in no stage"
    return f"{version.tag}{where}, since {version.day} ({version.model_sha256[:12]})"


def _last_night(ledgers: Sequence[Path], waiting: "Waiting") -> str:
    if waiting.night:
        return f"{'is running here' if waiting.running else 'was killed'} ({waiting.night})"
    lines = []
    for path in ledgers:
        if path.exists():
            text = path.read_text(encoding="utf-8", errors="replace")
            lines += [row for row in csv.DictReader(io.StringIO(text)) if row.get("night")]
    if not lines:
        return "none yet"
    last = max(lines, key=lambda row: row["night"])
    words = [last.get("decision") or "", last.get("verdict") or ""]
    return f"{last['night']}: {', '.join(filter(None, words))}: {_why(last)}"


def _why(night: Mapping[str, str]) -> str:
    """Return why a night ended as it did: what the gate said, where it was asked."""
    from ratchet.journal.nights import why

    reason = why(night)
    return _STOPPED.get(reason, reason)


def _waiting(top: Path, card: Path, known: Sequence["Version"] | None) -> "Waiting":
    from ratchet.versions import waiting

    try:
        return waiting.look(top, card.as_posix(), known or ())
    except RatchetError:
        return waiting.Waiting()


def _remote(top: Path) -> str:
    """Return the URL of DVC's default remote; "" where none is set, or nobody can tell."""
    found = ConfigParser(interpolation=None)
    try:
        found.read([top / ".dvc/config", top / ".dvc/config.local"], encoding="utf-8")
        name = found.get("core", "remote", fallback="")
        return found.get(f"'remote \"{name}\"'", "url", fallback="")
    except (BrokenConfig, UnicodeDecodeError):
        return ""


def _fresh(top: Path, source: "Source | None", pinned: Sequence["Batch"]) -> int:
    """Return how many batches wait in a folder; 0 where looking would take a network, or long."""
    from ratchet.data.folder import FolderSource

    if source is None or not (top / source.url).is_dir():
        return 0
    known = {batch.id for batch in pinned}
    try:
        listed = FolderSource(str(top / source.url), source.pattern).list()
    except (RatchetError, OSError):
        return 0
    return sum(item.id not in known and item.id > pinned[0].id for item in listed)


def _first(waiting: "Waiting", *, untouched: bool) -> Commands:
    """Yield what a person should do before anything else.

    untouched: nobody has named a model of the sample, or set a remote: it is only looked at.
    """
    from ratchet.proposals.proposal import RETRAIN
    from ratchet.versions.waiting import MAIN, VERDICT

    if waiting.running:
        return
    if waiting.night:
        yield "ratchet nightly", "puts back what the killed night had changed, and is a whole one"
        return
    if waiting.changed:
        more = f" and {len(waiting.changed) - 2} more" if len(waiting.changed) > 2 else ""
        told = f"not as committed: {', '.join(waiting.changed[:2])}{more}; no night begins so"
        yield "git status", told
        yield "git stash -u && dvc checkout", "put that aside; or commit it"
        return
    if waiting.branch == RETRAIN:
        yield (
            f"git switch {MAIN} && dvc checkout",
            "this is a night's proposal: go back, then merge it",
        )
        return
    go = "" if waiting.branch == MAIN else f"git switch {MAIN} && "
    if waiting.rollback:
        merge = f"{go}git merge {waiting.rollback} && dvc checkout && git push"
        yield merge, "a rollback waits there; or merge its pull request"
    elif waiting.verdict == "PASS":
        merge = f"{go}git merge {RETRAIN} && dvc checkout && dvc push && git push"
        yield merge, "a model waits there: the gate says PASS; or merge its pull request"
    elif waiting.verdict:
        told = f"why the gate says {waiting.verdict} of the model that waits there"
        yield f"git show {RETRAIN}:{VERDICT.replace('.json', '.md')}", told
    if waiting.unnamed and not untouched:
        yield "ratchet register", "name the committed model: it is no version yet"
    elif waiting.back:
        yield "ratchet register", f"the committed model is {waiting.back}: back into production"
    elif waiting.ahead:
        yield "git pull && dvc pull", f"{waiting.ahead} is in production, and isn't here yet"


def _then(waiting: "Waiting", *, of_sample: bool, fresh: int) -> Commands:
    """Yield what goes on day by day."""
    from ratchet.proposals.proposal import RETRAIN

    if not (waiting.night or waiting.changed) and waiting.branch != RETRAIN:
        new = f"{fresh} {'batch waits' if fresh == 1 else 'batches wait'} at the source"
        told = new if fresh else "what is new, a model if it's worth it, the gate"
        arrival = ("ratchet sample publish --days 1", "the sample's next day arrives")
        found = [arrival] * of_sample + [("ratchet nightly", f"a whole night: {told}")]
        yield from reversed(found) if fresh else found
    yield "ratchet summary", "how good the model is, and which batches are set aside"
    yield "ratchet history", "the accepted versions"


def _always(*, of_sample: bool) -> Commands:
    if of_sample:
        yield "ratchet init URL --target COL", "begin with your own data"
    yield "ratchet doctor", "is everything there that a night needs?"
    yield "ratchet --help", "all commands, a line each"


def _first_line(error: RatchetError) -> str:
    return str(error).splitlines()[0]
