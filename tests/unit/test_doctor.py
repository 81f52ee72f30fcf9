"""What the doctor finds, without the network."""

import json
import shutil
from pathlib import Path

import pytest
from shop import Shop, rows_of

from ratchet.data.manifest import read_manifest
from ratchet.doctor import batches, machine, run, workflows
from ratchet.doctor.finding import Finding, State, fail, ok, warn
from ratchet.errors import ConfigError, DataError, EvidenceError, RatchetError
from ratchet.git import git, signature

PROJECT = Path(__file__).parents[2]


def by_check(findings: list[Finding]) -> dict[str, Finding]:
    assert all(each.way_out for each in findings if each.state in (State.WARN, State.FAIL))
    return {each.check: each for each in findings}


# The machine


def test_the_locked_environment_is_held_against_what_is_installed(tmp_path: Path) -> None:
    lock = tmp_path / "run.txt"
    assert machine.environment(PROJECT / "requirements/run.txt").state != State.FAIL
    hash_ = "    --hash=sha256:00"
    lock.write_text(
        f'# made by a tool\nnumpy==0.1 \\\n{hash_}\nnope==1 ; sys_platform == "never" \\\n{hash_}\n'
    )
    other = machine.environment(lock)
    assert other.state == State.WARN
    assert "1 of 1 packages" in other.found
    assert " for 0.1" in other.found
    lock.write_text(f"not-a-package==1 \\\n{hash_}\n")
    absent = machine.environment(lock)
    assert (absent.state, absent.found) == (State.FAIL, "not installed: not-a-package")
    assert machine.environment(tmp_path / "absent").kind is EvidenceError


def test_git_s_state_is_told(tmp_path: Path) -> None:
    assert by_check(machine.git(tmp_path))["git"].state == State.FAIL
    top = tmp_path / "top"
    git(tmp_path, "init", "--quiet", "--initial-branch", "main", "top")
    (top / "file").write_text("1")
    git(top, "add", "file")
    git(top, "commit", "--quiet", "--message", "first", **signature(top))
    found = by_check(machine.git(top))
    assert found["git"].state == State.OK
    assert "follows no branch" in found["branch main"].found
    git(tmp_path, "clone", "--quiet", "top", "clone")
    assert by_check(machine.git(tmp_path / "clone"))["branch main"].found == "follows origin/main"
    (top / "file").write_text("2")
    git(top, "branch", "--move", "other")
    found = by_check(machine.git(top))
    assert found["git"].found == "not committed: file"
    assert "no such branch" in found["branch main"].found
    (top / ".git/index").write_text("no index")
    assert by_check(machine.git(top))["git"].kind is EvidenceError
    (top / "inner").mkdir()
    assert "top folder" in by_check(machine.git(top / "inner"))["git"].found


@pytest.mark.parametrize(
    ("answer", "cache", "remote"),
    [
        ({}, "", ""),
        ({"not_in_remote": ["data/raw/"]}, "", "`dvc push`"),
        ({"not_in_cache": ["data/raw/"]}, "`dvc pull` brings", ""),
        ({"not_in_cache": ["a"], "not_in_remote": ["a"]}, "`dvc repro` makes", "`dvc push`"),
    ],
)
def test_what_dvc_lacks_has_a_way_out(
    answer: dict[str, list[str]], cache: str, remote: str
) -> None:
    found = [machine._of_cache(answer), machine._of_remote("s3", "s3://bucket/dvc", answer)]
    for finding, way_out in zip(found, (cache, remote), strict=True):
        assert finding.state == (State.WARN if way_out else State.OK)
        assert finding.way_out.startswith(way_out)
    assert machine._of_remote("", "", answer).state == State.WARN


def test_a_folder_without_dvc_is_told(tmp_path: Path) -> None:
    [found] = machine.dvc(tmp_path)
    assert (found.state, found.kind) == (State.FAIL, ConfigError)


# The data


def look(shop: Shop) -> dict[str, Finding]:
    found = by_check(batches.look(shop.params_file, shop.schema_file, shop.manifest, shop.raw))
    return {Path(check).name: finding for check, finding in found.items()}


def test_data_in_order_ask_for_nothing(evaluated: Shop) -> None:
    found = look(evaluated)
    assert {name: finding.state for name, finding in found.items()} == dict.fromkeys(
        ("params.yaml", "schema.yaml", "source", "window", "newest batch"), State.OK
    )
    assert "6 batches, the newest is day-06" in found["source"].found
    assert found["newest batch"].found == "day-06 keeps the contract: 60 rows"


def test_one_big_file_is_not_taken_for_a_batch(shop: Shop) -> None:
    big = shop.root / "all.csv"
    big.write_text("date,late\n2026-03-01,1\n")
    shop.params["source"] |= {"url": str(big), "split": "month"}
    shop.configure()
    told = look(shop)["source"]
    assert told.state == State.OK
    assert told.found == f"{big} can be read; `ratchet discover` cuts it by month"


def test_a_newest_batch_that_breaks_the_contract_fails_until_a_person_takes_it(shop: Shop) -> None:
    shop.deliver(1, 2, 3)
    shop.deliver_rows(4, [{**row, "channel": "fax"} for row in rows_of("day-04")])
    shop.configure()
    shop.discover()
    shop.fetch()
    shop.deliver(5)
    found = look(shop)
    assert found["newest batch"].kind is DataError
    assert "value channel: not among the values" in found["newest batch"].found
    assert found["window"].state == State.WARN
    assert found["source"].found.endswith("1 not pinned yet")
    last = read_manifest(shop.manifest)[-1]
    shop.repin(type(last)(**{**vars(last), "override": "accept", "note": "new desk"}))
    assert look(shop)["newest batch"].state == State.WARN


def test_an_empty_start_says_what_is_lacking(shop: Shop) -> None:
    shop.configure()
    shop.schema_file.write_text("target: 1")
    found = look(shop)
    assert found["schema.yaml"].kind is ConfigError
    assert (found["source"].state, found["source"].kind) == (State.FAIL, EvidenceError)
    assert (found["window"].state, found["window"].kind) == (State.FAIL, DataError)


# The workflows


def test_the_names_that_jobs_use_are_those_of_the_docs() -> None:
    page = (PROJECT / "docs/github.md").read_text(encoding="utf-8")
    for need in workflows.needs(PROJECT / workflows.FOLDER):
        where = (
            f" --env {need.environment}" if need.name not in ("AWS_REGION", "DATA_BUCKET") else ""
        )
        kind = {"vars": "variable", "secrets": "secret"}[need.kind]
        assert f"gh {kind} set {need.name}" in page
        assert need.environment == "" or f"`{need.environment}`" in page, where
    assert all(f"`{name}`" in page for name in workflows.OPTIONAL)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with these workflows, and a `gh` that answers from the file `answers.json`."""
    top = tmp_path / "top"
    (top / workflows.FOLDER).parent.mkdir(parents=True)
    (top / workflows.FOLDER).symlink_to(PROJECT / workflows.FOLDER)
    program = tmp_path / "bin/gh"
    program.parent.mkdir()
    program.write_text(
        "#!/usr/bin/env python3\n"
        "import json, pathlib, sys\n"
        f"answers = json.loads(pathlib.Path({str(tmp_path / 'answers.json')!r}).read_text())\n"
        "path = sys.argv[4].removeprefix('repos/acme/model/')\n"
        "sys.exit(print(json.dumps(answers[path])) if path in answers else 'HTTP 404')\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/model")
    return top


def answers(top: Path, *, lacking: str = "", state: str = "active") -> None:
    """Let GitHub have all that the jobs need, for the environments, but for one name."""
    wanted = workflows.needs(top / workflows.FOLDER)
    found: dict[str, object] = {"actions/workflows/nightly.yml": {"state": state}}
    for environment in {"", *(need.environment for need in wanted)}:
        for kind, plural in (("vars", "variables"), ("secrets", "secrets")):
            place = f"environments/{environment}" if environment else "actions"
            names = [
                {"name": need.name}
                for need in wanted
                if (need.environment, need.kind) == (environment, kind) and need.name != lacking
            ]
            found[f"{place}/{plural}"] = {plural: names}
    (top.parent / "answers.json").write_text(json.dumps(found))


def test_github_is_asked_for_what_the_jobs_need(repository: Path) -> None:
    answers(repository)
    assert {each.state for each in workflows.look(repository)} == {State.OK}
    answers(repository, lacking="APP_PRIVATE_KEY", state="disabled_inactivity")
    found = by_check(workflows.look(repository))
    assert "APP_PRIVATE_KEY (propose)" in found["workflows"].found
    assert "`gh secret set APP_PRIVATE_KEY --env propose`" in found["workflows"].way_out
    assert "disabled_inactivity" in found["schedule"].found
    assert found["schedule"].way_out == "`gh workflow enable nightly.yml`"


def test_who_isn_t_signed_in_is_told_the_command(repository: Path) -> None:
    (repository.parent / "answers.json").write_text("{}")
    found = workflows.look(repository)
    assert {each.state for each in found} == {State.UNASKED}
    assert all("gh auth login" in each.way_out for each in found)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("jobs: [", "is not valid YAML"),
        ("", "must be a mapping of keys to values"),
        ("on: push", "jobs is missing"),
        ("jobs: {test: }", "jobs.test must be a valid dictionary (got None)"),
    ],
)
def test_a_broken_workflow_is_named(repository: Path, text: str, says: str) -> None:
    folder = repository / workflows.FOLDER
    folder.unlink()
    shutil.copytree(PROJECT / workflows.FOLDER, folder)
    (folder / "mine.yml").write_text(text)
    [found] = workflows.look(repository)
    assert (found.check, found.state) == ("workflows", State.FAIL)
    assert "workflows/mine.yml" in found.found
    assert says in found.found
    assert "git diff" in found.way_out


# All together


@pytest.mark.parametrize("kind", [ConfigError, DataError, EvidenceError])
def test_the_first_failure_gives_the_exit_code(kind: type[RatchetError]) -> None:
    run.refuse([ok("a", ""), warn("b", "", "do")])
    with pytest.raises(kind, match=r"2 of 3 checks failed: b, c; "):
        run.refuse([ok("a", ""), fail("b", "", "do", kind), fail("c", "", "do")])


def test_the_table_shows_what_bad_data_hold_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    found = [fail("a", "odd [/b] :x:", "mend [it]")]
    run.show(found)
    printed = capsys.readouterr().out
    assert "odd [/b] :x:" in printed
    assert "→ mend [it]" in printed
    assert json.loads(run.to_json(found))[0]["state"] == "fail"
