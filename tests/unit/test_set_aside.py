"""What a night says of the batches that it set aside."""

import json
from typing import Any

from ratchet.nights.nightly import set_aside


def report(**quarantined: list[dict[str, Any]]) -> str:
    return json.dumps({"quarantined": quarantined})


def failure(code: str, column: str = "", **more: Any) -> dict[str, Any]:
    return {"code": code, "column": column, "message": "odd", "count": 0, "examples": [], **more}


def test_only_what_is_new_is_told_with_its_first_reason_and_what_to_type() -> None:
    before = report(old=[failure("empty")])
    ill = [failure("range", "x", count=2, examples=["row 1: 9"]), failure("key")]
    first, then = set_aside(before, report(old=[failure("empty")], new=ill))
    assert first == "set aside tonight: new: range x: odd (2 rows; row 1: 9) (and 1 more)"
    assert then.strip().endswith("ratchet batch show new")


def test_a_first_night_tells_all_and_a_quiet_one_nothing() -> None:
    told = set_aside("", report(a=[failure("key")], b=[failure("key")]))
    assert ["look at it" in line for line in told] == [False, False, True]
    assert set_aside(report(), report()) == []
