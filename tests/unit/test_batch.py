"""One batch explained, and a person's word on it."""

import subprocess

import pytest
from shop import Shop, rows_of

from ratchet import batch
from ratchet.errors import ConfigError, DataError, EvidenceError


def show(shop: Shop, name: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    batch.show(
        shop.configure(),
        name,
        manifest=shop.manifest,
        schema=shop.schema_file,
        records=shop.records,
        profiles=shop.profiles,
    )
    return capsys.readouterr().out


def test_a_batch_is_explained(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    checks = shop.params["validate"]["checks"]
    checks["row_count"] |= {"severity": "quarantine", "threshold": 0.5}
    shop.params["window"] |= {"reference": 16, "pool": 3}
    shop.deliver(*range(1, 17))
    shop.deliver(17, count=20)
    with pytest.raises(DataError):
        shop.night()
    said = show(shop, "day-17", capsys)
    assert said.startswith("day-17: quarantined")
    assert "[quarantine] row_count: 20 rows, the median of the 16 batches before is 60" in said
    assert "amount" in said
    assert "day-14" in said
    batch.override(shop.manifest, "day-17", "accept", "the shop was closed")
    shop.validate()
    said = show(shop, "day-17", capsys)
    assert said.startswith("day-17: accepted by a person")
    assert "the shop was closed" in said
    said = show(shop, "day-05", capsys)
    assert said.startswith("day-05: accepted\n")
    assert "too few batches before it" in said


def test_columns_of_many_values_have_their_mean_and_range(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.validated_with(1, count=400)
    lines = [line.split() for line in show(shop, "day-01", capsys).splitlines()]
    amounts = [float(row["amount"]) for row in rows_of("day-01", 400)]
    figures = [f"{sum(amounts) / 400:.4g}", f"{min(amounts):g}", f"{max(amounts):g}"]
    assert ["amount", "0.0%", "many", *figures] in lines
    [items] = [line for line in lines if line[:1] == ["items"]]
    assert items[2] == "20"
    assert items[4:6] == ["1", "20"]
    [channel] = [line for line in lines if line[:1] == ["channel"]]
    assert channel[2:4] == ["3", channel[-2]]  # words have no mean


def test_what_cannot_be_read_is_explained(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.deliver(1, 3)
    shop.deliver_bytes(2, b"")
    shop.night()
    said = show(shop, "day-02", capsys)
    assert "empty: the file has no content" in said


def test_unknown_batches_are_told(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.validated_with(8)
    with pytest.raises(ConfigError, match=r"no batch 'day-99'; the newest are day-06, day-07"):
        show(shop, "day-99", capsys)
    with pytest.raises(EvidenceError, match="too old for the window"):
        show(shop, "day-01", capsys)
    with pytest.raises(ConfigError, match="no batch 'day-99'"):
        batch.override(shop.manifest, "day-99", "accept", "why not")


def test_a_word_has_a_reason_and_a_name(shop: Shop) -> None:
    shop.validated_with(2)
    subprocess.run(["git", "init", "-q"], cwd=shop.root, check=True)
    subprocess.run(["git", "config", "user.name", "Ada"], cwd=shop.root, check=True)
    with pytest.raises(ConfigError, match="say why with --note"):
        batch.override(shop.manifest, "day-02", "exclude", " ")
    batch.override(shop.manifest, "day-02", "exclude", "a test\nrun")
    pin = shop.pins()["day-02"]
    assert (pin.override, pin.note) == ("exclude", "a test run (Ada)")
    batch.override(shop.manifest, "day-02", "", "")
    pin = shop.pins()["day-02"]
    assert (pin.override, pin.note) == ("", "")
