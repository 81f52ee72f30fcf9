"""What `ratchet register` says; tests/pipeline/test_rollback.py has what it does."""

import pytest
from journal import sha, verdict

from ratchet.versions import registry
from ratchet.versions.registry import Registered

NEW = Registered("model@v2.0.0", sha(2), "c0ffee", "prod", True, "", False, ("model@v2.0.0",))
AGAIN = Registered("model@v1.0.0", sha(1), "c0ffee", "prod", False, "v2", True, ("model#prod#3",))
BLOCK = verdict(2, verdict="BLOCK", reason="worse").encode()
PASS = verdict(2).encode()


def test_a_new_version_s_files_are_pushed_before_its_tags() -> None:
    assert registry.describe(NEW).splitlines() == [
        f"model@v2.0.0 registered ({sha(2)[:12]}), in prod",
        "publish it with: dvc push && git push origin 'model@v2.0.0'",
    ]
    assert registry.describe(AGAIN).endswith(": git push origin 'model#prod#3'")


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ([BLOCK], "BLOCK: worse"),
        ([None, BLOCK], "BLOCK: worse"),
        ([BLOCK, PASS], "BLOCK: worse"),
        ([PASS, BLOCK], ""),
        ([verdict(2, verdict="FIRST").encode()], ""),
        ([verdict(3, verdict="BLOCK").encode()], ""),  # another model
        ([None, b"{", b""], ""),
        ([verdict(2, verdict="ERROR", reason="no figures").encode()], "ERROR: no figures"),
    ],
)
def test_the_gate_s_last_word_is_told_where_it_wasn_t_pass(
    verdicts: list[bytes | None], said: str
) -> None:
    assert registry.refused(sha(2), verdicts) == said


def test_a_refusal_stands_below_what_was_done() -> None:
    told = registry.describe(Registered(**{**vars(NEW), "refused": "BLOCK: worse"}))
    assert told.endswith("\nWARNING: the gate's last word on it was BLOCK: worse")
