"""Bring a proposal to GitHub: its one commit, its branch, its pull request.

Runs in the job that holds a token with rights. It executes nothing of what it is handed, and needs
nothing but the standard library, git and gh.
"""

from dataclasses import dataclass
from pathlib import Path

from ratchet.nights import ledger
from ratchet.proposals import branch
from ratchet.proposals.github import GitHub
from ratchet.proposals.proposal import Proposal, unpack
from ratchet.proposals.pull_request import PullRequest, upsert


@dataclass(frozen=True)
class Proposed:
    """What was pushed: the commit, its branch, and the pull request."""

    branch: str
    commit: str
    pull_request: PullRequest


def run(top: Path, folder: Path, *, into: str = "main") -> Proposed:
    """Commit what `folder` proposes on top of origin's `into`, push it, open or update the request.

    Raises MovedError when `into` has moved so that the proposal is stale, BlockedError when the
    branch has commits of a person, EvidenceError when the folder isn't sound or GitHub refuses.
    """
    proposal, body = unpack(folder)
    tip, old = branch.fetch(top, into, proposal.branch)
    branch.refuse_stale(top, proposal.base, tip)
    branch.refuse_foreign(top, proposal.branch, old, tip)
    made = committed(top, proposal, folder / "files", tip, old)
    branch.push(top, proposal.branch, made, old)
    opened = upsert(
        GitHub.here(top),
        branch=proposal.branch,
        into=into,
        title=proposal.title,
        body=body,
        labels=proposal.labels,
    )
    return Proposed(proposal.branch, made, opened)


def committed(top: Path, proposal: Proposal, files: Path, parent: str, old: str = "") -> str:
    """Return the proposal's commit on top of `parent`; the ledger continues that of `old`."""
    texts = {}
    if proposal.ledger:
        before = [branch.content(top, at, ledger.PATH) for at in (parent, old) if at]
        texts[ledger.PATH] = ledger.merge(*before, proposal.ledger)
    message = branch.message(proposal.title, proposal.trailers)
    return branch.commit(top, parent, files, proposal.paths, message, proposal.removed, texts)
