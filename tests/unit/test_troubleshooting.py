"""docs/troubleshooting.md has a row for each message that the source can raise, and no other."""

import re
from pathlib import Path

import pytest
from commands import COMMANDS
from messages import COMPOSED, RELAYS, Message, failures, head_of, messages, relays

from ratchet.config import Checks

PAGE = Path(__file__).parents[2] / "docs/troubleshooting.md"
# Under which heading the messages of a room, or of a module, stand.
SECTIONS = {
    "Command line": ["cli", "doctor"],
    "params.yaml and schema.yaml": [
        *("budget", "config", "data.schema", "data.target", "learners", "model", "sections"),
    ],
    "Drafting: ratchet init": ["init"],
    "The source and the manifest": ["data"],
    "The sample": ["sample"],
    "S3": ["data.s3", "data.s3_access", "data.s3_download", "data.s3_listing", "data.weather"],
    "Messages": [
        *("batch", "calibrate", "checks", "drill"),
        *("data.validated", "stages.fetch", "stages.validate"),
    ],
    "Training, measuring, predicting": [
        *("artifacts", "data.features", "predict", "scoring", "summary"),
        *("stages.evaluate", "stages.train"),
    ],
    "Serving": ["serving"],
    "The gate": ["gate"],
    "Nights and GitHub": ["alone", "nights", "proposals"],
    "Versions: history, rollback, verify, gc": ["journal", "versions"],
    "Replay": ["replay"],
    "Git and files": ["files", "git"],
}
REFUSED = "Why a batch is refused"

Row = tuple[str, str, str]


def rows() -> dict[str, list[list[str]]]:
    """Return the cells of the tables' rows by heading."""
    found: dict[str, list[list[str]]] = {}
    heading = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("| `"):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            found.setdefault(heading, []).append(cells)
    return found


def section(module: str) -> str:
    """Return the heading under which a module's messages stand: that of the nearest name above."""
    parts = module.split(".")
    for end in range(len(parts), 0, -1):
        for heading, rooms in SECTIONS.items():
            if ".".join(parts[:end]) in rooms:
                return heading
    pytest.fail(f"{module}: say in SECTIONS of {__name__} under which heading its messages stand")


def expected() -> dict[Row, Message]:
    return {(section(each.module), f"`{each.head}`", str(each.code)): each for each in messages()}


def documented() -> list[Row]:
    return [
        (heading, cells[0], cells[1])
        for heading, found in rows().items()
        if heading in SECTIONS
        for cells in found
    ]


def test_every_message_has_a_row() -> None:
    known = set(documented())
    advice = [
        f"under `{heading}`:\n| {head} | {code} | WHY IT HAPPENS | WHAT TO DO |"
        f"     (src/ratchet/{each.module.replace('.', '/')}.py:{each.line})"
        for (heading, head, code), each in expected().items()
        if (heading, head, code) not in known
    ]
    if advice:
        pytest.fail("add to docs/troubleshooting.md\n" + "\n".join(advice), pytrace=False)


def test_every_row_has_a_message() -> None:
    known = expected()
    advice = [
        f"under `{heading}`: | {head} | {code} |"
        for heading, head, code in documented()
        if (heading, head, code) not in known
    ]
    if advice:
        text = "nothing raises this: take it out of docs/troubleshooting.md, or mend its words"
        pytest.fail("\n".join([text, *advice]), pytrace=False)


def test_no_row_stands_twice() -> None:
    found = documented()
    assert sorted(found) == sorted(set(found))


def test_every_code_of_a_refused_batch_has_a_row() -> None:
    told = [cells[0].strip("`") for cells in rows()[REFUSED]]
    due = set(failures()) | set(Checks.model_fields)
    lacking, gone = sorted(due - set(told)), sorted(set(told) - due)
    assert not lacking, f"docs/troubleshooting.md, {REFUSED}: add rows for {', '.join(lacking)}"
    assert not gone, f"docs/troubleshooting.md, {REFUSED}: nothing has the code {', '.join(gone)}"
    assert len(told) == len(due)


def test_every_row_says_why_and_what_to_do_in_words_of_its_own() -> None:
    for found in rows().values():
        for head, *_, why, way_out in found:
            assert len(why.split()) >= 2, head
            assert len(way_out.split()) >= 2 or way_out.startswith(("http", "`")), head
            assert why.strip("`.") not in head


# What the tests above rely on


def test_what_is_raised_in_a_roundabout_way_is_found() -> None:
    heads = {each.head for each in messages()}
    assert "access denied" in heads  # of a table
    assert "… is missing" in heads  # put together in a function
    assert "has … among its values, which isn't of type …" in heads  # a validator's
    assert {"range", "null", "value"} <= set(failures())


def test_the_lists_of_roundabout_ways_name_what_is_there() -> None:
    assert {module for module, _ in COMPOSED} <= {each.module for each in messages()}
    new, gone = sorted(relays() - set(RELAYS)), sorted(set(RELAYS) - relays())
    assert not new, f"{', '.join(new)}: say in RELAYS of messages.py where the message comes from"
    assert not gone, f"{', '.join(gone)}: raises no message from elsewhere; take it out of RELAYS"


def test_the_commands_of_the_page_are_there() -> None:
    named = set(re.findall(r"`ratchet ([a-z]+)", PAGE.read_text(encoding="utf-8")))
    assert named
    assert named <= set(COMMANDS)


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("…: gone; run `dvc pull`", "…: gone"),
        ("two\nlines", "two"),
        ("…: …; run `dvc pull`", "…; run dvc pull"),
        ("a … … b", "a … b"),
    ],
)
def test_a_head_is_what_is_wrong(text: str, head: str) -> None:
    assert head_of(text) == head
