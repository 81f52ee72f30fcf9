"""`params.yaml`: what is accepted, and how every wrong key is named."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from string import ascii_letters, digits
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shop import PARAMS

from ratchet.config import Params, load_params
from ratchet.errors import ConfigError
from ratchet.sections import Section, read_yaml

PROJECT = Path(__file__).parents[2]


def keys_of(content: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path to each key that params.yaml must have."""
    for key, value in content.items():
        yield (*path, key)
        # Below `parameters` are the learner's keys, below `metrics` rules that may be left out.
        if isinstance(value, dict) and key not in ("parameters", "metrics"):
            yield from keys_of(value, (*path, key))


KEYS = list(keys_of(PARAMS))


def section_at(content: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    for part in path:
        content = content[part]
    return content


def refusal(folder: Path, content: Any) -> str:
    """Return what is said about a params.yaml with this content, without the folder's name."""
    path = folder / "params.yaml"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(ConfigError) as caught:
        load_params(path)
    return str(caught.value).replace(f"{path}", "params.yaml")


def changed(where: str, value: Any) -> dict[str, Any]:
    content = copy.deepcopy(PARAMS)
    *path, key = where.split(".")
    section_at(content, tuple(path))[key] = value
    return content


def test_the_repository_has_valid_params() -> None:
    params = load_params(PROJECT / "params.yaml")
    assert params.train.estimator in params.train.parameters


def test_all_values_arrive(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(json.dumps(PARAMS))
    assert load_params(path).model_dump(by_alias=True, exclude_unset=True) == PARAMS


@pytest.mark.parametrize("path", KEYS, ids=".".join)
def test_a_missing_key_is_named(tmp_path: Path, path: tuple[str, ...]) -> None:
    content = copy.deepcopy(PARAMS)
    del section_at(content, path[:-1])[path[-1]]
    assert refusal(tmp_path, content) == f"params.yaml: {'.'.join(path)} is missing"


@pytest.mark.parametrize(
    ("where", "says"),
    [
        (
            "windwo",
            "windwo is not a known key (did you mean window? "
            "allowed: task, source, window, validate, train, evaluate, trigger, drill, gate)",
        ),
        (
            "window.holduot",
            "window.holduot is not a known key (did you mean holdout? "
            "allowed: train, holdout, reference, pool)",
        ),
        (
            "validate.njobs",
            "validate.njobs is not a known key (did you mean n_jobs? "
            "allowed: max_quarantined, n_jobs, checks)",
        ),
        (
            "train.budget.gpus",
            "train.budget.gpus is not a known key "
            "(allowed: max_rows, max_seconds, max_memory_mb, n_jobs)",
        ),
        (
            "evaluate.bootstrap.sede",
            "evaluate.bootstrap.sede is not a known key (did you mean seed? "
            "allowed: replicates, confidence, seed)",
        ),
    ],
)
def test_a_misspelt_key_is_named_with_the_allowed_ones(
    tmp_path: Path, where: str, says: str
) -> None:
    assert refusal(tmp_path, changed(where, 1)) == f"params.yaml: {says}"


@settings(max_examples=25)
@given(
    path=st.sampled_from([(), ("window",), ("train",), ("train", "budget"), ("evaluate",)]),
    key=st.text(ascii_letters + digits + "_-. ", min_size=1),
)
def test_no_key_is_ignored(scratch: Path, path: tuple[str, ...], key: str) -> None:
    content = copy.deepcopy(PARAMS)
    assume(key not in section_at(content, path))
    section_at(content, path)[key] = 1
    assert f"{'.'.join([*path, key])} is not a known key" in refusal(scratch, content)


@pytest.mark.parametrize(
    ("where", "value", "says"),
    [
        ("window.train", 0, "window.train must be >= 1 (got 0)"),
        ("window.holdout", -1, "window.holdout must be >= 1 (got -1)"),
        ("window", 5, "window must be a mapping of keys to values (got 5)"),
        ("window.train", None, "window.train must be a valid integer (got None)"),
        ("window.train", True, "window.train must be a valid integer (got True)"),
        ("window.train", "90", "window.train must be a valid integer (got '90')"),
        ("window.train", 90.0, "window.train must be a valid integer (got 90.0)"),
        ("validate.max_quarantined", True, "validate.max_quarantined must be a valid number (got"),
        ("train.budget.max_seconds", "60", "train.budget.max_seconds must be a valid number (got"),
        ("source.url", "", "source.url must"),
        ("validate.max_quarantined", 1.5, "validate.max_quarantined must be <= 1.0 (got 1.5)"),
        ("train.budget.max_seconds", 0, "train.budget.max_seconds must be > 0.0 (got 0)"),
        ("train.parameters.random_forest", 3, "train.parameters.random_forest must be"),
        ("evaluate.slices", "channel", "evaluate.slices must be a valid list (got 'channel')"),
        ("evaluate.threshold", 1, "evaluate.threshold must be < 1.0 (got 1)"),
        ("evaluate.bootstrap.confidence", 0.5, "evaluate.bootstrap.confidence must be > 0.5"),
        ("evaluate.bootstrap.replicates", 1, "evaluate.bootstrap.replicates must be >= 100"),
    ],
)
def test_a_value_out_of_range_is_named_with_the_range(
    tmp_path: Path, where: str, value: Any, says: str
) -> None:
    assert refusal(tmp_path, changed(where, value)).startswith(f"params.yaml: {says}")


def test_a_whole_number_may_stand_where_any_number_may(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(json.dumps(changed("train.budget.max_seconds", 60)))
    assert load_params(path).train.budget.max_seconds == 60.0


def test_all_wrong_keys_are_reported_at_once(tmp_path: Path) -> None:
    content = changed("window", {"trian": 3, "holdout": 0})
    assert refusal(tmp_path, content).splitlines() == [
        "params.yaml: window.train is missing",
        "params.yaml: window.holdout must be >= 1 (got 0)",
        "params.yaml: window.reference is missing",
        "params.yaml: window.pool is missing",
        "params.yaml: window.trian is not a known key "
        "(did you mean train? allowed: train, holdout, reference, pool)",
    ]


@pytest.mark.parametrize("content", ["", "- a", "just words", "3", "null"])
def test_a_file_without_keys_is_refused(tmp_path: Path, content: str) -> None:
    assert refusal(tmp_path, content) == "params.yaml: must be a mapping of keys to values"


@pytest.mark.parametrize("content", ["a: [1", "a: 1\na: 2", "a: 1\n---\nb: 1", "a:\t- b: c", "\0"])
def test_what_is_not_yaml_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    says = refusal(tmp_path, content)
    assert says.startswith("params.yaml: is not valid YAML: ")
    assert "<unicode string>" not in says
    assert "\n" not in says


@given(st.text())
def test_no_text_at_all_brings_a_traceback(scratch: Path, content: str) -> None:
    path = scratch / "params.yaml"
    path.write_text(content, encoding="utf-8", errors="replace")
    with pytest.raises(ConfigError):
        load_params(path)


def test_a_wrongly_encoded_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes("größe: 1".encode("latin-1"))
    with pytest.raises(ConfigError, match="is not valid YAML"):
        load_params(path)


def test_a_missing_file_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"params\.yaml: no such file; run in the top folder"):
        load_params(tmp_path / "params.yaml")


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_params(tmp_path)


def test_no_is_a_word_as_it_is_for_dvc(tmp_path: Path) -> None:
    class Answer(Section):
        word: str
        number: int

    path = tmp_path / "answer.yaml"
    path.write_text("word: no\nnumber: 010\n")  # YAML 1.1 would read False and 8
    assert read_yaml(path, Answer) == Answer(word="no", number=10)


def test_params_cannot_be_changed_on_the_way() -> None:
    params = Params.model_validate(PARAMS)
    with pytest.raises(ValueError, match="frozen"):
        params.window.train = 3  # type: ignore[misc]


def test_every_key_is_explained() -> None:
    def unexplained(section: Any) -> Iterator[str]:
        for name, field in section.model_fields.items():
            if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
                yield from unexplained(field.annotation)
            elif not field.description:
                yield f"{section.__name__}.{name}"

    assert list(unexplained(Params)) == []
