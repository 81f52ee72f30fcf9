"""What a rollback tells; tests/pipeline/test_rollback.py has what it does."""

import pytest

from ratchet.artifacts.answers import Answers
from ratchet.gate.restoration import Manifest, Restoration, Settings
from ratchet.journal.commits import Revision
from ratchet.versions.record import Record
from ratchet.versions.rollback_report import Side, Story, brief, markdown


def story(left: list[str], again: list[str], trees: int = 1) -> Story:
    """Return the story of a rollback from a model with one tree."""
    bad, good = (Side(Revision(name, name * 40), None, name * 64, Record()) for name in "bc")
    files = {"params.yaml": f"trees: {trees}".encode(), "schema.yaml": b""}
    pins = Manifest("", {}, left, {}, [], again)
    return Story(
        reason="why",
        bad=bad,
        good=good,
        restored=Restoration(files, pins, Settings("", [], [])),
        before={"params.yaml": {"trees": 1}, "schema.yaml": {}},
        params="params.yaml",
        schema="schema.yaml",
        other_environment=False,
        answers=Answers(20, 0, 0.0, "", ()),
        model="models/model.skops",
    )


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (story(["d8", "d9"], []), ["left behind: 2 batches pinned since"]),
        (story(["d9"], [], 2), ["left behind: 1 batch pinned since, 1 value of params.yaml"]),
        (story([], [], 2), ["left behind: 1 value of params.yaml"]),
        (story([], ["d1"]), ["pinned again: 1 batch"]),
        (story(["d9"], ["d1", "d2"]),
         ["left behind: 1 batch pinned since", "pinned again: 2 batches"]),
        (story([], []), []),
    ],
)  # fmt: skip
def test_what_is_left_and_what_is_pinned_again_is_told(made: Story, said: list[str]) -> None:
    lines = [line.strip() for line in brief(made, "c0ffee").splitlines()]
    found = [line for line in lines if line.startswith(("left behind", "pinned again"))]
    assert found == said


def test_the_report_names_what_is_pinned_again() -> None:
    told = markdown(story([], ["d1", "d2"]))
    assert "batches that weren't pinned any more, and are again: d1, d2" in told
