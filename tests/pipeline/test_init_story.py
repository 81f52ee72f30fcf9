"""`ratchet init` in a fresh clone: one command, then the pipeline runs on other data."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from project import STAGES, Project, ran

from ratchet.config import load_params
from ratchet.init import trial

RESULTS = ("dvc.lock", "models/card.json", "reports/metrics.json", "reports/plots/roc.csv")


def orders(days: int) -> pd.DataFrame:
    """Return rows of so many days, of which a delivery would be one file that grows."""
    dice = np.random.default_rng(1)
    size = 120 * days
    amount = dice.gamma(2.0, 50.0, size).round(2)
    return pd.DataFrame(
        {
            "order": np.arange(size),
            "at": pd.Timestamp("2024-03-01") + pd.to_timedelta(np.arange(size) * 12, "min"),
            "channel": dice.choice(["web", "phone", "store"], size),
            "amount": amount,
            "returned": np.where(dice.random(size) < amount / 250, "yes", "no"),
        }
    )


@pytest.fixture
def fresh(tmp_path: Path) -> Project:
    """The sample as it is cloned: its files and a model's, all committed; and one big file."""
    project = Project.make(tmp_path / "project")
    for name in (*RESULTS, "models/model.skops", "data/manifest.csv"):
        project.path(name).parent.mkdir(parents=True, exist_ok=True)
        project.path(name).write_text("of the sample\n")
    project.commit()
    orders(9).to_csv(tmp_path / "orders.csv", index=False)
    return project


def test_from_one_big_file_to_a_model(fresh: Project) -> None:
    code, printed = fresh.ratchet("init", "../orders.csv", "--target", "returned")
    assert code == 0, printed
    assert "returned (binary, positive: yes)" in printed
    assert "8 batches, cut by day" in printed
    assert "Tried on 8 batches of the window: 0 would be set aside" in printed
    assert "From 56 batches on `ratchet calibrate --write`" in " ".join(printed.split())
    assert not any(fresh.path(name).exists() for name in (*RESULTS, "models/model.skops"))
    assert fresh.read("data/manifest.csv").count("\n") == 1
    left = fresh.run("git", "status", "--porcelain", "--untracked-files=all", "--", ".")
    assert "??" not in left  # what was tried is cleared away

    fresh.commit()
    assert "8 new" in fresh.run("ratchet", "discover")
    printed = fresh.repro()
    assert ran(printed) == list(STAGES)
    assert "validate: 8 batches judged, 8 accepted (960 rows)" in printed
    assert "WARNING" not in printed  # a model that learned beats the class prior

    # A second look is free, a grown file brings a day, and its pieces are no one's business.
    assert "no new batch (8 pinned)" in fresh.ratchet("discover")[1]
    orders(10).to_csv(fresh.folder.parent / "orders.csv", index=False)
    assert "1 new: 2024-03-09" in fresh.ratchet("discover")[1]
    assert "data/inbox" not in fresh.run("git", "status", "--porcelain")


def test_files_of_one_s_own_stay_unless_they_may_go(fresh: Project) -> None:
    wish = ("init", "../orders.csv", "--target", "returned")
    fresh.replace("schema.yaml", "time: date", "time: date  # mine")
    before = {path: path.read_bytes() for path in fresh.folder.rglob("*.yaml")}
    code, printed = fresh.ratchet(*wish)
    assert code == 2
    assert "schema.yaml and params.yaml: would be overwritten; say --force" in printed
    assert {path: path.read_bytes() for path in fresh.folder.rglob("*.yaml")} == before

    # Under --force pins of another place go; a model stays, for it may be one's own.
    code, printed = fresh.ratchet(*wish, "--force")
    assert code == 0, printed
    assert fresh.read("data/manifest.csv").count("\n") == 1
    assert fresh.path("models/card.json").exists()
    assert "ratchet init" in fresh.read("schema.yaml")


def test_deliveries_that_hold_the_whole_history_are_told_first(fresh: Project) -> None:
    rows = orders(10)
    exports = fresh.folder.parent / "exports"
    exports.mkdir()
    for days in range(4, 10):
        rows[: 120 * days].to_csv(exports / f"2024-03-0{days}.csv", index=False)
    code, printed = fresh.ratchet("init", "../exports", "--target", "returned", "--time", "at")
    assert code == 0, printed
    first = printed[printed.index("To review") :].splitlines()[1:]
    assert " ".join(" ".join(first).split()).startswith(
        "source: 88.9% of the holdout's rows stand word for word among those that teach"
    )
    assert "one file with all rows" in " ".join(printed.split())


@pytest.mark.slow
def test_what_is_tried_is_what_comes(fresh: Project) -> None:
    """Thresholds come from figures against the same past that a run compares with."""
    rows = orders(30).rename(columns={"at": "made"})
    exports = fresh.folder.parent / "exports"
    exports.mkdir()
    for day in pd.date_range("2024-04-01", periods=60):
        number = int((day - pd.Timestamp("2024-04-01")).days)
        rows[: 300 + 50 * number].to_csv(exports / f"{day:%Y-%m-%d}.csv", index=False)
    code, printed = fresh.ratchet("init", "../exports", "--target", "returned")
    assert code == 0, printed
    assert "Tried on 60 batches of the window: 0 would be set aside" in printed
    checks = load_params(fresh.path("params.yaml")).validate_.checks
    assert 0.5 < checks.duplicate_rows.threshold < 1
    fresh.commit()
    fresh.run("ratchet", "discover")
    printed = fresh.run("dvc", "repro", "validate")
    assert "60 accepted" in printed, printed


def test_a_failure_leaves_all_as_it_was(fresh: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(trial, "run", refuse)
    with pytest.raises(RuntimeError, match="power cut"):
        fresh.ratchet("init", "../orders.csv", "--target", "returned")
    assert fresh.run("git", "status", "--porcelain") == ""
