"""`make demo-s3`, with fewer days."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import warm

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_demo_transfers_what_is_new_and_nothing_else() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "sample/demo_s3.py", "--days", "12"],
        env=os.environ
        | {
            "PATH": f"{warm.programs()}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{ROOT / 'tests'}{os.pathsep}{ROOT / 'src'}",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "fetch: 12 of 12 batches fetched" in done.stdout
    assert "fetch: 1 of 13 batches fetched" in done.stdout
    assert "the same, byte for byte" in done.stdout
    assert "uploads 2013-01-13: 1 object, 0.1 MB" in done.stdout
    # The table fits a plain terminal.
    assert all(len(line.rstrip()) <= 80 for line in done.stdout.splitlines()[-5:])
    # listings, then requests with their megabytes: from the data, from and to the remote
    amount = r"(\d+)(?: \([<\d.]+ [kM]B\))?"
    rows = re.findall(rf"(?m)^ ?(\w+ \w+) +\d+ +{amount} +{amount} +{amount}\s*$", done.stdout)
    moved = {title: [int(count) for count in counts] for title, *counts in rows}
    assert moved["First night"][0] == 12
    assert moved["Second night"][0] == 1
    assert moved["Third night"] == [0, 0, 0]
    assert moved["Another machine"][0] == moved["Another machine"][2] == 0
    assert moved["Another machine"][1] > 0
