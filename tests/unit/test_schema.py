"""`schema.yaml`: what a contract may say, and what it may not."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from shop import SCHEMA

from ratchet.data.schema import load_schema
from ratchet.errors import ConfigError

PROJECT = Path(__file__).parents[2]


def changed(where: str, value: Any) -> dict[str, Any]:
    """Return the shop's contract with one value set; `where` is a path such as rows.min."""
    content = copy.deepcopy(SCHEMA)
    here = content
    *path, key = where.split(".")
    for part in path:
        here = here[part]
    here[key] = value
    return content


def refusal(folder: Path, content: dict[str, Any]) -> str:
    path = folder / "schema.yaml"
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigError) as caught:
        load_schema(path)
    return str(caught.value).replace(str(path), "schema.yaml")


def test_the_repository_has_a_valid_schema() -> None:
    schema = load_schema(PROJECT / "schema.yaml")
    assert schema.target.column not in schema.features


def test_the_features_are_the_learnable_columns_but_the_target(tmp_path: Path) -> None:
    path = tmp_path / "schema.yaml"
    path.write_text(json.dumps(SCHEMA))
    assert load_schema(path).features == {
        "channel": "category",
        "amount": "number",
        "items": "integer",
        "member": "boolean",
        "rating": "number",
    }


def test_what_is_not_said_is_strict(tmp_path: Path) -> None:
    path = tmp_path / "schema.yaml"
    path.write_text("target: {column: y, positive: 1}\ncolumns: {y: {type: integer}, x: ")
    path.write_text(path.read_text() + "{type: number}}\n")
    schema = load_schema(path)
    assert (schema.extra_columns, schema.key, schema.time) == ("refuse", [], None)
    assert (schema.rows.min, schema.rows.max) == (1, None)
    assert schema.columns["x"].max_null == 0


@pytest.mark.parametrize(
    ("where", "value", "says"),
    [
        (
            "target.colunm",
            "outcome",
            "target.colunm is not a known key (did you mean column? allowed: column, positive)",
        ),
        (
            "columns.amount.mni",
            3,
            "columns.amount.mni is not a known key (did you mean min? "
            "allowed: type, feature, encoding, min, max, values, categories, max_null)",
        ),
        (
            "colums",
            {},
            "colums is not a known key (did you mean columns? "
            "allowed: target, time, key, weight, format, extra_columns, rows, columns)",
        ),
        (
            "columns.amount.type",
            "float",
            "columns.amount.type must be 'number', 'integer', 'category', 'boolean', 'text' or "
            "'date' (got 'float')",
        ),
        ("columns.amount", None, "columns.amount must be a mapping of keys to values (got None)"),
        ("columns.amount", {}, "columns.amount.type is missing"),
        ("columns.amount.max_null", 2, "columns.amount.max_null must be <= 1.0 (got 2)"),
        ("columns.amount.max", -1, "columns.amount has min 0 above max -1"),
        ("columns.note.min", 1, "columns.note can't have min or max: its type is text"),
        (
            "columns.amount.categories",
            ["a"],
            "columns.amount can't have categories: its type is number; use values",
        ),
        (
            "columns.channel.values",
            ["a"],
            "columns.channel must list its values under categories: its type is category",
        ),
        ("columns.ordered_at.values", ["x"], "columns.ordered_at can't have values: its type is"),
        ("columns.items.values", [1, "2"], "columns.items has '2' among its values, which isn't"),
        ("columns.member.values", [1], "columns.member has 1 among its values, which isn't of"),
        ("columns.note.values", [1], "columns.note has 1 among its values, which isn't of type"),
        ("columns.channel.categories", [], "columns.channel.categories must"),
        ("columns.channel.categories", [1], "columns.channel.categories.0 must be a valid string"),
        ("columns.note.feature", True, "columns.note: a model can't learn from type text; set"),
        ("columns.batch", {"type": "number"}, "columns.batch: `batch` and names with a leading _"),
        ("columns._x", {"type": "number"}, "columns._x: `batch` and names with a leading _ are"),
        ("columns.outcome.max_null", 0.1, "columns.outcome: the target can't be null"),
        ("columns", {}, "columns must"),
        ("target.column", "result", "target.column: result is not one of the columns"),
        ("target.positive", "yes", "target.positive: 'yes' is not among the values of outcome"),
        ("time", "when", "time: when is not one of the columns"),
        ("key", ["order_no", "shop"], "key[1]: shop is not one of the columns"),
        ("weight", "amout", "weight: amout is not one of the columns"),
        ("weight", "order_no", "weight: order_no is the target, the time or part of the key"),
        ("weight", "rating", "columns.rating: a weight can't be null"),
        (
            "weight",
            "channel",
            "columns.channel: a weight is a number; say so, and `min: 0` or more",
        ),
        (
            "columns.amount.encoding",
            "target",
            "columns.amount can't have encoding: its type is num",
        ),
        (
            "columns.note",
            {"type": "category", "encoding": "target", "feature": False},
            "columns.note can't have encoding: it isn't a feature",
        ),
        ("format", {"encoding": "utf-9"}, "format has the encoding 'utf-9', which Python doesn't"),
        (
            "format",
            {"encoding": "base64"},
            "format has the encoding 'base64', which Python doesn't",
        ),
        ("format", {"delimiter": "||"}, "format has the delimiter '||', which must be one char"),
        ("format", {"thousands": ""}, "format has thousands '', which must be one character"),
        ("format", {"thousands": "."}, "format has '.' for both decimal and thousands"),
        ("format", {"date": "DD.MM."}, "format has the date 'DD.MM.' without a directive"),
        ("format", {"true": ["y"], "false": ["Y"]}, "format has 'y' in two of nulls, true and f"),
        ("format", {"nulls": ["F"], "false": ["f"]}, "format has 'f' in two of nulls, true and f"),
        ("format", {"true": []}, "format.true must"),
        ("format", {"decimal": ";"}, "format.decimal must be '.' or ',' (got ';')"),
        ("rows.min", 501, "rows has min 501 above max 500"),
        ("rows.min", 0, "rows.min must be >= 1 (got 0)"),
        ("extra_columns", "drop", "extra_columns must be 'refuse' or 'ignore' (got 'drop')"),
    ],
)
def test_a_contract_that_makes_no_sense_is_refused(
    tmp_path: Path, where: str, value: Any, says: str
) -> None:
    assert refusal(tmp_path, changed(where, value)).startswith(f"schema.yaml: {says}")


def test_words_that_yaml_takes_for_values_are_words_in_a_format(tmp_path: Path) -> None:
    path = tmp_path / "schema.yaml"
    text = json.dumps(SCHEMA)[1:-1].replace("\n", " ")
    words = "{true: [yes, 1], false: [no, 0, false], nulls: [-999, null, 1.5, NA]}"
    path.write_text(f"{{{text}, format: {words}}}")
    found = load_schema(path).format
    assert (found.true, found.false) == (["yes", "1"], ["no", "0", "false"])
    assert found.nulls == ["-999", "null", "1.5", "NA"]


def test_a_weight_is_no_feature_and_a_date_is_not_compared(tmp_path: Path) -> None:
    content = changed("weight", "amount")
    content["columns"]["ordered_at"] = {"type": "date"}
    path = tmp_path / "schema.yaml"
    path.write_text(json.dumps(content))
    schema = load_schema(path)
    assert list(schema.features) == ["ordered_at", "channel", "items", "member", "rating"]
    assert list(schema.compared) == ["channel", "items", "member", "rating"]


@pytest.mark.parametrize("key", ["target", "columns"])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    content = copy.deepcopy(SCHEMA)
    del content[key]
    assert refusal(tmp_path, content) == f"schema.yaml: {key} is missing"


@pytest.mark.parametrize("name", ["type", "values", "min", "feature"])
def test_a_column_may_have_the_name_of_a_key(tmp_path: Path, name: str) -> None:
    says = refusal(tmp_path, changed(f"columns.{name}", {"type": "number", "mox": 3}))
    assert says.startswith(f"schema.yaml: columns.{name}.mox is not a known key (did you mean max?")


def test_a_contract_without_features_is_refused(tmp_path: Path) -> None:
    content = copy.deepcopy(SCHEMA)
    for column in content["columns"].values():
        column["feature"] = False
    assert refusal(tmp_path, content) == "schema.yaml: columns: none is a feature"
    content["columns"]["ordered_at"]["feature"] = True
    assert refusal(tmp_path, content) == "schema.yaml: columns: none but dates is a feature"


def test_the_calendar_of_a_date_needs_its_names(tmp_path: Path) -> None:
    content = changed("columns.ordered_at", {"type": "date"})
    content["columns"]["ordered_at.hour"] = {"type": "integer"}
    assert refusal(tmp_path, content) == (
        "schema.yaml: columns.ordered_at.hour: is taken by the calendar of ordered_at"
    )
