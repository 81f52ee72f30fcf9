from pathlib import Path

from ratchet.data import landing
from ratchet.data.listing import Listed
from ratchet.files import sha256_text

ITEM = Listed("1", "s3://b/1.csv", "v1", "e", 4)


def land(folder: Path, item: Listed, content: str) -> None:
    folder.mkdir(exist_ok=True)
    landing.path_of(folder, item).write_text(content)


def test_what_landed_is_taken_once_and_only_with_the_right_content(tmp_path: Path) -> None:
    land(tmp_path / "in", ITEM, "good")
    target = tmp_path / "out"
    assert not landing.take(tmp_path / "in", ITEM, sha256_text("other"), target)
    assert not target.exists()
    assert landing.take(tmp_path / "in", ITEM, sha256_text("good"), target)
    assert target.read_text() == "good"
    assert not landing.take(tmp_path / "in", ITEM, sha256_text("good"), target)


def test_another_version_is_another_landing(tmp_path: Path) -> None:
    others = [
        Listed("1", "s3://b/2.csv", "v1", "e", 4),
        Listed("1", "s3://b/1.csv", "v2", "e", 4),
        Listed("1", "s3://b/1.csv", "v1", "f", 4),
        Listed("1", "s3://b/1.csv", "v1", "e", 5),
    ]
    paths = {landing.path_of(tmp_path, item) for item in [ITEM, *others]}
    assert len(paths) == 5
    assert landing.path_of(tmp_path, Listed("2", "s3://b/1.csv", "v1", "e", 4)) in paths


def test_clearing_keeps_what_is_asked_for_and_what_is_not_ours(tmp_path: Path) -> None:
    other = Listed("2", "s3://b/2.csv", "", "e", 4)
    land(tmp_path, ITEM, "keep")
    land(tmp_path, other, "drop")
    (tmp_path / ".partial-x").touch()
    (tmp_path / "recovery-x").mkdir()
    (tmp_path / "my-thesis.txt").touch()
    landing.clear(tmp_path, keep=[ITEM])
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {landing.path_of(tmp_path, ITEM).name, "my-thesis.txt"}
    landing.clear(tmp_path / "absent")
