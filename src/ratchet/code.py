"""Which first-party code a module runs, read from its imports without running it.

One answer serves three needs: what a DVC stage must list in its `deps`, what a model's card calls
its code, and when a batch has to be judged again.

`top` is the folder that holds the package: by default the one that runs. The gate, which may run
from another revision than the one it judges, gives that revision's.
"""

import ast
from functools import cache
from pathlib import Path

from ratchet.files import sha256_file, sha256_text

PACKAGE = "ratchet"
_TOP = Path(__file__).parent.parent


@cache
def imports_of(module: str, top: Path | None = None) -> frozenset[str]:
    """Return the first-party modules that `module` itself imports, inside functions too."""
    path = file_of(module, top)
    if path is None:
        raise ModuleNotFoundError(f"{module} is not a module of {PACKAGE}", name=module)
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    own = (name for name in found if name.startswith(f"{PACKAGE}."))
    return frozenset(name for name in own if file_of(name, top))


def closure(module: str, top: Path | None = None) -> list[str]:
    """Return `module` and all first-party modules that it imports, however far, sorted."""
    found: set[str] = set()
    waiting = {module}
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= imports_of(name, top) - found
    return sorted(found)


def code_hash(module: str, top: Path | None = None) -> str:
    """Return one SHA-256 over the source of all modules in the closure of `module`."""
    lines = []
    for name in closure(module, top):
        path = file_of(name, top)
        assert path is not None
        lines.append(f"{name} {sha256_file(path)}\n")
    return sha256_text("".join(lines))


def file_of(module: str, top: Path | None = None) -> Path | None:
    """Return the source file of a first-party module; None for a package or another name."""
    path = (top or _TOP).joinpath(*module.split(".")).with_suffix(".py")
    return path if path.is_file() else None
