"""The alarm after a bad night: one issue that screams until a good night comes, and a webhook.

A good night closes the issue, and pings whoever waits for it: a schedule that has stopped tells
nobody, but a ping that doesn't come can be noticed.
"""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.errors import ConfigError, EvidenceError
from ratchet.proposals.github import GitHub
from ratchet.proposals.pull_request import ensure_label, shortened

COLOUR = "b60205"
MOST_LINES = 40  # of a report, in the issue
CAUSES = {
    1: "a bug in the pipeline",
    2: "usage or configuration",
    3: "the data broke the contract",
    4: "a guard says no",
    5: "evidence is missing or unreadable: the source or the remote is down, or refuses",
}
_SILENT = (
    "a job ended before it could say why: a step before it failed, a right or a secret is missing, "
    "it took too long, or its machine was lost"
)
_PATIENCE = 20  # seconds for an address to answer


@dataclass(frozen=True)
class Subject:
    """What an alarm is about; each has one issue of its own, known by its label.

    what: what failed. good: a run that didn't. still: what is as it was, or where to read on.
    """

    label: str
    what: str
    good: str
    still: str


NIGHT = Subject(
    "ratchet: alarm",
    "The nightly run",
    "good night",
    "main is as it was, and so is the model.",
)
RESTORE = Subject(
    "ratchet: restore alarm",
    "The restore drill",
    "good drill",
    "docs/verify.md says what to do.",
)
SUBJECTS = {"night": NIGHT, "restore": RESTORE}


@dataclass(frozen=True)
class Failure:
    """A job that didn't succeed: what became of it, the exit code and reason that it gave."""

    job: str
    result: str
    exit_code: int | None
    reason: str

    @property
    def cause(self) -> str:
        """What the exit code means."""
        return _SILENT if self.exit_code is None else CAUSES.get(self.exit_code, _SILENT)


def failures(needs: Mapping[str, Any]) -> list[Failure]:
    """Return the jobs that failed or were cancelled, from the workflow's `needs` context.

    A job that was skipped is none, and neither is a proposal that came too late because main had
    moved: the night runs again.
    """
    found = []
    for job, about in needs.items():
        outputs = about.get("outputs") or {}
        if about["result"] in ("success", "skipped") or outputs.get("moved") == "true":
            continue
        code = str(outputs.get("exit_code", ""))
        told = code.isdecimal() and code != "0"
        reason = str(outputs.get("reason", "")) if told else ""
        found.append(Failure(job, about["result"], int(code) if told else None, reason))
    return found


def moved(needs: Mapping[str, Any]) -> bool:
    """Tell whether a job stopped because main had moved: neither a good night nor a bad one."""
    return any((about.get("outputs") or {}).get("moved") == "true" for about in needs.values())


def read_needs(text: str) -> dict[str, Any]:
    """Return the `needs` context of a job from its JSON.

    Raises ConfigError when it isn't that.
    """
    try:
        needs = json.loads(text)
        if not all(isinstance(about["result"], str) for about in needs.values()):
            raise TypeError("a result is no text")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"the jobs' results can't be read ({error}): {text[:200]!r}") from error
    return dict(needs)


def title(found: list[Failure], about: Subject = NIGHT) -> str:
    """Return the issue's title."""
    return f"{about.what} failed: {found[0].cause}"


def body(found: list[Failure], report: str, url: str, about: Subject = NIGHT) -> str:
    """Return the issue's text: which jobs, why, where to look, and how the report begins."""
    lines = [f"**{found[0].cause[0].upper()}{found[0].cause[1:]}.**", "", f"Run: {url}", ""]
    for each in found:
        code = "" if each.exit_code is None else f", exit code {each.exit_code}: {each.cause}"
        lines.append(f"- job `{each.job}`: {each.result}{code}")
    said = "\n".join(each.reason for each in found if each.reason)
    if said:
        lines += ["", "What it said:", _verbatim(said)]
    if report.strip():
        begin = report.strip().splitlines()
        lines += ["", "How the report begins:", _verbatim("\n".join(begin[:MOST_LINES]))]
        if len(begin) > MOST_LINES:
            lines.append("The rest is in the run's artifact.")
    lines += ["", f"{about.still} The next {about.good} closes this issue."]
    return "\n".join(lines) + "\n"


def scream(
    github: GitHub, found: list[Failure], report: str, url: str, about: Subject = NIGHT
) -> str:
    """Open the issue, or add this run to the one that is open; return its address."""
    text = shortened(body(found, report, url, about))
    there = _open(github, about)
    if there:
        number = there[0]["number"]
        github.patch(f"issues/{number}", title=title(found, about), body=text)
        github.post(f"issues/{number}/comments", body=f"Again: {found[0].cause}. {url}")
        return str(there[0]["html_url"])
    ensure_label(github, about.label, COLOUR)
    made = github.post("issues", title=title(found, about), body=text, labels=[about.label])
    return str(made["html_url"])


def calm(github: GitHub, url: str, about: Subject = NIGHT) -> list[str]:
    """Close what is open about this after a good run; return the addresses."""
    closed = []
    for each in _open(github, about):
        github.post(f"issues/{each['number']}/comments", body=f"A {about.good}: {url}")
        github.patch(f"issues/{each['number']}", state="closed")
        closed.append(str(each["html_url"]))
    return closed


def tell(webhook: str, text: str) -> None:
    """Post to a webhook as Slack takes it.

    Raises EvidenceError when it doesn't answer, ConfigError when it's no address; both without the
    address, which is a secret.
    """
    _open_url(webhook, "the webhook (WEBHOOK_URL)", json.dumps({"text": text}).encode())


def ping(heartbeat: str) -> None:
    """Tell whoever watches that a night has ended well; raises what `tell` does."""
    _open_url(heartbeat, "the heartbeat (HEARTBEAT_URL)")


def read_report(path: Path) -> str:
    """Return the report of a night, "" when it left none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _open(github: GitHub, about: Subject) -> list[dict[str, Any]]:
    listed = github.get("issues", state="open", labels=about.label)
    return [each for each in listed if "pull_request" not in each]


def _verbatim(text: str) -> str:
    """Return text as a block that renders nothing: data could hold links and names."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}text\n{text}\n{fence}"


def _open_url(url: str, what: str, data: bytes | None = None) -> None:
    if not url.lower().startswith(("http://", "https://")):
        raise ConfigError(f"{what}: the address must begin with https://")
    try:
        headers = {"Content-Type": "application/json"} if data else {}
        request = urllib.request.Request(url, data, headers)
        with urllib.request.urlopen(request, timeout=_PATIENCE):
            return
    except urllib.error.HTTPError as error:
        with error:
            reason = f"{error.code} {error.reason}"
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = str(getattr(error, "reason", type(error).__name__))
    raise EvidenceError(f"{what} can't be reached: {reason}")
