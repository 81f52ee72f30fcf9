"""The rows of the table. Each function sets a scene, measures in turns, and yields results."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import QUICK, Bench, Result
from clock import Cost, middle
from scratch import HERE, INBOX, REPOSITORY, YEAR, Project, empty_stages, environment

STAGES = ("fetch", "validate", "train", "evaluate")
FOREST = {
    "estimator": "random_forest",
    "parameters": {"random_forest": {"n_estimators": 100, "min_samples_leaf": 1}},
}
CONSOLIDATE = """
import pathlib
import pyarrow.parquet
from ratchet.data.validated import read_window
rows, _ = read_window(pathlib.Path("data/validated"))
pyarrow.parquet.write_table(rows, "window.parquet", compression="zstd")
"""
BOOTSTRAP = """
import json, sys
sys.path.insert(0, sys.argv[1])
import bootstrap
print(json.dumps(bootstrap.measure(*map(int, sys.argv[2:]))))
"""


def night(bench: Bench) -> Iterator[Result]:
    """A night with one new batch, against the classic job and against one lean process."""
    scale = bench.scale
    project = bench.project("night")
    project.publish(scale.window)
    project.night()
    default = {"estimator": project.params["train"]["estimator"]}

    def new_night(train: Any) -> Cost:
        project.publish(1)
        project.set_params({"train": train})
        return project.night()

    def lean() -> Cost:
        project.run(sys.executable, "-c", CONSOLIDATE)
        return project.script("lean.py", "window.parquet", "params.yaml", "schema.yaml", "dump")

    classic = (
        "classic",
        lambda: project.script("naive.py", "data/raw", "dump", str(scale.holdout)),
    )
    usual = ("night", lambda: new_night(default))
    one = ("lean", lean)
    forest = ("forest night", lambda: new_night(FOREST))
    found = bench.turns(scale.long_runs, classic, usual, one, forest, usual, one)
    yield Result(
        "night with one new batch, default model, against the classic job: time",
        found["night"].seconds / found["classic"].seconds,
        0.22,
        f"{found['night']} : {found['classic']}",
        2 * scale.long_runs,
        "All of a night: discover, DVC, four stages, intervals. The classic job reads all CSV "
        "files of the same window and fits 100 full trees on one thread; boosting with small trees "
        "needs a fraction of that.",
    )
    yield Result(
        "the same: peak memory of the largest process",
        found["night"].megabytes / found["classic"].megabytes,
        0.30,
        f"{found['night'].megabytes:,.0f} MB : {found['classic'].megabytes:,.0f} MB",
        2 * scale.long_runs,
        "Half of it are libraries, before a row is read. A forest of full trees has as many leaves "
        "as rows, a hundred times.",
    )
    yield Result(
        "night with the classic job's own model (100 full trees): time",
        found["forest night"].seconds / found["classic"].seconds,
        1.10,
        f"{found['forest night']} : {found['classic']}",
        scale.long_runs,
        "Beyond the fit, the forest is written without pickle and compressed, read back, and "
        "asked what each feature is worth.",
    )
    yield Result(
        "night, default model, against one lean process: time",
        found["night"].seconds / found["lean"].seconds,
        1.7,
        f"{found['night']} : {found['lean']}",
        2 * scale.long_runs,
        "The lean process reads one Parquet file, fits the same model, puts the same intervals "
        "around the metrics and dumps with joblib. The rest is what the pipeline costs: mostly "
        "imports, once in each stage.",
    )


def noop(bench: Bench) -> Iterator[Result]:
    """`dvc repro` with nothing to do."""
    project = bench.project("noop")
    project.publish(bench.scale.window)
    project.night()
    bare = empty_stages(bench.folder / "bare")
    bare.run("dvc", "repro")
    found = bench.turns(
        bench.scale.runs,
        ("no-op", lambda: project.run("dvc", "repro")),
        ("no-op, empty stages", lambda: bare.run("dvc", "repro")),
    )
    ours, theirs = found["no-op"], found["no-op, empty stages"]
    yield Result(
        "`dvc repro` with nothing to do, against a repository with four empty stages",
        ours.seconds / theirs.seconds,
        1.2,
        f"{ours} : {theirs}",
        bench.scale.runs,
        "DVC reads dvc.yaml and dvc.lock and looks at each dependency: ours has "
        f"{project.dependencies} of them and {bench.scale.window} raw files.",
    )


def new_batch(bench: Bench) -> Iterator[Result]:
    """Fetch and validate of one new batch, in a window of a year and in one of ten."""
    scale = bench.scale
    year, decade = bench.project("year"), bench.project("decade", scale.many)
    for project, batches in ((year, scale.window), (decade, scale.many)):
        project.set_params({"validate": {"n_jobs": 1}})
        project.publish(batches)
        project.run("ratchet", "discover")
        project.stage("fetch")
        project.stage("validate")

    def one_new(project: Project) -> Cost:
        project.publish(1)
        project.run("ratchet", "discover")
        return idle(project)

    def idle(project: Project) -> Cost:
        return project.stage("fetch") + project.stage("validate")

    def all_anew() -> Cost:
        year.forget("data/validated", "data/profiles", "data/records.json")
        return year.stage("validate")

    found = bench.turns(
        scale.runs,
        ("one new of a year", lambda: one_new(year)),
        ("none new of a year", lambda: idle(year)),
        ("all of a year", all_anew),
        ("one new of a decade", lambda: one_new(decade)),
    )
    one, none, every = (found[f"{name} of a year"] for name in ("one new", "none new", "all"))
    yield Result(
        f"fetch and validate of one new batch among {scale.window}, against validating all",
        one.seconds / every.seconds,
        0.1,
        f"{one} : {every}",
        scale.runs,
        "Two processes that read two YAML files and import pyarrow and pandera, for a batch that "
        "takes some hundredths of a second: the start is nearly all of it, as the next line shows.",
    )
    yield Result(
        "the same, beyond what both stages take when nothing is new",
        (one.seconds - none.seconds) / (every.seconds - none.seconds),
        None,
        f"{one.seconds:.3g} - {none.seconds:.3g} s : {every.seconds:.3g} - {none.seconds:.3g} s",
        scale.runs,
        "What the work grows with.",
    )
    ten = found["one new of a decade"]
    yield Result(
        f"one new batch among {scale.many:,}, against one new among {scale.window}",
        ten.seconds / one.seconds,
        1.5,
        f"{ten} : {one}",
        scale.runs,
        "What is old is hashed and not parsed.",
    )


def validate(bench: Bench) -> Iterator[Result]:
    """Rows per second of validate, against the same checks written by hand."""
    scale = bench.scale
    project = bench.project("validate", real=True)
    # The contract alone: nobody writes the comparison with other batches by hand.
    project.set_params({"validate": {"n_jobs": 1}, "window": {"reference": 0}})
    project.publish(min(scale.window, YEAR - 1))  # the year's last day is a bad one
    project.run("ratchet", "discover")
    project.stage("fetch")

    def ours() -> Cost:
        project.forget("data/validated", "data/profiles", "data/records.json")
        return project.stage("validate")

    found = bench.turns(
        scale.runs,
        ("validate", ours),
        ("by hand", lambda: project.script("handwritten.py", "data/raw", "schema.yaml", "by_hand")),
    )
    report = json.loads((project.home / "reports/validation.json").read_text())
    by_hand = json.loads((project.home / "by_hand.json").read_text())
    if sorted(report["quarantined"]) != by_hand:
        raise RuntimeError(f"other batches are bad by hand: {by_hand}, {report['quarantined']}")
    rows = sum(path.read_bytes().count(b"\n") - 1 for path in (project.home / INBOX).glob("*.csv"))
    speed = {name: rows / cost.seconds for name, cost in found.items()}
    yield Result(
        "validate by the contract alone, rows per second, against hand-written pandas",
        speed["validate"] / speed["by hand"],
        0.6,
        f"{speed['validate']:,.0f} : {speed['by hand']:,.0f} rows a second, "
        f"{found['validate'].megabytes:,.0f} : {found['by hand'].megabytes:,.0f} MB",
        scale.runs,
        f"Both read {rows:,} rows from CSV in one process, find the same "
        f"{len(by_hand)} bad batches and write Parquet; ours also says which rows are wrong, and "
        "hashes what it reads and writes.",
        at_least=True,
    )


def bootstrap(bench: Bench) -> Iterator[Result]:
    """Paired bootstrap replicates, against a loop over scikit-learn's functions."""
    rows, rounds = bench.scale.rows, 5 if bench.scale.long_runs > 1 else 1
    project = bench.project("bootstrap")
    bench.progress("bootstrap: measure")
    printed = subprocess.run(
        [sys.executable, "-c", BOOTSTRAP, str(HERE), str(rows), str(rounds)],
        env=project.env,
        check=True,
        capture_output=True,
    ).stdout
    found = json.loads(printed)
    yield Result(
        f"1,000 paired bootstrap replicates, AUC and log loss, {rows:,} rows, against a loop over "
        "scikit-learn's functions",
        found["deciding"],
        0.03,
        f"{found['peak_megabytes']:.0f} MB beyond the data; all seven metrics {found['all']:.3f}",
        rounds,
        "Scores are sorted once; a replicate is a count of each row. Nothing is binned or rounded.",
    )


def growth(bench: Bench) -> Iterator[Result]:
    """The whole pipeline from empty, and each stage, as the rows grow."""
    whole = {}
    for times in bench.scale.times:
        runs = bench.scale.long_runs if times == 1 else 1
        whole[times] = middle([_from_empty(bench, times, run) for run in range(runs)])
    once, thrice, tenfold = bench.scale.times
    bench.stages["whole `dvc repro` from empty"] = list(whole.values())
    growth_of = {t: whole[t].seconds / whole[once].seconds for t in (thrice, tenfold)}
    yield Result(
        f"`dvc repro` from empty, {thrice}x the rows of each batch: time",
        growth_of[thrice],
        None,
        f"{whole[thrice]} : {whole[once]}",
        1,
        "A part of each stage, its start, doesn't grow.",
    )
    yield Result(
        f"`dvc repro` from empty, {tenfold}x the rows of each batch: time",
        growth_of[tenfold],
        1.05 * tenfold,
        f"{whole[tenfold]} : {whole[once]}",
        1,
        "Nothing looks at a row more than a few times.",
    )
    yield Result(
        "the same: peak memory of the largest process",
        whole[tenfold].megabytes / whole[once].megabytes,
        tenfold,
        f"{whole[tenfold].megabytes:,.0f} MB : {whole[once].megabytes:,.0f} MB",
        1,
        "Training holds the window once as columns and once as the model's input.",
    )


def _from_empty(bench: Bench, times: int, run: int) -> Cost:
    """Measure each stage on its own, then all of them with DVC; remember the former."""
    project = bench.project(f"growth-{times}-{run}", times=times)
    project.publish(bench.scale.window)
    project.run("ratchet", "discover")
    costs = {}
    for stage in STAGES:
        costs[stage] = project.stage(stage)
        bench.progress(f"{stage}, {times}x rows: {costs[stage]}")
    if run == 0:
        for stage, cost in costs.items():
            bench.stages.setdefault(stage, []).append(cost)
    project.forget("data/raw", "data/validated", "data/records.json")
    whole = project.run("dvc", "repro")
    bench.progress(f"dvc repro, {times}x rows: {whole}")
    project.forget("")
    return whole


def start(bench: Bench) -> Iterator[Result]:
    """How soon the command line answers."""
    project = bench.project("start")
    found = bench.turns(
        3 * bench.scale.runs,
        ("ratchet --help", lambda: project.run("ratchet", "--help")),
        ("python -c pass", lambda: project.run(sys.executable, "-c", "pass")),
    )
    ours, python = found["ratchet --help"], found["python -c pass"]
    yield Result(
        "`ratchet --help`, against `python -c pass`",
        ours.seconds / python.seconds,
        8,
        f"{ours.seconds * 1000:.0f} ms : {python.seconds * 1000:.0f} ms",
        3 * bench.scale.runs,
        "A command imports what it needs when it runs.",
    )


def s3(bench: Bench) -> Iterator[Result]:
    """Downloads from S3, from a real server on this machine."""
    from s3 import measure  # the only row that needs a server, from the tests

    bench.progress("s3: set up")
    for found in measure():
        yield Result(
            found.name,
            found.ratio,
            found.target,
            found.raw,
            3,
            "Ours also syncs each file to disk and checks its SHA-256; the others only write.",
            found.at_least,
        )


def checks(bench: Bench, section: Path) -> None:
    """Write what the checks catch; in a process of its own, as it imports all that they need."""
    bench.progress("checks: begin")
    subprocess.run(
        [
            *(sys.executable, str(HERE / "checks.py"), str(section), str(bench.folder / "checks")),
            *(["--quick"] if bench.scale == QUICK else []),
        ],
        env=environment(bench.folder) | {"PYTHONPATH": str(REPOSITORY / "src")},
        check=True,
    )


def gate(bench: Bench, section: Path) -> None:
    """Write how the gate's rules decide over the year; in a process of its own, as above."""
    bench.progress("gate: begin, for the better part of an hour")
    done = subprocess.run(
        [sys.executable, str(HERE / "gate_policy.py")],
        env=environment(bench.folder) | {"PYTHONPATH": str(REPOSITORY / "src")},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    section.write_text(done.stdout, encoding="utf-8")


ROWS = {
    "night": night,
    "noop": noop,
    "new-batch": new_batch,
    "validate": validate,
    "bootstrap": bootstrap,
    "growth": growth,
    "start": start,
    "s3": s3,
}
