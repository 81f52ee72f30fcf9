import os
import pty
import subprocess
import sys

import pytest

from ratchet.data.progress import Transfer

PROGRAM = """
from ratchet.data.progress import Transfer
with Transfer("fetch", 3, 300) as bar:
    for _ in range(3):
        bar.add(100)
        bar.add(files=1)
"""


def test_one_line_for_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    with Transfer("fetch", 50, 5000) as bar:
        for _ in range(50):
            for _ in range(10):
                bar.add(10)
            bar.add(files=1)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("fetch: 10 %")
    assert lines[-1] == "fetch: 100 % (50 of 50 files, 0.0 of 0.0 MB)"


def test_one_hundred_percent_is_told_by_the_last_file(capsys: pytest.CaptureFixture[str]) -> None:
    with Transfer("fetch", 2, 2_000_000) as bar:
        bar.add(2_000_000)
        bar.add(files=1)
        assert "100 %" not in capsys.readouterr().err
        bar.add(files=1)
        assert "100 % (2 of 2 files, 2.0 of 2.0 MB)" in capsys.readouterr().err


def test_empty_files_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    with Transfer("fetch", 1, 0) as bar:
        bar.add(files=1)
    assert "100 % (1 of 1 files" in capsys.readouterr().err


def test_a_terminal_gets_a_bar() -> None:
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    subprocess.run([sys.executable, "-c", PROGRAM], stderr=theirs, env=environment, check=True)
    os.close(theirs)
    shown = b""
    while piece := _read(ours):
        shown += piece
    os.close(ours)
    assert b"3/3 files" in shown
    assert b"300/300 bytes" in shown
    assert b" %" not in shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # all has been read
        return b""
