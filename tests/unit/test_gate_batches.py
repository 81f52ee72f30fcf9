"""What the gate says of the data since the base, from files in git that people may have edited."""

import json
from pathlib import Path

import pytest
from journal import Journal, sha

from ratchet.data.manifest import Batch, dump
from ratchet.errors import ConfigError, EvidenceError
from ratchet.gate.batches import batches_since, drill_result
from ratchet.gate.revisions import History
from ratchet.journal.commits import Revision

MANIFEST, VALIDATION, DRILL = "data/manifest.csv", "reports/validation.json", "reports/drill.json"


def batch(day: int, content: int = 0, override: str = "") -> Batch:
    return Batch(f"d{day}", f"in/{day}.csv", "", "", 9, sha(content), override)


def committed(folder: Path, *commits: dict[str, str]) -> tuple[History, list[Revision]]:
    """Return the history of commits with these files, and a revision for each."""
    journal = Journal(folder)
    for number, files in enumerate(commits, 1):
        journal.commit(number, "{}", files=files)
        journal.tag(f"v{number}", number)
    history = History(journal.write())
    return history, [history.resolve(f"v{number + 1}") for number in range(len(commits))]


def test_what_happened_to_the_data_is_told(tmp_path: Path) -> None:
    history, (base, head) = committed(
        tmp_path,
        {MANIFEST: dump([batch(1), batch(2), batch(3)]), VALIDATION: "{}"},
        {
            MANIFEST: dump([batch(2, 7), batch(3, 0, "exclude"), batch(4)]),
            VALIDATION: json.dumps({"quarantined": {"d4": ["why"]}}),
        },
    )
    found = batches_since(history, base, head, MANIFEST, VALIDATION)
    assert (found.added, found.removed, found.repinned) == (["d4"], ["d1"], ["d2"])
    assert (found.overruled, found.quarantined) == ({"d3": "exclude"}, ["d4"])


def test_a_manifest_saved_by_a_spreadsheet_is_read_by_the_gate_too(tmp_path: Path) -> None:
    marked = "\ufeff" + dump([batch(1), batch(2)])
    history, (base, head) = committed(tmp_path, {"x": ""}, {MANIFEST: marked})
    assert batches_since(history, base, head, MANIFEST, VALIDATION).added == ["d1", "d2"]


def test_a_manifest_that_is_none_is_named_with_its_revision(tmp_path: Path) -> None:
    history, (base, head) = committed(tmp_path, {"x": ""}, {MANIFEST: "<<<<<<< HEAD\n"})
    with pytest.raises(ConfigError, match=r"data/manifest\.csv at v2 .*: the first line must be"):
        batches_since(history, base, head, MANIFEST, VALIDATION)


def test_the_faults_of_the_drill_are_told_by_what_became_of_them(tmp_path: Path) -> None:
    faults = [
        {"fault": "nulls", "outcome": "caught", "wrong": False, "must": "catch"},
        {"fault": "label_flip", "outcome": "slipped", "wrong": True},
    ]
    history, (none, head) = committed(tmp_path, {"x": ""}, {DRILL: json.dumps({"faults": faults})})
    assert drill_result(history, none, DRILL) == {}
    assert drill_result(history, head, DRILL) == {
        "caught": ["nulls"],
        "slipped (wrong)": ["label_flip"],
    }


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"faults": [{"fault": "nulls"}]}',
        '{"faults": [3]}',
        '{"faults": {"nulls": "caught"}}',
        '{"faults": null}',
    ],
)
def test_a_malformed_result_of_the_drill_is_no_evidence(tmp_path: Path, text: str) -> None:
    history, [head] = committed(tmp_path, {DRILL: text})
    with pytest.raises(EvidenceError, match=r"reports/drill\.json at v1 .*: isn't what"):
        drill_result(history, head, DRILL)


@pytest.mark.parametrize("text", ["<<<", '{"quarantined": null}', '{"quarantined": 3}'])
def test_a_malformed_validation_report_is_no_evidence(tmp_path: Path, text: str) -> None:
    history, [head] = committed(tmp_path, {VALIDATION: text})
    with pytest.raises(EvidenceError, match=r"reports/validation\.json at v1 .*: isn't what"):
        batches_since(history, head, head, MANIFEST, VALIDATION)
