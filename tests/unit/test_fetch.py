"""The window's files: exactly these, each what the manifest says, and only what is missing."""

from dataclasses import replace

import pytest
from shop import Shop, snapshot

from ratchet.data import landing
from ratchet.errors import ConfigError, EvidenceError


def fetched(shop: Shop) -> tuple[int, int, int]:
    done = shop.fetch()
    return done.window, done.fetched, done.dropped


@pytest.fixture
def pinned(shop: Shop) -> Shop:
    """Eight batches in the manifest, two more than the window takes."""
    shop.deliver(*range(1, 9), count=5)
    shop.discover()
    return shop


def test_the_window_is_fetched_byte_for_byte(pinned: Shop) -> None:
    done = pinned.fetch()
    inbox = snapshot(pinned.inbox)
    assert snapshot(pinned.raw) == {name: inbox[name] for name in sorted(inbox)[2:]}
    assert (done.window, done.fetched, done.dropped) == (6, 6, 0)
    assert done.bytes == sum(map(len, snapshot(pinned.raw).values()))


def test_nothing_is_fetched_twice(pinned: Shop) -> None:
    pinned.fetch()
    for path in pinned.inbox.iterdir():
        path.unlink()  # the source isn't even needed
    assert fetched(pinned) == (6, 0, 0)


def test_a_new_batch_is_fetched_alone_and_the_oldest_dropped(pinned: Shop) -> None:
    pinned.fetch()
    pinned.deliver(9)
    pinned.discover()
    assert fetched(pinned) == (6, 1, 1)
    assert sorted(snapshot(pinned.raw)) == [f"day-0{n}.csv" for n in range(4, 10)]


def test_a_late_batch_takes_its_place_in_the_window(shop: Shop) -> None:
    shop.deliver(1, 2, 3, 5, 6, 7, count=5)
    shop.discover()
    shop.fetch()
    shop.deliver(4, count=5)
    shop.discover()
    assert fetched(shop) == (6, 1, 1)
    assert sorted(snapshot(shop.raw)) == [f"day-0{n}.csv" for n in range(2, 8)]


def test_an_excluded_batch_makes_room_for_an_older_one(pinned: Shop) -> None:
    pinned.fetch()
    pinned.repin(replace(pinned.pins()["day-08"], override="exclude"))
    assert fetched(pinned) == (6, 1, 1)
    assert sorted(snapshot(pinned.raw)) == [f"day-0{n}.csv" for n in range(2, 8)]


def test_a_file_that_someone_edited_is_replaced(pinned: Shop) -> None:
    pinned.fetch()
    before = snapshot(pinned.raw)
    pinned.raw_file(5).write_text("edited")
    assert fetched(pinned) == (6, 1, 0)
    assert snapshot(pinned.raw) == before


def test_what_does_not_belong_there_is_dropped(pinned: Shop) -> None:
    pinned.fetch()
    before = snapshot(pinned.raw)
    for name in (".partial-day-08.csv-0123", "day-08.csv.bak", "notes.txt"):
        (pinned.raw / name).touch()
    assert fetched(pinned) == (6, 0, 3)
    assert snapshot(pinned.raw) == before


def test_a_folder_that_does_not_belong_there_is_dropped(pinned: Shop) -> None:
    pinned.fetch()
    before = snapshot(pinned.raw)
    (pinned.raw / "unpacked/deeper").mkdir(parents=True)
    (pinned.raw / "unpacked/deeper/day-09.csv").touch()
    outside = pinned.root / "outside"
    outside.mkdir()
    (outside / "kept.csv").touch()
    (pinned.raw / "link").symlink_to(outside)
    (pinned.raw / "broken").symlink_to(pinned.root / "absent")
    assert fetched(pinned) == (6, 0, 3)
    assert snapshot(pinned.raw) == before
    assert sorted(path.name for path in pinned.raw.iterdir()) == sorted(before)
    assert (outside / "kept.csv").exists()


def test_a_folder_in_a_batch_s_place_gives_way(pinned: Shop) -> None:
    pinned.fetch()
    before = snapshot(pinned.raw)
    pinned.raw_file(5).unlink()
    (pinned.raw_file(5) / "deeper").mkdir(parents=True)
    assert fetched(pinned) == (6, 1, 0)
    assert snapshot(pinned.raw) == before


def test_a_folder_gives_way_to_what_has_landed(pinned: Shop) -> None:
    pinned.raw_file(8).mkdir(parents=True)
    landed = landing.path_of(landing.beside(pinned.manifest), pinned.pins()["day-08"])
    landed.parent.mkdir()
    (pinned.inbox / "day-08.csv").rename(landed)
    assert fetched(pinned) == (6, 6, 0)
    assert pinned.raw_file(8).is_file()


def test_content_that_changed_upstream_is_refused_and_nothing_written(pinned: Shop) -> None:
    pinned.deliver(8, count=6)
    with pytest.raises(EvidenceError) as caught:
        pinned.fetch()
    pin = pinned.pins()["day-08"].sha256[:12]
    assert f"batch day-08 is pinned with SHA-256 {pin}… but its content has" in str(caught.value)
    assert "; `ratchet discover` says what lies there now, and how to" in str(caught.value)
    assert "`ratchet batch exclude day-08 --note WHY`" in str(caught.value)
    assert sorted(snapshot(pinned.raw)) == [f"day-0{n}.csv" for n in range(3, 8)]


def test_all_that_is_lost_is_in_the_command(pinned: Shop) -> None:
    pinned.deliver(4, 5, 6, 7, 8, count=6)
    with pytest.raises(EvidenceError) as caught:
        pinned.fetch()
    ids = "day-04 day-05 day-06 day-07 day-08"
    commands = f"`for id in {ids}; do ratchet batch exclude $id --note WHY; done`"
    assert str(caught.value).endswith(commands)


def test_what_was_overwritten_can_only_be_left_out(shop: Shop) -> None:
    """`--accept-changed` would say that nothing changed: the new content is another batch."""
    shop.params["source"]["url"] = str(shop.inbox / "day-01.csv")
    shop.deliver(1)
    shop.discover()
    [pin] = shop.pins()
    shop.deliver(1, count=59)
    with pytest.raises(EvidenceError) as caught:
        shop.fetch()
    assert "ratchet discover" not in str(caught.value)
    assert f"`ratchet batch exclude {pin} --note WHY`" in str(caught.value)


def test_a_change_that_a_person_accepted_is_fetched(pinned: Shop) -> None:
    pinned.fetch()
    pinned.deliver(8, count=6)
    pinned.discover(accept_changed=["day-08"])
    assert fetched(pinned) == (6, 1, 0)
    assert pinned.raw_file(8).read_bytes() == (pinned.inbox / "day-08.csv").read_bytes()


def test_a_manifest_line_with_a_wrong_hash_is_refused(pinned: Shop) -> None:
    pinned.repin(replace(pinned.pins()["day-06"], sha256="0" * 64))
    with pytest.raises(EvidenceError, match="batch day-06 is pinned with SHA-256 000000000000…"):
        pinned.fetch()


def test_a_batch_that_is_gone_from_the_source_is_named(pinned: Shop) -> None:
    (pinned.inbox / "day-07.csv").unlink()
    with pytest.raises(EvidenceError, match=r"day-07\.csv: is pinned but gone from the source"):
        pinned.fetch()


def test_after_a_failure_the_next_run_brings_only_the_rest(pinned: Shop) -> None:
    lost = (pinned.inbox / "day-08.csv").rename(pinned.root / "lost")
    with pytest.raises(EvidenceError):
        pinned.fetch()
    lost.rename(pinned.inbox / "day-08.csv")
    assert fetched(pinned) == (6, 1, 0)


def test_all_failures_are_told_up_to_three(pinned: Shop) -> None:
    for number in (4, 5, 6, 7, 8):
        (pinned.inbox / f"day-0{number}.csv").unlink()
    with pytest.raises(EvidenceError) as caught:
        pinned.fetch()
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0][-10:] for line in lines[:3]] == [
        "day-04.csv",
        "day-05.csv",
        "day-06.csv",
    ]
    assert lines[3] == "and 2 batches more"


@pytest.mark.parametrize("excluded", [False, True])
def test_an_empty_window_says_how_to_fill_it(shop: Shop, excluded: bool) -> None:
    shop.deliver(1)
    if excluded:
        shop.discover()
        shop.repin(replace(shop.pins()["day-01"], override="exclude"))
    with pytest.raises(ConfigError, match=r"no batch in the window; pin some with `ratchet disc"):
        shop.fetch()
    assert not shop.raw.exists()


def test_a_short_history_is_fetched_whole(shop: Shop) -> None:
    shop.deliver(1, 2)
    shop.discover()
    assert fetched(shop) == (2, 2, 0)
