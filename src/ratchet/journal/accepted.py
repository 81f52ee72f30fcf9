"""The accepted versions of the model, as GTO's tags in git name them.

`model@v3.0.0` is the third version, `model#prod#7` puts one in production: the seventh event of
the journal. Nothing is checked out, and GTO itself isn't imported: git lists a thousand versions
with their models' hashes in two calls.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ratchet.errors import ConfigError
from ratchet.git import git_bytes

ARTIFACT = "model"
STAGE = "prod"  # where the version stands that is in production
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


def tag_of(number: tuple[int, int, int]) -> str:
    """Return the name of the version with this number."""
    return f"{ARTIFACT}@v{'.'.join(str(part) for part in number)}"


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
    now, ever = _stages(_events(found))
    return sorted(
        (
            Version(
                _number(name),
                each["commit"],
                each["date"],
                each["by"],
                each["message"],
                _model(cards[each["commit"]]),
                tuple(sorted(stage for stage, at in now.items() if at == each["commit"])),
                tuple(sorted(stage for stage, at in ever if at == each["commit"])),
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


def left_stages(top: Path) -> dict[str, datetime]:
    """Return when each commit that was in a stage last left one; not those that never left."""
    now: dict[str, str] = {}
    left: dict[str, datetime] = {}
    for each in events(top):
        before = now.get(each.stage)
        leaves = before == each.commit if each.ended else before != each.commit
        if before and leaves:
            at = datetime.fromisoformat(each.date)
            left[before] = max(at, left.get(before, at))
        if not each.ended:
            now[each.stage] = each.commit
        elif leaves:
            del now[each.stage]
    return left


def standing(tags: Mapping[str, str], stage: str) -> tuple[str, str] | None:
    """Return the version in a stage and its commit, from annotated tags and their commits alone.

    That is all that a repository tells of itself without a clone. None when nothing stands there.
    """
    matched = [(_TAG.fullmatch(name), commit) for name, commit in tags.items()]
    found = [
        {key: value or "" for key, value in parts.groupdict().items()}
        | {"commit": commit, "date": "", "by": "", "message": ""}
        for parts, commit in matched
        if parts
    ]
    commit = _stages(_events(found))[0].get(stage)
    ended = {each["version"] for each in found if each["ended"]}
    numbers = [
        _number(each["version"])
        for each in found
        if each["version"] and each["commit"] == commit and each["version"] not in ended
    ]
    return (tag_of(max(numbers)), commit) if commit and numbers else None


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
    found = []
    for line in listed.decode(errors="replace").splitlines():
        name, commit, date, by, message = line.split("\t", 4)
        parts = _TAG.fullmatch(name)
        if parts and commit:  # a light tag is no event: it says neither who nor when
            found.append(
                {key: value or "" for key, value in parts.groupdict().items()}
                | {"commit": commit, "date": date, "by": by, "message": message}
            )
    return found


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


def _stages(journal: Iterable[Event]) -> tuple[dict[str, str], set[tuple[str, str]]]:
    """Return the commit in each stage now, and all pairs of stage and commit that ever were."""
    now: dict[str, str] = {}
    ever = set()
    for each in journal:
        if not each.ended:
            now[each.stage] = each.commit
            ever.add((each.stage, each.commit))
        elif now.get(each.stage) == each.commit:
            del now[each.stage]
    return now, ever


def _number(text: str) -> tuple[int, int, int]:
    major, minor, patch = ([int(part) for part in text.split(".")] + [0, 0])[:3]
    return major, minor, patch


def _model(card: bytes | None) -> str:
    try:
        found = json.loads(card or b"{}")
        return str(found.get("model_sha256", ""))
    except (ValueError, AttributeError):
        return ""
