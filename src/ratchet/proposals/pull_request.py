"""The one pull request of a branch: opened once, then brought up to date."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ratchet.errors import EvidenceError
from ratchet.proposals.github import GitHub

LONGEST = 65_000  # characters; GitHub takes 65,536
LONGEST_TITLE = 256
# Labels that Ratchet gives and takes away, with their colours. Others are a person's.
LABELS: Mapping[str, str] = {
    "retrain": "5319e7",
    "rollback": "b60205",
    "gate: pass": "0e8a16",
    "gate: first": "0e8a16",
    "gate: block": "d93f0b",
    "drill: slipped": "fbca04",
}


@dataclass(frozen=True)
class PullRequest:
    """A pull request: its number and address, and whether it is new."""

    number: int
    url: str
    opened: bool


def upsert(
    github: GitHub, *, branch: str, into: str, title: str, body: str, labels: Sequence[str]
) -> PullRequest:
    """Open the branch's pull request, or update the one there is; give it just these labels."""
    owner = github.repository.partition("/")[0]
    there = github.get("pulls", head=f"{owner}:{branch}", base=into, state="open")
    body = shortened(body)
    if len(title) > LONGEST_TITLE:  # the body has all of a long reason
        title = f"{title[: LONGEST_TITLE - 1]}…"
    if there:
        found = github.patch(f"pulls/{there[0]['number']}", title=title, body=body)
    else:
        found = github.post("pulls", head=branch, base=into, title=title, body=body)
    _label(github, found, labels)
    return PullRequest(int(found["number"]), str(found["html_url"]), not there)


def comment(github: GitHub, number: int, marker: str, body: str) -> str:
    """Write the comment that holds `marker`, or replace its text; return its address."""
    text = shortened(f"<!-- {marker} -->\n{body}")
    for page in range(1, 11):
        listed = github.get(f"issues/{number}/comments", per_page="100", page=str(page))
        for each in listed:
            if f"<!-- {marker} -->" in each["body"] and each["user"]["type"] == "Bot":
                return str(github.patch(f"issues/comments/{each['id']}", body=text)["html_url"])
        if len(listed) < 100:
            break
    return str(github.post(f"issues/{number}/comments", body=text)["html_url"])


def shortened(text: str) -> str:
    """Return a text that GitHub takes: its end is cut off if need be, and that is said."""
    if len(text) <= LONGEST:
        return text
    return text[:LONGEST].rpartition("\n")[0] + "\n\n*Shortened: the run's artifact has it all.*\n"


def ensure_label(github: GitHub, name: str, colour: str) -> None:
    """Make a label unless the repository has it."""
    try:
        github.get(f"labels/{quote(name)}")
    except EvidenceError:  # most likely 404; anything else will stop the next request too
        github.post("labels", name=name, color=colour, description="set by Ratchet")


def _label(github: GitHub, found: Mapping[str, Any], labels: Sequence[str]) -> None:
    own = [each["name"] for each in found["labels"] if each["name"] not in LABELS]
    for name in labels:
        ensure_label(github, name, LABELS[name])
    github.put(f"issues/{found['number']}/labels", labels=[*own, *labels])
