"""How a producer's CSV spells things, guessed from its text."""

import codecs
import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from ratchet.data.parse import convert
from ratchet.data.schema import NULLS, Column, Format, Kind

DELIMITERS = ",;\t|"
RECORDS = 200  # lines of a file that tell how its fields are divided
# Each with the separator of thousands, the likeliest first.
NUMBERS = ((".", None), (",", None), (".", ","), (",", "."), (",", " "), (".", " "), (".", "'"))
_NOTHING = """
    - -- --- . ? ?? na n/a n.a. k.a. <na> nil none (null) \\n missing unknown unbekannt
    #n/a #n/a! #value! #ref! #div/0! -nan inf -inf 0000-00-00
"""
MISSING = frozenset(_NOTHING.split())
BOOLEANS = (
    ("true", "false"),
    ("yes", "no"),
    ("y", "n"),
    ("t", "f"),
    ("ja", "nein"),
    ("j", "n"),
    ("oui", "non"),
    ("si", "no"),
    ("on", "off"),
)
DATES = tuple(
    f"{day}{time}"
    for day in ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y/%m/%d", "%d-%b-%Y", "%d %b %Y")
    for time in ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
)

Words = Mapping[str, pa.Array]  # the different values of each column


@dataclass
class Spelling:
    """A guess at `format` in schema.yaml, and what a person must look at."""

    format: Format
    reviews: list[str] = field(default_factory=list)


def encoding_of(content: bytes) -> str:
    """Return the encoding of a file that begins with `content` (or is it)."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for encoding in ("utf-8", "cp1252"):
        try:
            # The last character may be cut.
            codecs.getincrementaldecoder(encoding)().decode(content)
        except UnicodeDecodeError:
            continue
        return encoding
    return "latin-1"  # any byte is a character of it


def delimiter_of(text: str) -> str:
    """Return the character that divides most lines of `text` into as many fields, and into most."""

    def evidence(delimiter: str) -> tuple[int, int]:
        widths = [
            len(fields)
            for fields in csv.reader(text.splitlines()[:RECORDS], delimiter=delimiter)
            if fields
        ]
        width = widths[0] if widths else 1
        return (widths.count(width) if width > 1 else 0, width)

    return max(DELIMITERS, key=evidence)


def spelling_of(words: Words, dialect: Format) -> Spelling:
    """Guess how numbers, dates, booleans and missing values are spelt in a CSV of this dialect."""
    found: dict[str, object] = {}
    reviews: list[str] = []
    nulls = _missing(words)
    words = {name: without(values, nulls) for name, values in words.items()}
    if nulls:
        found["nulls"] = [*NULLS, *sorted(nulls)]
        reviews.append(f"{_list(nulls)} taken for a missing value")
    decimal, thousands = _numbers(words)
    if (decimal, thousands) != NUMBERS[0]:
        found |= {"decimal": decimal, "thousands": thousands}
        reviews.append(
            f"numbers are written with a decimal {_named(decimal)}"
            + (f" and {_named(thousands)} between thousands" if thousands else "")
        )
    date, doubt = _dates(words)
    if date:
        found["date"] = date
    if doubt:
        reviews.append(f"dates are read as {date}, and could as well be {doubt}")
    if pairs := _booleans(words):
        found["true"] = ["true", "1", *(yes for yes, _ in pairs)]
        found["false"] = ["false", "0", *(no for _, no in pairs)]
    made = Format.model_validate({**dialect.model_dump(exclude_unset=True), **found})
    return Spelling(made, reviews)


def unread(words: pa.Array, kind: Kind, spelling: Format) -> pa.Array:
    """Return the words that can't be read as a value of this kind."""
    column = Column.model_validate({"type": kind, "max_null": 1})
    typed, _ = convert(pa.table({"x": pa.chunked_array([words])}), {"x": column}, spelling)
    return words.filter(pc.is_null(typed["x"].combine_chunks()))


def without(words: pa.Array, nulls: Collection[str]) -> pa.Array:
    """Return the words that stand for a value."""
    if not nulls:
        return words
    return words.filter(pc.invert(pc.is_in(words, pa.array(sorted(nulls)))))


def _missing(words: Words) -> set[str]:
    """Return the words that stand alone among numbers or dates, and say that nothing is there."""
    found: set[str] = set()
    for values in words.values():
        odd = {each for each in values.to_pylist() if each.lower() in MISSING}
        if not odd or odd <= found:
            continue
        rest = without(values, odd)
        if len(rest) and (not len(unread(rest, "number", Format())) or _spelt_otherwise(rest)):
            found |= odd
    return found


def _spelt_otherwise(values: pa.Array) -> bool:
    return not all(len(unread(values, "number", _spelt(each))) for each in NUMBERS[1:]) or not len(
        unread(values, "date", Format())
    )


def _spelt(number: tuple[str, str | None]) -> Format:
    return Format.model_validate({"decimal": number[0], "thousands": number[1]})


def _numbers(words: Words) -> tuple[str, str | None]:
    """Return how most columns can be read as numbers."""
    figures = r"^\s*[-+]?[0-9.,' ]+\s*$"
    strange = {
        name: values
        for name, values in words.items()
        if len(values)
        and pc.all(pc.match_substring_regex(values, figures)).as_py()
        and len(unread(values, "number", Format()))
    }
    if not strange:
        return NUMBERS[0]

    def columns(spelt: tuple[str, str | None]) -> int:
        spelling = _spelt(spelt)
        return sum(not len(unread(values, "number", spelling)) for values in strange.values())

    return max(NUMBERS, key=columns)


def _dates(words: Words) -> tuple[str | None, str | None]:
    """Return how dates are written where it isn't ISO 8601, and how else they could be."""
    candidates = {
        name: values
        for name, values in words.items()
        if len(values)
        and pc.all(pc.match_substring_regex(values, r"^\s*[0-9]{1,4}[-./ ]\w{1,3}[-./ ]")).as_py()
        and len(unread(values, "date", Format()))
    }
    fits = {
        form: sum(
            not len(unread(values, "date", Format(date=form))) for values in candidates.values()
        )
        for form in (DATES if candidates else ())
    }
    best = [form for form, count in fits.items() if count and count == max(fits.values())]
    return (best[0] if best else None, best[1] if len(best) > 1 else None)


def _booleans(words: Words) -> list[tuple[str, str]]:
    found = []
    for yes, no in BOOLEANS[1:]:
        if any(
            len(values) in (2, 3, 4) and {each.lower() for each in values.to_pylist()} == {yes, no}
            for values in words.values()
        ):
            found.append((yes, no))
    return found


def _list(words: Collection[str]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


def _named(character: str) -> str:
    return {",": "comma", ".": "point", " ": "a space", "'": "an apostrophe"}[character]


def is_boolean(words: Sequence[str], spelling: Format) -> bool:
    """Tell whether the words are a yes and a no, none of them a figure."""
    lower = {word.lower() for word in words}
    yes = {word.lower() for word in spelling.true} - {"1"}
    no = {word.lower() for word in spelling.false} - {"0"}
    return len(lower) == 2 and bool(lower & yes) and bool(lower & no)
