"""The history of versions, as git has it: read, listed and drawn."""

import json
import re
import subprocess
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal import CARD, WHO, Journal, card, drift, evaluation, said, sha, taken_back, verdict

from ratchet.cli import main as cli
from ratchet.errors import EvidenceError
from ratchet.journal import rolled_back
from ratchet.versions import history, history_at, history_page, history_table, record
from ratchet.versions.history_style import STYLE
from ratchet.versions.record import Drift, Figure, Places

LEDGER = "reports/ledger.csv"
PLACES = Places(
    CARD,
    "reports/metrics.json",
    "reports/evaluation.json",
    "reports/verdict.json",
    "reports/plots/drift.csv",
)
EVIL = "<script>alert('&\"')</script> [/b] :x:"


def read(folder: Path, **options: Any) -> history.Past:
    return history.read(folder, PLACES, LEDGER, **options)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "repository")


def accept(journal: Journal, number: int, **files: str) -> None:
    """Make version `number`, and put it into prod."""
    journal.commit(number, card(number).model_dump_json(), files=said(number) | files)
    journal.tag(f"model@v{number}.0.0", number, f"night {number}")
    journal.tag(f"model#prod#{number}", number, "merged")


@pytest.fixture
def past(journal: Journal) -> Path:
    """Three versions, the third rolled back to the second; a night in between was blocked."""
    for number in (1, 2, 3):
        accept(journal, number)
    journal.tag("model#prod#4", 2, EVIL)
    nights = "night,verdict,reason,gate_reason\n"
    nights += "2023-11-18T02:00:00+00:00,BLOCK,5 new rows,<b>worse</b> again\n"
    nights += "2023-11-16T02:00:00+00:00,PASS,8 new rows,fine\n"
    nights += "2023-11-17T02:00:00+00:00,BLOCK,6 new rows,worse\n"
    files = {rolled_back.FILE: taken_back(3, 2, EVIL), LEDGER: nights}
    journal.commit(4, card(2).model_dump_json(), files=said(2) | files)
    return journal.write()


# What a version's commit says


def files(**changed: bytes | None) -> dict[str, bytes | None]:
    """Return what `record.read` takes, of model 3."""
    whole: dict[str, bytes | None] = {
        "card": card(3).model_dump_json().encode(),
        "metrics": b'{"roc_auc": 0.7, "rows": 400, "other": 1}',
        "evaluation": evaluation(0.7, 0.5).encode(),
        "verdict": verdict(3, drill={"caught": ["a", "b"]}).encode(),
        "drift": drift(3, 0.4).encode(),
    }
    return whole | changed


def test_a_whole_record_is_read() -> None:
    found = record.read(**files())
    assert found.card == card(3)
    assert found.figures == {
        "roc_auc": Figure(0.7, 0.65, 0.75),
        "log_loss": Figure(0.5, 0.45, 0.55),
    }
    assert found.confidence == 0.95
    assert found.verdict
    assert (found.verdict.verdict, found.verdict.reason) == ("PASS", "at most .01 worse")
    assert found.verdict.drill == {"caught": ["a", "b"]}
    assert found.drift == Drift(0.4, "day-0014", "dest", "distance")


def test_a_verdict_about_another_model_is_none() -> None:
    assert record.read(**files(verdict=verdict(2).encode())).verdict is None


def test_without_an_evaluation_figures_have_no_interval() -> None:
    found = record.read(**files(evaluation=None))
    assert found.figures == {"roc_auc": Figure(0.7)}


def test_drift_is_that_of_the_batches_that_judged() -> None:
    text = '"batch","column","of_limit","check"\n"day-0001","dest",9,"distance"\n'
    assert record.read(**files(drift=text.encode())).drift is None


def test_a_card_of_newer_code_is_read() -> None:
    content = json.loads(card(3).model_dump_json()) | {"unheard": 1}
    assert record.read(**files(card=json.dumps(content).encode())).card == card(3)


@pytest.mark.parametrize("name", ["card", "metrics", "evaluation", "verdict", "drift"])
@pytest.mark.parametrize(
    "content",
    [
        None, b"", b"[]", b"null", b"{", b"\xff\x00\r", b"1", b'"batch"\n"\r"\n',
        b'{"metrics": {"roc_auc": {"value": "x"}}, "drill": 1, "confidence": true, "roc_auc": NaN}',
        b'{"model_sha256": "x", "challenger": [], "metrics": [], "differences": {"a": null}}',
    ],
)  # fmt: skip
def test_what_is_broken_hides_nothing_else(name: str, content: bytes | None) -> None:
    found, whole = record.read(**files(**{name: content})), record.read(**files())
    lost = {
        "card": {"card", "verdict", "drift"},
        "metrics": set(),
        "evaluation": {"figures", "confidence"},
        "verdict": {"verdict"},
        "drift": {"drift"},
    }[name]
    for part in ("card", "figures", "confidence", "verdict", "drift"):
        if part not in lost:
            assert getattr(found, part) == getattr(whole, part)
    for part in lost & {"card", "verdict", "drift", "confidence"}:
        assert getattr(found, part) is None


def test_text_that_steers_a_terminal_is_cleaned() -> None:
    told = verdict(3, reason="a\x1b[31m\nred\u2028 \ud800b")
    found = record.read(**files(verdict=told.encode())).verdict
    assert found
    assert found.reason == "a [31m red b"


# The journal of stages


def test_stays_tell_promotions_and_rollbacks(past: Path) -> None:
    found = read(past)
    told = [(each.tag, each.back, bool(each.until)) for each in found.stays]
    assert told == [
        ("model@v1.0.0", False, True),
        ("model@v2.0.0", False, True),
        ("model@v3.0.0", False, True),
        ("model@v2.0.0", True, False),
    ]
    for before, after in zip(found.stays, found.stays[1:], strict=False):
        assert before.until == after.since
    first, second, third = found.entries
    assert [len(each.stays) for each in (first, second, third)] == [1, 2, 1]
    assert third.rolled_back
    assert third.rolled_back.reason == EVIL
    assert second.rolled_back is None


def test_a_stage_that_was_left_empty_is_told(journal: Journal) -> None:
    for number in (1, 2):
        accept(journal, number)
    journal.tag("model#prod!#3", 1)  # not there any more: no event
    journal.tag("model#prod!#4", 2)
    journal.tag("model#staging#5", 1)
    journal.tag("model#staging#6", 1)  # said twice
    journal.tag("model#prod#7", 1)
    journal.commit(9, "no version")
    journal.tag("model#prod#8", 9)
    told = [
        (each.tag, each.stage, each.back, bool(each.until)) for each in read(journal.write()).stays
    ]
    assert told == [
        ("model@v1.0.0", "prod", False, True),
        ("model@v2.0.0", "prod", False, True),
        ("model@v1.0.0", "staging", False, False),
        ("model@v1.0.0", "prod", False, True),
    ]


# The whole


def test_everything_is_in_the_json(past: Path) -> None:
    told = json.loads(history.to_json(read(past, drift=True)))
    newest, second, first = told["versions"]
    assert [each["version"] for each in (first, second, newest)] == [
        "model@v1.0.0", "model@v2.0.0", "model@v3.0.0",
    ]  # fmt: skip
    assert (newest["model_sha256"], newest["why"], newest["by"]) == (sha(3), "night 3", WHO)
    assert newest["train"] == {
        "first": "day-0003", "last": "day-0012", "batches": 10, "rows": 1003,
        "sha256": card(3).train.sha256,
    }  # fmt: skip
    assert newest["metrics"]["roc_auc"] == {"value": 0.7, "low": 0.65, "high": 0.75}
    assert newest["verdict"]["verdict"] == "PASS"
    assert newest["rolled_back"]["reason"] == EVIL
    assert newest["drift"]["share"] == 0.4
    assert (newest["stages"], second["stages"]) == ([], ["prod"])
    assert told["blocked"][-1] == {"night": "2023-11-17T02:00:00+00:00", "reason": "worse"}
    assert [each["back"] for each in told["stays"]] == [True, False, False, False]
    limited = json.loads(history.to_json(read(past), 1))["versions"]
    assert [each["version"] for each in limited] == ["model@v3.0.0"]


def test_the_table_fits_80_columns(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history_table.show(read(past))
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert max(len(line) for line in lines) <= 80
    starts = [line.split()[0] for line in lines if line[:1] == "v" or line[:4] == "prod"]
    assert starts == ["version", "v3", "v2", "prod", "v1"]
    assert f"         rolled back on 2024-01-02 by {WHO}: {EVIL}" in [
        line.rstrip() for line in lines
    ]
    row = next(line for line in lines if line.startswith("v3"))
    assert row.split()[2:] == [sha(3)[:12], "day-0003", "1,003", "0.7000", "0.5000"]
    assert "PASS .650 to .750 .450 to .550" in lines[lines.index(row) + 1]


def test_the_table_says_when_versions_were_in_their_stages(
    journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        accept(journal, number)
    journal.tag("model#staging#3", 2)
    journal.tag("model#prod#4", 1)
    history_table.show(read(journal.write()))
    second, first = (" ".join(told.split()) for told in capsys.readouterr().out.split("v1  ", 1))
    assert "in prod 2023-11-20 22:13 to 2023-11-22 22:13; in staging since 2023-11-21" in second
    assert "in prod since 2023-11-22 22:13, once before" in first


@pytest.mark.parametrize(
    ("stages", "told"),
    [([], ""), (["prod"], "prod"), (["dev", "qa"], "dev, qa"), (["prod", "staging"], "prod +1"),
     (["canary", "prod", "staging"], "prod +2"), (["canary", "staging"], "canary +1")],
)  # fmt: skip
def test_several_stages_fit_their_column(stages: list[str], told: str) -> None:
    assert history_table._stages(stages) == told


def test_long_names_of_batches_keep_what_tells_them_apart(
    journal: Journal, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = card(1).model_dump_json().replace("day-", "bestellungen-day-")
    journal.commit(1, text, files=said(1))
    journal.tag("model@v1.0.0", 1)
    found = read(journal.write())
    for columns, told in (("60", "…-day-0010"), ("80", "…-day-0010"), ("100", "n-day-0010")):
        monkeypatch.setenv("COLUMNS", columns)
        history_table.show(found)
        printed = capsys.readouterr().out
        assert told in printed
        assert sha(1)[:12] in printed
        assert "2023-11-" in printed
        assert ("bestellungen-day-0001" in printed) == (columns == "100")


# What was there then


@pytest.mark.parametrize(
    ("then", "stood"),
    [
        ("2023-11-16", []),
        ("2023-11-17", ["v1"]),
        ("2023-11-17T22:13:19", []),
        ("2023-11-17T22:13:20Z", ["v1"]),
        ("2023-11-20T22:13:20+01:00", ["v1"]),
        ("2023-11-20", ["v1", "v2"]),
        ("2023-11-20T22:13:20", ["v2"]),
        ("2023-11-24", ["v3", "v2"]),
        ("2024-01-01", ["v2"]),
    ],
)
def test_what_stood_then_is_told(past: Path, then: str, stood: list[str]) -> None:
    found = read(past)
    at = history_at.when(then)
    assert [f"v{each.tag[7]}" for each in history_at.standing(found, at)] == stood
    printed = history_at.describe(found, at)
    assert [line.split()[1] for line in printed.splitlines()[1:]] == [
        f"model@{short}.0.0" for short in stood
    ]
    if not stood:
        assert "model@v1.0.0 came first, 2023-11-17 22:13 to 2023-11-20 22:13" in printed
    told = json.loads(history_at.to_json(found, at))
    assert [each["model_sha256"] for each in told["stays"]] == [sha(int(v[1])) for v in stood]


def test_of_a_rollback_the_moment_and_the_way_are_told(past: Path) -> None:
    told = history_at.describe(read(past), history_at.when("2023-11-24")).splitlines()[1:]
    assert told == [
        f"prod  model@v3.0.0  {sha(3)[:12]}  2023-11-23 22:13 to 2023-11-24 22:13, by {WHO}",
        f"prod  model@v2.0.0  {sha(2)[:12]}  since 2023-11-24 22:13, by {WHO}, by a rollback",
    ]


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2023-11", "2023-02-30", "14.03.2026", "0001-01-01T00:00+14:00"],
)
def test_what_is_no_date_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["history", "--at", text])
    assert f"{text!r} is not a day or time like 2026-03-14" in capsys.readouterr().err


def test_a_person_asks_what_stood_then(
    past: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(past)
    assert cli.main(["history", "--at", "2023-11-18"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2023-11-18 (times are UTC)",
        f"prod  model@v1.0.0  {sha(1)[:12]}  2023-11-17 22:13 to 2023-11-20 22:13, by {WHO}",
    ]
    assert cli.main(["history", "--at", "2023-11-18", "--json"]) == 0
    [stay] = json.loads(capsys.readouterr().out)["stays"]
    assert (stay["tag"], stay["back"]) == ("model@v1.0.0", False)


@given(st.text("0123456789-:TZ+. ") | st.datetimes().map(str) | st.dates().map(str))
def test_any_text_is_a_day_a_moment_or_no_date(text: str) -> None:
    try:
        then = history_at.when(text)
    except ValueError:
        return
    assert then.last - then.first in (timedelta(0), timedelta(days=1, seconds=-1))


@pytest.mark.parametrize(
    ("since", "until", "told"),
    [
        ("2026-03-14T23:30:00-02:00", "", "since 2026-03-15 01:30"),
        ("2026-03-14T03:00:00Z", "2026-03-14T05:10:00Z", "2026-03-14 03:00 to 05:10"),
        ("2026-03-14T03:00:09Z", "2026-03-14T03:00:12Z", "2026-03-14 03:00:09 to 03:00:12"),
        ("2026-03-14T03:00:00Z", "2026-03-15T03:00:00Z", "2026-03-14 03:00 to 2026-03-15 03:00"),
        ("", "", "at a time that git doesn't know"),
    ],
)
def test_a_stay_is_told_as_exactly_as_it_needs(since: str, until: str, told: str) -> None:
    stay = history.Stay("model@v1.0.0", "c0ffee", "prod", since, until, WHO, "", back=False)
    assert history_at.between(stay) == told


@pytest.mark.parametrize(
    ("figure", "short"),
    [(0.6213, ".621"), (0.9996, "1.00"), (1.0058, "1.01"), (10.05, "10.1"), (-0.05, "-.05"),
     (-0.004, "-.00"), (-1.25, "-1.2"), (0.0, ".000"), (345.6, "346")],
)  # fmt: skip
def test_a_figure_of_any_size_fits_its_column(figure: float, short: str) -> None:
    assert history_table._four(figure) == short


def test_a_column_that_never_varied_is_no_number_of_alarms() -> None:
    near = record.Drift(125_000.0, "2018-w34", "rain_1h", "level")
    assert near.level == "more than 100"
    assert record.Drift(0.726, "2018-w34", "rain_1h", "level").level == "0.73"


def test_a_limit_says_how_many_are_left(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history_table.show(read(past), 1)
    printed = capsys.readouterr().out
    assert "v2" not in printed
    assert printed.endswith("2 older: --limit 3 shows all\n")


def test_nothing_is_registered_yet(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    journal.model(1)
    found = read(journal.write())
    history_table.show(found)
    assert "`ratchet register`" in capsys.readouterr().out
    assert "No version yet" in history_page.page(found)
    assert json.loads(history.to_json(found))["versions"] == []


def test_a_version_of_which_nothing_can_be_read_is_listed(
    journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    journal.commit(1, "no card")
    journal.tag("model@v1.2.3", 1)
    found = read(journal.write(), drift=True)
    history_table.show(found)
    assert "v1.2.3" in capsys.readouterr().out
    assert "v1.2.3" in history_page.page(found)
    assert json.loads(history.to_json(found))["versions"][0]["train"] is None


def test_an_old_ledger_doesn_t_pass_the_trigger_s_reason_off_as_the_gate_s() -> None:
    [night] = history.blocked(b"night,verdict,reason\n2023-11-17,BLOCK,6 new rows\n")
    assert night.reason == "the gate's reason isn't in this ledger; trained because: 6 new rows"


@pytest.mark.parametrize("path", [rolled_back.FILE, LEDGER])
def test_a_broken_list_at_head_is_an_error(journal: Journal, path: str) -> None:
    accept(journal, 1)
    journal.commit(2, card(1).model_dump_json(), files={path: "a\rb\n"})
    with pytest.raises(EvidenceError):
        read(journal.write())


def test_a_thousand_versions_cost_git_five_calls(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 1001):
        accept(journal, number)
    folder = journal.write()
    calls: list[Any] = []
    popen = subprocess.Popen
    monkeypatch.setattr(
        subprocess, "Popen", lambda *args, **more: calls.append(args) or popen(*args, **more)
    )
    found = read(folder, drift=True)
    assert len(calls) == 5
    assert [each.version.model_sha256 for each in found.entries] == [
        sha(number) for number in range(1, 1001)
    ]
    assert all(each.record.drift and each.record.verdict for each in found.entries)


# The page


class Page(HTMLParser):
    """What a page holds: its elements with their attributes, its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def classed(self, tag: str, name: str) -> int:
        found = [kinds.get("class") or "" for each, kinds in self.elements if each == tag]
        return sum(name in kinds.split() for kinds in found)


def test_the_page_needs_nothing_else(past: Path) -> None:
    text = history_page.page(read(past, drift=True))
    page = Page(text)
    tags = {tag for tag, _ in page.elements}
    assert (
        tags & {"script", "link", "img", "iframe", "image", "use", "object", "embed", "b0"} == set()
    )
    names = {name for _, attributes in page.elements for name in attributes}
    assert not any(
        name.startswith("on") or name in ("src", "xlink:href", "style") for name in names
    )
    links = [attributes["href"] for _, attributes in page.elements if "href" in attributes]
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    assert links
    assert {link[1:] for link in links if link} == ids == {"v1", "v2", "v3"}
    assert all(link and link.startswith("#") for link in links)
    assert "url(" not in text
    assert "@import" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert {"default-src 'none'; style-src 'unsafe-inline'"} <= {
        attributes.get("content") for _, attributes in page.elements
    }


def test_the_page_shows_what_happened(past: Path) -> None:
    page = Page(history_page.page(read(past, drift=True)))
    assert (
        page.classed("circle", "prod") == page.classed("circle", "gone") == 3
    )  # two figures, drift
    assert page.classed("circle", "was") == 3
    assert page.classed("line", "interval") == 6
    assert page.classed("line", "rollback") == page.classed("rect", "back") == 1
    assert page.classed("rect", "bar") == 4
    assert page.classed("path", "cross") == 2
    # As text: the rollback's title, its row among the troubles, the version's row; the night.
    assert page.text.count(EVIL) >= 3
    assert "<b>worse</b> again" in page.text
    assert "dvc artifacts get . model --rev v3.0.0" in page.text


def test_what_is_in_production_is_named_however_short_its_bar(journal: Journal) -> None:
    for number in range(1, 40):
        accept(journal, number)
    journal.tag("model#prod#40", 38)  # the last that happened
    text = history_page.page(read(journal.write()))
    assert re.findall(r'class="name">(v\d+)<', text)[-1] == "v38"


def test_a_narrow_page_begins_with_the_newest(past: Path) -> None:
    page = Page(history_page.page(read(past)))
    assert page.classed("div", "newest") == 1
    assert ".newest { direction: rtl; }" in STYLE
    assert ".newest svg { direction: ltr; }" in STYLE


def test_equal_histories_give_equal_pages(past: Path) -> None:
    assert history_page.page(read(past)) == history_page.page(read(past))


def test_a_limited_page_shows_the_newest(past: Path) -> None:
    page = Page(history_page.page(read(past), 1))
    assert {attributes["id"] for _, attributes in page.elements if "id" in attributes} == {"v3"}
    assert page.classed("circle", "gone") == 2
    assert page.classed("line", "rollback") == 1
    assert "3 accepted, the newest 1 shown" in page.text


def test_many_troubles_are_folded(journal: Journal) -> None:
    accept(journal, 1)
    lines = [f"2030-01-01T{hour:02}:00:00+00:00,BLOCK,worse" for hour in range(15)]
    files = {LEDGER: "\n".join(["night,verdict,reason", *lines, "no date,BLOCK,worse", ""])}
    journal.commit(2, card(1).model_dump_json(), files=files)
    page = Page(history_page.page(read(journal.write())))
    assert "6 older" in page.text
    assert page.classed("path", "cross") == 15


# Other tasks


def other_card(number: int, task: str) -> str:
    """Return a card of a model that predicts something else."""
    content = json.loads(card(number).model_dump_json()) | {"task": task, "positive": None}
    return json.dumps(content | {"classes": ["a", "b", "c"] if task == "multiclass" else []})


def test_a_history_of_several_tasks_is_shown(
    journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    """The task was changed twice: each version has its own metrics, under their own names."""
    accept(journal, 1)
    measured: list[dict[str, float]] = [
        {"f1_weighted": 0.61, "log_loss": 0.9, "roc_auc": 0.1},
        {"rmse": 48_204.4, "r2": 0.7, "log_loss": 0.2},
    ]
    for number, task, metrics in zip((2, 3), ("multiclass", "regression"), measured, strict=True):
        ends = {name: {"value": v, "low": v * 0.9, "high": v * 1.1} for name, v in metrics.items()}
        told = json.dumps({"confidence": 0.95, "metrics": ends})
        files = {"reports/metrics.json": json.dumps(metrics), "reports/evaluation.json": told}
        journal.commit(number, other_card(number, task), files=files)
        journal.tag(f"model@v{number}.0.0", number)
    found = read(journal.write())
    assert [list(each.record.figures) for each in found.entries] == [
        ["roc_auc", "log_loss"], ["log_loss", "f1_weighted"], ["rmse", "r2"],
    ]  # fmt: skip

    history_table.show(found)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert max(map(len, lines)) <= 80
    heads = [line.split()[6:] for line in lines if line.startswith("version")]
    assert heads == [
        ["R²", "RMSE"],
        ["F1,", "weighted", "log", "loss"],
        ["ROC", "AUC", "log", "loss"],
    ]
    newest = next(number for number, line in enumerate(lines) if line.startswith("v3"))
    assert lines[newest].endswith(" 0.7000       48,204")
    assert lines[newest + 1].endswith(" .630 to .770 43.4k to 53k")

    page = Page(history_page.page(found))
    for title in ("ROC AUC", "log loss", "F1, weighted", "RMSE, lower is better", "48,204"):
        assert title in page.text
    assert page.classed("line", "interval") == 6
