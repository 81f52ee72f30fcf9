"""One big object that is cut by time, and what `ratchet init` sees in a bucket."""

import gzip
from pathlib import Path

import pytest
from s3_night import Night, put
from seaweed import Seaweed

from ratchet.data.manifest import read_manifest
from ratchet.errors import ConfigError, EvidenceError
from ratchet.init.look import Found, look
from ratchet.init.sample import read_sample

pytestmark = pytest.mark.usefixtures("use_s3")


def days(*numbers: int) -> bytes:
    """Return a table with a row for each hour of these days of May."""
    lines = [
        f"2024-05-{day:02}T{hour:02}:00:00,{day * hour}" for day in numbers for hour in range(24)
    ]
    return "\n".join(["date,n", *lines, ""]).encode()


def big_night(folder: Path, url: str) -> Night:
    night = Night(folder, url)
    source = night.params.source.model_copy(update={"split": "day"})
    night.params = night.params.model_copy(update={"source": source})
    return night


@pytest.mark.parametrize("bucket", ["incoming", "plain"])
def test_one_big_object_is_cut_by_time(
    server: Seaweed, prefix: str, tmp_path: Path, bucket: str
) -> None:
    key = prefix + "all.csv.gz"
    night = big_night(tmp_path, f"s3://{bucket}/{key}")
    with pytest.raises(EvidenceError, match="there is no such object"):
        night.discover()
    put(server, bucket, key, gzip.compress(days(1, 2, 3)))
    assert night.discover().new == ["2024-05-01", "2024-05-02"]
    put(server, bucket, key, gzip.compress(days(1, 2, 3, 4)))
    found = night.discover()
    assert (found.new, found.changed, found.gone) == (["2024-05-03"], [], [])
    assert {batch.uri for batch in read_manifest(night.manifest)} == {
        f"{tmp_path}/data/inbox/2024-05-0{day}.csv" for day in (1, 2, 3)
    }
    assert night.fetch().fetched == 3
    assert night.files()["2024-05-02.csv"] == days(2)
    assert not list(night.incoming.iterdir())  # the big object needn't wait for anyone
    assert night.discover().new == []  # its tags say that it is as it was: none is downloaded
    assert not list(night.incoming.iterdir())


def test_a_prefix_can_t_be_cut(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(ConfigError, match=r"source\.split cuts one big file, but s3://incoming"):
        big_night(tmp_path, f"s3://incoming/{prefix}").discover()


def seen(tmp_path: Path, url: str) -> Found:
    (tmp_path / "scratch").mkdir()
    return look(
        url, pattern=None, period=None, time=None, incoming=tmp_path / "incoming",
        scratch=tmp_path / "scratch",
    )  # fmt: skip


def test_init_samples_a_prefix_and_leaves_what_it_downloaded_for_discover(
    server: Seaweed, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (1, 2):
        put(server, "incoming", f"{prefix}2024-05-0{day}.csv.gz", gzip.compress(days(day)))
    put(server, "incoming", prefix + "README.md", b"not a batch")
    monkeypatch.setenv("DATA_BUCKET", "incoming")
    found = seen(tmp_path, f"s3://${{DATA_BUCKET}}/{prefix}")
    assert (found.pattern, list(found.paths)) == ("*.csv.gz", ["2024-05-01", "2024-05-02"])
    assert list(read_sample(found.paths, found.dialect).rows) == [24, 24]
    assert len(list((tmp_path / "incoming").iterdir())) == 2


def test_init_knows_a_key_that_is_overwritten_from_one_big_object(
    server: Seaweed, prefix: str, tmp_path: Path
) -> None:
    for name, content in (("daily.csv", days(2)), ("all.csv", days(*range(1, 9)))):
        put(server, "incoming", prefix + name, content)
        (tmp_path / name).mkdir()
    daily = seen(tmp_path / "daily.csv", f"s3://incoming/{prefix}daily.csv")
    assert (daily.split, daily.overwritten, len(daily.listed)) == (None, True, 1)
    whole = seen(tmp_path / "all.csv", f"s3://incoming/{prefix}all.csv")
    assert (whole.split, whole.time, len(whole.listed)) == ("day", "date", 7)
