"""A warm machine: a checkout's environment is there before `make setup` is typed.

Installing takes half a minute, for each job of each run. So .venv leads to the packages of the
Python that runs the tests, which came from the same lock, and to the checkout's own code.
"""

import os
import sysconfig
import time
from pathlib import Path
from venv import EnvBuilder

PROGRAMS = {
    "dvc": "from dvc.cli import main",
    "gto": "from gto.cli import app as main",
    "ratchet": "from ratchet.cli.main import main",
}
# What the Makefile makes.
STAMPS = ("bin/uv", ".run", ".dev")


def warm(checkout: Path) -> None:
    """Make .venv in a checkout of this project; in any other folder nothing."""
    if not (checkout / "requirements" / "dev.txt").exists():
        return
    folder = checkout / ".venv"
    EnvBuilder(clear=True, symlinks=True).create(folder)  # cleared, as the real checkout cleans
    (packages,) = folder.glob("lib/python3*/site-packages")
    (packages / "warm.pth").write_text(
        f"{checkout / 'src'}\n{sysconfig.get_path('purelib')}\n", encoding="utf-8"
    )
    for name, line in PROGRAMS.items():
        _program(
            folder / "bin" / name,
            f"#!{folder / 'bin' / 'python'}\nimport sys\n{line}\nsys.exit(main())\n",
        )
    _program(
        folder / "bin" / "uv", "#!/bin/sh\necho 'nothing is installed in the tests' >&2\nexit 1\n"
    )
    for name in STAMPS:
        (folder / name).touch()
    now = time.time()  # one time for all: make looks whether what a file is made of is newer
    for name in STAMPS:
        os.utime(folder / name, (now, now))


def _program(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
