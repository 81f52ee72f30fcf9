"""The cases that docs/gate.md promises a verdict for."""

import re

from project import REPOSITORY


def documented(section: str) -> dict[str, tuple[str, int]]:
    """Return verdict and exit code by case, from the table under a heading of docs/gate.md."""
    text = (REPOSITORY / "docs" / "gate.md").read_text(encoding="utf-8")
    [part] = re.findall(rf"^#+ {section}\n(.*?)(?=^#|\Z)", text, flags=re.M | re.S)
    rows = re.findall(r"^\| ([\w ]+?) \| (\w+) \| (\d) \|", part, flags=re.M)
    return {case: (verdict, int(code)) for case, verdict, code in rows}
