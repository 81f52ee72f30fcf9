"""What is new at the source is pinned; what changed there waits for a person."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop import Shop

from ratchet.data.discover import Discovery, compare, describe
from ratchet.data.listing import Listed
from ratchet.data.manifest import Batch
from ratchet.data.order import misplaced
from ratchet.errors import ConfigError, EvidenceError
from ratchet.files import sha256_file


def test_new_batches_are_pinned_with_size_and_hash(shop: Shop) -> None:
    shop.deliver(2, 1)
    found = shop.discover()
    assert (found.new, found.changed, found.gone) == (["day-01", "day-02"], [], [])
    for batch in shop.pins().values():
        path = Path(batch.uri)
        assert (batch.bytes, batch.sha256) == (path.stat().st_size, sha256_file(path))
    assert describe(found) == "2 new: day-01 day-02"


def test_no_news_changes_nothing(shop: Shop) -> None:
    shop.deliver(1)
    shop.discover()
    before = shop.manifest.stat()
    found = shop.discover()
    after = shop.manifest.stat()  # whose time of access may change
    assert describe(found) == "no new batch (1 pinned)"
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_first_look_at_an_empty_source_makes_no_manifest(shop: Shop) -> None:
    assert describe(shop.discover()) == "no new batch (0 pinned)"
    assert not shop.manifest.exists()


def test_a_changed_batch_keeps_its_pin_and_is_reported(shop: Shop) -> None:
    shop.deliver(1, 2)
    shop.discover()
    pins = shop.pins()
    shop.deliver(1, count=59)

    found = shop.discover()

    assert found.changed == ["day-01"]
    assert shop.pins() == pins
    assert describe(found).splitlines() == [
        "no new batch (2 pinned)",
        "changed upstream: day-01 has other content than was pinned; the pin stays. "
        "To take it over: ratchet discover --accept-changed day-01",
    ]


def test_many_changes_are_one_line_with_one_command(shop: Shop) -> None:
    shop.deliver(1, 2, 3, 4, 5)
    shop.discover()
    shop.deliver(1, 2, 3, 5, count=59)
    found = shop.discover()
    assert describe(found).splitlines()[1:] == [
        "changed upstream: day-01 … day-05, 4 of 5 pins, have other content than was pinned; the "
        "pins stay. To take them over: ratchet discover "
        "--accept-changed day-01 day-02 day-03 day-05"
    ]
    shop.discover(accept_changed=found.changed)
    assert shop.discover().changed == []


def test_a_cut_file_whose_past_changes_need_not_be_cut() -> None:
    found = Discovery([], [], ["2020-03", "2020-04"], [], [], url="all.csv", cut=True)
    assert "ratchet init all.csv --target COL --split none --force" in describe(found)
    assert "--split none" not in describe(replace(found, changed=["2020-03"]))


def test_names_that_sort_against_time_are_told(shop: Shop) -> None:
    shop.deliver(1)
    for name in ("01.02.2024", "31.01.2024"):
        (shop.inbox / "day-01.csv").rename(shop.inbox / f"{name}.csv")
        shop.deliver(1)
    (shop.inbox / "day-01.csv").unlink()
    assert "01.02.2024 sorts before 31.01.2024, but names must" in describe(shop.discover())


@pytest.mark.parametrize(
    ("names", "swapped"),
    [
        ([], None),
        (["2024-01-31", "2024-02-01"], None),
        (["bestellungen_20241014", "bestellungen_20241101"], None),
        (["week-2", "week-10"], ("week-10", "week-2")),
        (["2024.1", "2024.10", "2024.2"], ("2024.10", "2024.2")),
        (["30.12.2023", "31.12.2023", "01.01.2024"], ("01.01.2024", "30.12.2023")),
        (["31122023", "01012024"], ("01012024", "31122023")),
        (["sales-12-31-2023", "sales-01-01-2024"], ("sales-01-01-2024", "sales-12-31-2023")),
        (["01-30-2024", "01-31-2024", "02-01-2024"], None),
        (["01.02.2024", "02.01.2024"], None),  # may be months
        (["01.02.2024", "other"], None),
        (["week-10", "week-2", "other"], ("week-10", "week-2")),
        (["a-12bd3", "a-9c"], None),  # hashes
    ],
)
def test_an_order_against_time(names: list[str], swapped: tuple[str, str] | None) -> None:
    assert misplaced(names) == swapped


def test_a_person_can_take_a_change_over(shop: Shop) -> None:
    shop.deliver(1, 2)
    shop.discover()
    shop.repin(replace(shop.pins()["day-01"], override="accept", note="agreed, see mail"))
    shop.deliver(1, 2, count=59)

    found = shop.discover(accept_changed=["day-01"])

    assert (found.accepted, found.changed) == (["day-01"], ["day-02"])
    taken = shop.pins()["day-01"]
    assert taken.sha256 == sha256_file(shop.inbox / "day-01.csv")
    assert (taken.override, taken.note) == ("accept", "agreed, see mail")
    assert "1 pinned anew: day-01" in describe(found)


@pytest.mark.parametrize("name", ["day-01", "day-09"])
def test_only_what_changed_can_be_taken_over(shop: Shop, name: str) -> None:
    shop.deliver(1)
    shop.discover()
    before = shop.manifest.read_bytes()
    shop.deliver(2)
    with pytest.raises(ConfigError, match=f"--accept-changed {name}: not changed at the source"):
        shop.discover(accept_changed=[name])
    assert shop.manifest.read_bytes() == before


def test_a_batch_that_is_gone_stays_pinned_and_is_reported(shop: Shop) -> None:
    shop.deliver(1, 2)
    shop.discover()
    before = shop.manifest.read_bytes()
    (shop.inbox / "day-01.csv").unlink()
    found = shop.discover()
    assert found.gone == ["day-01"]
    assert "gone upstream: day-01; the pins stay" in describe(found)
    assert shop.manifest.read_bytes() == before


def test_a_late_batch_takes_its_place_in_time(shop: Shop) -> None:
    shop.deliver(1, 3)
    shop.discover()
    shop.deliver(2)
    assert shop.discover().new == ["day-02"]
    assert list(shop.pins()) == ["day-01", "day-02", "day-03"]


def test_a_source_that_is_down_pins_nothing(shop: Shop) -> None:
    shop.params["source"]["url"] = str(shop.root / "absent")
    with pytest.raises(EvidenceError, match="the source folder does not exist"):
        shop.discover()
    assert not shop.manifest.exists()


def test_a_pattern_that_matches_nothing_is_not_taken_for_batches_that_are_gone(shop: Shop) -> None:
    shop.deliver(1, 2, 3)
    shop.discover()
    before = shop.manifest.read_bytes()
    shop.params["source"]["pattern"] = "*.cvs"
    with pytest.raises(EvidenceError) as caught:
        shop.discover()
    assert str(caught.value) == (
        f"{shop.inbox}: none of the 3 objects there matches source.pattern *.cvs (there: "
        "3 .csv), yet 3 batches are pinned; check source.url and source.pattern in params.yaml"
    )
    assert shop.manifest.read_bytes() == before


def test_a_source_that_was_emptied_is_not_taken_for_batches_that_are_gone(shop: Shop) -> None:
    shop.deliver(1)
    shop.discover()
    (shop.inbox / "day-01.csv").unlink()
    with pytest.raises(
        EvidenceError, match="no object lies directly there, yet 1 batch is pinned; che"
    ):
        shop.discover()


def test_a_first_look_with_a_wrong_pattern_says_that_it_matches_nothing(shop: Shop) -> None:
    shop.deliver(1, 2)
    shop.params["source"]["pattern"] = "*.cvs"
    assert describe(shop.discover()).splitlines() == [
        "no new batch (0 pinned)",
        f"note: {shop.inbox}: none of the 2 objects there matches source.pattern *.cvs "
        "(there: 2 .csv)",
    ]


def test_after_the_source_has_moved_it_is_said_that_pins_name_the_old_place(shop: Shop) -> None:
    shop.deliver(*range(1, 9), count=5)
    shop.discover()
    old = shop.inbox
    before = shop.manifest.read_bytes()
    shop.inbox = shop.root / "new"
    shop.params["source"]["url"] = str(shop.inbox)
    shop.deliver(7, 8, count=5)

    found = shop.discover()

    # Six are in the window; the two older ones aren't fetched any more.
    assert len(found.elsewhere) == 6
    assert found.gone == []
    assert describe(found).splitlines() == [
        "no new batch (8 pinned)",
        f"6 pins lie outside of {shop.inbox}, from where they are still fetched: "
        f"{old}/day-03.csv … {old}/day-08.csv",
    ]
    assert shop.manifest.read_bytes() == before


def test_a_place_may_be_spelt_in_another_way(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.deliver(1, 2)
    shop.discover()
    monkeypatch.chdir(shop.root)
    shop.params["source"]["url"] = "./inbox/"
    assert describe(shop.discover()) == "no new batch (2 pinned)"


def test_what_is_left_alone_as_too_old_is_named(shop: Shop) -> None:
    shop.deliver(3)
    shop.discover()
    shop.deliver(1, 2)
    found = shop.discover()
    assert found.older == ["day-01", "day-02"]
    assert describe(found).splitlines()[1] == (
        "2 older than all that is pinned, left alone: day-01 day-02; to pin them too: "
        "ratchet discover --since day-01"
    )


def test_many_names_are_abridged(shop: Shop) -> None:
    shop.deliver(*range(1, 8), count=5)
    assert describe(shop.discover()) == "7 new: day-01 … day-07"


contents = st.dictionaries(st.sampled_from("abcde"), st.sampled_from(["0" * 64, "1" * 64]))


@given(pinned=contents, listed=contents)
def test_every_batch_is_in_exactly_one_state(
    pinned: dict[str, str], listed: dict[str, str]
) -> None:
    pins = [Batch(name, name, "", "", 1, sha) for name, sha in sorted(pinned.items())]
    seen = [(Listed(name, name, "", "", 1), sha) for name, sha in sorted(listed.items())]

    found = compare(pins, seen)

    after = {batch.id: batch.sha256 for batch in found.batches}
    assert list(after) == sorted(pinned.keys() | listed.keys())
    assert after == listed | pinned
    assert set(found.new) == listed.keys() - pinned.keys()
    assert set(found.gone) == pinned.keys() - listed.keys()
    both = listed.keys() & pinned.keys()
    assert set(found.changed) == {name for name in both if listed[name] != pinned[name]}
    everything = compare(pins, seen, accept_changed=found.changed)
    assert {b.id: b.sha256 for b in everything.batches} == pinned | listed
    assert everything.changed == []
