"""The run ledger: a line for each night, and no line lost."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from ratchet.nights.ledger import COLUMNS, Cost, Line, markdown, merge, to_csv


def line(night: str, run: str = "here", **more: object) -> Line:
    return Line(night, run, "c0ffee", **more)  # type: ignore[arg-type]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_night_is_one_line_with_what_each_step_took() -> None:
    night = line("2026-11-22T03:17:00Z", decision="SKIP", reason="nothing\nnew", new_batches=1)
    night.add("fetch", Cost(1.25, 80))
    night.add("push", Cost(2, 100))
    night.add("push", Cost(1, 120))
    [row] = rows(to_csv([night.row()]))
    assert list(row) == list(COLUMNS)
    assert (row["decision"], row["reason"], row["new_batches"]) == ("SKIP", "nothing new", "1")
    assert (row["fetch_seconds"], row["fetch_mb"]) == ("1.2", "80")
    assert (row["push_seconds"], row["push_mb"]) == ("3.0", "120")
    assert row["seconds"] == "4.2"
    assert row["train_seconds"] == ""


def test_what_the_gate_said_is_kept_apart_from_why_it_was_trained() -> None:
    night = line("n", verdict="BLOCK", reason="6 new rows", gate_reason="worse\nin log loss")
    old = "night,run,verdict,reason\nm,here,BLOCK,5 new rows\n"
    before, after = rows(merge(old, to_csv([night.row()])))
    assert (after["reason"], after["gate_reason"]) == ("6 new rows", "worse in log loss")
    assert (before["reason"], before["gate_reason"]) == ("5 new rows", "")


def test_the_summary_shows_steps_and_traffic() -> None:
    night = line("2026-11-22T03:17:00Z", new_batches=1, batches=8, bytes_pushed=2_500_000)
    night.add("train", Cost(3.04, 512.2))
    told = markdown(night)
    assert "1 new of 8 batches" in told
    assert "2.5 MB pushed" in told
    assert "| train | 3.0 | 512 |" in told


names = st.text("ab", min_size=1, max_size=2)
ledgers = st.lists(st.lists(st.tuples(names, names), max_size=4), max_size=3)


@given(ledgers)
def test_merging_loses_no_night_and_doubles_none(nights: list[list[tuple[str, str]]]) -> None:
    texts = [to_csv(line(night, run).row() for night, run in some) for some in nights]
    merged = rows(merge(*texts))
    assert [(row["night"], row["run"]) for row in merged] == sorted(
        {each for some in nights for each in some}
    )


def test_of_two_lines_for_a_night_the_later_one_stays() -> None:
    before, after = (to_csv([line("n", verdict=word).row()]) for word in ("", "PASS"))
    assert [row["verdict"] for row in rows(merge(before, after))] == ["PASS"]


def test_a_ledger_of_an_older_version_keeps_its_lines() -> None:
    merged = rows(merge("night,run,gone\nn1,here,x\n", to_csv([line("n2").row()])))
    assert [row["night"] for row in merged] == ["n1", "n2"]
    assert merged[0]["decision"] == ""
