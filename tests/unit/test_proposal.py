"""What one job hands to the next, and what it may not smuggle in."""

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ratchet.errors import ConfigError, EvidenceError
from ratchet.proposals.proposal import RETRAIN, Proposal, clear, expected, pack, unpack

PROJECT = Path(__file__).parents[2]
BASE = "0" * 40


def proposal(**changed: Any) -> Proposal:
    usual: dict[str, Any] = {
        "branch": RETRAIN,
        "base": BASE,
        "title": "Retrain",
        "labels": ("retrain",),
        "paths": ("dvc.lock", "reports/plots/roc.csv"),
    }
    return Proposal(**usual | changed)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    top = tmp_path / "top"
    for name in ("dvc.lock", "reports/plots/roc.csv", "params.yaml"):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(name)
    return top


@pytest.fixture
def packed(top: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    pack(folder, proposal(), "# Report\n", top)
    return folder


def edit(folder: Path, **changed: Any) -> None:
    path = folder / "proposal.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


def test_what_was_packed_comes_out_again(packed: Path) -> None:
    assert unpack(packed) == (proposal(), "# Report\n")
    assert (packed / "files/reports/plots/roc.csv").read_text() == "reports/plots/roc.csv"


def test_all_that_the_stages_leave_to_git_is_expected() -> None:
    stages = YAML(typ="safe").load(PROJECT / "dvc.yaml")["stages"]
    kept = [
        path
        for stage in stages.values()
        for out in [*stage.get("outs", []), *stage.get("metrics", [])]
        if isinstance(out, dict)
        for path, flags in out.items()
        if flags.get("cache") is False
    ]
    assert len(kept) > 10
    assert [path for path in kept if not expected(RETRAIN, path)] == []


@pytest.mark.parametrize(
    "path",
    [
        ".github/workflows/nightly.yml",
        "src/ratchet/model.py",
        "reports/../src/ratchet/model.json",
        "reports/plots/deep/roc.csv",
        "/reports/metrics.json",
        "reports/run.sh",
        "dvc.yaml",
        "models/model.skops",
    ],
)
def test_no_other_file_may_be_proposed(packed: Path, top: Path, path: str) -> None:
    for branch in (RETRAIN, "rollback/v3"):
        assert not expected(branch, path)
    with pytest.raises(EvidenceError, match="pull request of its own"):
        pack(packed, proposal(paths=(path,)), "", top)
    edit(packed, paths=[path])
    with pytest.raises(EvidenceError, match="pull request of its own"):
        unpack(packed)


def test_only_a_rollback_brings_parameters_back(packed: Path, top: Path) -> None:
    assert not expected(RETRAIN, "params.yaml")
    pack(packed, proposal(branch="rollback/v3", paths=("params.yaml",)), "", top)
    assert unpack(packed)[0].branch == "rollback/v3"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("branch", "main"),
        ("branch", "retrain/next\nmain"),
        ("branch", "rollback/v3/../../main"),
        ("base", "HEAD"),
        ("base", "--upload-pack=x"),
        ("base", 7),
        ("paths", "dvc.lock"),
        ("labels", [1]),
        ("labels", ["retrain", "urgent"]),
        ("title", ["x"]),
        ("surprise", "x"),
    ],
)
def test_a_proposal_that_is_not_sound_is_refused(packed: Path, field: str, value: Any) -> None:
    edit(packed, **{field: value})
    with pytest.raises(EvidenceError):
        unpack(packed)


@pytest.mark.parametrize("content", ["", "[]", "{}", "null"])
def test_a_file_that_is_no_proposal_is_told(packed: Path, content: str) -> None:
    (packed / "proposal.json").write_text(content)
    with pytest.raises(EvidenceError, match="is not a proposal"):
        unpack(packed)


def test_a_folder_without_a_proposal_says_what_writes_it(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="--hand-over"):
        unpack(tmp_path)


def test_a_label_that_nobody_knows_the_colour_of_is_refused_at_both_ends(
    packed: Path, top: Path
) -> None:
    with pytest.raises(EvidenceError, match="urgent: no label that Ratchet gives"):
        pack(packed, proposal(labels=("retrain", "urgent")), "", top)
    edit(packed, labels=["urgent"])
    with pytest.raises(EvidenceError, match="urgent: no label that Ratchet gives"):
        unpack(packed)


def test_what_an_earlier_run_left_makes_way(packed: Path, tmp_path: Path) -> None:
    (packed / "ledger.csv").write_text("night\n")
    (packed / ".partial-ledger.csv-0badcafe").write_text("ni")
    (packed / "files/reports/link").symlink_to(tmp_path / "top")
    clear(packed)
    assert list(packed.iterdir()) == []
    clear(packed)
    clear(tmp_path / "new")
    assert (tmp_path / "top/dvc.lock").read_text() == "dvc.lock"


@pytest.mark.parametrize("name", ["notes.md", "files/mine.txt", "ledger.csv", ".git/HEAD"])
def test_what_is_a_person_s_stays(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "folder"
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_text("mine")
    with pytest.raises(ConfigError, match="which would be lost"):
        clear(folder)
    with pytest.raises(ConfigError, match="is a file"):
        clear(folder / name)
    assert (folder / name).read_text() == "mine"


def test_nothing_goes_where_something_is_a_person_s(packed: Path) -> None:
    (packed / "notes.md").write_text("mine")
    with pytest.raises(ConfigError, match=r"has notes\.md, which"):
        clear(packed)
    assert unpack(packed)[0] == proposal()


def test_links_are_not_followed(packed: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("key")
    lock = packed / "files/dvc.lock"
    lock.unlink()
    lock.symlink_to(tmp_path / "secret")
    with pytest.raises(EvidenceError, match="plain file"):
        unpack(packed)


def test_folders_that_are_links_are_not_followed(packed: Path, tmp_path: Path) -> None:
    (packed / "files/reports").rename(tmp_path / "elsewhere")
    (packed / "files/reports").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EvidenceError, match="plain file"):
        unpack(packed)


def test_a_file_that_is_missing_is_refused(packed: Path) -> None:
    (packed / "files/dvc.lock").unlink()
    with pytest.raises(EvidenceError, match="plain file"):
        unpack(packed)
