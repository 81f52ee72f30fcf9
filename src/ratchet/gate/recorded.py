"""What a commit's metrics files recorded, as DVC shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ratchet.journal.commits import Revision


@dataclass(frozen=True)
class Recorded:
    """What `dvc metrics diff` reads at one revision: figures by name, and what can't be read.

    Names of nested figures are joined by dots. A value that isn't a number is a problem.
    """

    figures: Mapping[str, float] = field(default_factory=dict)
    problems: Sequence[str] = ()


def figures(at: Revision, entry: Mapping[str, Any]) -> Recorded:
    """Gather the figures in what DVC shows of a commit."""
    problems = [f"metrics at {at}: {entry['error']}"] if "error" in entry else []
    found: dict[str, float] = {}
    for name, file in entry.get("data", {}).items():
        if "error" in file:
            problems.append(f"{name} at {at}: {_said(file['error'])}")
            continue
        for key, value in _flat(file.get("data")):
            if isinstance(value, bool) or not isinstance(value, int | float):
                problems.append(f"{name} at {at}: {key or 'the file'} isn't a number: {value!r}")
            else:
                found[key] = float(value)
    if not found and not problems:
        problems.append(f"no metrics file is recorded at {at}; `dvc repro` writes it")
    return Recorded(found, problems)


def _flat(content: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if not isinstance(content, dict):
        return [(prefix.rstrip("."), content)]
    return [pair for key, value in content.items() for pair in _flat(value, f"{prefix}{key}.")]


def _said(error: Any) -> str:
    """Say what DVC stumbled over; some of its errors are empty but for their type."""
    return f"cannot be read ({type(error).__name__}{f': {error}' if str(error) else ''})"
