"""The history as one drawing: figures over time, what was in production, what was refused."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from math import ceil, floor, log10
from xml.etree.ElementTree import Element

from ratchet.journal.accepted import STAGE, short_of
from ratchet.scoring.metrics import METRICS
from ratchet.versions.history import Entry, Night, Past, Stay, main
from ratchet.versions.history_at import between, moment
from ratchet.versions.history_table import interval, value
from ratchet.versions.markup import add, element
from ratchet.versions.record import Figure

# What the axes and lanes are stands at the right, beside what is newest: a phone shows that end.
WIDTH, LEFT, RIGHT, TOP = 960.0, 18.0, 62.0, 26.0
METRIC, DRIFT, LANE, GAP = 150.0, 90.0, 22.0, 40.0  # heights
_MINUTE, _DAY = 60.0, 86_400.0
_CROWD = 150  # versions, from which on points are drawn small
_WIDE_ENOUGH = 26  # for a version's name on its bar
_ROOM = 0.05  # of the time shown, at both ends: what is in production now is named, however new


@dataclass(frozen=True)
class Point:
    """A version's figure at a moment, in seconds, and what is said of it."""

    at: float
    figure: Figure
    name: str
    kind: str
    said: str


@dataclass(frozen=True)
class Scale:
    """From the unit of an axis to a place in the drawing."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of a value; the middle where all values are one."""
        if self.high <= self.low:
            return (self.start + self.end) / 2
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def chart(past: Past, entries: Sequence[Entry]) -> Element:
    """Return the drawing of some versions, oldest first, and of all that happened since."""
    dates = [_moment(each.version.date) or 0.0 for each in entries]
    since = min(dates, default=0.0)
    stays = [
        each
        for each in past.stays
        if each.stage == STAGE and (not each.until or (_moment(each.until) or 0.0) >= since)
    ]
    nights = [each for each in past.blocked if (_moment(each.night) or -1.0) >= since]
    moments = [
        *dates,
        *(max(since, _moment(each.since) or 0.0) for each in stays),
        *(_moment(each.night) or 0.0 for each in nights),
    ]
    last = max(moments, default=0.0)
    room = (last - since) * _ROOM or _MINUTE
    x = Scale(since - room, last + room, LEFT, WIDTH - RIGHT)
    drawing = element("svg", role="img", aria_label="Figures of the versions over time")
    if len(entries) > _CROWD:
        drawing.set("class", "many")
    height = TOP
    for draw, size in _panels(entries):
        add(drawing, draw(x, height, height + size))
        height += size + GAP
    bottom = height + 2 * LANE + 8
    add(drawing, _production(stays, x, height - 8))
    add(drawing, _blocks(nights, x, height + LANE))
    for stay in stays:
        if stay.back and (_moment(stay.since) or 0.0) >= since:
            add(drawing, _rollback(stay, x, bottom))
    add(drawing, _dates(x, bottom))
    drawing.set("viewBox", f"0 0 {WIDTH:g} {bottom + 24:g}")
    return drawing


def _panels(
    entries: Sequence[Entry],
) -> Iterator[tuple[Callable[[Scale, float, float], Element], float]]:
    """Yield how to draw each panel that has something to show, and its height."""
    for name in main(entries):
        points = list(_points(entries, name, partial(_recorded, name)))
        if points:
            better = "higher" if METRICS[name].greater_is_better else "lower"
            title = f"{METRICS[name].title}, {better} is better"
            yield _panel(title, points, None), METRIC
    points = list(_points(entries, "drift", _nearest))
    if points:
        title = "drift: the column nearest to an alarm, which is raised at 1"
        yield _panel(title, points, 1), DRIFT


def _panel(
    title: str, points: Sequence[Point], line: float | None
) -> Callable[[Scale, float, float], Element]:
    def draw(x: Scale, top: float, bottom: float) -> Element:
        ends = [
            each
            for point in points
            for each in (point.figure.value, point.figure.low, point.figure.high)
            if each is not None
        ]
        low, high = (min(ends), max(ends)) if line is None else (0.0, max(*ends, line * 1.1))
        y = Scale(*_widened(low, high), bottom, top)
        panel = element("g", element("text", title, x=WIDTH - RIGHT, y=top - 9, class_="title end"))
        for tick, spelt in _ticks(y.low, y.high):
            at = y(tick)
            add(panel, element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, class_="grid"))
            add(panel, element("text", spelt, x=WIDTH - RIGHT + 8, y=at + 4, class_="tick"))
        if line is not None:
            at = y(line)
            add(panel, element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, class_="alarm"))
        path = " ".join(f"{x(each.at):.1f},{y(each.figure.value):.1f}" for each in points)
        add(panel, element("polyline", points=path, class_="way"))
        for point in points:
            add(panel, _point(point, x, y))
        return panel

    return draw


def _point(point: Point, x: Scale, y: Scale) -> Element:
    figure, at = point.figure, x(point.at)
    drawn = element("a", element("title", point.said), href=f"#{point.name}")
    if figure.low is not None and figure.high is not None:
        ends = {"y1": y(figure.low), "y2": y(figure.high)}
        add(drawn, element("line", x1=at, x2=at, **ends, class_=f"interval {point.kind}"))
    size = 5 if point.kind == "prod" else 3.5
    add(drawn, element("circle", cx=at, cy=y(figure.value), r=size, class_=point.kind))
    return drawn


def _points(
    entries: Sequence[Entry], name: str, figure_of: Callable[[Entry], Figure | None]
) -> Iterator[Point]:
    for entry in entries:
        figure, at = figure_of(entry), _moment(entry.version.date)
        if figure is None or at is None:
            continue
        kind = "prod" if STAGE in entry.version.stages else "gone" if entry.rolled_back else "was"
        ends = interval(name, figure)
        spelt = f"{value(name, figure)} ({ends})" if ends else value(name, figure)
        said = f"{entry.version.short}, {entry.version.day}: {spelt}\n{entry.version.message}"
        yield Point(at, figure, entry.version.short, kind, said)


def _recorded(name: str, entry: Entry) -> Figure | None:
    return entry.record.figures.get(name)


def _nearest(entry: Entry) -> Figure | None:
    return Figure(entry.record.drift.share) if entry.record.drift else None


def _production(stays: Sequence[Stay], x: Scale, top: float) -> Element:
    lane = element(
        "g", element("text", f"in {STAGE}", x=WIDTH - RIGHT + 8, y=top + 15, class_="tick")
    )
    for number, stay in enumerate(stays):
        start = max(x(_moment(stay.since) or 0.0), LEFT)
        end = x(_moment(stay.until) or 0.0) if stay.until else WIDTH - RIGHT
        name = short_of(stay.tag)
        how = "by a rollback, " if stay.back else ""
        said = f"{name} in {STAGE} {how}{between(stay)} UTC"
        kind = "back" if stay.back else ("even", "odd")[number % 2]
        width = max(end - start, 1)
        bar = element("rect", x=start, y=top, width=width, height=LANE, rx=3, class_=f"bar {kind}")
        add(lane, element("g", element("title", f"{said}\n{stay.message}"), bar))
        if width > _WIDE_ENOUGH:
            middle = start + width / 2
            add(lane, element("text", name, x=middle, y=top + 15, class_="name"))
    return lane


def _blocks(nights: Sequence[Night], x: Scale, top: float) -> Element:
    lane = element("g", element("text", "blocked", x=WIDTH - RIGHT + 8, y=top + 15, class_="tick"))
    for night in nights:
        at, y = x(_moment(night.night) or 0.0), top + LANE / 2
        cross = f"M{at - 4:.1f} {y - 4:g}l8 8m0-8l-8 8"
        said = element("title", f"blocked on {night.night[:10]}\n{night.reason}")
        hit = element("circle", cx=at, cy=y, r=8, class_="hit")
        add(lane, element("g", said, hit, element("path", d=cross, class_="cross")))
    return lane


def _rollback(stay: Stay, x: Scale, bottom: float) -> Element:
    at = x(_moment(stay.since) or 0.0)
    said = element(
        "title", f"rollback to {short_of(stay.tag)} on {stay.since[:10]}\n{stay.message}"
    )
    line = element("line", x1=at, x2=at, y1=TOP - 6, y2=bottom, class_="rollback")
    return element("g", said, line)


def _dates(x: Scale, bottom: float) -> Element:
    """Return some dates below, and times of day where all lies close together."""
    length = x.high - x.low
    spelt = "%Y-%m-%d" if length > 2 * _DAY else "%m-%d %H:%M"
    if length < 10 * _MINUTE:
        spelt = "%H:%M:%S"
    axis = element("g")
    for number in range(5):
        at = x.low + (x.high - x.low) * (0.06 + number * 0.22)
        text = datetime.fromtimestamp(at, UTC).strftime(spelt)
        add(axis, element("text", text, x=x(at), y=bottom + 16, class_="tick middle"))
    return axis


def _widened(low: float, high: float) -> tuple[float, float]:
    room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
    return (low - room if low else 0.0), high + room


def _ticks(low: float, high: float) -> Iterator[tuple[float, str]]:
    """Yield some round numbers from low to high, and how they are spelt."""
    rough = (high - low) / 4
    power = floor(log10(rough))
    step = next(10**power * factor for factor in (1, 2, 5, 10) if 10**power * factor >= rough)
    digits = max(0, -floor(log10(step)))
    for number in range(ceil(low / step), floor(high / step) + 1):
        yield number * step, f"{number * step:,.{digits}f}"


def _moment(date: str) -> float | None:
    """Return a date in ISO format as seconds, in UTC where it doesn't say; None for none."""
    found = moment(date)
    return found.timestamp() if found else None
