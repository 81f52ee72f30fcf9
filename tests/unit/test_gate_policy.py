"""What a revision can't change for itself: all code that judges, and none that makes models."""

from pathlib import Path

import pytest
from journal import Journal

from ratchet.code import closure, file_of
from ratchet.gate import policy
from ratchet.gate.revisions import History

TOP = Path(__file__).parents[2]
# Yours, and what trains: what they make is judged, so that they needn't be.
MAKES = {"ratchet.model", "ratchet.learners", "ratchet.budget", "ratchet.stages.train"}
JUDGES = [
    ".github/workflows/ci.yml",
    "src/ratchet/artifacts/answers.py",
    "src/ratchet/artifacts/golden.py",
    "src/ratchet/artifacts/predictions.py",
    "src/ratchet/artifacts/scored.py",
    "src/ratchet/artifacts/trees.py",
    "src/ratchet/artifacts/trusted.txt",
    "src/ratchet/cli/gate.py",
    "src/ratchet/cli/main.py",
    "src/ratchet/code.py",
    "src/ratchet/config.py",
    "src/ratchet/errors.py",
    "src/ratchet/gate/report.py",
    "src/ratchet/gate/rules.py",
    "src/ratchet/git.py",
    "src/ratchet/journal/accepted.py",
    "src/ratchet/scoring/metrics.py",
    "src/ratchet/stages/evaluate.py",
]
JUDGES_NOT = [
    "README.md",
    "params.yaml",
    "schema.yaml",
    "src/ratchet/checks/drift.py",
    "src/ratchet/model.py",
    "src/ratchet/nights/trigger.py",
    "src/ratchet/stages/train.py",
]


def changes(folder: Path, *paths: str) -> list[str]:
    """Return what the gate says of a commit that touches these files."""
    journal = Journal(folder)
    journal.commit(1, "{}")
    journal.tag("base", 1)
    journal.commit(2, "{}", files=dict.fromkeys(paths, "other: 1\n"))
    history = History(journal.write())
    return policy.changes(history, history.resolve("base"), history.resolve("main"), "params.yaml")


def test_what_judges_is_policy_and_nothing_else(tmp_path: Path) -> None:
    assert changes(tmp_path, *JUDGES, *JUDGES_NOT) == JUDGES


@pytest.mark.parametrize("path", [each for each in [*JUDGES, *JUDGES_NOT] if "src/" in each])
def test_these_files_are_there(path: str) -> None:
    assert (TOP / path).is_file()


def test_the_gate_runs_nothing_that_makes_models() -> None:
    """Else a change of one's own model would read as a change of policy."""
    assert not MAKES & set(closure("ratchet.gate.run"))
    assert all(file_of(each) for each in MAKES)


def test_code_owners_watch_all_that_judges() -> None:
    lines = (TOP / ".github/CODEOWNERS").read_text(encoding="utf-8").splitlines()
    owned = tuple(line.split()[0] for line in lines if line and not line.startswith("#"))
    judges = {path for path in map(str, files(TOP)) if policy.judges(path)}
    assert len(judges) > 50
    assert {path for path in judges if not f"/{path}".startswith(owned)} == set()


def files(top: Path) -> list[Path]:
    """Return what lies in the folders that may hold policy, relative to `top`."""
    found = [*top.glob("src/**/*.py"), *top.glob("src/**/*.txt"), *top.glob(".github/**/*")]
    return [path.relative_to(top) for path in found if path.is_file()]
