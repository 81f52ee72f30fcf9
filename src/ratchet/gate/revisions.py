"""Other commits with what DVC keeps for them: what they recorded, and their outputs by hash.

The only module that imports DVC. What DVC keeps is copied from its cache or remote and then hashed,
since DVC itself trusts a cached file for its name.
"""

import hashlib
import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc_data.hashfile.hash_info import HashInfo

from ratchet.errors import EvidenceError
from ratchet.files import sha256_file
from ratchet.git import git
from ratchet.journal.commits import Commits, Revision

_FOLDER = ".dir"


@dataclass(frozen=True)
class Recorded:
    """What `dvc metrics diff` reads at one revision: figures by name, and what can't be read.

    Names of nested figures are joined by dots. A value that isn't a number is a problem.
    """

    figures: Mapping[str, float] = field(default_factory=dict)
    problems: Sequence[str] = ()


class History(Commits):
    """The repository around `top`: its commits, and what DVC keeps for them."""

    def clone(self, at: Revision, folder: Path, *, empty_cache: bool = False) -> None:
        """Clone the commit to `folder`, with DVC's remotes and settings of this one.

        empty_cache: with a cache of its own, as on another machine; else with this one's.
        """
        self._git("clone", "--quiet", "--shared", "--no-checkout", str(self.top), str(folder))
        git(folder, "checkout", "--quiet", "--detach", at.commit)
        local = self.top / ".dvc" / "config.local"
        if local.is_file():
            shutil.copy2(local, folder / ".dvc")
        with Repo(str(folder)) as repo, repo.config.edit("local") as settings:
            # As they are here and now: the version's own may have moved, and paths are relative.
            settings["remote"] = {
                name: dict(about) for name, about in self._repo.config["remote"].items()
            }
            settings.setdefault("core", {})["remote"] = self._repo.config["core"].get("remote", "")
            if not empty_cache:
                settings.setdefault("cache", {})["dir"] = self._repo.cache.local.path.removesuffix(
                    "/files/md5"
                )

    def recorded(self, *revisions: Revision) -> list[Recorded]:
        """Return the figures of each commit as `dvc metrics diff` reads them, with load errors.

        Commits are asked for by their full hash: two names of one confuse DVC (#10429).
        """
        commits = list({at.commit for at in revisions})
        try:
            shown = self._repo.metrics.show(revs=commits, hide_workspace=True)
        except DvcException as error:
            return [Recorded(problems=[f"metrics at {at}: {error}"]) for at in revisions]
        return [_figures(at, shown.get(at.commit, {})) for at in revisions]

    def unreproduced(self) -> list[str]:
        """Return what `dvc status` has to say about the working tree, a line each.

        Data that isn't on this machine is no reason, as long as dvc.lock agrees with itself: what
        one stage read is what another wrote.
        """
        stages = self._repo.index.stages
        written = {out.fs_path: out for stage in stages for out in stage.outs}
        broken = [
            f"{stage.addressing} read another {dep} than dvc.lock says was written"
            for stage in stages
            for dep in stage.deps
            if (out := written.get(dep.fs_path)) and out.hash_info != dep.hash_info
        ]
        kept = {str(out) for out in written.values() if out.use_cache}
        for name, entries in self._repo.status().items():
            for entry in entries:
                if not isinstance(entry, dict):
                    broken.append(f"{name}: {entry}")
                    continue
                for kind, files in entry.items():
                    broken += [
                        f"{name}: {kind}: {path} is {_state(state)}"
                        for path, state in files.items()
                        if not (path in kept and state in ("deleted", "not in cache"))
                    ]
        return broken

    def not_in_remote(self) -> list[str]:
        """Return the outputs of the working tree of which the remote lacks something."""
        return sorted({name or oid for oid, name in self._absent()})

    def bytes_to_push(self) -> int:
        """Return the size of all that `dvc push` would bring to the remote."""
        cached = (Path(self._repo.cache.local.oid_to_path(oid)) for oid in dict(self._absent()))
        return sum(path.stat().st_size for path in cached if path.is_file())

    def _absent(self) -> list[tuple[str, str]]:
        """Return the working tree's objects that the remote lacks: MD5, and path of the output.

        Every object is asked for by itself: DVC's own status takes a folder's content for granted
        once it has seen the folder.
        """
        try:
            used = {
                (each.value, each.obj_name) for found in self._repo.used_objs().values()
                for each in found
            }  # fmt: skip
        except Exception as error:  # whatever the remote's client raises
            raise EvidenceError(f"DVC can't say what this commit needs: {error}") from error
        lacking = self.not_remote({oid for oid, _ in used})
        return [(oid, name or "") for oid, name in used if oid in lacking]

    def objects(self, at: Revision) -> dict[str, str]:
        """Return what DVC keeps for a commit: the path of each object by its MD5.

        Of a folder whose listing neither cache nor remote has, there is the listing alone.
        """
        listed = self._git("ls-tree", "-r", "-z", "--name-only", "--full-tree", at.commit)
        in_git = set(listed.decode().split("\0"))
        named = {}
        for path, md5 in self.outputs(at).items():
            if path in in_git:
                continue
            named[md5] = path
            if md5.endswith(_FOLDER):
                with suppress(EvidenceError):
                    self._fetch([md5])
                    listing = Path(self._repo.cache.local.oid_to_path(md5))
                    named |= {oid: f"{path}/{name}" for name, oid in _entries(listing).items()}
        return named

    def uncached(self, oids: Collection[str]) -> set[str]:
        """Return which of these objects DVC's cache here lacks."""
        cache = self._repo.cache.local
        return {oid for oid in oids if not Path(cache.oid_to_path(oid)).is_file()}

    def not_remote(self, oids: Collection[str], remote: str | None = None) -> set[str]:
        """Return which of these objects the remote lacks, each asked for by itself.

        remote: its name, by default the one that is set. Raises EvidenceError when it can't say.
        """
        if not oids:
            return set()
        try:
            store = self._repo.cloud.get_remote_odb(remote)
            return set(oids) - set(store.oids_exist(set(oids)))
        except Exception as error:  # whatever the remote's client raises
            raise EvidenceError(f"DVC's remote can't be asked: {error}; is it set up?") from error

    def bring(self, oids: Collection[str]) -> set[str]:
        """Bring objects to the cache and hash all of them there.

        Return those that can't be had, or aren't what their name says.
        """
        with suppress(EvidenceError):
            self._fetch(oids)
        absent = self.uncached(oids)
        return absent | {oid for oid in set(oids) - absent if not self._sound(oid)}

    def bring_file(self, md5: str, to: Path) -> None:
        """Copy a file that DVC keeps from the cache, or else the remote, and check its hash.

        Raises EvidenceError when neither has it, or what they have isn't what its name says.
        """
        self._bring({md5: to})

    def bring_folder(self, md5: str, to: Path) -> None:
        """Copy the files of a folder that DVC keeps into the new folder `to`, all checked."""
        to.mkdir(parents=True)
        listing = to / f"listing{_FOLDER}"
        self._bring({md5: listing})
        paths = {oid: PurePosixPath(path) for path, oid in _entries(listing).items()}
        listing.unlink()
        if any(path.is_absolute() or ".." in path.parts for path in paths.values()):
            raise EvidenceError(f"{md5}: a folder whose files lie outside of it; refused")
        self._bring({oid: to / path for oid, path in paths.items()})

    def bring_used(self) -> None:
        """Bring everything that the working tree's dvc.lock names to the cache."""
        used = {each.value for found in self._repo.used_objs().values() for each in found}
        self._fetch(used)

    def bring_outputs(self, md5s: Sequence[str]) -> None:
        """Bring files and folders that DVC keeps to the cache, with all that lies in them."""
        self._fetch(md5s)
        cache = self._repo.cache.local
        folders = [Path(cache.oid_to_path(each)) for each in md5s if each.endswith(_FOLDER)]
        self._fetch({oid for listing in folders for oid in _entries(listing).values()})

    def checkout(self, paths: Collection[str]) -> None:
        """Put the outputs among `paths` into the working tree, as its dvc.lock has them now.

        Raises EvidenceError when the cache lacks one, or another DVC works here.
        """
        try:
            with Repo(str(self.top)) as repo:  # one that has seen no earlier dvc.lock
                kept = [
                    str(out)
                    for stage in repo.index.stages
                    for out in stage.outs
                    if out.use_cache and out.hash_info and str(out) in paths
                ]
                repo.checkout(targets=kept, force=True)
        except DvcException as error:
            raise EvidenceError(f"`dvc checkout` failed: {error}") from error

    def _bring(self, wanted: Mapping[str, Path]) -> None:
        cache = self._repo.cache.local
        self._fetch(wanted)
        for oid, to in wanted.items():
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(cache.oid_to_path(oid), to)
            found = _md5(to)
            if found != oid.removesuffix(_FOLDER):
                raise EvidenceError(
                    f"{cache.oid_to_path(oid)}: the content of this file in DVC's cache isn't what "
                    f"its name says (MD5 {found}); delete it and run `dvc pull`"
                )

    def _sound(self, oid: str) -> bool:
        """Tell whether a file in the cache is what its name says."""
        return _md5(Path(self._repo.cache.local.oid_to_path(oid))) == oid.removesuffix(_FOLDER)

    def _fetch(self, oids: Any) -> None:
        """Bring objects that the cache lacks from the remote; EvidenceError for missing ones."""
        lacking = list(self.uncached(oids))
        if not lacking:
            return
        reason = ""
        try:
            self._repo.cloud.pull([HashInfo("md5", oid) for oid in lacking])
        except Exception as error:  # whatever the remote's client raises
            reason = f" ({error})"
        absent = sorted(self.uncached(lacking))
        if absent:
            raise EvidenceError(
                f"neither DVC's cache nor its remote has {len(absent)} of {len(oids)} objects, "
                f"among them MD5 {absent[0]}{reason}; `dvc push` where the model was made"
            )

    @cached_property
    def _repo(self) -> Any:
        try:
            return Repo(str(self.top))
        except DvcException as error:
            raise EvidenceError(f"{self.top}: is no repository of DVC: {error}") from error


def _entries(listing: Path) -> dict[str, str]:
    """Return the hash of each file in a folder that DVC keeps, by its path there."""
    try:
        return {each["relpath"]: each["md5"] for each in json.loads(listing.read_bytes())}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvidenceError(
            f"{listing}: is no listing of a folder ({error}); delete it and run `dvc pull`"
        ) from error


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def sha256_at(path: Path) -> str:
    """Return a file's SHA-256; EvidenceError when it is missing."""
    try:
        return sha256_file(path)
    except OSError as error:
        raise EvidenceError(f"{path}: cannot be read ({error.strerror})") from error


def _figures(at: Revision, entry: Mapping[str, Any]) -> Recorded:
    """Gather the figures in what DVC shows of a commit."""
    problems = [f"metrics at {at}: {entry['error']}"] if "error" in entry else []
    figures: dict[str, float] = {}
    for name, file in entry.get("data", {}).items():
        if "error" in file:
            problems.append(f"{name} at {at}: {_said(file['error'])}")
            continue
        for key, value in _flat(file.get("data")):
            if isinstance(value, bool) or not isinstance(value, int | float):
                problems.append(f"{name} at {at}: {key or 'the file'} isn't a number: {value!r}")
            else:
                figures[key] = float(value)
    if not figures and not problems:
        problems.append(f"no metrics file is recorded at {at}; `dvc repro` writes it")
    return Recorded(figures, problems)


def _flat(content: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if not isinstance(content, dict):
        return [(prefix.rstrip("."), content)]
    return [pair for key, value in content.items() for pair in _flat(value, f"{prefix}{key}.")]


def _state(state: Any) -> str:
    """Spell the state of a file, or those of the sections of params.yaml."""
    if isinstance(state, dict):
        return ", ".join(f"{how} in {section}" for section, how in state.items())
    return str(state)


def _said(error: Any) -> str:
    """Say what DVC stumbled over; some of its errors are empty but for their type."""
    return f"cannot be read ({type(error).__name__}{f': {error}' if str(error) else ''})"
