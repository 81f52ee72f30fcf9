"""The history as one page that needs nothing else: no script, no font, no picture, no network."""

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element

from ratchet.journal.accepted import STAGE
from ratchet.scoring.metrics import METRICS
from ratchet.versions.history import Entry, Past, main, newest, ways
from ratchet.versions.history_chart import chart
from ratchet.versions.history_style import STYLE
from ratchet.versions.history_table import NONE, interval, rolled_back, value, verdict
from ratchet.versions.markup import Inside, document, element

# The browser is told to refuse whatever isn't in the page itself.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_TROUBLES = 10  # rollbacks and blocked nights that are shown at once
_LEGEND = (
    ("prod", f"in {STAGE} now"),
    ("was", "accepted"),
    ("gone", "rolled back"),
    ("bar back", f"back in {STAGE} by a rollback"),
)


def page(past: Past, limit: int | None = None) -> str:
    """Return the page as HTML; equal histories give equal bytes. limit: the newest versions."""
    entries = newest(past, limit)
    style = Element("style")
    style.text = STYLE
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", "Versions of the model"),
        style,
    )
    body = element("body", element("h1", "Versions of the model"), _about(past, entries))
    if entries:
        body.append(_facts(past, entries))
        body.extend(_figures(past, list(reversed(entries))))
        body.extend(_troubles(past))
        body.append(element("h2", "All versions" if limit is None else "The newest versions"))
        body.append(_versions(entries))
    return document(element("html", head, body, lang="en"))


def _about(past: Past, entries: Sequence[Entry]) -> Element:
    if not entries:
        return element("p", "No version yet: ratchet register names HEAD's model as the first.")
    told = f"As git has them at commit {past.head[:10]}: {len(past.entries)} accepted"
    if len(entries) < len(past.entries):
        told += f", the newest {len(entries)} shown"
    return element("p", f"{told}.", class_="soft")


def _facts(past: Past, entries: Sequence[Entry]) -> Element:
    last = entries[0].version
    now = next((each for each in past.entries if STAGE in each.version.stages), None)
    back = sum(each.back for each in past.stays if each.stage == STAGE)
    facts = element("dl", class_="facts")
    if now:
        since = next(each.since for each in reversed(now.stays) if each.stage == STAGE)
        facts.append(_fact(f"in {STAGE}", now.version.short, f"since {since[:10]}"))
        for name in now.main:
            figure = now.record.figures.get(name)
            facts.append(_fact(METRICS[name].title, value(name, figure), interval(name, figure)))
    else:
        facts.append(_fact(f"in {STAGE}", NONE, "no version"))
    facts.append(_fact("newest", last.short, f"accepted {last.day}"))
    facts.append(_fact("rollbacks", str(back), ""))
    facts.append(_fact("blocked nights", str(len(past.blocked)), "in the run ledger"))
    return facts


def _fact(name: str, value: str, more: str) -> Element:
    return element(
        "div", element("dt", name), element("dd", value, element("small", more or "\u00a0"))
    )


def _figures(past: Past, entries: Sequence[Entry]) -> Iterator[Element]:
    levels = {each.record.confidence for each in entries} - {None}
    bars = f"bars are {levels.pop():.0%} intervals" if len(levels) == 1 else "bars are intervals"
    yield element("h2", "Over time")
    yield element(
        "p",
        f"Figures are those recorded then, each on its own holdout; {bars}. Days differ more than "
        "models do: ",
        element("code", "ratchet diff A B"),
        " scores two versions on the same rows.",
        class_="soft",
    )
    legend = element("ul", class_="legend")
    for kind, text in _LEGEND:
        legend.append(element("li", element("b", class_=kind), text))
    legend.append(element("li", element("b", "\u00d7", class_="cross"), "blocked by the gate"))
    yield legend
    yield element("div", chart(past, entries), class_="wide newest")


def _troubles(past: Past) -> Iterator[Element]:
    """Yield what was rolled back and refused, in words."""
    found = [
        (each.since, f"rollback to {each.tag}", f"{each.message} ({each.by})")
        for each in past.stays
        if each.back and each.stage == STAGE
    ]
    found += [(each.night, "blocked by the gate", each.reason) for each in past.blocked]
    if not found:
        return
    yield element("h2", "Rollbacks and blocked nights")
    rows = [
        element(
            "tr",
            *(
                _cell(name, element("div", text))
                for name, text in (("date", date[:10]), ("what", what), ("why", why))
            ),
        )
        for date, what, why in sorted(found, reverse=True)
    ]
    names = ("date", "what", "why")
    yield _table(names, element("tbody", *rows[:_TROUBLES]))
    if older := rows[_TROUBLES:]:
        told = element("summary", f"{len(older)} older")
        yield element("details", told, _table(names, element("tbody", *older)))


def _versions(entries: Sequence[Entry]) -> Element:
    shown = main(entries)
    names = (
        "version",
        "accepted",
        *(METRICS[each].title for each in shown),
        "taught by",
        "verdict",
    )
    rows = element("tbody", *(_version(each, shown) for each in entries))
    return _table((*names, "why, and how to get it"), rows)


def _version(entry: Entry, shown: Sequence[str]) -> Element:
    version, card = entry.version, entry.record.card
    cells: list[tuple[str, Sequence[Inside]]] = [
        ("version", [element("b", version.short), *_stages(entry)]),
        ("accepted", [element("span", version.day, class_="whole"), _small(f"by {version.by}")]),
    ]
    for name in shown:
        figure = entry.record.figures.get(name)
        cells.append((METRICS[name].title, [value(name, figure), _small(interval(name, figure))]))
    ids = list(card.train.batches) if card else []
    taught: list[Inside] = []
    if card and ids:
        ends = [element("span", each, class_="whole") for each in (ids[0], ids[-1])]
        taught = [ends[0], " to ", ends[1], _small(f"{card.train.rows:,} rows")]
    cells.append(("taught by", taught or [NONE]))
    said = verdict(entry)
    kind = {"PASS": "badge good", NONE: "soft"}.get(said, "badge bad")
    cells.append(("verdict", [element("span", said, class_=kind)]))
    row = element("tr", id=version.short)
    for name, inside in cells:
        row.append(_cell(name, element("div", *inside)))
    row.append(_cell("why", element("div", *_why(entry)), class_="why"))
    return row


def _why(entry: Entry) -> Iterator[Element]:
    version, card, told = entry.version, entry.record.card, entry.record.verdict
    yield element("div", version.message)
    if entry.rolled_back:
        yield element("div", rolled_back(entry.rolled_back), class_="bad")
    facts = [f"model   {version.model_sha256 or NONE}", f"commit  {version.commit}"]
    if card:
        facts.append(f"data    {card.train.sha256}")
    if entry.record.drift:
        near = entry.record.drift
        facts.append(f"drift   {near.level} of an alarm: {near.check} {near.column} {near.batch}")
    get = "\n".join(f"# {what}\n{command}" for what, command in ways(version))
    yield element(
        "details",
        element("summary", "hashes, and how to get it"),
        *([element("div", f"The gate said {told.verdict}: {told.reason}")] if told else []),
        element("pre", "\n".join(facts)),
        element("pre", get),
    )


def _stages(entry: Entry) -> Iterator[Inside]:
    for stage in entry.version.stages:
        yield " "
        yield element("span", stage, class_="badge good")


def _small(text: str) -> Element:
    return element("small", text)


def _cell(name: str, inside: Element, **attributes: str) -> Element:
    return element("td", inside, data_label=name, **attributes)


def _table(names: Sequence[str], rows: Element) -> Element:
    head = element("tr", *(element("th", name) for name in names))
    return element("div", element("table", element("thead", head), rows), class_="wide")
