"""Other commits with what DVC keeps for them: what they recorded, and their outputs by hash.

The only module that imports DVC. What DVC keeps is copied from its cache or remote and then hashed,
since DVC itself trusts a cached file for its name. A look at a remote leaves it as it is: DVC would
remove from a folder what isn't what its name says.
"""

import re
import shutil
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path, PurePosixPath
from stat import S_IMODE
from typing import Any

from dvc.data_cloud import DataCloud
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc_data.hashfile.db.local import LocalHashFileDB
from dvc_data.hashfile.hash_info import HashInfo

from ratchet.errors import EvidenceError
from ratchet.files import sha256_file
from ratchet.gate.objects import FOLDER, files_in, md5_as_of, md5_of, quiet, unlisted, whole
from ratchet.gate.recorded import Recorded, figures
from ratchet.git import git
from ratchet.journal.commits import Commits, Revision


class _Folder(LocalHashFileDB):
    """A remote in a folder, to look at."""

    def check(self, oid: str, *_: Any, **__: Any) -> Any:
        """Say whether it is there. DVC's own hashes it, and removes what differs."""
        return super().check(oid, check_hash=False)

    def fits(self, oid: str) -> bool:
        """Tell whether it is what its name says; as in DVC, what is read-only isn't hashed."""
        path = Path(self.path, oid[:2], oid[2:])
        about = path.stat()
        return S_IMODE(about.st_mode) == self.CACHE_MODE or (
            md5_as_of(path, about.st_mtime_ns, about.st_size) == oid.removesuffix(FOLDER)
        )


class _Cloud(DataCloud):  # type: ignore[misc]  # DVC has no types
    """DVC's remotes, to look at."""

    def get_remote(self, name: str | None = None, command: str = "<command>") -> Any:
        """Return a remote; one in a folder loses nothing by being asked."""
        remote = super().get_remote(name, command)
        if isinstance(remote.odb, LocalHashFileDB):
            settings = {**remote.config, "hash_name": "md5"}
            remote.odb = _Folder(remote.fs, remote.odb.path, **settings)  # type: ignore[no-untyped-call]
        return remote


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
        return [figures(at, shown.get(at.commit, {})) for at in revisions]

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
        used = self._used()
        return sorted({used[oid] for oid in self.not_remote(used)})

    def wrong_in_remote(self) -> list[str]:
        """Return what is wrong in the remote with outputs of the working tree, a line each."""
        used = self._used()
        return sorted({f"{used[oid]} {what}" for oid, what in self.not_remote(used).items()})

    def bytes_to_push(self) -> int:
        """Return the size of all that `dvc push` would bring to the remote."""
        used = self._used()
        # The first push makes the folder.
        lacking = used if self._is_away(None) else self.not_remote(used)
        cached = (Path(self._repo.cache.local.oid_to_path(oid)) for oid in lacking)
        return sum(path.stat().st_size for path in cached if path.is_file())

    def _used(self) -> dict[str, str]:
        """Return what the working tree needs: the path of the output by each object's MD5.

        Every object stands for itself: DVC's own status takes a folder's content for granted once
        it has seen the folder.
        """
        try:
            found = self._repo.used_objs().values()
            return {each.value: each.obj_name or each.value for all_ in found for each in all_}
        except Exception as error:  # whatever the remote's client raises
            raise EvidenceError(f"DVC can't say what this commit needs: {error}") from error

    def objects(self, at: Revision) -> dict[str, str]:
        """Return what DVC keeps for a commit: the path of each object by its MD5.

        Of a folder whose listing can't be had there is the listing alone.
        """
        listed = self._git("ls-tree", "-r", "-z", "--name-only", "--full-tree", at.commit)
        in_git = set(listed.decode().split("\0"))
        named = {}
        for path, md5 in self.outputs(at).items():
            if path in in_git:
                continue
            named[md5] = path
            if md5.endswith(FOLDER):
                with suppress(EvidenceError):
                    named |= {oid: f"{path}/{name}" for name, oid in self.listing(md5).items()}
        return named

    def listing(self, md5: str) -> dict[str, str]:
        """Return the MD5 of each file in a folder that DVC keeps, by its path there.

        Raises EvidenceError when neither cache nor remote has a sound listing.
        """
        self._fetch([md5])
        self._refuse_unsound(md5)
        return files_in(Path(self._repo.cache.local.oid_to_path(md5)))

    def uncached(self, oids: Collection[str]) -> set[str]:
        """Return which of these objects DVC's cache here lacks."""
        cache = self._repo.cache.local
        return {oid for oid in oids if not Path(cache.oid_to_path(oid)).is_file()}

    def not_remote(self, oids: Collection[str], remote: str | None = None) -> dict[str, str]:
        """Return what is wrong with the remote's copy, by the MD5 of each object that has none.

        Each is asked for by itself. Damage is told where it is known: an object was brought before,
        or lies in a folder where anybody could write it. remote: its name, by default the one that
        is set. Raises EvidenceError when it can't say.
        """
        if not oids:
            return {}
        store = self._store(remote)
        try:
            there = set(store.oids_exist(set(oids)))
            damaged = there & self._damaged
            if isinstance(store, _Folder):
                damaged |= {oid for oid in there if not store.fits(oid)}
        except Exception as error:  # whatever the remote's client raises
            raise EvidenceError(
                f"DVC's remote can't be asked: {error}; it is {self._place(remote)}"
            ) from error
        return dict.fromkeys(set(oids) - there, "is not in DVC's remote") | {
            oid: f"is damaged in DVC's remote, at {_url(store, oid)}" for oid in damaged
        }

    def missing(self, oids: Collection[str]) -> dict[str, str]:
        """Return what is wrong, by MD5, with objects that cache and remote together don't have.

        Raises EvidenceError when the remote can't be asked.
        """
        return unlisted(oids, self.listing) | self.not_remote(self.uncached(oids))

    def bring(self, oids: Collection[str]) -> dict[str, str]:
        """Bring objects to the cache and hash all of them.

        Return what is wrong, by the MD5 of each that can't be had or isn't what its name says.
        Raises EvidenceError when the remote can't be asked.
        """
        cached = set(oids) - self.uncached(oids)
        wrong = {oid: "is damaged in DVC's cache here" for oid in cached if not self._sound(oid)}
        with suppress(EvidenceError):
            self._fetch(oids)
        absent = self.uncached(oids)
        wrong |= dict.fromkeys(absent, "can't be brought from DVC's remote")
        return wrong | self.not_remote(absent)

    def bring_file(self, md5: str, to: Path) -> None:
        """Copy a file that DVC keeps from the cache, or else the remote, and check its hash.

        Raises EvidenceError when neither has it, or what they have isn't what its name says.
        """
        self._bring({md5: to})

    def bring_folder(self, md5: str, to: Path) -> None:
        """Copy the files of a folder that DVC keeps into the new folder `to`, all checked."""
        to.mkdir(parents=True)
        listing = to / f"listing{FOLDER}"
        self._bring({md5: listing})
        paths = {oid: PurePosixPath(path) for path, oid in files_in(listing).items()}
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
        folders = [self.listing(each) for each in md5s if each.endswith(FOLDER)]
        self._fetch({oid for files in folders for oid in files.values()})

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
            self._refuse_unsound(oid)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(cache.oid_to_path(oid), to)

    def _sound(self, oid: str) -> bool:
        """Tell whether a file in the cache is what its name says."""
        return md5_of(Path(self._repo.cache.local.oid_to_path(oid))) == oid.removesuffix(FOLDER)

    def _refuse_unsound(self, oid: str) -> None:
        if not self._sound(oid):
            path = Path(self._repo.cache.local.oid_to_path(oid))
            raise EvidenceError(
                f"{path}: the content of this file in DVC's cache isn't what its name says (MD5 "
                f"{md5_of(path)}); delete it, and run this again: it then comes from the remote"
            )

    def _fetch(self, oids: Collection[str]) -> None:
        """Bring objects that the cache lacks from the remote, and hash them.

        A damaged one doesn't stay in the cache. Raises EvidenceError for it, and for missing ones.
        """
        lacking = self.uncached(oids)
        if not lacking:
            return
        store, reason, damaged = self._store(), "", set[str]()
        store.verify = False  # DVC would drop what is damaged without a word
        try:
            with quiet():
                listings = (oid for oid in lacking if oid.endswith(FOLDER))
                damaged |= {oid for oid in listings if not whole(store, oid)}  # DVC trips over it
                wanted = [HashInfo("md5", oid) for oid in lacking - damaged]
                self._repo.cloud.pull(wanted, odb=store)
        except Exception as error:  # whatever the remote's client raises
            reason = str(error) or type(error).__name__
        for oid in lacking - self.uncached(lacking):
            if not self._sound(oid):
                Path(self._repo.cache.local.oid_to_path(oid)).unlink()
                damaged.add(oid)
        self._damaged.update(damaged)
        absent = sorted(self.uncached(lacking))
        if damaged:
            raise EvidenceError(
                f"{_url(store, min(damaged))}: this object in DVC's remote isn't what its name "
                "says; put a good copy there: move it away, then `dvc push` from a machine whose "
                "cache has one"
            )
        if absent and reason:
            raise EvidenceError(
                f"MD5 {absent[0]} and {len(absent) - 1} more can't be brought from DVC's remote "
                f"{self._place()}: {reason}"
            )
        if absent:
            raise EvidenceError(
                f"neither DVC's cache nor its remote has {len(absent)} of {len(oids)} objects, "
                f"among them MD5 {absent[0]}; asked was {self._place()}. `dvc push` where the "
                "model was made, unless `ratchet gc` let it go"
            )

    def _store(self, name: str | None = None) -> Any:
        """Return the objects of a remote; EvidenceError when there is none to be asked."""
        try:
            store = self._repo.cloud.get_remote_odb(name)
        except Exception as error:  # DVC's, or whatever the remote's client raises
            raise EvidenceError(f"DVC's remote can't be asked: {error}; is it set up?") from error
        if self._is_away(name):
            raise EvidenceError(
                f"DVC's remote can't be asked: there is no folder {self._place(name)}; mount it, "
                "or say where it is with `dvc remote modify --local`. The first `dvc push` makes it"
            )
        return store

    def _is_away(self, name: str | None) -> bool:
        """Tell whether a remote is a folder that isn't there."""
        with suppress(DvcException):
            remote = self._repo.cloud.get_remote(name)
            return isinstance(remote.odb, _Folder) and not Path(remote.path).is_dir()
        return False

    def _place(self, name: str | None = None) -> str:
        """Say which remote it is: its URL without a password, and its name."""
        settings = self._repo.config
        name = name or str(settings["core"]["remote"])
        return f"{re.sub(r'//[^/@]*@', '//', str(settings['remote'][name]['url']))} ({name})"

    @cached_property
    def _damaged(self) -> set[str]:
        """The objects whose copy in the remote was brought, and isn't what its name says."""
        return set()

    @cached_property
    def _repo(self) -> Any:
        try:
            repo = Repo(str(self.top))
        except DvcException as error:
            raise EvidenceError(f"{self.top}: is no repository of DVC: {error}") from error
        repo.cloud = _Cloud(repo)
        return repo


def _url(store: Any, oid: str) -> str:
    """Return where an object lies in a remote."""
    path = store.oid_to_path(oid)
    return path if isinstance(store, _Folder) else str(store.fs.unstrip_protocol(path))


def sha256_at(path: Path) -> str:
    """Return a file's SHA-256; EvidenceError when it is missing."""
    try:
        return sha256_file(path)
    except OSError as error:
        raise EvidenceError(f"{path}: cannot be read ({error.strerror})") from error


def _state(state: Any) -> str:
    """Spell the state of a file, or those of the sections of params.yaml."""
    if isinstance(state, dict):
        return ", ".join(f"{how} in {section}" for section, how in state.items())
    return str(state)
