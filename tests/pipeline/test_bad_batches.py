"""Batches that break the contract: stopped, set aside, or overruled by a person."""

import json
from typing import Any

from project import MODEL, NEXT, SAMPLE, Project

AFTER = "2013-01-16"


def spoil(project: Project, day: str) -> None:
    """Deliver a day with one flight to nowhere and one of 99,999 miles, and pin it."""
    project.run("ratchet", "sample", "publish", "--table", str(SAMPLE), "--days", "1")
    path = project.path(f"sample/inbox/{day}.csv")
    header, first, second, *rest = path.read_text().splitlines()
    names = header.split(",")
    spoilt = [first.split(","), second.split(",")]
    spoilt[0][names.index("dest")] = "NIL"
    spoilt[1][names.index("distance")] = "99999"
    path.write_text("\n".join([header, *map(",".join, spoilt), *rest]) + "\n")
    project.run("ratchet", "discover")


def batches(project: Project) -> list[str]:
    """Return the batches on the model's card."""
    card = json.loads(project.read("models/card.json"))
    return [*card["train"]["batches"], *card["holdout"]["batches"]]


def report(project: Project) -> Any:
    return json.loads(project.read("reports/validation.json"))


def test_a_bad_batch_stops_the_night_until_it_is_old_or_a_person_speaks(
    project: Project, template: Project
) -> None:
    spoil(project, NEXT)

    # The newest: nothing is trained, and the report says why.
    printed = project.repro_fails("validate", code=3)
    assert f"the newest batch, {NEXT}, is refused" in printed
    assert "value dest" in printed
    assert "range distance: above 6000" in printed
    codes = {(found["code"], found["column"]) for found in report(project)["quarantined"][NEXT]}
    assert codes == {("value", "dest"), ("range", "distance")}
    assert project.lock()["train"] == template.lock()["train"]
    assert project.path(MODEL).read_bytes() == template.path(MODEL).read_bytes()
    project.repro_fails("validate", code=3)  # it doesn't heal by itself

    # A person takes it in: its rows are read after all, and the report remembers the reasons.
    project.override(NEXT, "accept")
    assert "validate: 0 batches judged, 13 accepted" in project.repro()
    assert batches(project)[-1] == NEXT
    assert report(project)["quarantined"] == {}
    assert NEXT in report(project)["overruled"]

    # Or leaves it to the rules: after a good day it is old, set aside, and the run goes on.
    project.override(NEXT, "")
    project.publish("--days", "1")
    printed = project.repro()
    assert "validate: 1 batch judged, 12 accepted" in printed
    assert "1 quarantined" in printed
    assert NEXT in report(project)["quarantined"]
    assert NEXT not in batches(project)
    assert (batches(project)[0], batches(project)[-1]) == ("2013-01-04", AFTER)
    assert NEXT in project.run("ratchet", "summary")

    # Or drops it: an older one fills the window.
    project.override(NEXT, "exclude")
    project.repro()
    assert NEXT not in batches(project)
    assert (batches(project)[0], len(batches(project))) == ("2013-01-03", 13)
    assert not project.path(f"data/raw/{NEXT}.csv").exists()


def test_too_many_bad_batches(project: Project, template: Project) -> None:
    """The sample's own first day, which lacks a column's values, comes into the window."""
    project.set("params.yaml", window__train=11, validate__max_quarantined=0)
    printed = project.repro_fails("validate", code=3)
    assert "1 of 14 batches (7%) are quarantined, validate.max_quarantined is 0%" in printed
    assert list(report(project)["quarantined"]) == ["2013-01-01"]
    assert project.lock()["train"] == template.lock()["train"]
    project.set("params.yaml", validate__max_quarantined=0.1)
    project.repro()
    assert len(batches(project)) == 13


def test_a_file_that_is_no_table(project: Project) -> None:
    """No override helps: there are no rows to take in."""
    path = project.path(f"sample/inbox/{NEXT}.csv")
    path.write_bytes(bytes(range(256)) * 40)
    project.run("ratchet", "discover")
    assert "unreadable" in project.repro_fails("validate", code=3)
    project.override(NEXT, "accept")
    assert "unreadable" in project.repro_fails("validate", code=3)
    project.override(NEXT, "exclude")
    project.repro()
    assert project.run("git", "status", "--porcelain", "models").strip() == ""
