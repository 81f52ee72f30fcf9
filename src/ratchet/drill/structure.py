"""Faults of the file and of its columns: what an export or a transfer does to them."""

import codecs
import gzip
import io
import zipfile

import numpy as np
import pandas as pd

from ratchet.drill.dialect import respelt
from ratchet.drill.fault import (
    NUMERIC,
    Case,
    Fault,
    NotApplicableError,
    features,
    most_varied,
    numbers,
)

E_ACUTE = "\N{LATIN SMALL LETTER E WITH ACUTE}"


def _any_feature(case: Case) -> str:
    return str(case.random.choice(features(case)))


def _new_name(case: Case, name: str) -> str:
    while name in case.schema.columns or name in case.rows:
        name += "_2"
    return name


def as_it_is(case: Case) -> pd.DataFrame:
    """Change nothing: were this refused, no other result would mean anything."""
    return case.rows


def renamed(case: Case) -> pd.DataFrame:
    """Give a feature another name."""
    name = _any_feature(case)
    return case.rows.rename(columns={name: _new_name(case, f"{name}_2")})


def dropped(case: Case) -> pd.DataFrame:
    """Leave a feature out."""
    return case.rows.drop(columns=_any_feature(case))


def added(case: Case) -> pd.DataFrame:
    """Add a column that nobody knows."""
    _refuses_extra_columns(case)
    return case.rows.assign(**{_new_name(case, "added"): "1"})


def label_added(case: Case) -> pd.DataFrame:
    """Add a column that is the label."""
    _refuses_extra_columns(case)
    label = case.rows[case.schema.target.column]
    return case.rows.assign(**{_new_name(case, "outcome_code"): label})


def _refuses_extra_columns(case: Case) -> None:
    if case.schema.extra_columns == "ignore":
        raise NotApplicableError("the schema ignores extra columns: nothing reads them")


def columns_reordered(case: Case) -> pd.DataFrame:
    """Reverse the order of the columns."""
    return case.rows[list(case.rows.columns)[::-1]]


def rows_reordered(case: Case) -> pd.DataFrame:
    """Bring whole rows into a random order."""
    return case.rows.iloc[case.random.permutation(len(case.rows))]


def spaces(case: Case) -> pd.DataFrame:
    """Put spaces around all values."""
    return pd.DataFrame({name: " " + case.rows[name] + " " for name in case.rows})


def numbers_as_text(case: Case) -> pd.DataFrame:
    """Write a unit behind each number of a feature."""
    name = most_varied(case, *NUMERIC)
    case.rows[name] = case.rows[name] + " units"
    return case.rows


def decimal_commas(case: Case) -> pd.DataFrame:
    """Write all numbers with a comma, as half of Europe does."""
    names = [
        name
        for name, column in case.schema.columns.items()
        if column.type == "number" and name in case.rows
    ]
    if case.suffix != ".parquet" and case.schema.format.decimal == ",":
        raise NotApplicableError("the producer writes commas")
    fractions = [n for n in names if case.rows[n].str.contains(".", regex=False, na=False).any()]
    if not fractions:
        raise NotApplicableError("no number has a decimal point")
    for name in fractions:
        case.rows[name] = case.rows[name].str.replace(".", ",", regex=False)
    return case.rows


def column_halves(case: Case) -> pd.DataFrame:
    """Read a whole number with a fraction: halves where integers are due."""
    name = most_varied(case, "integer")
    values = numbers(case.rows, name)
    case.rows[name] = [None if not np.isfinite(x) else f"{x:.0f}.5" for x in values.tolist()]
    return case.rows


def _csv_bytes(case: Case, **options: object) -> bytes:
    """Return the rows as CSV in another dialect; for a kind of file that has dialects."""
    if case.suffix == ".parquet":
        raise NotApplicableError("Parquet files have no dialects")
    return _packed(case, _text(case, **options).encode(case.schema.format.encoding))


def _text(case: Case, **options: object) -> str:
    """Return the rows as the text of a CSV file, in the producer's way but for the options."""
    usual = {"lineterminator": "\n", "sep": case.schema.format.delimiter, **options}
    return str(respelt(case.rows, case.schema).to_csv(index=False, **usual))  # type: ignore[call-overload]


def _packed(case: Case, content: bytes) -> bytes:
    """Compress CSV bytes where the batch's file is compressed."""
    return gzip.compress(content, mtime=0) if case.suffix.endswith(".gz") else content


def _plain(case: Case) -> bytes:
    """Return the file's CSV text.

    Raises NotApplicableError for Parquet.
    """
    if case.suffix == ".parquet":
        raise NotApplicableError("Parquet files aren't text")
    return gzip.decompress(case.content) if case.suffix.endswith(".gz") else case.content


def spreadsheet(case: Case) -> bytes:
    """Write the file as a spreadsheet does: byte order mark, CRLF."""
    content = _csv_bytes(case, lineterminator="\r\n")
    if not _is_utf_8(case):
        return content  # other encodings have no such mark, or have one anyhow
    plain = gzip.decompress(content) if case.suffix.endswith(".gz") else content
    return _packed(case, b"\xef\xbb\xbf" + plain)


def semicolons(case: Case) -> bytes:
    """Separate the fields by semicolons, or by commas where semicolons are usual."""
    return _csv_bytes(case, sep="," if case.schema.format.delimiter == ";" else ";")


def header_lost(case: Case) -> bytes:
    """Begin with the first row."""
    return _csv_bytes(case, header=False)


def header_only(case: Case) -> pd.DataFrame:
    """Deliver the columns without a row."""
    return case.rows.iloc[:0]


def empty(_: Case) -> bytes:
    """Deliver a file of no bytes."""
    return b""


def cut_in_a_row(case: Case) -> bytes:
    """End the file in the middle of a row; a packed one in the middle of its bytes."""
    if case.suffix != ".csv":
        return case.content[: len(case.content) * 6 // 10]
    lines = case.content.splitlines(keepends=True)
    whole = lines[: max(1, len(lines) * 6 // 10)]
    begun = lines[min(len(whole), len(lines) - 1)]
    return b"".join(whole) + begun[: len(begun) // 2]


def gzipped(case: Case) -> bytes:
    """Deliver a compressed file under the name of a plain one."""
    return gzip.compress(case.content, mtime=0)


def zipped(case: Case) -> bytes:
    """Deliver an archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("batch"), case.content)
    return buffer.getvalue()


def error_page(_: Case) -> bytes:
    """Deliver what a web server says when it has no data."""
    return b"<html><head><title>503</title></head>\n<body>Service Unavailable</body></html>\n"


def utf_16(case: Case) -> bytes:
    """Encode the text as some Windows programs do."""
    encoding = case.schema.format.encoding
    if codecs.lookup(encoding).name.startswith("utf-16"):
        raise NotApplicableError("the producer writes UTF-16")
    text = _plain(case).decode(encoding).removeprefix("\ufeff")
    return _packed(case, text.encode("utf-16"))


def latin_1(case: Case) -> bytes:
    """Write a letter with an accent in one byte."""
    _plain(case)
    if not _is_utf_8(case):
        raise NotApplicableError("the producer doesn't write UTF-8")
    names = [
        name
        for name, column in case.schema.columns.items()
        if column.type in ("category", "text") and name in case.rows
    ]
    filled = [name for name in names if case.rows[name].notna().any()]
    if not filled:
        raise NotApplicableError("no column of text has a value")
    rows = np.flatnonzero(case.rows[filled[0]].notna())[:3]
    case.rows.iloc[rows, list(case.rows.columns).index(filled[0])] += E_ACUTE
    return _packed(case, _text(case).encode("latin-1", errors="replace"))


def _is_utf_8(case: Case) -> bool:
    return codecs.lookup(case.schema.format.encoding).name.startswith("utf-8")


FAULTS = (
    Fault("unchanged", as_it_is, "pass", "nothing at all: the file is only written anew"),
    Fault("columns-reordered", columns_reordered, "pass", "an export with another column order"),
    Fault("rows-reordered", rows_reordered, "pass", "an export without ORDER BY"),
    Fault("spaces", spaces, "pass", "an export that pads its fields"),
    Fault("spreadsheet", spreadsheet, "pass", "someone saved the file in a spreadsheet"),
    Fault("column-renamed", renamed, "catch", "the producer renames a column"),
    Fault("column-dropped", dropped, "catch", "the producer stops to deliver a column"),
    Fault("column-added", added, "catch", "the producer adds a column"),
    Fault("label-added", label_added, "catch", "the label comes along under another name"),
    Fault("numbers-as-text", numbers_as_text, "catch", "the producer writes units behind numbers"),
    Fault("fractions", column_halves, "catch", "whole numbers come with fractions"),
    Fault("decimal-commas", decimal_commas, "catch", "the producer's locale changes"),
    Fault("semicolons", semicolons, "catch", "the producer's CSV dialect changes"),
    Fault("header-lost", header_lost, "catch", "the header line is missing"),
    Fault("header-only", header_only, "catch", "a query that found nothing"),
    Fault("empty-file", empty, "catch", "an upload that failed at once"),
    Fault("cut-in-a-row", cut_in_a_row, "catch", "a transfer that broke off"),
    Fault("gzip-as-csv", gzipped, "catch", "a compressed file without its suffix"),
    Fault("zip-archive", zipped, "catch", "an archive in place of a file"),
    Fault("error-page", error_page, "catch", "a web server's error, saved as data"),
    Fault("utf-16", utf_16, "catch", "an export in UTF-16"),
    Fault("latin-1", latin_1, "catch", "an export in Latin-1"),
)
