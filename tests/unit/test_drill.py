"""The drill: the real `validate` judges spoilt copies, and the project stays as it is."""

import gzip
import json
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from shop import Shop, rows_of, snapshot

from ratchet.cli import main as cli
from ratchet.config import load_params
from ratchet.drill import report, run
from ratchet.drill.fault import Case, Fault
from ratchet.drill.faults import CATALOGUE, select
from ratchet.errors import BlockedError, DataError, EvidenceError
from ratchet.stages import validate


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop with nine good days in its window. Tests share it: read, and write elsewhere."""
    shop = Shop(tmp_path_factory.mktemp("filled"))
    shop.params["window"]["train"] = 7
    shop.validated_with(9)
    return shop


def drill(shop: Shop, *faults: Fault | str, **options: Any) -> run.Drill:
    """Play faults, by name or of the test's own."""
    return run.run(
        load_params(shop.params_file),
        [CATALOGUE[fault] if isinstance(fault, str) else fault for fault in faults],
        manifest=shop.manifest,
        raw=shop.raw,
        schema=shop.schema_file,
        validated=shop.validated,
        profiles=shop.profiles,
        records=shop.records,
        **options,
    )


def codes(finding: run.Finding) -> set[tuple[str, str]]:
    return {(failure.code, failure.column) for failure in finding.failures}


def test_the_whole_catalogue_is_played_and_nothing_of_the_project_changes(filled: Shop) -> None:
    def state() -> tuple[dict[str, bytes], list[int]]:
        times = [path.stat().st_mtime_ns for path in sorted(filled.root.rglob("*"))]
        return snapshot(filled.root), times

    before = state()
    fitting = select((), "binary")
    done = drill(filled, *fitting)
    assert state() == before
    assert (done.batch, done.history, done.seed) == ("day-09", 8, 0)
    assert [finding.fault for finding in done.findings] == fitting
    found = {finding.fault.name: finding for finding in done.findings}
    for name, finding in found.items():
        assert (finding.outcome in ("passed", "refused")) == (finding.must == "pass"), name
        assert bool(finding.failures) == (finding.outcome in ("caught", "refused")), name
        assert bool(finding.reason) == (finding.outcome == "not applicable"), name

    # What the contract alone sees.
    assert [f.outcome for f in done.findings if f.must == "pass"] == ["passed"] * 5
    assert codes(found["column-renamed"]) >= {("extra_column", found["column-renamed"].columns[-1])}
    assert codes(found["decimal-commas"]) >= {("type", "amount")}
    assert codes(found["empty-file"]) == codes(found["header-only"]) == {("empty", "")}
    assert codes(found["lower-case"]) == {("value", "channel")}
    assert codes(found["rows-doubled"]) == {("key", "order_no")}
    for name in ("cut-in-a-row", "gzip-as-csv", "zip-archive", "utf-16", "latin-1"):
        assert codes(found[name]) == {("unreadable", "")}, name
    for name in ("unchanged", "semicolons", "error-page", "nulls-all"):
        assert not found[name].wrong, name


def test_a_drill_is_a_function_of_its_seed(filled: Shop) -> None:
    names = ("labels-flipped-10", "column-dropped", "nulls-half", "poison-5")
    assert drill(filled, *names) == drill(filled, *names)
    alone = [drill(filled, name).findings[0] for name in names]
    assert list(drill(filled, *names).findings) == alone
    dropped = {drill(filled, "column-dropped", seed=s).findings[0].columns for s in range(8)}
    assert len(dropped) > 1


def test_the_newest_good_batch_is_spoilt(shop: Shop) -> None:
    shop.params["window"]["train"] = 7
    shop.deliver(1, 2, 3, 5)
    broken = [{**row, "amount": "1001"} for row in rows_of("day-04")]
    shop.deliver_rows(4, broken)
    shop.deliver_rows(6, broken)
    shop.discover()
    shop.fetch()
    with pytest.raises(DataError):
        shop.validate()
    shop.repin(replace(shop.pins()["day-06"], override="accept"))
    shop.validate()
    done = drill(shop, "unchanged", "nulls-all")
    # The sixth is in use, but only because a person said so.
    assert (done.batch, done.history) == ("day-05", 3)
    assert [finding.outcome for finding in done.findings] == ["passed", "caught"]
    assert done.findings[1].batch == "day-05"


def test_a_person_s_word_does_not_hide_a_fault(shop: Shop) -> None:
    shop.validated_with(3)
    shop.repin(replace(shop.pins()["day-03"], override="accept"))
    shop.validate()
    assert drill(shop, "nulls-all").findings[0].outcome == "caught"


def test_a_fault_of_several_batches_is_caught_when_any_is_refused(filled: Shop) -> None:
    def once(case: Case) -> pd.DataFrame:
        if len(case.older) == run.OLDER:  # the newest two have so many before them
            case.rows["channel"] = "fax"
        else:
            case.rows["channel"] = "web"
        return case.rows

    caught = Fault("late", once, "catch", "a test", batches=4)
    [finding] = drill(filled, caught).findings
    assert (finding.outcome, finding.batch) == ("caught", "day-08")
    [finding] = drill(filled, replace(caught, batches=10)).findings
    assert finding.reason == "needs 10 good batches, there are 9"


def test_a_fault_that_changes_nothing_proves_nothing(filled: Shop) -> None:
    idle = Fault("idle", lambda case: case.rows, "catch", "a test")
    [finding] = drill(filled, idle).findings
    assert (finding.outcome, finding.reason) == (
        "not applicable",
        "it changes nothing in this batch",
    )


def test_a_new_fault_is_one_function(filled: Shop) -> None:
    def free(case: Case) -> pd.DataFrame:
        """Give everything away."""
        case.rows["amount"] = "-1"
        return case.rows

    [finding] = drill(filled, Fault("free", free, "catch", "everything is free")).findings
    assert (finding.outcome, finding.columns) == ("caught", ("amount",))
    assert codes(finding) == {("range", "amount")}


@pytest.mark.parametrize("suffix", [".csv.gz", ".parquet"])
def test_other_kinds_of_files_are_drilled(shop: Shop, suffix: str) -> None:
    shop.params["source"]["pattern"] = f"*{suffix}"
    for day in ("day-01", "day-02"):
        rows = pd.DataFrame(rows_of(day)).replace("", None)
        path = shop.inbox / f"{day}{suffix}"
        if suffix == ".parquet":
            numbers = {"order_no": int, "amount": float, "items": int, "rating": float}
            rows["ordered_at"] = pd.to_datetime(rows["ordered_at"])
            rows.astype(numbers).to_parquet(path)
        else:
            path.write_bytes(gzip.compress(rows.to_csv(index=False).encode(), mtime=0))
    shop.night()
    must_catch = ("column-dropped", "numbers-as-text", "nulls-all", "cut-in-a-row", "empty-file")
    must_pass = [name for name, fault in CATALOGUE.items() if fault.must == "pass"]
    done = drill(shop, *must_catch, *must_pass, "utf-16", "semicolons")
    found = {each.fault.name: each.outcome for each in done.findings}
    for name in must_catch:
        assert found[name] == "caught", name
    parquet = suffix == ".parquet"
    for name in must_pass:
        assert found[name] == "passed" or (parquet and name == "spreadsheet"), name
    for name in ("utf-16", "semicolons"):
        assert found[name] == ("not applicable" if parquet else "caught"), name


def test_what_the_last_run_left_is_used(filled: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[int] = []
    real = validate.run

    def counted(*args: Any, **options: Any) -> validate.Validation:
        try:
            done = real(*args, **options)
        except DataError:
            judged.append(-1)
            raise
        judged.append(done.judged)
        return done

    monkeypatch.setattr(validate, "run", counted)
    drill(filled, "rows-reordered", "labels-flipped-10-x7", "nulls-all")
    assert judged == [0, 1, 7, -1]


def test_without_records_the_window_is_judged_aside(filled: Shop, tmp_path: Path) -> None:
    options = {"manifest": filled.manifest, "raw": filled.raw, "schema": filled.schema_file}
    missing = {
        "validated": tmp_path / "validated",
        "profiles": tmp_path / "profiles",
        "records": tmp_path / "records.json",
    }
    done = run.run(load_params(filled.params_file), select(["unchanged"]), **options, **missing)
    assert done.findings[0].outcome == "passed"
    assert list(tmp_path.iterdir()) == []


def test_without_a_good_batch_there_is_nothing_to_drill_on(shop: Shop) -> None:
    shop.deliver_bytes(1, b"a\n1\n")
    shop.discover()
    shop.fetch()
    with pytest.raises(DataError, match="no batch of the window keeps the contract"):
        drill(shop, "unchanged")


def test_without_a_batch_there_is_no_evidence(shop: Shop) -> None:
    shop.deliver(1)
    shop.discover()
    with pytest.raises(EvidenceError, match=r"data/raw: holds no batch; run `dvc repro fetch`"):
        drill(shop, "unchanged")


@pytest.mark.parametrize(
    ("severity", "days", "reference", "outcome", "wrong"),
    [
        ("quarantine", 30, 28, "caught", False),
        ("warn", 30, 28, "warned", False),
        ("off", 30, 28, "slipped", True),
        ("quarantine", 9, 28, "slipped", False),  # too early
        ("quarantine", 9, 0, "slipped", True),  # never
    ],
)
def test_who_only_warns_is_told_so(
    shop: Shop, severity: str, days: int, reference: int, outcome: run.Outcome, wrong: bool
) -> None:
    shop.params["window"] |= {"train": 28, "reference": reference}
    checks = shop.params["validate"]["checks"]
    shop.params["validate"]["checks"] = {
        name: {**checks[name], "severity": "off"} for name in checks
    }
    shop.params["validate"]["checks"]["row_count"] = {"severity": severity, "threshold": 0.2}
    shop.validated_with(days)
    half = Fault("half", lambda case: case.rows.iloc[::2], "catch", "a part is missing")
    done = drill(shop, half)
    [finding] = done.findings
    assert (finding.outcome, finding.wrong) == (outcome, wrong)
    noticed = outcome in ("caught", "warned")
    assert (("row_count", "") in codes(finding)) == bool(finding.batch) == noticed
    assert ("before 28 good batches" in finding.reason) == (outcome == "slipped" and not wrong)
    with pytest.raises(BlockedError, match="half") if wrong else nullcontext():
        report.refuse(done)


def test_a_bug_in_a_check_says_which_fault_found_it(
    filled: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = validate.judge

    def broken(paths: Any, contract: Any) -> Any:
        if any(paths):
            raise KeyError("a bug")
        return real(paths, contract)

    broken.__module__ = real.__module__  # the stage hashes this module's code
    monkeypatch.setattr(validate, "judge", broken)
    with pytest.raises(KeyError) as caught:
        drill(filled, "nulls-all")
    assert caught.value.__notes__ == ["while `ratchet drill --only nulls-all` was judged"]


# The command


@pytest.fixture
def inside(filled: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """The filled shop as the current folder, on a wide terminal."""
    monkeypatch.chdir(filled.root)
    monkeypatch.setenv("COLUMNS", "200")
    before = snapshot(filled.root)
    yield filled
    assert snapshot(filled.root) == before


@pytest.mark.usefixtures("inside")
def test_the_command_shows_what_caught_what(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["drill", "--only", "nulls-all", "unchanged", "labels-flipped-10-x7"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = [line.split() for line in printed.out.splitlines() if line.strip()]
    assert lines[0][:3] == ["Drill", "on", "day-09,"]
    assert lines[2] == ["unchanged", "pass", "passed"]
    assert lines[3][:5] == ["nulls-all", lines[3][1], "be", "caught", "caught"]
    assert lines[3][5:] == ["null", lines[3][1]]
    assert lines[4] == ["labels-flipped-10-x7", "outcome", "slipped"]
    assert lines[5] == ["1", "passed,", "1", "caught,", "1", "slipped"]


@pytest.mark.usefixtures("inside")
def test_what_must_be_caught_and_slips_exits_with_4(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = Fault("blind", lambda case: case.rows.iloc[::-1], "catch", "a fault no check can see")
    monkeypatch.setitem(CATALOGUE, "blind", blind)  # type: ignore[arg-type]
    path = tmp_path / "reports/drill.json"
    command = ["drill", "--only", "blind", "empty-file", "--json", str(path)]
    assert cli.main(command) == 4
    printed = capsys.readouterr()
    assert printed.err.startswith(
        "ratchet drill: 1 of 2 faults slipped that must be caught: blind\n"
    )
    content = json.loads(path.read_text())
    assert content["outcomes"] == {"caught": 1, "slipped": 1}
    caught, slipped = content["faults"]
    assert caught["failures"] == [
        {
            "code": "empty",
            "column": "",
            "message": "the file has no content",
            "count": 0,
            "examples": [],
        }
    ]
    assert (slipped["fault"], slipped["must"], slipped["wrong"]) == ("blind", "catch", True)
    assert cli.main([*command, "--may-slip", "blind"]) == 0


def test_a_harmless_change_that_is_refused_is_wrong_too(filled: Shop) -> None:
    strict = Fault("strict", CATALOGUE["nulls-all"].change, "pass", "a test")
    done = drill(filled, strict)
    assert done.findings[0].outcome == "refused"
    with pytest.raises(BlockedError, match="1 of 1 faults were refused though they do no harm"):
        report.refuse(done)


def test_the_list_needs_no_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    assert cli.main(["drill", "--list"]) == 0
    printed = capsys.readouterr().out
    for name, fault in CATALOGUE.items():
        assert f" {name} " in printed
        assert fault.imitates in printed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--only", "--may-slip"])
def test_an_unknown_fault_exits_with_2(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["drill", option, "column-renamd"]) == 2
    assert "did you mean column-renamed?" in capsys.readouterr().err


def test_a_seed_counts_from_0(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["drill", "--seed", "-1"])
    assert caught.value.code == 2
    assert "'-1' is not a whole number from 0 on" in capsys.readouterr().err
