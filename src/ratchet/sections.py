"""YAML files as typed, checked values: sections without room for misspelt keys or types."""

import difflib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ratchet.errors import ConfigError, in_one_line


class Section(BaseModel):
    """A part of a configuration file: immutable, and without room for misspelt keys or types.

    A whole number may stand for any number, but neither `true` nor "90" is one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


AnySection = TypeVar("AnySection", bound=Section)


def read_yaml(path: Path, model: type[AnySection]) -> AnySection:
    """Read the YAML file `path` into `model`, reporting every wrong key at once.

    YAML 1.2, as DVC reads it: `no` is a word and not False, and a repeated key is an error.

    Raises ConfigError when the file is absent, isn't YAML, or breaks the model.
    """
    try:
        content = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: no such file; run in the top folder of the repository or name the file"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not valid YAML: {in_one_line(error)}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: must be a mapping of keys to values")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = [f"{path}: {_sentence(found, model)}" for found in error.errors()]
        raise ConfigError("\n".join(lines)) from error


_COMPARISONS = {
    "greater_than_equal": ">= {ge}",
    "greater_than": "> {gt}",
    "less_than_equal": "<= {le}",
    "less_than": "< {lt}",
}


def _sentence(found: ErrorDetails, model: type[Section]) -> str:
    """Say what pydantic found in the words of the file."""
    key = ".".join(str(part) for part in found["loc"] if part != "[key]")
    kind = found["type"]
    if kind == "missing":
        return f"{key} is missing"
    if kind == "extra_forbidden":
        return f"{key} is not a known key ({_allowed(found['loc'], model)})"
    got = f"(got {found['input']!r})"
    if kind in _COMPARISONS:
        bound = _COMPARISONS[kind].format(**found["ctx"])
        return f"{key} must be {bound} {got}"
    if kind == "model_type":
        return f"{key} must be a mapping of keys to values {got}"
    if kind == "value_error":
        return f"{key} {found['ctx']['error']}" if key else str(found["ctx"]["error"])
    message = found["msg"].removeprefix("Input should be ")
    return f"{key} must be {message} {got}"


def _allowed(location: tuple[int | str, ...], model: type[Section]) -> str:
    """Name the keys that may stand at `location`, with a guess at the one that was meant."""
    here: Any = model
    for part in location[:-1]:
        fields = {field.alias or name: field for name, field in here.model_fields.items()}
        if part in fields:
            # No section: `part` is a name inside a mapping such as schema.yaml's `columns`.
            here = _section(fields[part].annotation) or here
    names = [field.alias or name for name, field in here.model_fields.items()]
    meant = difflib.get_close_matches(str(location[-1]), names, n=1)
    guess = f"did you mean {meant[0]}? " if meant else ""
    return f"{guess}allowed: {', '.join(names)}"


def _section(annotation: Any) -> Any:
    """Return the section in an annotation such as `Budget` or `dict[str, Column]`, or None."""
    inner = [annotation, *getattr(annotation, "__args__", ())]
    return next((each for each in inner if hasattr(each, "model_fields")), None)
