"""Files are whole or absent, whatever happens while they are written."""

import hashlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.errors import EvidenceError
from ratchet.files import atomic_write, remove_partials, sha256_file, sha256_text, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_under_its_name_only_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "new folder/result.csv"
    with atomic_write(target) as partial:
        partial.write_text("half")
        assert not target.exists()
        partial.write_text("whole")
    assert target.read_text() == "whole"
    assert names(target.parent) == ["result.csv"]


def test_an_error_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "result.csv"
    target.write_text("old")
    with pytest.raises(UnicodeEncodeError), atomic_write(target) as partial:
        partial.write_text("half " * 10_000 + "\udcff", encoding="utf-8")
    assert target.read_text() == "old"
    assert names(tmp_path) == ["result.csv"]


def test_what_lay_there_is_replaced_and_its_other_names_keep_the_old_content(
    tmp_path: Path,
) -> None:
    target, link = tmp_path / "result.csv", tmp_path / "linked"
    target.write_text("old")
    link.hardlink_to(target)  # as DVC's cache may
    write_text(target, "new")
    assert (target.read_text(), link.read_text()) == ("new", "old")


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_a_full_disk_is_named_and_loses_nothing(tmp_path: Path) -> None:
    target = tmp_path / "result.csv"
    target.write_text("old")
    done = run(
        "import resource, sys; from pathlib import Path\n"
        "from ratchet.errors import EvidenceError; from ratchet.files import write_text\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write_text(Path(sys.argv[1]), 'x' * 100_000)\n"
        "except EvidenceError as error: print(error)",
        target,
    )
    assert done.stdout == (
        f"{target}: cannot be written (File too large); free space or mend the permissions and "
        "run again: what was there before is untouched\n"
    )
    assert target.read_text() == "old"
    assert names(tmp_path) == ["result.csv"]


def test_a_killed_process_leaves_the_old_file_and_a_remnant_that_can_be_cleared(
    tmp_path: Path,
) -> None:
    target = tmp_path / "result.csv"
    target.write_text("old")
    done = run(
        "import os, signal, sys; from pathlib import Path; from ratchet.files import atomic_write\n"
        "with atomic_write(Path(sys.argv[1])) as partial:\n"
        "    partial.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)",
        target,
    )
    assert done.returncode == -signal.SIGKILL
    assert target.read_text() == "old"
    assert len(names(tmp_path)) == 2

    remove_partials(target)
    assert names(tmp_path) == ["result.csv"]


def test_remnants_of_other_files_are_left_alone(tmp_path: Path) -> None:
    others = [
        ".partial-a.csv-01234567.bak",
        ".partial-a.csv.gz-01234567",
        ".partial-data.csv-01234567",
        "a.csv",
        "a.csv-01234567",
    ]
    for name in (*others, ".partial-a.csv-01234567"):
        (tmp_path / name).touch()
    remove_partials(tmp_path / "a.csv", tmp_path / "absent/b.csv")
    assert names(tmp_path) == others


def test_the_remnant_of_a_file_written_in_two_steps_is_cleared_too(tmp_path: Path) -> None:
    (tmp_path / ".partial-.partial-a.csv-01234567-89abcdef").touch()
    remove_partials(tmp_path / "a.csv")
    assert names(tmp_path) == []


def test_an_error_that_is_not_the_disk_s_passes_through(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "x"):
        (tmp_path / "absent").read_text()


def test_a_refused_write_is_an_evidence_error_whoever_reports_it(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="No space left"), atomic_write(tmp_path / "x"):
        Path("/dev/full").write_text("x")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_is_written_as_it_is(scratch: Path, text: str) -> None:
    path = scratch / "x"
    write_text(path, text)
    assert path.read_bytes() == text.encode()
    assert sha256_text(text) == sha256_file(path) == hashlib.sha256(text.encode()).hexdigest()
