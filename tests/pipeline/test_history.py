"""Versions of a real project: listed, explained, compared, and had with the tools of others."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from project import MODEL, Project

from ratchet.files import sha256_file

FIRST, SECOND, THIRD = (f"model@v{number}.0.0" for number in (1, 2, 3))
REASON = "late flights were predicted as on time"
WHY = "more trees </script><b>&amp;"


def said(project: Project, *command: str) -> str:
    """Run a command that must succeed; return what it printed."""
    code, printed = project.ratchet(*command)
    assert code == 0, printed
    return printed


def told(project: Project, *command: str) -> Any:
    return json.loads(said(project, *command, "--json"))


@pytest.fixture(scope="session")
def past(next_night: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Three versions, pushed; the gate judged the second, which the third was rolled back to.

    Nobody may change it.
    """
    project = next_night.copy(tmp_path_factory.mktemp("past") / "project")
    project.run("git", "checkout", "--quiet", "HEAD~1")
    said(project, "register", "--message", "the first")
    project.run("git", "checkout", "--quiet", "main")
    code, printed = project.ratchet("gate", "--base", "HEAD~1", "--no-remote", "--no-pictures")
    assert code in (0, 4), printed
    shutil.copy(project.path("reports/gate.json"), project.path("reports/verdict.json"))
    project.path("reports/ledger.csv").write_text(
        "night,run,base,decision,verdict,exit_code,reason\n"
        "2013-01-20T02:00:00+00:00,here,abc,RETRAIN,BLOCK,4,<i>log loss & more</i>\n"
    )
    project.commit()
    said(project, "register", "--message", "one day more")
    project.publish("--days", "1")
    project.set("params.yaml", train__parameters__hist_gradient_boosting__max_iter=6)
    path = project.path("requirements/run.txt")
    path.write_text(re.sub(r"^numpy==\S+", "numpy==0.1", path.read_text(), flags=re.M))
    project.repro()
    project.commit()
    said(project, "register", "--message", WHY)
    said(project, "rollback", "v2", "--reason", REASON)
    said(project, "register")
    project.push()
    return project


def test_x(past: Project) -> None:
    print(past.folder)
    for c in (
        ["history"],
        ["show", "v2"],
        ["diff", "v1", "v2"],
        ["diff", "v2", "v3"],
        ["diff", "v3", "HEAD"],
    ):
        print("$ ratchet", *c)
        print(past.ratchet(*c)[1])
    assert 0
