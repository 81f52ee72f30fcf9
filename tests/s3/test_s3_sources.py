"""What is a batch in S3, and what `discover` pins and tells."""

import gzip
import hashlib
import os
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from faulty import FaultyProxy
from s3_night import Night, client_of, put
from seaweed import Seaweed

from ratchet.data import discover
from ratchet.data.manifest import read_manifest
from ratchet.data.source import open_source
from ratchet.errors import ConfigError, EvidenceError

pytestmark = pytest.mark.usefixtures("use_s3")


def test_each_object_below_a_prefix_is_a_batch_pinned_by_version(
    server: Seaweed, prefix: str, tmp_path: Path
) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "day.parquet")
    bodies = {
        "2026-01-01.csv": b"a\n1\n",
        "2026-01-02.csv.gz": gzip.compress(b"a\n2\n"),
        "2026-01-03.parquet": (tmp_path / "day.parquet").read_bytes(),
    }
    versions = {name: put(server, "incoming", prefix + name, b) for name, b in bodies.items()}
    put(server, "incoming", prefix + "deeper/2026-01-04.csv", b"a\n4\n")
    put(server, "incoming", prefix + "README.md", b"not a batch")
    night = Night(tmp_path, f"s3://incoming/{prefix}", "2026-*")

    found = night.discover()

    assert found.new == ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert found.caveats == []
    for batch, (name, body) in zip(read_manifest(night.manifest), bodies.items(), strict=True):
        assert batch.uri == f"s3://incoming/{prefix}{name}"
        assert batch.version == versions[name]
        assert batch.etag == hashlib.md5(body).hexdigest()
        assert batch.bytes == len(body)
        assert batch.sha256 == hashlib.sha256(body).hexdigest()
    assert night.fetch().fetched == 3
    assert night.files() == bodies


def test_bucket_from_the_environment_stands_in_the_pins(
    server: Seaweed, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(server, "incoming", prefix + "1.csv", b"x")
    monkeypatch.setenv("DATA_BUCKET", "incoming")
    night = Night(tmp_path, f"s3://${{DATA_BUCKET}}/{prefix}")
    night.discover()
    monkeypatch.delenv("DATA_BUCKET")
    assert read_manifest(night.manifest)[0].uri == f"s3://incoming/{prefix}1.csv"
    assert night.fetch().fetched == 1
    with pytest.raises(ConfigError, match="needs the environment variable DATA_BUCKET"):
        night.discover()


@pytest.mark.parametrize("url", ["s3://$DATA_BUCKET/x/", "s3://${HOME}/x/", "s3://$/x/"])
def test_no_other_variable_is_filled_in(url: str) -> None:
    with pytest.raises(ConfigError, match="only"):
        open_source(url, "*", environment={"DATA_BUCKET": "b", **os.environ})


def test_every_version_of_one_key_is_a_batch_also_when_two_come_between_nights(
    server: Seaweed, prefix: str, tmp_path: Path
) -> None:
    key = prefix + "daily_batch.csv"
    put(server, "incoming", key, b"monday")
    night = Night(tmp_path, f"s3://incoming/{key}")
    assert len(night.discover().new) == 1

    bodies = {put(server, "incoming", key, body): body for body in (b"tuesday", b"wednesday")}
    client_of(server).delete_object(Bucket="incoming", Key=key)  # a marker is no batch
    found = night.discover()

    assert len(found.new) == 2
    assert not found.gone
    assert not found.caveats
    pins = {batch.version: batch for batch in found.batches}
    for version, body in bodies.items():
        assert pins[version].sha256 == hashlib.sha256(body).hexdigest()
        digits = hashlib.sha256(version.encode()).hexdigest()[:8]
        assert pins[version].id.endswith(f"Z-{digits}")
    night.fetch()
    assert set(night.files().values()) == {b"monday", b"tuesday", b"wednesday"}
    assert night.discover().new == []


def test_versions_of_the_oldest_pin_s_second_are_not_taken_for_older(
    server: Seaweed, prefix: str, tmp_path: Path
) -> None:
    key = prefix + "daily_batch.csv"
    put(server, "incoming", key, b"monday")
    night = Night(tmp_path, f"s3://incoming/{key}")
    (real,) = night.discover().new
    text = night.manifest.read_text()
    night.manifest.write_text(text.replace(real, f"{real[:-8]}ffffffff"))
    assert real < f"{real[:-8]}ffffffff"
    found = night.discover()
    assert (found.new, found.older) == ([real], [])


def test_unversioned_key_each_new_content_is_a_batch_and_the_limits_are_told(
    server: Seaweed, prefix: str, tmp_path: Path
) -> None:
    key = prefix + "daily_batch.csv"
    put(server, "plain", key, b"monday")
    night = Night(tmp_path, f"s3://plain/{key}")
    first = night.discover()
    assert len(first.new) == 1
    assert first.batches[0].version == ""
    assert "replaced between two looks is missed" in discover.describe(first)
    night.fetch()

    # The object's time has seconds; a second later the same content is no new batch.
    time.sleep(1.1)
    put(server, "plain", key, b"monday")
    with FaultyProxy(server.endpoint) as proxy, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        assert night.discover().new == []
        assert proxy.downloads == []
    put(server, "plain", key, b"tuesday")
    second = night.discover()
    assert len(second.new) == 1
    assert second.gone == []
    assert night.fetch().fetched == 1
    assert sorted(night.files().values()) == [b"monday", b"tuesday"]


def test_versions_begin_when_the_bucket_gets_them(
    server: Seaweed, prefix: str, tmp_path: Path
) -> None:
    client = client_of(server)
    bucket = "later"
    client.create_bucket(Bucket=bucket)
    key = prefix + "daily_batch.csv"
    put(server, bucket, key, b"monday")
    night = Night(tmp_path, f"s3://{bucket}/{key}")
    before = night.discover().batches
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put(server, bucket, key, b"tuesday")
    after = night.discover()
    assert before[0].id in {batch.id for batch in after.batches}  # of one second, any order
    assert len(after.new) == 1
    night.fetch()
    assert sorted(night.files().values()) == [b"monday", b"tuesday"]


def test_only_what_is_new_is_downloaded_and_only_once(
    server: Seaweed, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (1, 2, 3):
        put(server, "incoming", f"{prefix}{day}.csv", b"day %d" % day)
    night = Night(tmp_path, f"s3://incoming/{prefix}")
    with FaultyProxy(server.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        night.discover()
        assert len(proxy.downloads) == 3
        put(server, "incoming", f"{prefix}4.csv", b"day 4")
        night.discover()
        assert len(proxy.downloads) == 4
        night.fetch()
        assert len(proxy.downloads) == 4
    assert len(night.files()) == 4
    assert list(night.incoming.iterdir()) == []


def test_overwritten_deleted_truncated_after_pinning_is_named(
    server: Seaweed, prefix: str, tmp_path: Path
) -> None:
    names = ["deleted", "kept", "overwritten", "truncated"]
    for bucket in ("incoming", "plain"):
        night = Night(tmp_path / bucket, f"s3://{bucket}/{prefix}")
        for name in names:
            put(server, bucket, f"{prefix}{name}.csv", b"first content")
        night.discover()
        pinned = night.manifest.read_bytes()
        put(server, bucket, f"{prefix}overwritten.csv", b"other content")
        put(server, bucket, f"{prefix}truncated.csv", b"first")
        client_of(server).delete_object(Bucket=bucket, Key=f"{prefix}deleted.csv")

        found = night.discover()

        assert found.changed == ["overwritten", "truncated"]
        assert found.gone == ["deleted"]
        assert night.manifest.read_bytes() == pinned
        text = discover.describe(found)
        assert "changed upstream: overwritten" in text
        assert "gone upstream: deleted" in text

        accepted = night.discover(accept_changed=["overwritten"])
        assert accepted.accepted == ["overwritten"]
        pin = next(batch for batch in accepted.batches if batch.id == "overwritten")
        assert pin.sha256 == hashlib.sha256(b"other content").hexdigest()


def test_same_content_uploaded_again_renews_the_pin_and_is_read_once(
    server: Seaweed, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(server, "incoming", prefix + "1.csv", b"same")
    night = Night(tmp_path, f"s3://incoming/{prefix}")
    night.discover()
    version = put(server, "incoming", prefix + "1.csv", b"same")
    found = night.discover()
    assert (found.new, found.changed, found.renewed) == ([], [], ["1"])
    assert found.batches[0].version == version
    with FaultyProxy(server.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        assert night.discover().renewed == []
        assert proxy.downloads == []


def test_first_look_at_a_large_bucket_can_begin_at_a_batch(
    server: Seaweed, prefix: str, tmp_path: Path
) -> None:
    for day in range(1, 6):
        put(server, "incoming", f"{prefix}{day}.csv", b"x%d" % day)
    night = Night(tmp_path, f"s3://incoming/{prefix}")
    first = night.discover(since="4")
    assert (first.new, first.older) == (["4", "5"], ["1", "2", "3"])
    later = night.discover()
    assert (later.new, later.older) == ([], ["1", "2", "3"])
    assert "to pin them too: ratchet discover --since 1" in discover.describe(later)
    assert night.discover(since="2").new == ["2", "3"]
    with pytest.raises(ConfigError, match="--since"):
        night.discover(since="../x")


def test_names_that_need_quoting(server: Seaweed, prefix: str, tmp_path: Path) -> None:
    folder = prefix + "new data/ä+%25~&'[1]#=?/"
    body = b"content"
    put(server, "incoming", folder + "dt=2026-01-01.csv", body)
    night = Night(tmp_path, f"s3://incoming/{folder}", "*.csv")
    assert night.discover().new == ["dt=2026-01-01"]
    night.incoming.rename(tmp_path / "away")
    night.fetch()
    assert night.files() == {"dt=2026-01-01.csv": body}


def test_a_pattern_with_a_slash_means_objects_in_sub_folders(
    server: Seaweed, prefix: str, tmp_path: Path
) -> None:
    for name in ("dt=2024-01-02/0.csv", "dt=2024-01-01/0.csv", "flat.csv", "_tmp/0.csv"):
        put(server, "incoming", prefix + name, name.encode())
    night = Night(tmp_path, f"s3://incoming/{prefix}", "*/*.csv")
    assert night.discover().new == ["dt=2024-01-01.0", "dt=2024-01-02.0"]
    night.fetch()
    assert night.files()["dt=2024-01-02.0.csv"] == b"dt=2024-01-02/0.csv"
    assert Night(tmp_path, f"s3://incoming/{prefix}", "*.csv").discover().elsewhere != []


def test_hidden_objects_are_no_batches(server: Seaweed, prefix: str, tmp_path: Path) -> None:
    for name in ("1.csv", ".2.csv", "._1.csv"):
        put(server, "incoming", prefix + name, b"x")
    assert Night(tmp_path, f"s3://incoming/{prefix}").discover().new == ["1"]


def test_a_pattern_that_matches_nothing_is_not_taken_for_batches_that_are_gone(
    server: Seaweed, prefix: str, tmp_path: Path
) -> None:
    url = f"s3://incoming/{prefix}"
    for day in (1, 2):
        put(server, "incoming", f"{prefix}{day}.csv", b"x%d" % day)
    client_of(server).delete_object(Bucket="incoming", Key=f"{prefix}1.csv")
    put(server, "incoming", f"{prefix}1.csv", b"x1")
    night = Night(tmp_path, url, "*.csv")
    night.discover()
    before = night.manifest.read_bytes()
    mistyped = Night(tmp_path, url, "*.cvs")
    with pytest.raises(EvidenceError) as caught:
        mistyped.discover()
    assert str(caught.value) == (
        f"{url}: none of the 2 objects there matches source.pattern *.cvs (there: 2 .csv), "
        "yet 2 batches are pinned; check source.url and source.pattern in params.yaml"
    )
    assert night.manifest.read_bytes() == before


def test_after_the_source_has_moved_pins_name_the_new_place_or_it_is_said(
    server: Seaweed, prefix: str, tmp_path: Path
) -> None:
    for day in (1, 2):
        put(server, "incoming", f"{prefix}{day}.csv", b"x%d" % day)
    Night(tmp_path, f"s3://incoming/{prefix}").discover()
    put(server, "plain", f"{prefix}2.csv", b"x2")

    found = Night(tmp_path, f"s3://plain/{prefix}").discover()

    assert (found.renewed, found.gone, found.elsewhere) == (["2"], [], [found.batches[0].uri])
    assert found.batches[1].uri == f"s3://plain/{prefix}2.csv"
    assert (
        f"1 pin lies outside of s3://plain/{prefix}, from where it is still fetched: "
        f"s3://incoming/{prefix}1.csv"
    ) in discover.describe(found)


def test_two_objects_that_would_be_one_batch_are_refused(
    server: Seaweed, prefix: str, tmp_path: Path
) -> None:
    put(server, "incoming", prefix + "1.csv", b"x")
    put(server, "incoming", prefix + "1.parquet", b"y")
    with pytest.raises(ConfigError, match=r"1\.parquet: 1\.csv has the same batch id"):
        Night(tmp_path, f"s3://incoming/{prefix}").discover()


def test_missing_key_says_how_a_prefix_is_written(prefix: str, tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="prefix ends with /"):
        Night(tmp_path, f"s3://incoming/{prefix.rstrip('/')}").discover()


def test_empty_prefix_holds_no_batch(prefix: str, tmp_path: Path) -> None:
    assert Night(tmp_path, f"s3://incoming/{prefix}").discover().new == []


@pytest.mark.parametrize("url", ["s3://", "s3:///x/", "gs://bucket/x/", "s3://two words/x/"])
def test_wrong_urls_are_configuration_errors(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"bucket|not supported"):
        Night(tmp_path, url).discover()


def test_local_file_that_is_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "daily.csv"
    night = Night(tmp_path, str(file))
    file.write_bytes(b"monday")
    os.utime(file, (1_800_000_000, 1_800_000_000))
    first = night.discover()
    digits = hashlib.sha256(b"monday").hexdigest()[:8]
    assert first.new == [f"20270115T080000Z-{digits}"]
    assert "replaced between two looks is missed" in first.caveats[0]
    night.fetch()
    os.utime(file, (1_800_000_100, 1_800_000_100))
    assert night.discover().new == []
    file.write_bytes(b"tuesday")
    os.utime(file, (1_800_000_200, 1_800_000_200))
    second = night.discover()
    assert len(second.new) == 1
    assert not second.gone
    assert night.fetch().fetched == 1
    assert sorted(night.files().values()) == [b"monday", b"tuesday"]
