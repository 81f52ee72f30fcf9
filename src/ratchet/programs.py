"""The programs of this environment, `ratchet` and `dvc`: found where nobody has activated it, too.

cron, systemd and web servers start with a short PATH, and what they start starts more by name.
"""

import os
import sys
from pathlib import Path


def search_path() -> str:
    """Return PATH, led by the folder of this Python's programs unless it has that already."""
    path, folder = os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)
    if not sys.executable or folder in path.split(os.pathsep):
        return path
    return f"{folder}{os.pathsep}{path}"
