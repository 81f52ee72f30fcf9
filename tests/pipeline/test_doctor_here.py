"""The doctor in a real repository: well, then with its cache and its remote gone."""

import json
import shutil

import pytest
from project import Project


def examined(project: Project, code: int) -> dict[str, dict[str, str]]:
    """Return what the doctor finds, by check; it must end with `code`."""
    ended, printed = project.ratchet("doctor", "--json")
    assert ended == code, printed
    return {each["check"]: each for each in json.JSONDecoder().raw_decode(printed)[0]}


def test_what_is_missing_is_told_with_the_command_that_brings_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.push()
    well = examined(project, 0)
    for check in ("git", "pipeline", "DVC cache", "DVC remote", "source", "newest batch"):
        assert well[check]["state"] == "ok", well[check]

    shutil.rmtree(project.path(".dvc/cache"))
    lost = examined(project, 0)
    assert lost["DVC cache"]["found"].startswith("lacks data/profiles/, ")
    assert lost["DVC cache"]["way_out"].startswith("`dvc pull`")

    # Nobody listens there, and nobody is asked for credentials.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    project.run("dvc", "remote", "modify", "--local", "local", "url", "s3://bucket/dvc")
    away = examined(project, 5)
    assert away["DVC remote"]["state"] == "fail"
    assert away["DVC cache"]["state"] == "warn"
