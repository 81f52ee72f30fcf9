"""The list of models that were rolled back: lines are added, and none is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.errors import EvidenceError
from ratchet.journal.rolled_back import COLUMNS, RolledBack, append, naming, parse

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]))
lines = st.builds(RolledBack, *[texts] * len(COLUMNS))


@given(st.lists(lines, max_size=4))
def test_what_is_appended_is_read_and_what_was_there_stays(listed: list[RolledBack]) -> None:
    text = ""
    for line in listed:
        longer = append(text, line)
        assert longer.startswith(text)
        text = longer
    assert parse(text) == listed


def test_a_last_line_without_its_end_stays_a_line() -> None:
    one, two = (RolledBack(sha, "", "why", "me", "v", "d") for sha in "ab")
    assert parse(append(append("", one).rstrip("\n"), two)) == [one, two]


def test_the_newest_line_about_a_model_counts() -> None:
    listed = [RolledBack(sha, "", reason, "", "", "") for sha, reason in ("a1", "b2", "a3")]
    assert naming(listed, "a") == listed[2]
    assert naming(listed, "c") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sha,why\n", "first line must be model_sha256,version"),
        (",".join(COLUMNS) + "\na,b\n", "rolled_back.csv:2: must have 6 fields"),
        (",".join(COLUMNS) + "\na,b,c,d,e,f,g\n", "rolled_back.csv:2: must have 6 fields"),
        (",".join(COLUMNS) + '\na,"b\n', "after line"),
    ],
)
def test_what_can_not_be_understood_is_an_error(text: str, message: str) -> None:
    with pytest.raises(EvidenceError, match=message):
        parse(text)
