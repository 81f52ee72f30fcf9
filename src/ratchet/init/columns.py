"""What a column is, guessed from its values: type, range, vocabulary, and whether to learn from it.

A guess keeps to what the sample shows, with head-room for what later batches bring. Every doubt is
written down as a review.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ratchet.data.parse import convert
from ratchet.data.schema import Column, Format, Kind
from ratchet.init.sample import Sample
from ratchet.init.skew import open_end
from ratchet.init.spelling import is_boolean, unread

LISTED = 100  # more categories are no list that a person would read
RARE = 0.0005  # share of rows with a category that came once: more such will come
ROOM = 1.0  # times the range that was seen, on each side of it
LATELY = 1 / 3  # of the batches, the newest ones
SELDOM = 0.1  # a count that is 0 in all but so many rows has been seen too little to have a most
FARTHER = 2  # times the way from where batches usually end to where the farthest one did
ENOUGH = 1000  # rows from which on a column without gaps is taken to have none
SHORT = 3  # characters that a code has at most
UNIX = (1e9, 2.2e9)  # seconds since 1970, of the years 2001 to 2039
FAR = 10.0  # times the way from the middle to the outer thousandth: a value beyond is suspect
_CODE = re.compile(r"0\d+")
_ID = re.compile(r"(^|_|\b)(id|uuid|guid|key|index|idx|nr|no|number|row)$", re.IGNORECASE)
_SIGNED = r"^[-+]?\s*([$€£¥]\s*[-+]?[0-9][0-9.,' ]*|[0-9.,' ]*[0-9]\s*[%$€£¥])$"
_OFFSET = r":[0-9]{2}[0-9.]*\s*(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
_UTC = r"(Z|[+-]00(:?00)?)$"
_DAY = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")


@dataclass
class Draft:
    """What schema.yaml shall say of a column.

    note: why it is no feature, or what else a reader should know. reviews: what a person must look
    at. distinct: different values in the sample. unique: whether each row has its own. gaps:
    whether a value is missing. zoned: whether times have an offset from UTC. is_target: whether it
    is what is predicted.
    """

    name: str
    type: Kind
    feature: bool = True
    encoding: str | None = None
    min: float | None = None
    max: float | None = None
    values: Sequence[int | float | bool | str] | None = None
    categories: Sequence[str] | None = None
    max_null: float = 0.0
    note: str = ""
    reviews: list[str] = field(default_factory=list)
    distinct: int = 0
    unique: bool = False
    gaps: bool = False
    zoned: bool = False
    is_target: bool = False

    def drop(self, why: str) -> None:
        """Let the model not learn from it."""
        self.feature, self.encoding, self.note = False, None, why


def draft(name: str, sample: Sample, spelling: Format) -> Draft:
    """Guess what a column is."""
    column = sample.columns[name]
    words, counts = _counted(column)
    rows, there = len(column), len(column) - column.null_count
    made = Draft(name, _type(name, words, spelling), distinct=len(words))
    made.unique = there == rows == len(words)
    made.gaps = there < rows
    made.max_null = _room_for_nulls(sample.missing(name), rows)
    if not len(words):
        made.type, made.max_null = "text", 1.0
        made.drop(f"no value in {rows:,} rows")
    elif made.type in ("number", "integer"):
        _numbers(made, sample, words, counts, spelling)
    elif made.type == "date":
        _moments(made, words)
    elif made.type == "category":
        _words(made, sample, words, counts)
        _suspect_words(made, words, sample.nulled.get(name, {}), rows)
    if name in sample.nested:
        made.type, made.encoding, made.categories = "text", None, None
        made.drop(f"{sample.nested[name]}, of which no model can learn")
    if len(words) == 1 and not column.null_count:
        made.min = made.max = made.values = made.categories = None
        made.drop(f"always {words[0].as_py()}")
    return made


def numbers(words: pa.Array, kind: Kind, spelling: Format) -> np.ndarray:
    """Return the words as float64, NaN for what is none; dates as seconds."""
    column = Column.model_validate({"type": kind, "max_null": 1})
    typed, _ = convert(pa.table({"x": pa.chunked_array([words])}), {"x": column}, spelling)
    values = typed["x"]
    if kind == "date":
        values = values.cast(pa.int64())
    found = np.asarray(values.to_numpy(), dtype=np.float64)  # nulls are NaN by then
    return found / 1e6 if kind == "date" else found


def _counted(column: pa.DictionaryArray) -> tuple[pa.Array, np.ndarray]:
    places = column.indices.drop_null().to_numpy()
    return column.dictionary, np.bincount(places, minlength=len(column.dictionary))


def _type(name: str, words: pa.Array, spelling: Format) -> Kind:
    if not len(words):
        return "text"
    few = words.to_pylist() if len(words) <= 4 else []
    if few and is_boolean(few, spelling):
        return "boolean"
    if "date" in name.lower() and all(
        _DAY.fullmatch(each) for each in words.slice(0, 1000).to_pylist()
    ):
        return "category" if len(unread(words, "date", spelling)) else "date"
    if not len(unread(words, "number", spelling)):
        if any(_CODE.fullmatch(each) for each in words.slice(0, 10_000).to_pylist()):
            return "category"  # 007 is no number
        fraction = pc.any(pc.match_substring(words, spelling.decimal)).as_py()
        exponent = pc.any(pc.match_substring_regex(words, "[eE]")).as_py()
        whole = not fraction and not exponent and not len(unread(words, "integer", spelling))
        return "integer" if whole else "number"
    if not len(unread(words, "date", spelling)):
        return "date"
    return "category"


def _room_for_nulls(missing: np.ndarray, rows: int) -> float:
    """Return the share that may be missing: twice the highest, and more than a few."""
    most = float(missing.max())
    if most == 0:
        return 0.0 if rows >= ENOUGH else 0.05
    return min(1.0, math.ceil(max(2 * most, most + 0.05) * 20) / 20)


def _numbers(
    made: Draft, sample: Sample, words: pa.Array, counts: np.ndarray, spelling: Format
) -> None:
    values = numbers(words, made.type, spelling)
    ends = _ends(values, sample.columns[made.name], sample.batch)
    order = np.argsort(values)
    values, counts = values[order], counts[order]
    made.min, made.max = _range(values, made.type, ends)
    if made.type == "integer" and values[0] == 0 and counts[0] > (1 - SELDOM) * counts.sum():
        made.max = None
    elif set(values) == {0.0, 1.0}:
        made.min, made.max = 0.0, 1.0
        return
    if any(UNIX[0] * unit <= values[0] and values[-1] < UNIX[1] * unit for unit in (1, 1e3, 1e6)):
        made.reviews.append("looks like Unix time: have it written as ISO 8601, or feature: false")
    rows = int(counts.sum())
    if made.type == "integer" and made.unique and rows >= 20:
        dense = values[-1] - values[0] < 3 * rows
        if dense or _ID.search(made.name):
            made.min = made.max = None
            made.drop("each row has its own: it names the row")
            return
    if rows >= ENOUGH:
        _suspect(made, values, counts)
    end = open_end(values, counts, made.min, made.max)
    if end and not (made.min == 0 and made.max == 1):  # a share is never more
        setattr(made, end, None)
        made.note = f"no {end}: nearly all values lie together, far from the last ones"


def _suspect(made: Draft, values: np.ndarray, counts: np.ndarray) -> None:
    """Point at a largest or smallest value far from all others."""
    share = np.cumsum(counts) / counts.sum()
    low, middle, high = (values[np.searchsorted(share, at)] for at in (0.001, 0.5, 0.999))
    if high > middle and values[-1] > high + FAR * (high - middle):
        made.max = _outwards(values[-1], up=True)
        made.reviews.append(f"the largest is {values[-1]:g}, 99.9 % are up to {high:g}")
    if low < middle and values[0] < low - FAR * (middle - low):
        made.min = _outwards(values[0], up=False)
        made.reviews.append(f"the smallest is {values[0]:g}, 99.9 % are from {low:g}")


def _ends(values: np.ndarray, column: pa.DictionaryArray, batch: np.ndarray) -> tuple[float, float]:
    """Return the median over batches of the smallest value in each, and of the largest."""
    there = np.asarray(column.is_valid())
    rows = values[column.indices.drop_null().to_numpy()]
    of = batch[there]
    starts = np.flatnonzero(np.diff(of, prepend=-1))  # a batch's rows stand together
    least, most = (reduce.reduceat(rows, starts) for reduce in (np.minimum, np.maximum))
    return float(np.median(least)), float(np.median(most))


def _range(
    values: np.ndarray, kind: Kind, ends: tuple[float, float]
) -> tuple[float | None, float | None]:
    """Return the range of sorted values with head-room, in round figures.

    ends: where batches usually begin and end. The farther the farthest of them went beyond, the
    farther the next one may: rain is mostly little, and now and then much. What was never negative
    stays so, and so does a share.
    """
    least, most = float(values[0]), float(values[-1])
    room = ROOM * ((most - least) or abs(most) or 1.0)
    below, above = max(room, FARTHER * (ends[0] - least)), max(room, FARTHER * (most - ends[1]))
    if not math.isfinite(least - below) or not math.isfinite(most + above):
        return None, None  # wider than a number can be
    low, high = _outwards(least - below, up=False), _outwards(most + above, up=True)
    if least >= 0:
        low = max(low, 0.0)
    if kind == "integer":
        low, high = math.floor(low), math.ceil(high)
    if kind == "number" and least >= 0 and 0.5 < most <= 1:
        high = 1.0
    return low, high


def _outwards(value: float, *, up: bool) -> float:
    """Round to two digits, away from the range."""
    if value == 0:
        return 0.0
    digits = 1 - math.floor(math.log10(abs(value)))
    scaled = value * 10.0**digits
    rounded = math.ceil(scaled - 1e-9) if up else math.floor(scaled + 1e-9)
    return float(rounded / 10.0**digits) if digits > 0 else float(rounded * 10 ** (-digits))


def _words(made: Draft, sample: Sample, words: pa.Array, counts: np.ndarray) -> None:
    there = int(counts.sum())
    texts = words.slice(0, 10_000).to_pylist()
    length = sum(map(len, texts)) / len(texts)
    spaces = sum(text.count(" ") for text in texts) / len(texts)
    if made.distinct > 20 and made.distinct > there / 2:
        made.type = "text"
        free = spaces >= 2 or length > 40
        made.drop(
            f"free text: {made.distinct:,} different ones in {there:,} rows"
            if free
            else f"{made.distinct:,} different ones in {there:,} rows: it names the row"
        )
    elif made.distinct > LISTED and length > 40 and spaces >= 4:
        made.type = "text"
        made.drop(f"free text: {made.distinct:,} different ones")
    elif made.distinct > LISTED:
        made.encoding = "target"
        made.note = f"{made.distinct:,} different ones"
    elif seldom := _seldom(made.name, sample, counts):
        made.note = f"{made.distinct} different ones, not listed: {seldom} came but once, or lately"
    else:
        made.categories = sorted(words.to_pylist())


def _suspect_words(made: Draft, words: pa.Array, nulled: Mapping[str, int], rows: int) -> None:
    """Point at words that are numbers with a sign, and at a code that was read as a gap."""
    if pc.all(pc.match_substring_regex(words, _SIGNED)).as_py():
        made.reviews.append("looks like numbers with a sign such as % or $: deliver them without")
    texts = words.to_pylist() if made.distinct <= LISTED else ["too many for codes"]
    for word, count in nulled.items():
        if all(each.isupper() and len(each) <= SHORT for each in [word, *texts]):
            made.reviews.append(
                f"{word!r} counts as missing, in {count / rows:.1%} of the rows: if it is a code, "
                "list the other spellings alone under format.nulls"
            )


def _moments(made: Draft, words: pa.Array) -> None:
    """See whether times have an offset, which makes them those of UTC."""
    offset = pc.match_substring_regex(words, _OFFSET)
    if not pc.any(offset).as_py():
        return
    made.zoned = not pc.all(pc.match_substring_regex(words.filter(offset), _UTC)).as_py()
    if not pc.all(offset).as_py():
        made.reviews.append(
            "some times have an offset from UTC and some have none: these are taken for UTC"
        )


def _seldom(name: str, sample: Sample, counts: np.ndarray) -> int:
    """Return how many categories came in one batch alone, or lately for the first time.

    Where there are such, more will come: months of a year that isn't over, new shops.
    In few batches, how many came in one row, if these are more than RARE.
    """
    if len(sample.ids) < 3:
        once = int((counts == 1).sum())
        return once if once > RARE * counts.sum() else 0
    column = sample.columns[name]
    codes = np.asarray(column.indices.fill_null(-1))
    pairs = np.unique(codes.astype(np.int64) * len(sample.ids) + sample.batch)
    code, batch = np.divmod(pairs[pairs >= 0], len(sample.ids))
    _, first, batches = np.unique(code, return_index=True, return_counts=True)
    lately = batch[first] >= len(sample.ids) * (1 - LATELY)
    return int(((batches == 1) | lately).sum())
