"""The fetch stage under DVC, in real git and DVC repositories, with source and remote in S3."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import warm
from ruamel.yaml import YAML
from s3_night import ROOT, client_of, put
from seaweed import Seaweed


class Repository:
    """A clone with the real fetch stage; commands run as a person would type them."""

    def __init__(self, folder: Path, home: Path, s3_env: dict[str, str]) -> None:
        self.folder = folder
        self.env = {
            "PATH": f"{warm.programs()}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "PYTHONPATH": str(ROOT / "src"),
            **{
                f"GIT_{who}_{what}": "test@example.org"
                for who in ("AUTHOR", "COMMITTER")
                for what in ("NAME", "EMAIL")
            },
            **s3_env,
        }

    def run(self, *command: str, code: int = 0, **environment: str) -> str:
        """Run a command and return what it printed."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.env | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def read(self) -> dict[str, bytes]:
        """Return the content of all that fetch made, and of its lock."""
        raw = {path.name: path.read_bytes() for path in (self.folder / "data/raw").iterdir()}
        return {**raw, "dvc.lock": (self.folder / "dvc.lock").read_bytes()}

    def clone(self, folder: Path, revision: str) -> "Repository":
        self.run("git", "clone", "-q", ".", str(folder))
        made = Repository(folder, Path(self.env["HOME"]), {})
        made.env = self.env
        made.run("git", "checkout", "-q", revision)
        return made


@pytest.fixture
def repository(s3_env: dict[str, str], prefix: str, tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "first", tmp_path / "home", s3_env)
    made.folder.mkdir()
    Path(made.env["HOME"]).mkdir()
    shutil.copytree(ROOT / "src", made.folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in (".gitignore", ".dvcignore"):
        shutil.copy(ROOT / name, made.folder)
    yaml = YAML(typ="safe", pure=True)
    stages = yaml.load((ROOT / "dvc.yaml").read_text())["stages"]
    with (made.folder / "dvc.yaml").open("w") as file:
        yaml.dump({"stages": {"fetch": stages["fetch"]}}, file)
    params = yaml.load((ROOT / "params.yaml").read_text())
    params["source"] = {"url": f"s3://${{DATA_BUCKET}}/{prefix}", "pattern": "*.csv"}
    params["window"] = {"train": 3, "holdout": 1, "reference": 0, "pool": 1}
    with (made.folder / "params.yaml").open("w") as file:
        yaml.dump(params, file)
    made.env["DATA_BUCKET"] = "incoming"
    for command in (
        "git init -q -b main",
        "dvc init -q",
        f"dvc remote add -q -d storage s3://dvc/{prefix}",
        "dvc remote modify -q storage verify true",
    ):
        made.run(*command.split())
    return made


def commit(repository: Repository) -> None:
    repository.run("git", "add", "-A")
    repository.run("git", "commit", "-q", "-m", "night")


def test_old_commit_on_an_empty_machine_gives_the_same_bytes_whatever_happened_to_the_bucket(
    server: Seaweed, repository: Repository, prefix: str, tmp_path: Path
) -> None:
    versions = {
        day: put(server, "incoming", f"{prefix}{day}.csv", b"a\n%d\n" % day) for day in range(1, 5)
    }
    assert "4 new" in repository.run("ratchet", "discover")
    assert "4 of 4 batches fetched" in repository.run("dvc", "repro")
    commit(repository)
    repository.run("dvc", "push", "-q")
    before = repository.read()

    # The next night, and what may befall a bucket.
    put(server, "incoming", f"{prefix}5.csv", b"a\n5\n")
    put(server, "incoming", f"{prefix}2.csv", b"overwritten\n")
    client = client_of(server)
    client.delete_object(Bucket="incoming", Key=f"{prefix}3.csv")
    client.delete_object(Bucket="incoming", Key=f"{prefix}4.csv", VersionId=versions[4])
    told = repository.run("ratchet", "discover")
    assert "1 new: 5" in told
    assert "changed upstream: 2" in told
    assert "gone upstream: 3 4" in told
    # 1 leaves the window of four, 5 enters it.
    assert "1 of 4 batches fetched" in repository.run("dvc", "repro")
    commit(repository)

    old = repository.clone(tmp_path / "second", "HEAD~1")
    told = old.run("dvc", "repro")
    assert "fetch: 4 came from DVC's cache or remote, as pinned" in told
    assert "deleted for good" in told
    for day in (1, 2, 3):
        assert f"{day} came from" not in told
    assert old.read() == before
    assert old.run("git", "status", "--porcelain") == ""

    # Nothing changed: no network, even if something is amiss with it.
    nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "nobody"}
    assert "up to date" in old.run("dvc", "repro", **nowhere)
    assert "0 of 4" in old.run("dvc", "repro", "--force", **nowhere)

    # And with the remote's help alone, where the source is another's.
    third = repository.clone(tmp_path / "third", "HEAD~1")
    third.run("dvc", "pull", "-q", AWS_MAX_ATTEMPTS="1")
    assert third.read() == before


def test_what_nobody_has_any_more_is_named(
    server: Seaweed, repository: Repository, prefix: str, tmp_path: Path
) -> None:
    version = put(server, "incoming", f"{prefix}1.csv", b"a\n1\n")
    put(server, "incoming", f"{prefix}2.csv", b"a\n2\n")
    repository.run("ratchet", "discover")
    repository.run("dvc", "repro")
    commit(repository)
    client_of(server).delete_object(Bucket="incoming", Key=f"{prefix}1.csv", VersionId=version)

    # Not pushed, and another machine: only the source has it, and the source has not.
    other = repository.clone(tmp_path / "second", "HEAD")
    told = other.run("dvc", "repro", code=255)
    assert f"s3://incoming/{prefix}1.csv: is pinned in a version that was deleted" in told
    assert "why DVC has no copy either" in told
    assert [path.name for path in (other.folder / "data/raw").iterdir()] == ["2.csv"]

    repository.run("dvc", "push", "-q")
    assert "fetch: 1 came from DVC's cache or remote" in other.run("dvc", "repro")
    assert other.read() == repository.read()


def test_overwritten_key_without_versions_lives_on_in_dvc(
    server: Seaweed, repository: Repository, prefix: str, tmp_path: Path
) -> None:
    params = repository.folder / "params.yaml"
    params.write_text(params.read_text().replace(prefix, f"{prefix}daily.csv"))
    repository.env["DATA_BUCKET"] = "plain"
    for day in (b"a\n1\n", b"a\n2\n", b"a\n3\n"):
        put(server, "plain", f"{prefix}daily.csv", day)
        told = repository.run("ratchet", "discover")
        assert "1 new" in told
        repository.run("dvc", "repro")
        commit(repository)
    assert "keeps no versions" in told
    repository.run("dvc", "push", "-q")

    other = repository.clone(tmp_path / "second", "HEAD")
    told = other.run("dvc", "repro")
    assert told.count("came from DVC's cache or remote, as pinned") == 2
    assert other.read() == repository.read()
