"""The batches that a batch is compared with."""

import itertools

import pytest

from ratchet.checks.past import FEWEST, Member, Past


def member(number: int, sha256: str = "") -> Member:
    def never() -> None:
        raise AssertionError("read without need")

    return Member(f"day-{number:02}", sha256 or str(number) * 4, never, never)  # type: ignore[arg-type]


def filled(past: Past, count: int) -> Past:
    for number in range(count):
        past.add(member(number))
    return past


def ids(past: Past) -> list[str]:
    return [each.id for each in past.members]


def test_too_few_batches_are_nothing_to_compare_with() -> None:
    past = filled(Past(40, from_the_start=True), FEWEST - 1)
    assert ids(past) == []
    assert past.name == ""
    past.add(member(FEWEST))
    assert len(ids(past)) == FEWEST


def test_only_the_newest_lines_count() -> None:
    past = filled(Past(16, from_the_start=True), 30)
    assert ids(past) == [f"day-{number:02}" for number in range(14, 30)]


def test_a_batch_that_was_not_accepted_leaves_a_gap() -> None:
    past = filled(Past(16, from_the_start=True), 16)
    past.add(None)
    past.add(None)
    assert ids(past) == [f"day-{number:02}" for number in range(2, 16)]


def test_many_bad_batches_do_not_end_the_comparison() -> None:
    past = filled(Past(16, from_the_start=True), 16)
    for _ in range(14):
        past.add(None)
    assert ids(past) == ["day-14", "day-15"]
    past.add(None)
    assert ids(past) == []


def test_where_the_past_begins_in_the_middle_it_is_used_when_it_is_complete() -> None:
    past = filled(Past(16, from_the_start=False), 15)
    assert ids(past) == []
    past.add(None)
    assert len(ids(past)) == 15


@pytest.mark.parametrize("other", [member(3, "other"), None, member(99)])
def test_the_name_changes_with_what_is_compared_with(other: Member | None) -> None:
    names = []
    for third in member(3), other:
        past = Past(20, from_the_start=True)
        for each in itertools.chain(map(member, range(3)), [third], map(member, range(4, 20))):
            past.add(each)
        names.append(past.name)
    assert names[0] != names[1]
    assert all(names)
