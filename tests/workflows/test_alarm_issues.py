"""Alarms on GitHub: each subject has one issue of its own."""

import json
import os
from unittest.mock import patch

from github import GitHub
from hub import SLUG

from ratchet.cli.main import main


def alarm(github: GitHub, job: str, result: str, *options: str) -> None:
    """Run `ratchet alarm` as a job of a workflow does, after another job."""
    outputs = {"exit_code": "5", "reason": "1 of 2 restorable"} if result == "failure" else {}
    token = github.token("job", issues="write").value
    variables = {"GH_TOKEN": token, "GITHUB_REPOSITORY": SLUG}
    with patch.dict(os.environ, github.environment() | variables):
        needs = json.dumps({job: {"result": result, "outputs": outputs}})
        assert main(["alarm", "--needs", needs, *options]) == 0


def test_a_good_night_does_not_close_the_restore_drill_s_alarm(github: GitHub) -> None:
    drill = ("--about", "restore")
    alarm(github, "restore", "failure", *drill)
    alarm(github, "restore", "failure", *drill)  # the same issue, once more
    alarm(github, "retrain", "failure")
    restore, night = github.true_issues
    assert (restore.labels, night.labels) == (["ratchet: restore alarm"], ["ratchet: alarm"])
    assert restore.title.startswith("The restore drill failed: evidence is missing")
    assert "1 of 2 restorable" in restore.body
    assert "The next good drill closes this issue." in restore.body
    assert len(restore.comments) == 1
    alarm(github, "retrain", "success")
    assert (restore.state, night.state) == ("open", "closed")
    alarm(github, "restore", "success", *drill)
    assert restore.state == "closed"
