"""Which files a `path:` of the artifact actions means, and what they are called inside."""

import glob
import os
from pathlib import Path


def files_of(folder: Path, patterns: list[str], *, hidden: bool) -> dict[str, Path]:
    """Return the files by their name in the artifact.

    As the real action: a folder means all in it; a line that begins with `!` leaves files out;
    files and folders that begin with a dot count with `hidden` only, unless a line names them;
    names are relative to the folder that all lines have in common.
    """
    found: dict[Path, None] = {}
    roots = []
    for line in (line.strip() for line in patterns if line.strip()):
        if line.startswith("!"):
            for path in _matches(folder, line[1:].strip(), hidden=True):
                found.pop(path, None)
            continue
        roots.append(_root(folder / line))
        found |= dict.fromkeys(_matches(folder, line, hidden=hidden))
    if not found:
        return {}
    above = Path(os.path.commonpath(roots))
    if above.is_file():
        above = above.parent
    return {str(path.relative_to(above)): path for path in found}


def _root(pattern: Path) -> Path:
    """Return the path down to the first part that holds a wildcard."""
    root = Path(pattern.anchor)
    for part in pattern.parts[1:]:
        if glob.has_magic(part):
            break
        root /= part
    return Path(os.path.normpath(root))


def _matches(folder: Path, pattern: str, *, hidden: bool) -> list[Path]:
    """Return the files that one line means."""
    # pathlib's takes hidden files always.
    named = glob.glob(str(folder / pattern), recursive=True, include_hidden=hidden)  # noqa: PTH207
    files = []
    for name in sorted(named):
        path = Path(os.path.normpath(name))
        inside = [p for p in sorted(path.rglob("*")) if p.is_file()] if path.is_dir() else [path]
        files += [
            each
            for each in inside
            if hidden or not any(p.startswith(".") for p in each.relative_to(path).parts)
        ]
    return files
