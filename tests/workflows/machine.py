"""A warm machine: a checkout's environment is there before `make setup` is typed.

Installing takes half a minute, for each job of each run. So .venv leads to the packages of the
Python that runs the tests, which came from the same lock, and to the checkout's own code.
"""

import os
import sysconfig
import time
from pathlib import Path
from venv import EnvBuilder

PROGRAMS = ("dvc", "ratchet")
# What the Makefile makes.
STAMPS = ("bin/uv", ".run", ".dev")


def warm(checkout: Path, programs: Path) -> None:
    """Make .venv in a checkout of this project; in any other folder nothing.

    programs: the folder of the tests' own `dvc` and `ratchet`, which start fast (tests/warm.py).
    """
    if not (checkout / "requirements" / "dev.txt").exists():
        return
    folder = checkout / ".venv"
    EnvBuilder(clear=True, symlinks=True).create(folder)  # cleared, as the real checkout cleans
    (packages,) = folder.glob("lib/python3*/site-packages")
    (packages / "warm.pth").write_text(
        f"{checkout / 'src'}\n{sysconfig.get_path('purelib')}\n", encoding="utf-8"
    )
    for name in PROGRAMS:
        _program(
            folder / "bin" / name,
            f"#!/bin/sh\nPYTHONPATH='{checkout / 'src'}' exec '{programs / name}' \"$@\"\n",
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
