"""What may go from DVC's cache and remote, and what must not.

Kept is what a version within the rollback window needs, or one in a stage, a branch (here or at
origin), or the working tree. DVC's own `gc` removes the rest; what became of it is then looked at,
since a remote whose policy denies deletion lets DVC report success.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from ratchet import alone
from ratchet.errors import EvidenceError
from ratchet.gate.objects import unlisted
from ratchet.journal import accepted
from ratchet.journal.accepted import Version
from ratchet.journal.commits import Revision
from ratchet.versions import window
from ratchet.versions.stores import Stores

MOST_NAMED = 5


@dataclass(frozen=True)
class Part:
    """Objects that go, all for the same reason. bytes: of those in the cache here."""

    what: str
    why: str
    objects: int
    bytes: int


@dataclass(frozen=True)
class Plan:
    """What would go.

    kept: why each version or branch that must stay does. cache, remote: the objects that go, by
    their MD5; the remote's are none where only the cache was asked for. parts: what they belong to.
    bytes: of those in the cache.
    """

    days: int
    cloud: bool
    kept: Mapping[str, str]
    cache: frozenset[str]
    remote: frozenset[str]
    parts: Sequence[Part]
    bytes: int

    @property
    def empty(self) -> bool:
        """Whether nothing would go."""
        return not (self.cache or self.remote)


@dataclass(frozen=True)
class Done:
    """What became of a plan.

    removed, remote_removed: objects that went from the cache and the remote. checked: the kept
    versions that were found complete afterwards.
    """

    removed: int
    remote_removed: int
    checked: tuple[str, ...]


@dataclass(frozen=True)
class _Known:
    """What git knows at one moment.

    kept: why each version or branch that must stay does. versions: those that stay. past: why the
    others don't. revisions: whatever stays, by name.
    """

    kept: Mapping[str, str]
    versions: Sequence[Version]
    past: dict[Version, str]
    revisions: Mapping[str, Revision]

    @property
    def commits(self) -> list[str]:
        """The commits that stay."""
        return sorted({at.commit for at in self.revisions.values()})


class Collection:
    """The collection of what the repository `top` doesn't need any more.

    card: the path of the model's card. days: the rollback window. now: the present. cloud: from
    the remote, too: the one of this name, by default the one that is set.

    Raises EvidenceError in a shallow clone.
    """

    def __init__(
        self,
        top: Path,
        card: str,
        days: int,
        now: datetime,
        *,
        cloud: bool = False,
        remote: str | None = None,
    ) -> None:
        self._stores = Stores(top)
        self._card, self._days, self._now = card, days, now
        self._cloud, self._remote = cloud, remote
        self._stores.refuse_shallow()

    def plan(self) -> Plan:
        """Find out what would go.

        Raises EvidenceError when it can't be told what something that stays needs, or a version
        that stays isn't complete.
        """
        known = self._look()
        self._refuse_incomplete(known)
        with self._keeping(known) as clone:
            cache, remote = self._unused(clone)
        sizes = self._stores.cached()
        return Plan(
            self._days,
            self._cloud,
            known.kept,
            cache,
            remote,
            self._parts(known.past, cache | remote, sizes),
            sum(sizes.get(oid, 0) for oid in cache),
        )

    def carry_out(self, plan: Plan) -> Done:
        """Let DVC remove what the plan names, and look at what is left.

        Git and the stores are looked at anew: since the plan was shown, somebody may have made a
        branch that needs some of it, which then stays.

        Raises EvidenceError when more would go than the plan names, and nothing does; when
        something that stays isn't complete afterwards, or the remote still has what should have
        gone.
        """
        known = self._look()
        with self._keeping(known) as clone:
            cache, remote = self._unused(clone)
            more = (cache - plan.cache) | (remote - plan.remote)
            if more:
                raise EvidenceError(
                    f"{len(more)} objects more would go than were shown: somebody has worked here "
                    "since; nothing was removed, run it again"
                )
            clone.collect(cloud=self._cloud, remote=self._remote)
        left = cache & self._stores.cached().keys()
        stubborn = remote & self._stores.remote(self._remote) if self._cloud else frozenset()
        self._refuse_incomplete(known)
        if stubborn:
            raise EvidenceError(
                f"DVC reported success, but its remote still has {len(stubborn)} of "
                f"{len(remote)} objects that should have gone: these credentials may not "
                "delete there. Use some that may; what stays is complete"
            )
        return Done(
            len(cache - left), len(remote), tuple(version.tag for version in known.versions)
        )

    def _look(self) -> _Known:
        """Return what git knows now; EvidenceError unless it can be told what that needs."""
        if self._cloud:
            self._stores.refresh()
        versions = accepted.versions(self._stores.top, self._card)
        left = accepted.left_stages(self._stores.top)
        reasons = window.kept(versions, left, self._now, self._days)
        kept = [each for each in versions if each.tag in reasons]
        heads = self._stores.heads()
        known = _Known(
            {**reasons, **{name: "a branch" for name in heads if name != "HEAD"}},
            kept,
            {each: window.past(each, left) for each in versions if each.tag not in reasons},
            {**{each.tag: Revision(each.tag, each.commit) for each in kept}, **heads},
        )
        self._refuse_unknown(known)
        return known

    @contextmanager
    def _keeping(self, known: _Known) -> Iterator[Stores]:
        """Yield a clone in which DVC would keep what is known, while nobody else works here."""
        with (
            tempfile.TemporaryDirectory(dir=alone.scratch(self._stores.top)) as scratch,
            self._stores.keeping(known.commits, Path(scratch) / "clone") as clone,
        ):
            yield clone

    def _unused(self, clone: Stores) -> tuple[frozenset[str], frozenset[str]]:
        """Return the objects of the cache and, if asked for, of the remote that nothing needs."""
        used = clone.used()
        remote = self._stores.remote(self._remote) if self._cloud else set()
        return frozenset(self._stores.cached().keys() - used), frozenset(remote - used)

    def _refuse_unknown(self, known: _Known) -> None:
        """Raise EvidenceError unless the listing of every folder that stays can be had."""
        for name, at in known.revisions.items():
            objects = self._stores.objects(at)
            for oid, why in unlisted(objects, self._stores.listing).items():
                self._stores.not_remote([oid])  # raises where the remote's silence is all there is
                raise EvidenceError(
                    f"{objects[oid]} of {name}: nobody can tell which objects this folder needs, "
                    f"as it {why}; mend it, or let go of {name}"
                )

    def _refuse_incomplete(self, known: _Known) -> None:
        """Raise EvidenceError unless cache and remote together have all that the versions need."""
        for version in known.versions:
            objects = self._stores.objects(known.revisions[version.tag])
            # With `cloud` all of them: others have no cache but the remote.
            asked = set(objects) if self._cloud else self._stores.uncached(objects)
            lacking = self._stores.not_remote(asked, self._remote)
            if lacking:
                named = ", ".join(sorted(objects[oid] for oid in lacking)[:MOST_NAMED])
                raise EvidenceError(
                    f"{version.tag} isn't complete: {len(lacking)} of {len(objects)} objects are "
                    f"lost or damaged, among them {named}; `ratchet verify {version.name}` says "
                    "more. `dvc push` where another cache has them, or "
                    f"give the version up with `gto deregister {accepted.ARTIFACT} "
                    f"{version.name}`"
                )

    def _parts(
        self, past: dict[Version, str], going: frozenset[str], sizes: Mapping[str, int]
    ) -> list[Part]:
        """Tell for each object that goes to what it belonged; the newest version claims it."""
        left, parts = set(going), []
        for version, why in reversed(past.items()):
            at = Revision(version.tag, version.commit)
            if left.isdisjoint(self._stores.outputs(at).values()):
                continue  # it went before, listings and all
            theirs = left & self._stores.objects(at).keys()
            left -= theirs
            parts.append(_part(version.tag, why, theirs, sizes))
        if left:
            parts.append(_part("intermediate commits", "no version and no branch", left, sizes))
        return parts


def describe(plan: Plan) -> str:
    """Return the plan for a person."""
    stays = ", ".join(f"{name} ({why})" for name, why in plan.kept.items())
    lines = [f"stays: {stays or 'HEAD'}, and the working tree"]
    if plan.empty:
        return "\n".join([*lines, "nothing would go: everything is needed"])
    lines.append(f"goes from DVC's cache here: {len(plan.cache)} objects, {_size(plan.bytes)}")
    if plan.cloud:
        lines.append(f"goes from DVC's remote, for everybody: {len(plan.remote)} objects")
    listed = (
        f"  {part.what} ({part.why}): {part.objects} objects, {_size(part.bytes)} here"
        for part in plan.parts
    )
    return "\n".join([*lines, *listed])


def told(done: Done) -> str:
    """Return what was done in a line."""
    said = f"{done.removed} objects removed from the cache"
    if done.remote_removed:
        said += f", {done.remote_removed} from the remote"
    return f"{said}; complete afterwards: {', '.join(done.checked) or 'no version to keep'}"


def to_json(plan: Plan, done: Done | None) -> str:
    """Return plan and outcome for machines; the outcome is null after a dry run."""
    return json.dumps(
        {
            "keep_days": plan.days,
            "kept": dict(plan.kept),
            "cache": sorted(plan.cache),
            "remote": sorted(plan.remote),
            "bytes": plan.bytes,
            "parts": [asdict(part) for part in plan.parts],
            "done": asdict(done) if done else None,
        },
        indent=1,
        ensure_ascii=False,
    )


def _part(what: str, why: str, oids: Iterable[str], sizes: Mapping[str, int]) -> Part:
    listed = list(oids)
    return Part(what, why, len(listed), sum(sizes.get(oid, 0) for oid in listed))


def _size(number: int) -> str:
    return f"{number / 1e6:.1f} MB"
