"""The server that all S3 tests lean on, and their fixtures."""

import time
import urllib.request
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from seaweed import Seaweed, Traffic


def test_versioned_bucket_keeps_versions_and_plain_one_does_not(
    server: Seaweed, prefix: str
) -> None:
    client = server.client()
    for bucket in ("incoming", "plain"):
        for body in (b"one", b"two"):
            client.put_object(Bucket=bucket, Key=prefix + "key", Body=body)
    kept = client.list_object_versions(Bucket="incoming", Prefix=prefix)["Versions"]
    assert len(kept) == 2
    bodies = {
        client.get_object(Bucket="incoming", Key=prefix + "key", VersionId=version["VersionId"])[
            "Body"
        ].read()
        for version in kept
    }
    assert bodies == {b"one", b"two"}
    assert len(client.list_object_versions(Bucket="plain", Prefix=prefix)["Versions"]) == 1


def test_misspelt_bucket_is_not_made(server: Seaweed) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        server.client().put_object(Bucket="incomming", Key="key", Body=b"")


def test_wrong_secret_is_refused(server: Seaweed) -> None:
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        server.client(secret_key="wrong").list_buckets()


def test_stopped_server_starts_again_at_the_same_address_with_its_data(tmp_path: Path) -> None:
    with Seaweed(tmp_path, buckets=("plain",)) as server:
        server.client().put_object(Bucket="plain", Key="key", Body=b"kept")
        endpoint = server.endpoint
        server.stop()
        server.start()
        assert server.endpoint == endpoint
        kept = server.client().get_object(Bucket="plain", Key="key")
        assert kept["Body"].read() == b"kept"


def test_traffic_is_counted_by_bucket(tmp_path: Path) -> None:
    with Seaweed(tmp_path, buckets=("one", "two")) as server:
        client = server.client()
        before = server.traffic("one")
        client.put_object(Bucket="one", Key="key", Body=b"x" * 1000)
        for _ in range(2):
            client.get_object(Bucket="one", Key="key")["Body"].read()
        client.list_objects_v2(Bucket="one")
        expected = Traffic(downloads=2, uploads=1, lists=1, sent=2000, received=1000)
        # The server counts a request after it has answered it.
        until = time.monotonic() + 10
        while server.traffic("one") - before != expected and time.monotonic() < until:
            time.sleep(0.05)
        assert server.traffic("one") - before == expected
        assert server.traffic("two").downloads == 0


def test_server_that_cannot_make_its_buckets_does_not_stay(tmp_path: Path) -> None:
    server = Seaweed(tmp_path, buckets=("a",))
    with pytest.raises(ClientError, match="InvalidBucketName"), server:
        pass
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(server.endpoint, timeout=2)
