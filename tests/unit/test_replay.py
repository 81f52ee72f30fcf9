"""The past of a shop, played through files: as the stages and the trigger would have it."""

from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shop import Shop, rows_of

from ratchet.artifacts.scored import read_scored
from ratchet.cli import main as cli
from ratchet.errors import ConfigError
from ratchet.nights import trigger
from ratchet.replay import report, run
from ratchet.replay.bench import Bench
from ratchet.replay.history import Places, nights
from ratchet.replay.models import Workshop, challenger
from ratchet.replay.nights import ALWAYS, CONFIGURED, NEVER, What
from ratchet.replay.run import Options, Replay
from ratchet.scoring.metrics import score
from ratchet.task import Task

DAYS = 12


def untracked(items: Iterable[Any], what: str, total: int) -> Iterable[Any]:  # noqa: ARG001
    return items


def replay(shop: Shop, cache: str = "cache", **options: Any) -> Replay:
    return run.run(
        shop.configure(),
        Options(**options),
        manifest=shop.manifest,
        raw=shop.raw,
        schema=shop.schema_file,
        cache=shop.root / cache,
        track=untracked,
    )


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop with a past; its replay lies in `cache`. Tests share it and only add to the cache."""
    shop = Shop(tmp_path_factory.mktemp("lived"))
    shop.deliver(*range(1, DAYS + 1))
    shop.deliver_rows(9, [{**row, "amount": "-1"} for row in rows_of("day-09")])
    shop.discover()
    return shop


@pytest.fixture(scope="module")
def done(lived: Shop) -> Replay:
    return replay(lived)


def test_all_nights_from_the_first_window_are_played(done: Replay) -> None:
    assert [night.batch for night in done.nights] == [f"day-{n:02}" for n in range(6, DAYS)]
    assert done.quarantined == 1
    assert done.clean is None
    always = report.played_by(done.played, ALWAYS.name)
    # The ninth was quarantined: no quality on the night before, no training on its own.
    assert [event.quality is None for event in always.events] == [False, False, True] + [False] * 3
    assert [e.what for e in always.events].count(What.REFUSED) == 1
    assert always.events[3].what == What.REFUSED


def test_a_night_s_model_predicts_what_the_stages_made(lived: Shop, tmp_path: Path) -> None:
    replay(lived)
    places = Places(lived.root / "cache", lived.schema_file)
    params = lived.configure()
    workshop = Workshop(places, params.train, params.task)
    bench = Bench(params, places, workshop)
    night, *_ = nights(workshop.history, params, first=8)
    model = challenger(night, params.window.holdout)
    real = Shop(tmp_path)
    real.validated_with(8)
    real.train()
    scored = read_scored(real.scored)
    assert (scored.score == bench.predicted(model, model.stop, model.end)).all()
    assert (scored.label == workshop.history.labels(model.stop, model.end)).all()


@pytest.mark.parametrize(
    "thresholds",
    [
        {"new_rows": 1, "age": 99, "drift": 1.0, "loss": 9.0},
        {"new_rows": 99_999, "age": 2, "drift": 1.0, "loss": 9.0},
        {"new_rows": 99_999, "age": 99, "drift": 0.14, "loss": 9.0},
        {"new_rows": 99_999, "age": 99, "drift": 1.0, "loss": 0.0},
        {"new_rows": 99_999, "age": 99, "drift": 1.0, "loss": 9.0},
    ],
)
def test_the_trigger_decides_as_on_the_night(
    lived: Shop, tmp_path: Path, thresholds: dict[str, Any]
) -> None:
    replay(lived)
    real = Shop(tmp_path)
    real.params["trigger"] = thresholds
    real.validated_with(6)
    real.train()
    real.deliver(7, 8)
    real.night()
    params = real.configure()
    decided = trigger.run(
        params,
        manifest=real.manifest,
        schema=real.schema_file,
        validated=real.validated,
        profiles=real.profiles,
        records=real.records,
        model=real.model,
        card=real.card,
        environment=real.lock,
    )
    places = Places(lived.root / "cache", lived.schema_file)
    workshop = Workshop(places, params.train, params.task)
    sixth, _, eighth, *_ = nights(workshop.history, params, first=6)
    champion = challenger(sixth, params.window.holdout)
    called = Bench(params, places, workshop).called(champion, eighth)
    assert bool(called) == decided.retrain


def test_the_same_replay_again_fits_nothing_and_says_the_same(lived: Shop, done: Replay) -> None:
    kept = {path: path.stat().st_mtime_ns for path in (lived.root / "cache/models").iterdir()}
    again = replay(lived)
    assert again.played == done.played
    assert {p: p.stat().st_mtime_ns for p in (lived.root / "cache/models").iterdir()} == kept


@pytest.mark.usefixtures("done")
def test_another_version_of_the_learner_s_own_library_is_another_model(
    lived: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = lived.configure()
    train = params.train.model_copy(update={"estimator": "xgboost.XGBClassifier"})
    places = Places(lived.root / "cache", lived.schema_file)

    def name() -> str:
        workshop = Workshop(places, train, params.task)
        night, *_ = nights(workshop.history, params, first=8)
        return workshop.name(challenger(night, params.window.holdout))

    before = name()
    assert name() == before
    monkeypatch.setattr(
        "ratchet.replay.models.version",
        lambda library: "0.1" if library.startswith("xgboost") else version(library),
    )
    assert name() != before


def test_a_damaged_cache_and_more_processes_change_nothing(lived: Shop, done: Replay) -> None:
    for path in (lived.root / "cache/models").iterdir():
        path.write_bytes(path.read_bytes()[:100])
    for path in (lived.root / "cache/verdicts").iterdir():
        path.write_text("[")
    assert replay(lived, jobs=2).played == done.played


def test_spoiled_challengers_are_counted(lived: Shop, done: Replay) -> None:
    found = replay(lived, share=0.5, seed=1)
    assert len(found.spoiled) == 3
    assert found.clean == done.played
    always = report.played_by(found.played, ALWAYS.name)
    assert always.count(What.PROMOTE, spoiled=True) + always.count(What.REFUSED) >= 3
    assert report.played_by(found.played, NEVER.name).count(What.PROMOTE, spoiled=True) == 0


def test_the_newest_nights_need_only_their_batches(lived: Shop) -> None:
    found = replay(lived, cache="short", nights=2)
    assert [night.batch for night in found.nights] == ["day-10", "day-11"]
    assert not (lived.root / "short/raw/day-01.csv").exists()


def test_the_pipeline_may_run_every_other_night(lived: Shop) -> None:
    found = replay(lived, every=2)
    always = report.played_by(found.played, ALWAYS.name)
    assert [event.challenger is not None for event in always.events] == [True, False] * 3
    assert np.isfinite(always.losses).sum() == 5


def test_what_lies_in_raw_is_not_brought_again(shop: Shop) -> None:
    shop.params["window"]["train"] = 6
    shop.validated_with(8)
    for path in shop.inbox.iterdir():
        path.unlink()
    assert len(replay(shop, first=7).nights) == 1


def test_rules_about_another_task_are_told_before_anything_is_made(lived: Shop) -> None:
    lived.params["task"] = "multiclass"
    lived.params["gate"]["metrics"]["roc_auc"] = {"floor": 0.5}
    try:
        with pytest.raises(ConfigError, match=r"params\.yaml: gate\.metrics: .* roc_auc"):
            replay(lived, cache="nowhere")
    finally:
        del lived.params["task"], lived.params["gate"]["metrics"]["roc_auc"]
    assert not (lived.root / "nowhere").exists()


@pytest.mark.parametrize(("first", "said"), [(99, "12 batches to play"), (2, "window.holdout")])
def test_too_short_a_past_is_told(lived: Shop, first: int, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        replay(lived, first=first)


def test_a_slice_that_the_contract_lacks_is_told(lived: Shop) -> None:
    before = lived.params["gate"]["slices"]["columns"]
    lived.params["gate"]["slices"]["columns"] = ["colour"]
    try:
        with pytest.raises(ConfigError, match=r"gate\.slices\.columns: .* colour"):
            replay(lived)
    finally:
        lived.params["gate"]["slices"]["columns"] = before


def test_the_command_prints_tables_and_writes_a_page_with_a_picture(
    lived: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lived.configure()
    monkeypatch.chdir(lived.root)
    command = ["replay", "--cache", "cache", "--report", "out/replay.md"]
    assert cli.main([*command, "--inject", "worse-model", "--share", "0.5"]) == 0
    out = capsys.readouterr().out
    assert CONFIGURED.name in out
    assert "let through" in out
    page = (lived.root / "out/replay.md").read_text()
    assert "](replay.png)" in page
    assert "| never retrain | 1 |" in page
    assert (lived.root / "out/replay.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("task", "target", "metric", "titles"),
    [
        ("multiclass", "channel", "log_loss", ("log loss", "F1, weighted")),
        ("regression", "amount", "rmse", ("RMSE", "R²")),
    ],
)
def test_another_task_is_played_by_its_own_metrics(
    shop: Shop, task: Task, target: str, metric: str, titles: tuple[str, str]
) -> None:
    shop.validated_with(9)
    shop.params["task"], shop.schema["target"] = task, {"column": target}
    shop.params["gate"]["metrics"] = {metric: {"unit": "row", "significant_loss": 0.05}}
    shop.params["gate"]["slices"]["metric"] = metric
    found = replay(shop, nights=3, share=0.5)
    assert len(found.spoiled) == 2
    (policies, _), (spoiled, _), *_ = report.tables(found)
    assert titles[0] in policies
    assert titles[1] in policies
    assert titles[0] in spoiled
    always = report.played_by(found.played, ALWAYS.name)
    places = Places(shop.root / "cache", shop.schema_file)
    params = shop.configure()
    workshop = Workshop(places, params.train, task)
    night = found.nights[0]
    model = challenger(night, params.window.holdout)
    p = Bench(params, places, workshop).predicted(model, night.stop, night.stop + 1)
    assert p.shape == ((60, 3) if task == "multiclass" else (60,))
    y = workshop.history.labels(night.stop, night.stop + 1)
    assert always.losses[0] == score(y, p, task=task, metrics=[metric])[metric]
    assert any(f"{titles[0]} is " in line for line in report.sentences(found))
    report.write(shop.root / "replay.md", found)
    assert f"![{titles[0]} night by night]" in (shop.root / "replay.md").read_text()
