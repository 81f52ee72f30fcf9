"""Which server and which credentials: the same for the listing and for the downloads."""

import os
from pathlib import Path

import pytest
from s3_night import Night, put
from seaweed import Seaweed

from ratchet.data.s3_access import find_access
from ratchet.errors import ConfigError

KEYS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret-word"}


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment without anything of AWS, and with a home of its own."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


def test_profile_leads_listing_and_downloads(
    server: Seaweed, prefix: str, tmp_path: Path, bare: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text(
        f"[profile night]\nregion = us-east-1\nendpoint_url = {server.endpoint}\n"
        f"aws_access_key_id = {server.access_key}\naws_secret_access_key = {server.secret_key}\n"
    )
    bare.setenv("AWS_PROFILE", "night")
    put(server, "incoming", prefix + "1.csv", b"one")
    night = Night(tmp_path, f"s3://incoming/{prefix}")
    assert night.discover().new == ["1"]
    assert night.fetch().fetched == 1


def test_unknown_profile_is_a_configuration_error(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    bare.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ConfigError, match=r"nobody.*check AWS_PROFILE"):
        Night(tmp_path, "s3://incoming/x/").discover()


@pytest.mark.parametrize("region", ["eu-central-1", "us-east-1", "cn-north-1"])
@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_endpoint_of_aws_is_botocore_s_own(
    bare: pytest.MonkeyPatch, tmp_path: Path, region: str, name: str
) -> None:
    """What is read off the environment alone is what the whole chain says."""
    environment = {**KEYS, name: region}
    for key, value in environment.items():
        bare.setenv(key, value)
    short = find_access(environment)
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text("[default]\n")
    long = find_access(environment)
    # The endpoint without a region is that of us-east-1.
    regional = long.endpoint.replace("//s3.amazonaws.com", "//s3.us-east-1.amazonaws.com")
    assert (short.endpoint, short.region) == (regional, long.region)
    assert short.credentials()["secret_access_key"] == long.credentials()["secret_access_key"]
    assert "secret-word" not in repr(short)
    assert region in short.endpoint


def test_endpoint_from_the_environment(bare: pytest.MonkeyPatch) -> None:
    environment = {
        **KEYS,
        "AWS_REGION": "x",
        "AWS_ENDPOINT_URL": "http://a",
        "AWS_SESSION_TOKEN": "t",
    }
    for key, value in environment.items():
        bare.setenv(key, value)
    assert find_access(environment).endpoint == "http://a"
    assert find_access(environment).credentials()["token"] == "t"
    assert find_access({**environment, "AWS_ENDPOINT_URL_S3": "http://b"}).endpoint == "http://b"
