"""Model files: the same bytes for the same model, and loaded without running anything.

A model file is a zip archive in the format of `skops.io`: a JSON tree of types and attributes, and
one member for each array. No pickle is written or read. `save` rewrites what skops dumps into a
canonical form, since skops itself names members and objects after memory addresses, stamps the time
and keeps what the machine was (numbers of threads). `load` checks, in this order: the hash, that it
is an archive, its unpacked size, its types, and that its decision trees stay inside their arrays.

Equal bytes need an equal zlib, too: zlib-ng and Apple's compress the same content differently.
"""

import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Collection, Iterator
from importlib import resources
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import skops.io
from skops.io.exceptions import UnsupportedTypeException, UntrustedTypesFoundException

from ratchet.artifacts.trees import check_trees
from ratchet.errors import ConfigError, EvidenceError
from ratchet.files import atomic_write, sha256_file

TRUSTED_HOME = "src/ratchet/artifacts/trusted.txt"
MAX_UNPACKED = 4 * 10**9  # bytes; a forest of 100 full trees on 300,000 rows takes 1.3 GB

_SCHEMA = "schema.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip archive can name
_LEVEL = 2  # of deflate; 6 makes a forest 14 % smaller and takes three times as long

# Attributes that record the machine and not the model, and what they become. One job also makes a
# loaded forest sum its trees in a fixed order: with two, the last bits of a probability vary.
_MACHINE = {"n_jobs": "1", "n_threads": "1"}


def read_trusted(text: str) -> frozenset[str]:
    """Return the types that an allow-list names: one a line, `#` begins a comment."""
    names = (line.split("#")[0].strip() for line in text.splitlines())
    return frozenset(name for name in names if name)


# The types that a model file may hold, besides those that skops itself holds to be harmless.
TRUSTED = read_trusted(
    resources.files("ratchet.artifacts").joinpath("trusted.txt").read_text(encoding="utf-8")
)


def save(estimator: Any, path: Path, *, trusted: Collection[str] = TRUSTED) -> str:
    """Write `estimator` to `path`, atomically, and return the SHA-256 of the file.

    The bytes depend on the values in the estimator alone: not on the process, the hash seed,
    the number of threads or jobs, or on which of its objects happen to be shared.

    Raises ConfigError when the estimator holds something that couldn't be loaded again.
    """
    with atomic_write(path) as partial, tempfile.TemporaryFile(dir=partial.parent) as raw:
        try:
            skops.io.dump(estimator, raw)
        except UnsupportedTypeException as error:
            raise ConfigError(f"model.py: the model cannot be saved safely: {error}") from error
        foreign = set(skops.io.get_untrusted_types(file=raw)) - set(trusted)
        if foreign:
            raise ConfigError(
                f"model.py: the model holds types that no one has trusted: {_list(foreign)}; "
                f"when they are harmless to load, add them to {TRUSTED_HOME}, a line each "
                "(docs/columns.md says how to tell)"
            )
        _rewrite(raw, partial)
    return sha256_file(path)


def load(
    path: Path,
    *,
    sha256: str,
    trusted: Collection[str] = TRUSTED,
    max_bytes: int = MAX_UNPACKED,
) -> Any:
    """Read the estimator that `save` wrote to `path`. Nothing in the file is executed.

    sha256: the recorded hash (64 hex digits); it is checked on the very bytes that are then read.
    trusted: full names of the types that may be in the file, besides those that skops trusts.
    max_bytes: most bytes that the file may unpack to.

    Raises EvidenceError when the file is absent, isn't the recorded one, isn't a whole model file,
    unpacks to too much, holds a type outside `trusted`, or a tree that points outside itself.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EvidenceError(
            f"{path}: cannot be read ({error.strerror}); `dvc pull` brings it from the remote"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise EvidenceError(
            f"{path}: is not the recorded model: expected SHA-256 {sha256}, found {found}; "
            "`dvc checkout` or `dvc pull` brings the recorded one"
        )
    try:
        _refuse_bomb(path, content, max_bytes)
        estimator = skops.io.loads(content, trusted=sorted(trusted))
        check_trees(estimator)
    except EvidenceError:
        raise
    except UntrustedTypesFoundException as error:
        foreign = set(skops.io.get_untrusted_types(data=content)) - set(trusted)
        raise EvidenceError(
            f"{path}: holds types outside the allow-list: {_list(foreign)}; only when you know "
            f"where the file comes from and what they do, add them to {TRUSTED_HOME}"
        ) from error
    except Exception as error:
        # Whatever skops, zipfile, json or numpy stumble over: the file is not a whole model.
        raise EvidenceError(
            f"{path}: is not a readable model file ({type(error).__name__}: {error}); "
            "restore it from an earlier version or train again"
        ) from error
    return estimator


def _list(types: Collection[str]) -> str:
    return ", ".join(sorted(types))


def _rewrite(raw: BinaryIO, target: Path) -> None:
    """Write the skops archive `raw` to the file `target` in canonical form."""
    with zipfile.ZipFile(raw) as source:
        tree = json.loads(source.read(_SCHEMA))
        digests = {
            name: hashlib.sha256(_member(source, name)).hexdigest()
            for name in source.namelist()
            if name != _SCHEMA
        }
        _normalise(tree, digests)
        originals = {digest: name for name, digest in digests.items()}
        members = _number_members(tree, originals)
        with zipfile.ZipFile(target, "w") as canonical:
            _add(canonical, _SCHEMA, json.dumps(tree, separators=(",", ":")).encode())
            for digest, name in members.items():
                _add(canonical, name, _member(source, originals[digest]))


def _member(source: zipfile.ZipFile, name: str) -> bytes:
    """Return a member's content, with the gaps between the fields of a structured array zeroed.

    A tree's nodes have such gaps, and they hold whatever was in memory when numpy copied them.
    """
    content = source.read(name)
    if not name.endswith(".npy") or b"'descr': [" not in content[:64]:
        return content  # numpy's header gives a list only for a dtype with fields
    array = np.load(io.BytesIO(content), allow_pickle=False)
    gap = np.ones(array.itemsize, dtype=bool)
    for field, offset, *_ in array.dtype.fields.values():
        gap[offset : offset + field.itemsize] = False
    clean = bytearray(content)
    body = np.frombuffer(clean, np.uint8, count=array.nbytes, offset=len(content) - array.nbytes)
    body.reshape(-1, array.itemsize)[:, gap] = 0
    return bytes(clean)


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.create_system = 3  # Unix, wherever this runs
    info.external_attr = 0o644 << 16
    archive.writestr(info, content, zipfile.ZIP_DEFLATED, _LEVEL)


def _is_node(part: Any) -> bool:
    """Tell a node of the tree from a mapping of attribute names to nodes."""
    return isinstance(part, dict) and isinstance(part.get("__loader__"), str)


def _normalise(part: Any, digests: dict[str, str]) -> None:
    """Take out of the tree, in place, what isn't the model, and name members by their content.

    Object ids only let equal objects share memory after loading. Without them the bytes no longer
    tell whether two trees of a forest were made in one process or in two.
    """
    children = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    for child in children:
        _normalise(child, digests)
    if not _is_node(part):
        return
    part.pop("__id__", None)
    if isinstance(part.get("file"), str):
        part["file"] = digests[part["file"]]
    if part["__loader__"] == "SetNode":
        # The order of a set of strings changes with PYTHONHASHSEED.
        part["content"].sort(key=json.dumps)
    if part["__loader__"] == "ObjectNode":
        attributes = (part.get("content") or {}).get("content")
        if isinstance(attributes, dict):
            for name in attributes.keys() & _MACHINE.keys():
                attributes[name] = _plain(_MACHINE[name])


def _plain(value: str) -> dict[str, Any]:
    """Return skops' node for a plain value, given as JSON text."""
    return {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "JsonNode",
        "content": value,
        "is_json": True,
    }


def _nodes(part: Any) -> Iterator[dict[str, Any]]:
    """Yield the nodes of a tree in the order in which they stand in the file."""
    if _is_node(part):
        yield part
    children = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    for child in children:
        yield from _nodes(child)


def _number_members(tree: Any, originals: dict[str, str]) -> dict[str, str]:
    """Rename members from digests to numbers in order of appearance; return digest → name.

    `originals` (digest → name in the raw archive) gives the suffix.
    """
    members: dict[str, str] = {}
    for node in _nodes(tree):
        digest = node.get("file")
        if isinstance(digest, str):
            suffix = Path(originals[digest]).suffix
            node["file"] = members.setdefault(digest, f"{len(members)}{suffix}")
    return members


def _refuse_bomb(path: Path, content: bytes, max_bytes: int) -> None:
    """Raise EvidenceError when the archive would unpack to more than `max_bytes`.

    Counted are the members, and each again for every node that reads it: one large member named
    a thousand times would fill the memory as well. zipfile never unpacks more than is declared.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
        total = sum(info.file_size for info in archive.infolist())
        if total <= max_bytes:
            tree = json.loads(archive.read(_SCHEMA))
            named = (node.get("file") for node in _nodes(tree))
            total = sizes[_SCHEMA] + sum(sizes[name] for name in named if isinstance(name, str))
    if total > max_bytes:
        raise EvidenceError(
            f"{path}: unpacks to {total / 1e6:,.0f} MB, and at most {max_bytes / 1e6:,.0f} MB are "
            "allowed: a smaller model (fewer or shallower trees) loads everywhere"
        )
