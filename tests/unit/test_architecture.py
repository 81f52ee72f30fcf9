"""The house holds its own rules: imports run one way, and dvc.yaml names what each stage uses."""

import ast
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import COMMANDS
from ruamel.yaml import YAML

from ratchet.cli import gate, history, nights, producer, versions
from ratchet.code import closure, file_of, imports_of
from ratchet.config import Params

PROJECT = Path(__file__).parents[2]
SOURCE = PROJECT / "src/ratchet"
STAGES: dict[str, Any] = YAML(typ="safe").load(PROJECT / "dvc.yaml")["stages"]

# From the front door down; a room imports from the rows below its own. A new room is added here.
LAYERS = [
    {"__main__"},
    {"cli"},
    {"init"},
    {"summary", "predict", "sample", "batch", "calibrate", "replay", "doctor", "orientation"},
    {"nights", "versions"},
    {"gate", "drill", "serving"},
    {"stages"},
    {"artifacts", "checks", "journal"},
    {"data", "scoring", "model", "budget", "code", "proposals", "alone"},
    {"learners"},
    {"config", "files", "git", "programs"},
    {"sections", "round_trip"},
    {"errors", "task"},
]
MAY_IMPORT_DVC = {"ratchet.gate.revisions"}
MOST_LINES = 400
READ_WHEN_IMPORTED = {"ratchet.artifacts.persist": "src/ratchet/artifacts/trusted.txt"}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)


FILES = sorted(path for path in SOURCE.rglob("*.py") if path.name != "__init__.py")
PACKAGES = sorted(SOURCE.rglob("__init__.py"))
MODULES = [module_of(path) for path in FILES]


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported_names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def room(module: str) -> str:
    return module.split(".")[1]


def layer(module: str) -> int:
    found = [number for number, rooms in enumerate(LAYERS) if room(module) in rooms]
    assert found, f"{module}: say in LAYERS where the room {room(module)} stands"
    return found[0]


def edges() -> Iterator[tuple[str, str]]:
    for module in MODULES:
        for imported in sorted(imports_of(module)):
            yield module, imported


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Return names that stand in a circle, or none: what is left when leaves are taken away."""
    left = {name: set(following) for name, following in graph.items()}
    while leaves := [name for name, following in left.items() if not following & left.keys()]:
        for name in leaves:
            del left[name]
    return sorted(left)


# Imports


def test_imports_run_one_way() -> None:
    wrong = [
        f"{module} imports {imported}"
        for module, imported in edges()
        if room(module) != room(imported) and layer(module) >= layer(imported)
    ]
    assert wrong == []


def test_no_imports_run_in_a_circle() -> None:
    assert circle({module: set(imports_of(module)) for module in MODULES}) == []


def test_no_stage_imports_another() -> None:
    wrong = [edge for edge in edges() if {room(module) for module in edge} == {"stages"}]
    assert wrong == []


def test_a_circle_would_be_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["a", "b", "c"]


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_are_absolute_so_that_they_can_be_read(path: Path) -> None:
    relative = [
        node.lineno
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ]
    assert relative == []


def test_no_module_imports_dvc() -> None:
    found = {
        module_of(path)
        for path in FILES
        for node in ast.walk(tree_of(path))
        if any(name.split(".")[0].startswith("dvc") for name in imported_names(node))
    }
    assert found == MAY_IMPORT_DVC


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_no_module_is_too_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", PACKAGES, ids=module_of)
def test_a_package_is_nothing_but_a_docstring(path: Path) -> None:
    # `ratchet.code` doesn't look into them.
    body = tree_of(path).body
    assert len(body) == 1
    assert ast.get_docstring(tree_of(path))


@pytest.mark.sample
def test_the_code_knows_nothing_of_the_sample() -> None:
    schema = YAML(typ="safe").load(PROJECT / "schema.yaml")
    # Words that mean something else to the pipeline as well.
    columns = set(schema["columns"]) - {"date", "distance"}
    found = [
        f"{module_of(path)}:{node.lineno}: {node.value}"
        for path in FILES
        if room(module_of(path)) != "sample"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant)
        and node.value in columns
        # git's name of where a repository was cloned from
        and not (node.value == "origin" and room(module_of(path)) == "proposals")
    ]
    assert found == []
    everyone = {module for module, imported in edges() if imported == "ratchet.sample"}
    assert everyone == {"ratchet.cli.producer"}


# dvc.yaml


def source_of(module: str) -> str:
    path = file_of(module)
    assert path is not None
    return path.relative_to(PROJECT).as_posix()


def options(stage: str) -> dict[str, str]:
    """Return the paths on the stage's command line by option."""
    words = shlex.split(STAGES[stage]["cmd"])[2:]
    return dict(zip(words[::2], words[1::2], strict=True))


def paths(entries: list[Any]) -> set[str]:
    return {next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries}


def test_a_stage_is_a_module_and_a_command() -> None:
    modules = {path.stem for path in FILES if path.parent.name == "stages"}
    assert set(STAGES) == modules
    assert set(STAGES) <= set(COMMANDS)
    for name, stage in STAGES.items():
        assert stage["cmd"].startswith(f"ratchet {name} ")


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_exactly_the_code_that_it_runs(stage: str) -> None:
    named = {path for path in STAGES[stage]["deps"] if path.startswith("src/")}
    modules = closure(f"ratchet.stages.{stage}")
    used = {source_of(module) for module in modules}
    used |= {data for module, data in READ_WHEN_IMPORTED.items() if module in modules}
    advice = [f"add {path}" for path in sorted(used - named)]
    advice += [f"remove {path}" for path in sorted(named - used)]
    assert advice == [], f"dvc.yaml: stages.{stage}.deps: {', '.join(advice)}"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_s_paths_are_its_dependencies_and_outputs(stage: str) -> None:
    inputs = {path for path in STAGES[stage]["deps"] if not path.startswith("src/")}
    outputs = paths(STAGES[stage].get("outs", []) + STAGES[stage].get("metrics", []))
    given = set(options(stage).values())
    folders = {str(Path(path).parent) for path in outputs}
    assert given <= inputs | outputs | folders
    # The lock file says which libraries run; a stage need not read it to depend on it.
    assert inputs - {"requirements/run.txt"} <= given
    assert outputs <= given | {path for path in outputs if str(Path(path).parent) in given}


def test_stages_follow_each_other_without_a_gap() -> None:
    made: set[str] = set()
    for stage in STAGES.values():
        needed = {path for path in stage["deps"] if path.startswith(("data/", "models/"))}
        assert needed - {"data/manifest.csv"} <= made
        made |= paths(stage.get("outs", []) + stage.get("metrics", []))


def params_read(module: str) -> set[str]:
    """Return the sections of params.yaml that a stage reads: the attributes of `params`."""
    path = file_of(module)
    assert path is not None
    tree = tree_of(path)
    attributes = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "params"
    ]
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "params"]
    assert len(names) == len(attributes), f"{module}: hand on sections, not all params"
    fields = Params.model_fields
    return {fields[node.attr].alias or node.attr for node in attributes}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_declares_exactly_the_params_that_it_reads(stage: str) -> None:
    declared, read = set(STAGES[stage]["params"]), params_read(f"ratchet.stages.{stage}")
    advice = [f"add {section}" for section in sorted(read - declared)]
    advice += [f"remove {section}" for section in sorted(declared - read)]
    assert advice == [], f"dvc.yaml: stages.{stage}.params: {', '.join(advice)}"


def test_the_paths_that_commands_default_to_are_those_of_dvc_yaml() -> None:
    known = {"params.yaml", str(producer.TABLE), str(producer.INBOX)}
    # made outside of the DAG
    known |= {str(gate.REPORT), gate.PLACES["drill"], str(nights.CACHE), str(nights.REPORT)}
    known |= {versions.VERDICT, history.RECORD["verdict"], history.LEDGER}
    for stage in STAGES.values():
        known |= paths(stage["deps"] + stage.get("outs", []) + stage.get("metrics", []))
    defaults = {
        str(action.default)
        for parser in COMMANDS.values()
        for action in parser._actions
        if action.type is Path and action.default is not None
    }
    assert defaults <= known
    assert "data/manifest.csv" in defaults


@pytest.mark.sample
def test_the_sample_is_published_to_where_the_pipeline_looks() -> None:
    params = YAML(typ="safe").load(PROJECT / "params.yaml")
    assert Path(params["source"]["url"]) == producer.INBOX


# Importing


def output_of(code: str, folder: Path) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_the_front_door_waits_for_no_library(tmp_path: Path) -> None:
    code = "import sys; before = set(sys.modules); import ratchet.cli.main; print(*sys.modules)"
    loaded = {name.split(".")[0] for name in output_of(code, tmp_path).split()}
    heavy = {"numpy", "pandas", "pandera", "sklearn", "pydantic", "pyarrow", "joblib", "rich"}
    assert loaded & (heavy | {"ruamel", "skops", "scipy", "dvc"}) == set()


@pytest.mark.parametrize("command", ["propose", "alarm", "comment"])
def test_jobs_that_hold_a_token_need_no_package(tmp_path: Path, command: str) -> None:
    # -S: without site-packages. The commands import what they need and stop at what is missing.
    arguments = {"propose": [str(tmp_path)], "alarm": ["--needs", "{"], "comment": ["1"]}[command]
    done = subprocess.run(
        [sys.executable, "-S", "-m", "ratchet", command, *arguments],
        cwd=tmp_path,
        env={"PYTHONPATH": str(PROJECT / "src"), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (2, 5), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("module", ["ratchet.nights.propose", "ratchet.nights.alarm"])
def test_what_proposes_is_standard_library_all_the_way(module: str) -> None:
    used = {
        name.split(".")[0]
        for each in closure(module)
        for node in ast.walk(tree_of(PROJECT / source_of(each)))
        for name in imported_names(node)
    }
    assert used <= sys.stdlib_module_names | {"ratchet"}


@pytest.mark.parametrize("stage", ["fetch", "validate", "evaluate"])
def test_only_train_waits_for_scikit_learn(tmp_path: Path, stage: str) -> None:
    code = f"import sys; import ratchet.stages.{stage}; print(*sys.modules)"
    loaded = {name.split(".")[0] for name in output_of(code, tmp_path).split()}
    assert loaded & {"sklearn", "skops"} == set()


def test_importing_does_nothing(tmp_path: Path) -> None:
    modules = [module for module in MODULES if module != "ratchet.__main__"]
    code = f"""
import importlib, logging, os, signal, sys, threading
state = lambda: (
    logging.root.handlers[:], logging.root.level, threading.active_count(), os.getcwd(),
    [signal.getsignal(each) for each in signal.valid_signals()], sys.excepthook, sys.path[:],
    {{name: os.environ[name] for name in os.environ}},
)
# What libraries do is theirs: they come first.
import joblib, numpy, pandas, pandera.pandas, pyarrow.csv, pyarrow.parquet, pydantic, psutil
import dvc.repo, matplotlib.figure, rich.console, ruamel.yaml, sklearn.ensemble
import sklearn.inspection, skops.io, threadpoolctl
before = state()
for name in {modules!r}:
    importlib.import_module(name)
print(state() == before)
"""
    assert output_of(code, tmp_path) == "True\n"
    assert list(tmp_path.iterdir()) == []
