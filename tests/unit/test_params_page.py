"""docs/params.md is what `make docs` writes, and no key goes without a meaning."""

import importlib.util
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from ratchet.config import Params
from ratchet.data.schema import Schema

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generator() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("params_page", PROJECT / "docs/params.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.sample
def test_the_page_is_in_step_with_the_settings(generator: types.ModuleType) -> None:
    page = (PROJECT / "docs/params.md").read_text(encoding="utf-8")
    assert page == generator.page(), "run `make docs` and commit docs/params.md"


def rows(generator: types.ModuleType) -> Iterator[list[str]]:
    for line in generator.page().splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.replace("\\|", "/")[1:-1].split("|")]


def test_every_key_has_a_meaning_and_says_what_is_allowed(generator: types.ModuleType) -> None:
    found = list(rows(generator))
    assert len(found) > 80
    for key, meaning, allowed, _, default in found:
        assert len(meaning.split()) >= 2, f"{key}: give its Field a description"
        assert allowed, key
        assert "<class" not in allowed, f"{key}: name its type in docs/params.py"
        assert default, key


def keys(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield field.alias or name
        for inner in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from keys(inner)


@pytest.mark.parametrize("model", [Params, Schema])
def test_every_key_is_there(generator: types.ModuleType, model: type[BaseModel]) -> None:
    assert {f"`{key}`" for key in keys(model)} <= {row[0] for row in rows(generator)}
