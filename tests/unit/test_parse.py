"""From a file to typed columns: odd content is reported and never raised."""

import datetime
import gzip
import math
import re
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.data.failure import EXAMPLES, LONGEST
from ratchet.data.parse import (
    PLAIN,
    TYPES,
    UnreadableError,
    check_header,
    convert,
    nested_columns,
    read_table,
)
from ratchet.data.schema import NULLS, Column, Format, Kind


def typed(kind: Kind, *texts: str | None, spelling: Format = PLAIN) -> tuple[list[Any], list[str]]:
    """Convert one column; return its values and the failures as text."""
    column = Column(type=kind, feature=False, max_null=1)
    table, failures = convert(
        pa.table({"x": pa.array(texts, pa.string())}), {"x": column}, spelling
    )
    assert table.schema.field("x").type == TYPES[kind]
    return table["x"].to_pylist(), [str(failure) for failure in failures]


DAY = datetime.datetime(2021, 3, 4)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("number", "1.5", 1.5),
        ("number", " -2e3 ", -2000.0),
        ("number", "007", 7.0),
        ("integer", "12", 12),
        ("integer", "-3", -3),
        ("integer", "3.0", 3),  # as pandas writes integers with gaps
        ("integer", "9007199254740993", 2**53 + 1),  # a float would make it even
        ("integer", "9223372036854774784", 2**63 - 1024),
        ("boolean", "true", True),
        ("boolean", "FALSE", False),
        ("boolean", "0", False),
        ("category", " web ", "web"),
        ("category", "007", "007"),
        ("text", "a,b", "a,b"),
        ("date", "2021-03-04", DAY),
        ("date", "2021-03-04T00:00:00", DAY),
        ("date", "2021-03-04 00:00:00.000000001", DAY),
        ("date", "2021-03-04T00:00:00Z", DAY),
        ("date", "2021-03-04T02:00:00+02:00", DAY),
    ],
)
def test_a_value_gets_its_type_beside_good_and_bad_ones(kind: Kind, text: str, value: Any) -> None:
    assert typed(kind, text) == ([value], [])
    values, _ = typed(kind, text, "neither nor", None)
    assert (values[0], values[2]) == (value, None)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("number", "1,5"),
        ("number", "1_000"),
        ("number", "0x10"),
        ("number", "inf"),
        ("number", "1e999"),
        ("number", "twelve"),
        ("integer", "3.5"),
        ("integer", "0x10"),
        ("integer", "1e30"),
        ("integer", "9223372036854775808"),
        ("integer", "infinity"),
        ("boolean", "yes"),
        ("boolean", "2"),
        ("date", "2021-02-30"),
        ("date", "03/04/2021"),
        ("date", "today"),
        ("date", "now"),
        ("date", "1614816000000"),
    ],
)
def test_what_is_not_of_the_type_is_quoted_with_its_row(kind: Kind, text: str) -> None:
    values, failures = typed(kind, None, text)
    assert values == [None, None]
    assert failures == [f"type x: holds values that aren't of type {kind} (1 row; row 2: {text})"]


def test_mixed_time_zones_become_utc() -> None:
    values, failures = typed("date", "2021-03-04T01:00:00+01:00", "2021-03-04", "2021-03-03T19-05")
    assert values == [DAY, DAY, DAY]
    assert failures == []


def test_all_wrong_values_are_counted_and_a_few_quoted() -> None:
    _, [failure] = typed("integer", *"abcdefg", "1")
    assert "(7 rows; row 1: a, row 2: b, row 3: c)" in failure


@pytest.mark.parametrize("text", ["\0\x1b[31m\n", "x" * 10_000, "\n" * 10_000])
def test_a_quoted_value_fits_on_a_line(text: str) -> None:
    _, [failure] = typed("number", text)
    assert failure.isprintable()
    assert len(failure) < LONGEST + 100


def test_more_nulls_than_allowed_are_a_failure() -> None:
    table = pa.table({"x": pa.array(["1", None, None, "2"])})
    column = Column(type="number", max_null=0.5)
    assert convert(table, {"x": column})[1] == []
    [failure] = convert(table, {"x": column.model_copy(update={"max_null": 0.4})})[1]
    assert str(failure) == "null x: 50.0% of the rows are null, at most 40.0% may be"
    assert failure.count == 2


texts = st.lists(
    st.none()
    | st.text()
    | st.from_regex(r"[-+]?[0-9]{1,25}(\.[0-9]*)?([eE][-+]?[0-9]{1,3})?", fullmatch=True)
    | st.from_regex(r"[0-9]{1,5}-[0-9]{1,2}-[0-9]{1,2}([T ][0-9:.]{1,18}(Z|[+-][0-9:]{1,6})?)?")
    | st.sampled_from([*NULLS, "nan", "-inf", "true", "1", "now", "2021-03-04", " "]),
    min_size=1,
)


@given(texts, st.sampled_from(get_args(Kind)))
def test_no_text_is_lost_without_a_word(values: list[str | None], kind: Kind) -> None:
    column = Column(type=kind, feature=False, max_null=1)
    text = pa.table({"x": pa.array(values, pa.string())})
    table, failures = convert(text, {"x": column})
    assert table.schema.field("x").type == TYPES[kind]
    assert len(table) == len(values)
    lost = [
        row
        for row, (before, after) in enumerate(zip(values, table["x"].to_pylist(), strict=True), 1)
        if before is not None and after is None
    ]
    assert sum(failure.count for failure in failures) == len(lost)
    for failure in failures:
        assert [example.split(":")[0] for example in failure.examples] == [
            f"row {row}" for row in lost[:EXAMPLES]
        ]


@given(st.lists(st.integers(-(2**63) + 1025, 2**63 - 1025), min_size=1))
def test_integers_are_exact(numbers: list[int]) -> None:
    assert typed("integer", *map(str, numbers)) == (numbers, [])


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_are_exact(numbers: list[float]) -> None:
    assert typed("number", *map(repr, numbers)) == (numbers, [])


# Other spellings

GERMAN = Format(decimal=",", thousands=".", true=["ja"], false=["nein"], date="%d.%m.%Y")
SWISS = Format(thousands="\N{RIGHT SINGLE QUOTATION MARK}", true=["Y", "T"], false=["N", "F"])


@pytest.mark.parametrize(
    ("spelling", "kind", "text", "value"),
    [
        (GERMAN, "number", " 1.234.567,5 ", 1234567.5),
        (GERMAN, "number", "-1234,", -1234.0),
        (GERMAN, "number", ",25", 0.25),
        (GERMAN, "number", "1,5E3", 1500.0),
        (GERMAN, "integer", "12.345", 12345),
        (GERMAN, "integer", "3,0", 3),
        (GERMAN, "integer", "9.007.199.254.740.993", 2**53 + 1),
        (GERMAN, "boolean", "Ja", True),
        (GERMAN, "boolean", "nein", False),
        (GERMAN, "date", "04.03.2021", DAY),
        (SWISS, "number", "1\N{RIGHT SINGLE QUOTATION MARK}234.5", 1234.5),
        (SWISS, "boolean", "t", True),
        (SWISS, "boolean", "N", False),
        (Format(decimal=","), "number", "1234,5", 1234.5),
        (Format(date="%Y%m%d %H"), "date", "20210304 00", DAY),
    ],
)
def test_a_value_is_read_as_the_format_spells_it(
    spelling: Format, kind: Kind, text: str, value: Any
) -> None:
    assert typed(kind, text, spelling=spelling) == ([value], [])
    values, [failure] = typed(kind, text, "neither nor", None, spelling=spelling)
    assert (values, failure.endswith("(1 row; row 2: neither nor)")) == ([value, None, None], True)


@pytest.mark.parametrize(
    ("spelling", "kind", "text"),
    [
        (GERMAN, "number", "1.5"),  # 15 in Germany? Nobody knows
        (GERMAN, "number", "12.34,5"),
        (GERMAN, "number", "1234.567"),
        (GERMAN, "number", "1,5,5"),
        (GERMAN, "number", ","),
        (GERMAN, "number", ""),
        (GERMAN, "boolean", "true"),
        (GERMAN, "boolean", "1"),
        (GERMAN, "date", "2021-03-04"),
        (GERMAN, "date", "31.02.2021"),
        (Format(decimal=","), "number", "1.5"),
        (Format(thousands=","), "number", "1,5"),
    ],
)
def test_what_the_format_does_not_spell_is_not_read(
    spelling: Format, kind: Kind, text: str
) -> None:
    values, [failure] = typed(kind, text, spelling=spelling)
    assert values == [None]
    assert f"row 1: {text}" in failure


@given(
    st.lists(st.integers(-(10**15), 10**15).map(lambda n: n / 100), min_size=1),
    st.sampled_from([(".", ","), (",", "."), (",", " "), (".", "'"), (",", None), (".", None)]),
)
def test_numbers_come_back_from_any_spelling(
    numbers: list[float], marks: tuple[Any, str | None]
) -> None:
    decimal, thousands = marks
    names = {",": thousands or "", ".": decimal}
    texts = ["".join(names.get(each, each) for each in f"{number:,.2f}") for number in numbers]
    spelling = Format(decimal=decimal, thousands=thousands)
    assert typed("number", *texts, spelling=spelling) == (numbers, [])


# Files


def failure_of(path: Path, spelling: Format = PLAIN) -> str:
    with pytest.raises(UnreadableError) as caught:
        read_table(path, spelling)
    return str(caught.value.failure)


CUT_OFF = gzip.compress(b"x\n" + b"1\n" * 999, mtime=0)[:-9]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        pytest.param("a.csv", b"", "empty: the file has no content", id="nothing"),
        pytest.param("a.csv", b"x,y\n", "empty: the file has no rows", id="header"),
        pytest.param("a.csv", b"\n", "unreadable: ", id="one empty line"),
        pytest.param(
            "a.csv", b"x,y\n1,2\n3\n", "unreadable: .*(Row #3|Expected 2 columns)", id="truncated"
        ),
        pytest.param("a.csv", b"x\n\xe9\n", "unreadable: .*line 2 isn't", id="latin-1"),
        pytest.param("a.csv", b"\xe9,x\n1,2\n", "unreadable: .*line 1 isn't", id="latin-1 header"),
        pytest.param("a.csv", "x\n1\n".encode("utf-16"), "unreadable: .*byte 1 of", id="utf-16"),
        pytest.param("a.csv", b"\x89PNG\r\n\x1a\n\0\0,\0\n\0\n", "unreadable: ", id="picture"),
        pytest.param("a.csv.gz", b"x\n1\n", "unreadable: ", id="not compressed"),
        pytest.param("a.csv.gz", CUT_OFF, "unreadable: .*[Tt]runcated", id="cut off"),
        pytest.param("a.parquet", b"x\n1\n", "unreadable: ", id="csv as parquet"),
        pytest.param("a.parquet", b"PAR1 and so on PAR1", "unreadable: ", id="half parquet"),
    ],
)
def test_a_file_that_is_no_table_says_why(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert re.match(says, failure_of(tmp_path / name))
    assert failure_of(tmp_path / name).isprintable()


@given(st.binary(), st.sampled_from(["a.csv", "a.csv.gz", "a.parquet"]))
def test_no_bytes_bring_a_traceback(scratch: Path, content: bytes, name: str) -> None:
    path = scratch / name
    path.write_bytes(content)
    try:
        assert read_table(path).num_rows > 0
    except UnreadableError as error:
        assert error.failure.code in ("empty", "unreadable")  # noqa: PT017


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_a_csv_is_read_as_it_stands(tmp_path: Path, name: str) -> None:
    content = '\ufeffcode,note\r\n007,"two\nlines"\r\nNA,\r\n'.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert read_table(tmp_path / name).to_pylist() == [
        {"code": "007", "note": "two\nlines"},
        {"code": None, "note": None},
    ]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le", "utf-8-sig", "UTF8"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_csv_in_another_encoding_and_dialect(tmp_path: Path, encoding: str, packed: bool) -> None:
    content = "größe;name\n1,5;Ö\n-;k. A.\n;NA\n".encode(encoding)
    path = tmp_path / ("a.csv" + packed * ".gz")
    path.write_bytes(gzip.compress(content) if packed else content)
    spelling = Format(encoding=encoding, delimiter=";", nulls=["-", "k. A."])
    assert read_table(path, spelling).to_pydict() == {
        "größe": ["1,5", None, None],
        "name": ["Ö", None, "NA"],
    }


@pytest.mark.parametrize(
    ("content", "encoding", "says"),
    [
        (b"x\nab\n\xe9\n", "ascii", "line 3 isn't text in ascii: byte 6 of the file is 0xe9"),
        (b"x\n" + b"1\n" * (1 << 20) + b"\x81", "cp1252", f"line {2 + (1 << 20)} isn't text"),
        (b"x\n1\n\xc3", "utf-8", r"line 3 .* byte 5 of the file is 0xc3"),
        ("x\n1\n".encode("utf-16")[:-1], "utf-16", r"line 2 .* byte 9 of the file is 0x0a"),
    ],
)
def test_wrong_bytes_are_told_by_line_and_place(
    tmp_path: Path, content: bytes, encoding: str, says: str
) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    assert re.search(says, failure_of(tmp_path / "a.csv", Format(encoding=encoding)))


def test_a_column_that_looks_like_numbers_at_first_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x\n" + "1\n" * 1_000_000 + "beyond the first block\n")
    assert read_table(path)["x"][-1].as_py() == "beyond the first block"


def test_parquet_gives_what_the_csv_would(tmp_path: Path) -> None:
    columns = {
        "number": [1.5, math.nan, None],
        "integer": [2**62 + 1, 3, None],
        "boolean": [True, False, None],
        "category": ["a", "b", None],
        "date": [DAY, DAY, None],
    }
    path = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({**columns, "category": pa.array(columns["category"]).dictionary_encode()}), path
    )
    kinds = {name: Column(type=name, feature=False, max_null=1) for name in columns}
    table, failures = convert(read_table(path), kinds)
    assert failures == []
    assert table.to_pydict() == {**columns, "number": [1.5, None, None]}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([0, 1], pa.timestamp("ns")), "date"),
        (pa.array([0, 1], pa.timestamp("ms", "UTC")), "date"),
        (pa.array([0, 1], pa.date32()), "date"),
        (pa.array([0, 1], pa.decimal128(5, 2)), "integer"),
        (pa.array([0.0, 1.0], pa.float32()), "integer"),
        (pa.array([0, 1], pa.uint8()), "boolean"),
        (pa.nulls(2), "number"),
    ],
)
def test_parquet_of_another_type_is_read_when_it_can_be(
    tmp_path: Path, values: pa.Array, kind: Kind
) -> None:
    pq.write_table(pa.table({"x": values}), tmp_path / "a.parquet")
    column = Column(type=kind, feature=False, max_null=1)
    assert convert(read_table(tmp_path / "a.parquet"), {"x": column})[1] == []


def test_parquet_that_is_no_text_is_unreadable(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": pa.array([b"\xff"])}), tmp_path / "a.parquet")
    said = failure_of(tmp_path / "a.parquet")
    assert said.startswith("unreadable: not a readable table: column x (binary): ")


def test_lists_and_structs_of_parquet_are_text(tmp_path: Path) -> None:
    table = pa.table({"x": [[1, None], None], "y": [{"a": "ä"}, None]})
    pq.write_table(table, tmp_path / "a.parquet")
    assert read_table(tmp_path / "a.parquet").to_pydict() == {
        "x": ["[1, null]", None],
        "y": ['{"a": "ä"}', None],
    }
    assert nested_columns(tmp_path / "a.parquet") == {
        "x": "list<element: int64>",
        "y": "struct<a: string>",
    }


# Headers

COLUMNS = {"a": Column(type="number"), "b": Column(type="number")}


@pytest.mark.parametrize(
    ("names", "failures"),
    [
        (["a", "b"], []),
        (["b", "a"], []),
        (["a"], ["missing_column b: is not in the file"]),
        (["a", "b", "c"], ["extra_column c: is not in the schema"]),
        (
            ["a", "B"],
            ["missing_column b: is not in the file", "extra_column B: is not in the schema"],
        ),
        (["a", "b", "a"], ["duplicate_column a: is in the file more than once"]),
        (["a", "b", "c", "c"], ["extra_column c: is not in the schema"]),
        ([], ["missing_column a: is not in the file", "missing_column b: is not in the file"]),
    ],
)
def test_a_header_is_held_against_the_contract(names: list[str], failures: list[str]) -> None:
    assert [str(each) for each in check_header(names, COLUMNS, "refuse")] == failures
    without_extra = [each for each in failures if not each.startswith("extra")]
    assert [str(each) for each in check_header(names, COLUMNS, "ignore")] == without_extra


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_utf8_in_place_of_single_bytes_is_told(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    spelling = Format(encoding=encoding)
    path.write_bytes("größe,y\n1,ä\n".encode())
    assert failure_of(path, spelling) == (
        "unreadable: not a readable table: it is text in UTF-8, and format.encoding in schema.yaml "
        f"says {encoding}: signs such as ä would be read as two"
    )
    for content in ("größe,y\n1,ä\n", "plain,y\n1,a\n", "größe,y\n1,Ã¤ß\n"):
        path.write_bytes(content.encode(encoding))
        assert read_table(path, spelling).column_names == content.split("\n")[0].split(",")
