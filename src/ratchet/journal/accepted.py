"""The accepted versions of the model, as GTO's tags in git name them.

`model@v3.0.0` is the third version, `model#prod#7` puts one in production: the seventh event of
the journal. Nothing is checked out, and GTO itself isn't imported: git lists a thousand versions
with their models' hashes in two calls.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.errors import ConfigError
from ratchet.git import git_bytes

if TYPE_CHECKING:  # `ratchet --help` answers at once
    from ratchet.journal.commits import Commits, Revision

ARTIFACT = "model"
STAGE = "prod"  # where the version stands that is in use, unless a person says otherwise
SHOWN = 5  # versions that a message about an unknown one names
_TAG = re.compile(
    rf"{ARTIFACT}(?:@v(?P<version>\d+\.\d+\.\d+)|#(?P<stage>[\w/-]+?))(?P<ended>!?)(?:#(?P<event>\d+))?"
)
_FORMAT = "%09".join(
    (
        "%(refname:strip=2)",
        "%(*objectname)",
        "%(taggerdate:iso-strict)",
        "%(taggername)",
        "%(contents:subject)",
    )
)


@dataclass(frozen=True)
class Version:
    """A version that was accepted.

    number: what GTO sorts by; we count in the first of the three. commit: the one that was tagged.
    date: of the tag, in ISO format. by: who made it. model_sha256: from the card at that commit;
    empty without one. stages: where it stands now. was_in: every stage that it was ever in.
    """

    number: tuple[int, int, int]
    commit: str
    date: str
    by: str
    message: str
    model_sha256: str
    stages: tuple[str, ...]
    was_in: tuple[str, ...]

    @property
    def tag(self) -> str:
        """Its name, which is that of its tag: `model@v3.0.0`."""
        return tag_of(self.number)

    @property
    def name(self) -> str:
        """What GTO's and DVC's commands call it: `v3.0.0`."""
        return name_of(self.tag)

    @property
    def short(self) -> str:
        """What people call it: `v3`, or all three numbers of a foreign one."""
        return short_of(self.tag)

    @property
    def day(self) -> str:
        """The date without the time."""
        return self.date[:10]


@dataclass(frozen=True)
class Event:
    """A model was put into a stage, or with `ended` taken out of it.

    number: of the event; the journal counts those of all stages together. commit: the version's.
    date: of the tag, in ISO format. by: who made it.
    """

    number: int
    stage: str
    commit: str
    ended: bool
    date: str
    by: str
    message: str


@dataclass(frozen=True)
class Tenure:
    """A commit's time in a stage: the event that began it, and the one that ended it.

    ended: None while it lasts. before: the commit that it took the stage from; empty for none.
    """

    began: Event
    ended: Event | None
    before: str


def tag_of(number: tuple[int, int, int]) -> str:
    """Return the name of the version with this number."""
    return f"{ARTIFACT}@v{'.'.join(str(part) for part in number)}"


def name_of(tag: str) -> str:
    """Return the name of the version with this tag."""
    return tag.partition("@")[2]


def short_of(tag: str) -> str:
    """Return the short name of the version with this tag."""
    return name_of(tag).removesuffix(".0.0")


def versions(top: Path, card: str, reachable_from: str = "") -> list[Version]:
    """Return the registered versions of the repository in `top`, oldest first.

    card: the path of the model's card. reachable_from: a revision whose history must hold them; by
    default all. A version that was deregistered isn't accepted any more, and left out.

    Raises EvidenceError when git can't list them.
    """
    found = _tags(top, reachable_from)
    ended = {each["version"] for each in found if each["version"] and each["ended"]}
    registered = {
        each["version"]: each for each in found if each["version"] and each["version"] not in ended
    }
    commits = [each["commit"] for each in registered.values()]
    cards = dict(zip(commits, contents(top, [f"{each}:{card}" for each in commits]), strict=True))
    times: dict[str, list[Tenure]] = {commit: [] for commit in commits}
    for time in tenures(_events(found)):
        times.setdefault(time.began.commit, []).append(time)
    return sorted(
        (
            Version(
                _number(name),
                each["commit"],
                each["date"],
                each["by"],
                each["message"],
                model_of(cards[each["commit"]]),
                _stages(time for time in times[each["commit"]] if time.ended is None),
                _stages(times[each["commit"]]),
            )
            for name, each in registered.items()
        ),
        key=lambda version: version.number,
    )


def events(top: Path) -> list[Event]:
    """Return what became of the versions' stages, oldest first.

    Raises EvidenceError when git can't list it.
    """
    return _events(_tags(top))


def tenures(journal: Iterable[Event]) -> list[Tenure]:
    """Return how long commits stood in stages, by the journal's events, in the order they began."""
    found: list[Tenure] = []
    lasting: dict[str, int] = {}  # where the one that lasts is in `found`, by stage
    for event in journal:
        place = lasting.get(event.stage)
        before = "" if place is None else found[place].began.commit
        if event.ended != (event.commit == before):
            continue  # said twice, or of a commit that isn't there any more
        if place is not None:
            found[place] = replace(found[place], ended=event)
            del lasting[event.stage]
        if not event.ended:
            lasting[event.stage] = len(found)
            found.append(Tenure(event, None, before))
    return found


def left_stages(top: Path) -> dict[str, datetime]:
    """Return when each commit that was in a stage last left one; not those that never left.

    Raises EvidenceError when git can't list it.
    """
    left: dict[str, datetime] = {}
    for each in tenures(events(top)):
        if each.ended:
            at = datetime.fromisoformat(each.ended.date)
            left[each.began.commit] = max(at, left.get(each.began.commit, at))
    return left


def standing(tags: Mapping[str, str], stage: str) -> tuple[str, str] | None:
    """Return the version in a stage and its commit, from annotated tags and their commits alone.

    That is all that a repository tells of itself without a clone. None when nothing stands there.
    """
    found = list(_parts((name, commit, "", "", "") for name, commit in tags.items()))
    commit = next(
        (
            each.began.commit
            for each in tenures(_events(found))
            if each.ended is None and each.began.stage == stage
        ),
        "",
    )
    ended = {each["version"] for each in found if each["ended"]}
    numbers = [
        _number(each["version"])
        for each in found
        if each["version"] and each["commit"] == commit and each["version"] not in ended
    ]
    return (tag_of(max(numbers)), commit) if numbers else None


def model_at(commits: "Commits", at: "Revision", card: str) -> str:
    """Return the SHA-256 of a commit's model as its card has it; empty where it says nothing.

    card: its path. Raises EvidenceError when git can't read it.
    """
    return model_of(commits.content(at, card))


def model_of(card: bytes | None) -> str:
    """Return the SHA-256 of the model that a card is about; empty where it says nothing."""
    try:
        found = json.loads(card or b"{}")
        return str(found.get("model_sha256", ""))
    except (ValueError, AttributeError):
        return ""


def next_number(top: Path) -> tuple[int, int, int]:
    """Return the number of the next version: one more than the highest ever given."""
    given = [_number(each["version"])[0] for each in _tags(top) if each["version"]]
    return (max(given, default=0) + 1, 0, 0)


def find(known: Sequence[Version], name: str) -> Version:
    """Return the version that a person calls `3`, `v3`, `model@v3` or `model@v3.0.0`.

    Raises ConfigError, which names the newest few, when there is none of that name.
    """
    numbers = re.fullmatch(rf"(?:{ARTIFACT}@)?v?(\d+(?:\.\d+){{0,2}})", name.strip())
    if numbers:
        wanted = _number(numbers[1])
        for each in known:
            if each.number == wanted:
                return each
    if known:
        newest = ", ".join(each.tag for each in known[: -SHOWN - 1 : -1])
        raise ConfigError(
            f"{name}: is no version in this history; the newest are {newest} (`git fetch --tags` "
            "brings those of origin)"
        )
    raise ConfigError(
        f"{name}: no version is part of this history; on an old commit `git switch main && git "
        "pull` first, in a new clone `git fetch --tags`; `ratchet register` makes the first"
    )


def with_model(known: Sequence[Version], model_sha256: str) -> Version | None:
    """Return the newest version of a model by its SHA-256; None when it was never registered."""
    found = [each for each in known if each.model_sha256 == model_sha256]
    return found[-1] if found and model_sha256 else None


def contents(top: Path, names: Sequence[str]) -> list[bytes | None]:
    """Return the content of each `COMMIT:PATH`, in one call of git; None for what isn't there.

    Raises EvidenceError when git can't read them.
    """
    if not names:
        return []
    stream = git_bytes(top, "cat-file", "--batch", stdin="".join(f"{name}\n" for name in names))
    found: list[bytes | None] = []
    at = 0
    for _ in names:
        end = stream.index(b"\n", at)
        header = stream[at:end].split()
        at = end + 1
        if header[-1] == b"missing":
            found.append(None)
            continue
        size = int(header[-1])
        found.append(stream[at : at + size])
        at += size + 1
    return found


def _tags(top: Path, reachable_from: str = "") -> list[dict[str, str]]:
    """Return the parts of all annotated tags in GTO's format."""
    merged = [f"--merged={reachable_from}"] if reachable_from else []
    patterns = [f"refs/tags/{ARTIFACT}{kind}*" for kind in "@#"]
    listed = git_bytes(top, "for-each-ref", f"--format={_FORMAT}", *merged, *patterns)
    lines = listed.decode(errors="replace").splitlines()
    return list(_parts(line.split("\t", 4) for line in lines))


def _parts(tags: Iterable[Sequence[str]]) -> Iterator[dict[str, str]]:
    """Yield the parts of those tags that are in GTO's format.

    tags: name, commit, date, by and message of each. A light tag has no commit of its own, and is
    no event: it says neither who nor when.
    """
    for name, *about in tags:
        said = _TAG.fullmatch(name)
        told = dict(zip(("commit", "date", "by", "message"), about, strict=True))
        if said and told["commit"]:
            yield {key: value or "" for key, value in said.groupdict().items()} | told


def _events(tags: Iterable[Mapping[str, str]]) -> list[Event]:
    """Return the tags about stages in the order of their numbers: dates have seconds only."""
    found = [
        Event(
            int(each["event"] or 0),
            each["stage"],
            each["commit"],
            bool(each["ended"]),
            each["date"],
            each["by"],
            each["message"],
        )
        for each in tags
        if each["stage"]
    ]
    return sorted(found, key=lambda event: event.number)


def _stages(times: Iterable[Tenure]) -> tuple[str, ...]:
    return tuple(sorted({each.began.stage for each in times}))


def _number(text: str) -> tuple[int, int, int]:
    major, minor, patch = ([int(part) for part in text.split(".")] + [0, 0])[:3]
    return major, minor, patch
