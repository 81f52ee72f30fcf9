"""What happened to the data since the base, from the files that git keeps of both revisions."""

import csv
import io
import json
from typing import Any

from ratchet.errors import EvidenceError
from ratchet.gate.findings import Batches
from ratchet.gate.revisions import History
from ratchet.journal.commits import Revision


def batches_since(
    history: History, base: Revision, head: Revision, manifest: str, validation: str
) -> Batches:
    """Return which batches the head pins, drops, overrules or quarantines and the base didn't."""
    before, after = (_pins(history.text(at, manifest)) for at in (base, head))
    was, now = (_quarantined(history, at, validation) for at in (base, head))
    both = [batch for batch in after if batch in before]
    return Batches(
        added=[batch for batch in after if batch not in before],
        removed=[batch for batch in before if batch not in after],
        repinned=[each for each in both if before[each]["sha256"] != after[each]["sha256"]],
        overruled={
            batch: after[batch]["override"] or "no word any more"
            for batch in after
            if after[batch]["override"] != before.get(batch, {}).get("override", "")
        },
        quarantined=[batch for batch in now if batch not in was],
    )


def drill_result(history: History, head: Revision, path: str) -> dict[str, list[str]]:
    """Return the faults of the fire drill by what became of them; empty when there was none."""
    content = _json(history, head, path)
    found: dict[str, list[str]] = {}
    for each in content.get("faults", []):
        outcome = f"{each['outcome']} (wrong)" if each.get("wrong") else str(each["outcome"])
        found.setdefault(outcome, []).append(str(each["fault"]))
    return found


def _pins(text: str | None) -> dict[str, dict[str, str]]:
    return {row["id"]: row for row in csv.DictReader(io.StringIO(text or ""))}


def _quarantined(history: History, at: Revision, path: str) -> list[str]:
    return list(_json(history, at, path).get("quarantined", {}))


def _json(history: History, at: Revision, path: str) -> dict[str, Any]:
    text = history.text(at, path)
    try:
        content = json.loads(text or "{}")
    except ValueError as error:
        raise EvidenceError(f"{path} at {at}: is not JSON ({error}); run `dvc repro`") from error
    if not isinstance(content, dict):
        raise EvidenceError(f"{path} at {at}: must be a JSON object; run `dvc repro`")
    return content
