"""The imports of modules, read from their source."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ratchet import code

MODULES = {
    "cli": "def run():\n    from ratchet.stages import fit\n",
    "stages.fit": "import os\nimport ratchet.data.rows\nfrom ratchet.errors import Wrong\n",
    "data.rows": "import numpy\nfrom ratchet.data import typed as kinds\n",
    "data.typed": "from ratchet.data.rows import Rows\nfrom ratchets.errors import Other\n",
    "errors": "class Wrong(Exception): pass\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of the same name with five modules, two of which import each other."""
    for name, text in MODULES.items():
        path = tmp_path.joinpath("ratchet", *name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        (path.parent / "__init__.py").touch()
    monkeypatch.setattr(code, "_TOP", tmp_path)
    code.imports_of.cache_clear()
    yield tmp_path / "ratchet"
    code.imports_of.cache_clear()


@pytest.mark.parametrize(
    ("module", "imports"),
    [
        ("cli", {"stages.fit"}),
        ("stages.fit", {"data.rows", "errors"}),
        ("data.rows", {"data.typed"}),
        ("data.typed", {"data.rows"}),
        ("errors", set()),
    ],
)
@pytest.mark.usefixtures("package")
def test_first_party_imports_are_found_in_every_spelling(module: str, imports: set[str]) -> None:
    assert code.imports_of(f"ratchet.{module}") == {f"ratchet.{name}" for name in imports}


@pytest.mark.usefixtures("package")
def test_the_closure_goes_all_the_way_and_ends_in_a_circle() -> None:
    assert code.closure("ratchet.stages.fit") == [
        "ratchet.data.rows",
        "ratchet.data.typed",
        "ratchet.errors",
        "ratchet.stages.fit",
    ]


def hash_after(path: Path, text: str) -> str:
    path.write_text(text)
    code.imports_of.cache_clear()
    return code.code_hash("ratchet.stages.fit")


def test_the_hash_follows_every_module_that_runs_and_no_other(package: Path) -> None:
    before = code.code_hash("ratchet.stages.fit")
    assert hash_after(package / "cli.py", "pass\n") == before
    assert hash_after(package / "data/typed.py", MODULES["data.typed"] + "# more\n") != before
    assert hash_after(package / "data/typed.py", MODULES["data.typed"]) == before
    assert hash_after(package / "data/rows.py", "") != before


@pytest.mark.usefixtures("package")
def test_an_unknown_module_is_refused() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"ratchet\.absent is not a module of ratchet"):
        code.closure("ratchet.absent")


@pytest.mark.usefixtures("package")
def test_packages_and_other_names_have_no_file() -> None:
    assert code.file_of("ratchet.data") is None
    assert code.file_of("numpy") is None


def test_what_judges_a_batch_is_known() -> None:
    assert {"ratchet.data.contract", "ratchet.data.parse", "ratchet.data.schema"} <= set(
        code.closure("ratchet.data.contract")
    )
