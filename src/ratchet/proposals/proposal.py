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

from ratchet.errors import EvidenceError
from ratchet.files import write_text

RETRAIN = "retrain/next"
_BRANCH = re.compile(r"retrain/next|rollback/v[0-9]+(\.[0-9]+)*")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

# What a night makes and git keeps. Everything else of the pipeline is DVC's, or a person's.
_MADE = ("dvc.lock", "data/manifest.csv", "models/card.json", "models/golden.json")
_REPORT = re.compile(r"reports/(plots/)?[a-z0-9_]+\.(json|md|csv)")
# What only a rollback brings back.
_RESTORED = ("params.yaml", "schema.yaml", "models/rolled_back.csv")
_LARGEST = 50_000_000  # bytes of a file that belongs into git


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


def pack(folder: Path, proposal: Proposal, body: str, top: Path) -> None:
    """Write the folder, with the files as they are in the work tree `top`.

    Raises EvidenceError for a path that isn't expected.
    """
    _refuse_strangers(proposal)
    shutil.rmtree(folder / "files", ignore_errors=True)
    for path in proposal.paths:
        to = folder / "files" / path
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(top / path, to)
    write_text(folder / "report.md", body)
    write_text(folder / "proposal.json", json.dumps(asdict(proposal), indent=1) + "\n")


def unpack(folder: Path) -> tuple[Proposal, str]:
    """Return what the folder proposes, and the body; its files are in `folder / "files"`.

    Raises EvidenceError when something is missing, malformed, or not expected.
    """
    path = folder / "proposal.json"
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        proposal = Proposal(**{name: _sound(name, value) for name, value in content.items()})
        body = (folder / "report.md").read_text(encoding="utf-8")
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
