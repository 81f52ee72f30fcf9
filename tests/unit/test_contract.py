"""A batch against the contract: every failure, each with its code, and none of a neighbour's."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shop import SCHEMA, Row, rows_of, write_rows

from ratchet.data.contract import Contract, Judged, judge
from ratchet.data.failure import Failure
from ratchet.data.schema import Schema

CONTRACT = Contract.of(Schema.model_validate(SCHEMA))

Edit = Callable[[list[Row]], object]


def judged(path: Path, contract: Contract = CONTRACT) -> Judged:
    [found] = judge([path], contract)
    return found


def says(found: Judged) -> list[str]:
    return [str(failure) for failure in found.failures]


def put(column: str, value: str, *numbers: int) -> Edit:
    """Return an edit that sets a column in the rows with these numbers, from 1."""

    def edit(rows: list[Row]) -> None:
        for number in numbers:
            rows[number - 1][column] = value

    return edit


def renamed(rows: list[Row]) -> list[Row]:
    return [{"sum" if name == "amount" else name: row[name] for name in row} for row in rows]


def test_a_good_batch_has_its_types_and_no_failure(tmp_path: Path) -> None:
    found = judged(write_rows(tmp_path / "a.csv", rows_of("day-01")))
    assert (found.rows, says(found)) == (60, [])
    assert found.table is not None
    assert found.table.column_names == list(SCHEMA["columns"])
    types = [str(field.type) for field in found.table.schema]
    assert types == [
        "int64", "timestamp[us]", "string", "double", "int64", "bool", "double", "string", "string",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("edit", "failures"),
    [
        (put("amount", "-1", 2), ["range amount: below 0 (1 row; row 2: -1.0)"]),
        (
            put("amount", "1000.01", 1, 2, 3, 4),
            ["range amount: above 1000 (4 rows; row 1: 1000.01, row 2: 1000.01, row 3: 1000.01)"],
        ),
        (put("items", "21", 60), ["range items: above 20 (1 row; row 60: 21)"]),
        (
            put("channel", "WEB", 5),
            ["value channel: not among the values (1 row; row 5: WEB)"],
        ),
        (
            put("outcome", "lost", 7),
            ["value outcome: not among the values (1 row; row 7: lost)"],
        ),
        (
            put("member", "maybe", 9),
            ["type member: holds values that aren't of type boolean (1 row; row 9: maybe)"],
        ),
        (
            put("amount", "", 1, 2, 3),
            ["null amount: 5.0% of the rows are null, at most 0.0% may be"],
        ),
        (
            put("order_no", "5", 1, 2),
            [
                "key order_no: rows with the same key come more than once "
                "(3 rows; row 1, row 2, row 5)"
            ],
        ),
        (
            lambda rows: rows.extend(rows[:2]),
            [
                "key order_no: rows with the same key come more than once "
                "(4 rows; row 1, row 2, row 61)"
            ],
        ),
        (lambda rows: rows.__delitem__(slice(4, None)), ["rows: has 4 rows, at least 5 are due"]),
    ],
)
def test_a_broken_rule_is_named_with_its_rows(
    tmp_path: Path, edit: Edit, failures: list[str]
) -> None:
    rows = rows_of("day-01")
    edit(rows)
    assert says(judged(write_rows(tmp_path / "a.csv", rows))) == failures


@pytest.mark.parametrize("count", [5, 500])
def test_the_limits_of_the_row_count_are_inside(tmp_path: Path, count: int) -> None:
    assert says(judged(write_rows(tmp_path / "a.csv", rows_of("day-01", count)))) == []


def test_a_batch_of_too_many_rows_is_named(tmp_path: Path) -> None:
    found = judged(write_rows(tmp_path / "a.csv", rows_of("day-01", 501)))
    assert says(found) == ["rows: has 501 rows, at most 500 may come"]


def test_columns_may_come_in_any_order(tmp_path: Path) -> None:
    rows = rows_of("day-01")
    usual = judged(write_rows(tmp_path / "a.csv", rows))
    mixed = judged(write_rows(tmp_path / "b.csv", rows, columns=sorted(rows[0])))
    assert mixed.table == usual.table
    assert says(mixed) == []


def test_a_renamed_column_is_missing_and_extra(tmp_path: Path) -> None:
    found = judged(write_rows(tmp_path / "a.csv", renamed(rows_of("day-01"))))
    assert says(found) == [
        "missing_column amount: is not in the file",
        "extra_column sum: is not in the schema",
    ]
    assert found.table is None


def test_extra_columns_can_be_ignored(tmp_path: Path) -> None:
    rows = [{**row, "colour": "red"} for row in rows_of("day-01")]
    path = write_rows(tmp_path / "a.csv", rows)
    assert says(judged(path)) == ["extra_column colour: is not in the schema"]
    relaxed = judged(path, dataclasses.replace(CONTRACT, extra_columns="ignore"))
    assert says(relaxed) == []
    assert relaxed.table is not None
    assert "colour" not in relaxed.table.column_names


def test_all_failures_of_a_batch_come_at_once(tmp_path: Path) -> None:
    rows = rows_of("day-01")
    put("amount", "-1", 1)(rows)
    put("items", "many", 2)(rows)
    put("channel", "fax", 3)(rows)
    put("member", "", 4)(rows)
    put("order_no", "9", 5)(rows)
    rows = [{key: row[key] for key in row if key != "rating"} | {"new": "1"} for row in rows]
    found = judged(write_rows(tmp_path / "a.csv", rows))
    assert {(each.code, each.column) for each in found.failures} == {
        ("missing_column", "rating"),
        ("extra_column", "new"),
        ("type", "items"),
        ("null", "member"),
        ("value", "channel"),
        ("range", "amount"),
        ("key", "order_no"),
    }
    assert len(found.failures) == 7
    assert found.table is None


def test_a_batch_whose_values_break_rules_can_still_be_had(tmp_path: Path) -> None:
    rows = rows_of("day-01")
    put("amount", "5000", 1)(rows)
    found = judged(write_rows(tmp_path / "a.csv", rows))
    assert found.table is not None
    assert found.table["amount"][0].as_py() == 5000


def test_a_key_of_two_columns_is_unique_together(tmp_path: Path) -> None:
    both = dataclasses.replace(CONTRACT, key=("order_no", "channel"))
    rows = rows_of("day-01")
    rows[1] |= {"order_no": "1", "channel": "web"}
    rows[0] |= {"channel": "phone"}
    path = write_rows(tmp_path / "a.csv", rows)
    assert says(judged(path, both)) == []
    rows[0] |= {"channel": "web"}
    assert says(judged(write_rows(path, rows), both)) == [
        "key order_no,channel: rows with the same key come more than once (2 rows; row 1, row 2)"
    ]


def test_long_numbers_that_differ_in_the_last_digit_are_different_keys(tmp_path: Path) -> None:
    rows = rows_of("day-01")
    rows[0]["order_no"], rows[1]["order_no"] = "9007199254740992", "9007199254740993"
    assert says(judged(write_rows(tmp_path / "a.csv", rows))) == []


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\xff", "größe\n1\n".encode("latin-1")])
def test_a_file_that_is_no_table_is_a_failure_like_others(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    found = judged(path)
    assert (found.rows, found.table, len(found.failures)) == (0, None, 1)


def test_a_truncated_file_is_unreadable(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "a.csv", rows_of("day-01"))
    path.write_bytes(path.read_bytes()[:-30])
    assert says(judged(path))[0].startswith("unreadable: not a readable table: CSV parse error")


def test_nothing_is_judged_for_no_file() -> None:
    assert judge([], CONTRACT) == []


EDITS: dict[str, Edit | None] = {
    "good": lambda _: None,
    "range": put("amount", "-1", 2, 60),
    "type": put("items", "x", 3),
    "null": put("amount", "", 4),
    "duplicates": lambda rows: rows.extend(rows[5:9]),
    "few": lambda rows: rows.__delitem__(slice(3, None)),
    "no key": lambda rows: [row.pop("order_no") for row in rows],
    "no amount": lambda rows: [row.pop("amount") for row in rows],
    "nothing known": lambda rows: [(row.clear(), row.update(colour="red")) for row in rows],
    "empty": None,
}


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Judged]]:
    """One file of each kind with what is found when it is judged alone."""
    folder = tmp_path_factory.mktemp("kinds")
    found = {}
    for name, edit in EDITS.items():
        path = folder / f"{name}.csv"
        path.touch()
        if edit is not None:
            rows = rows_of("day-01")
            edit(rows)
            write_rows(path, rows)
        found[name] = (path, judged(path))
    return found


@settings(max_examples=20)
@given(st.lists(st.sampled_from(list(EDITS)), min_size=2, max_size=6))
def test_a_batch_is_judged_the_same_in_any_company(
    kinds: dict[str, tuple[Path, Judged]], names: list[str]
) -> None:
    together = judge([kinds[name][0] for name in names], CONTRACT)
    for name, found in zip(names, together, strict=True):
        alone = kinds[name][1]
        assert (found.rows, found.table) == (alone.rows, alone.table)
        assert sorted(map(str, found.failures)) == sorted(map(str, alone.failures))


def test_each_kind_of_failure_is_among_these(kinds: dict[str, tuple[Path, Judged]]) -> None:
    codes = {failure.code for _, found in kinds.values() for failure in found.failures}
    assert codes == {
        "range",
        "type",
        "null",
        "key",
        "rows",
        "missing_column",
        "extra_column",
        "empty",
    }


def test_failures_can_be_kept_as_json() -> None:
    failure = Failure("range", "amount", "below 0", 2, ("row 1: -1.0",))
    kept = json.loads(json.dumps(dataclasses.asdict(failure)))
    assert Failure(**{**kept, "examples": tuple(kept["examples"])}) == failure
