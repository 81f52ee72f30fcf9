"""DVC's cache and remote as stores of objects, and DVC's own garbage collection on them."""

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from ratchet.errors import EvidenceError
from ratchet.gate.objects import quiet
from ratchet.gate.revisions import History
from ratchet.git import git
from ratchet.journal.commits import LOCK, Revision


class Stores(History):
    """The repository around `top` with its cache and its remotes."""

    def cached(self) -> dict[str, int]:
        """Return the size in bytes of each object in the cache, by its MD5."""
        store = self._repo.cache.local
        if not Path(store.path).is_dir():
            return {}
        paths = {oid: Path(store.oid_to_path(oid)) for oid in store.all()}
        return {oid: path.stat().st_size for oid, path in paths.items() if path.is_file()}

    def remote(self, name: str | None) -> set[str]:
        """Return the objects in a remote, by default the one that is set.

        Raises EvidenceError when it can't be listed.
        """
        try:
            return set(self._repo.cloud.get_remote_odb(name).all())
        except Exception as error:  # whatever the remote's client raises
            raise EvidenceError(f"DVC's remote can't be listed: {error}; is it set up?") from error

    @contextmanager
    def keeping(self, revisions: Collection[str], folder: Path) -> Iterator["Stores"]:
        """Yield a clone in `folder` whose tags are these commits, while nobody else works here.

        It has this repository's cache and remotes, and the working tree's dvc.lock: what DVC then
        collects with all tags is what neither these commits nor the working tree needs.
        """
        self.clone(self.resolve("HEAD"), folder)
        for name in ("dvc.yaml", LOCK):
            if (self.top / name).is_file():
                shutil.copyfile(self.top / name, folder / name)
        clone = Stores(folder)
        old = [f"delete refs/tags/{name}" for name in clone._git("tag").decode().splitlines()]
        new = [f"create refs/tags/keep/{number} {at}" for number, at in enumerate(revisions)]
        clone._refs([*old, *new])
        try:
            with self._repo.lock:
                yield clone
        except EvidenceError:
            raise
        except Exception as error:  # DVC's, or whatever the remote's client raises
            raise EvidenceError(f"`dvc gc` stopped: {error}") from error

    def used(self) -> set[str]:
        """Return the objects that the working tree or a tag needs."""
        found = self._repo.used_objs(all_tags=True).values()
        return {each.value for objects in found for each in objects}

    def collect(self, *, cloud: bool, remote: str | None) -> None:
        """Let DVC remove from the cache, and from the remote, what isn't used."""
        with quiet():  # its "Removed 3 objects" isn't to be relied on
            self._repo.gc(all_tags=True, cloud=cloud, remote=remote if cloud else None)

    def heads(self) -> dict[str, Revision]:
        """Return the commit of HEAD and of each branch, of origin's too, by its short name."""
        listed = self._git(
            "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads", "refs/remotes"
        )
        found = {"HEAD": self.resolve("HEAD")}
        for line in listed.decode().splitlines():
            name, commit = line.split()
            if not name.endswith("/HEAD"):  # another name of a branch
                found[name] = Revision(name, commit)
        return found

    def refresh(self) -> None:
        """Fetch from git's remotes, so that what others need is known."""
        self._git("fetch", "--quiet", "--tags", "--all")

    def _refs(self, lines: Collection[str]) -> None:
        git(self.top, "update-ref", "--stdin", stdin="".join(f"{line}\n" for line in lines))
