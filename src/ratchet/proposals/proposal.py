"""What one job hands to the next: a folder with the changed files, and what to say of them.

    FOLDER/proposal.json   what is proposed, on top of which commit
    FOLDER/report.md       why: the body of the pull request
    FOLDER/files/PATH      the whole content of each changed file

The job that proposes trusts none of it: only expected paths are taken, and only plain files.
"""

import json
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ratchet.errors import ConfigError, EvidenceError
from ratchet.files import PARTIAL, write_text
from ratchet.proposals.pull_request import LABELS

RETRAIN = "retrain/next"
_BRANCH = re.compile(r"retrain/next|rollback/v[0-9]+(\.[0-9]+)*")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

# What a night makes and git keeps. Everything else of the pipeline is DVC's, or a person's.
_MADE = ("dvc.lock", "data/manifest.csv", "models/card.json", "models/golden.json")
_REPORT = re.compile(r"reports/(plots/)?[a-z0-9_]+\.(json|md|csv)")
# What only a rollback brings back.
_RESTORED = ("params.yaml", "schema.yaml", "models/rolled_back.csv")
_LARGEST = 50_000_000  # bytes of a file that belongs into git
# All that a folder has which was handed over; a night leaves its line for the ledger there.
_REPORTED = "report.md"
_HANDED_OVER = {_REPORTED, "proposal.json", "files", "ledger.csv"}


@dataclass(frozen=True)
class Proposal:
    """Files to commit on top of `base` as the one commit of `branch`.

    title, labels: of the pull request; the title is the commit's first line too. trailers: lines
    that end the commit's message. paths: the files, relative to the top of the repository; removed:
    those that go. ledger: lines that the branch's run ledger gets, with the header.
    """

    branch: str
    base: str
    title: str
    labels: tuple[str, ...]
    paths: tuple[str, ...]
    removed: tuple[str, ...] = ()
    trailers: tuple[str, ...] = ()
    ledger: str = ""


def expected(branch: str, path: str) -> bool:
    """Tell whether a proposal on this branch may change the file."""
    if path in _MADE or _REPORT.fullmatch(path):
        return True
    return path in _RESTORED and branch != RETRAIN


def clear(folder: Path) -> None:
    """Remove what an earlier run has left in a folder to hand over.

    Raises ConfigError when the folder has anything else, which nobody may lose.
    """
    try:
        there = sorted(folder.iterdir())
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise ConfigError(f"{folder}: is a file; name a folder that is empty or new") from None
    names = {path.name for path in there if not path.name.startswith(PARTIAL)}
    others = sorted(names - _HANDED_OVER)
    # The report is the first to come and the last to go.
    if others or (names and _REPORTED not in names):
        raise ConfigError(
            f"{folder}: has {', '.join((others or sorted(names))[:3])}, which no earlier run has "
            "left there and which would be lost; name a folder that is empty or new"
        )
    for path in there:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def pack(folder: Path, proposal: Proposal, body: str, top: Path) -> None:
    """Write the folder, which `clear` has emptied, with the files as they are in `top`.

    Raises EvidenceError for a path or a label that isn't expected.
    """
    _refuse_strangers(proposal)
    write_text(folder / _REPORTED, body)
    for path in proposal.paths:
        to = folder / "files" / path
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(top / path, to)
    write_text(folder / "proposal.json", json.dumps(asdict(proposal), indent=1) + "\n")


def unpack(folder: Path) -> tuple[Proposal, str]:
    """Return what the folder proposes, and the body; its files are in `folder / "files"`.

    Raises EvidenceError when something is missing, malformed, or not expected.
    """
    path = folder / "proposal.json"
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        proposal = Proposal(**{name: _sound(name, value) for name, value in content.items()})
        body = (folder / _REPORTED).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise EvidenceError(
            f"{error.filename}: no such file; `ratchet nightly --hand-over {folder}` writes it"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvidenceError(f"{path}: is not a proposal ({error})") from error
    if not _BRANCH.fullmatch(proposal.branch) or not _COMMIT.fullmatch(proposal.base):
        raise EvidenceError(
            f"{path}: the branch {proposal.branch!r} or the commit {proposal.base!r} isn't one "
            "that Ratchet proposes"
        )
    _refuse_strangers(proposal)
    for each in proposal.paths:
        _refuse_special(folder / "files", each)
    return proposal, body


def _refuse_strangers(proposal: Proposal) -> None:
    named = (*proposal.paths, *proposal.removed)
    strangers = [path for path in named if not expected(proposal.branch, path)]
    if strangers:
        raise EvidenceError(
            f"{', '.join(strangers)}: no file that {proposal.branch} may change; bring it in a "
            "pull request of its own"
        )
    unknown = sorted(set(proposal.labels) - LABELS.keys())
    if unknown:
        raise EvidenceError(
            f"{', '.join(unknown)}: no label that Ratchet gives; those are {', '.join(LABELS)}"
        )


def _refuse_special(files: Path, path: str) -> None:
    """Refuse links on the way to a file, folders, and what is too large for git."""
    found = files / path
    places = [found, *(files / part for part in PurePosixPath(path).parents)]
    if any(place.is_symlink() for place in places) or not found.is_file():
        raise EvidenceError(f"{found}: is not a plain file")
    if found.stat().st_size > _LARGEST:
        raise EvidenceError(f"{found}: is larger than {_LARGEST // 10**6} MB")


def _sound(name: str, value: Any) -> Any:
    """Return a field's value; TypeError when it isn't text, or a list of texts where due."""
    is_list = name in ("labels", "paths", "removed", "trailers")
    parts = value if is_list and isinstance(value, list) else [value]
    if not all(isinstance(part, str) for part in parts) or is_list != isinstance(value, list):
        raise TypeError(f"{name} is {value!r}")
    return tuple(value) if is_list else value
