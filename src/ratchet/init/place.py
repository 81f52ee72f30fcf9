"""Where the drafts go: what may be overwritten there, and all of it at once."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ratchet.config import load_params
from ratchet.errors import ConfigError, RatchetError
from ratchet.files import atomic_write
from ratchet.git import attempt, status

SAMPLE = "sample/inbox/"  # where the sample's producer delivers


@dataclass(frozen=True)
class Place:
    """The files of a repository that `ratchet init` writes, and those of an earlier model.

    pipeline: dvc.yaml. results: what its stages have made. scratch: a folder for what passes.
    """

    params: Path
    schema: Path
    manifest: Path
    pipeline: Path
    results: Sequence[Path]
    scratch: Path


def refuse(place: Place, *, force: bool) -> bool:
    """Return whether the sample stands there as it was cloned, which a person hasn't touched.

    Raises ConfigError when something else is there, unless it may be overwritten by `force`.
    """
    if not place.params.exists():
        raise ConfigError(
            f"{place.params}: no such file; run in the top folder of the repository, or bring it "
            f"back: `git checkout {place.params}`"
        )
    untouched = _is_sample(place)
    if untouched or force:
        return untouched
    there = [path.as_posix() for path in (place.schema, place.params) if path.exists()]
    raise ConfigError(
        f"{' and '.join(there)}: would be overwritten; say --force if they may be (what is "
        "committed stays in git)"
    )


def _is_sample(place: Place) -> bool:
    """Tell whether the files are the sample's, and as they were committed."""
    try:
        if load_params(place.params).source.url != SAMPLE:
            return False
    except RatchetError:
        return False
    return is_committed(place.params, place.schema)


def is_committed(*files: Path) -> bool:
    """Tell whether git has the files as they are here."""
    paths = [path.as_posix() for path in files]
    try:
        if status(Path(), *paths):
            return False
    except RatchetError:
        return False
    return attempt(Path(), "ls-files", "--error-unmatch", "--", *paths).returncode == 0


def clear(place: Place) -> list[Path]:
    """Return the files in which the sample's model, its data and its reports are recorded."""
    return [path for path in place.results if path.is_file()]


def replace_all(files: Mapping[Path, str | None]) -> None:
    """Write the files, None for one to delete; on any error put back what was there."""
    before = {path: path.read_bytes() if path.is_file() else None for path in files}
    try:
        for path, text in files.items():
            if text is None:
                path.unlink(missing_ok=True)
                continue
            with atomic_write(path) as partial:
                partial.write_text(text, encoding="utf-8", newline="\n")
    except BaseException:
        for path, content in before.items():
            with suppress(OSError):
                if content is None:
                    path.unlink(missing_ok=True)
                else:
                    path.write_bytes(content)
        raise
