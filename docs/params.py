"""Write docs/params.md, the map of params.yaml and schema.yaml: `make docs`.

Meaning, type and range come from the models, the values from the repository's own files.
"""

import types
import typing
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from ruamel.yaml import YAML

from ratchet.config import Params
from ratchet.data.schema import Schema
from ratchet.files import write_text

Model = type[BaseModel]

TOP = Path(__file__).parents[1]
PAGE = TOP / "docs/params.md"
INTRO = """\
# Every key, and what it means

`make docs` writes this page from `src/ratchet/config.py` and `src/ratchet/data/schema.py`. What
stands under "here" is this repository's value, the sample's. "Must be there" has no default; a key
that isn't on this page is refused.
"""
_NAMES: dict[Any, str] = {
    int: "whole number",
    float: "number",
    str: "text",
    bool: "true or false",
    Any: "anything",
    type(None): "empty",
}
_BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
_LONGEST = 60  # characters of a value


def page() -> str:
    """Return the page."""
    parts = [INTRO]
    for model, name in ((Params, "params.yaml"), (Schema, "schema.yaml")):
        values = YAML(typ="safe").load(TOP / name)
        parts += [f"## {name}\n", *_parts(model, "", values, {})]
    return "\n".join(parts)


def _parts(model: Model, path: str, values: Any, told: dict[Model, str]) -> Iterator[str]:
    """Yield the table of a section, then those of the sections in it; each model is told once."""
    if path:
        yield f"### `{path}`\n\n{_about(model)}\n"
    yield "| key | meaning | allowed | here | default |\n|---|---|---|---|---|"
    values = values if isinstance(values, Mapping) else {}
    held = Counter(_section(field.annotation)[0] for field in model.model_fields.values())
    inner: dict[str, tuple[Model, Any]] = {}
    for name, field in model.model_fields.items():
        key = field.alias or name
        here, allowed = values.get(key), _allowed(field)
        section, many = _section(field.annotation)
        if section:
            one = held[section] == 1 and not many and section not in told
            if section not in told:
                parts = [path, *([key] if many or one else []), *([] if one else ["NAME"])]
                told[section] = ".".join(filter(None, parts))
                inner[told[section]] = (section, here if one else None)
            place = told[section]
            allowed = f"the keys of [`{place}`](#{_anchor(place)})"
            here = None if one or many else here
        cells = (f"`{key}`", _meaning(field, section), allowed, _shown(here), _default(field))
        yield f"| {' | '.join(cells)} |"
    yield ""
    for place, (section, here) in inner.items():
        yield from _parts(section, place, here, told)


def _about(model: Model) -> str:
    text = (model.__doc__ or "").strip().replace("\n    ", "\n")
    return " ".join(text.split("\n\n")[0].split())


def _meaning(field: FieldInfo, section: Model | None) -> str:
    text = field.description or (_about(section) if section else "")
    return text.rstrip(".").replace("|", "\\|")


def _section(annotation: Any) -> tuple[Model | None, bool]:
    """Return the section that a field holds, and whether it holds many of them by name."""
    for each in (annotation, *typing.get_args(annotation)):
        if isinstance(each, type) and issubclass(each, BaseModel):
            return each, typing.get_origin(annotation) is dict
    return None, False


def _allowed(field: FieldInfo) -> str:
    bounds = [
        f"{sign} {getattr(limit, bound)}"
        for limit in field.metadata
        for bound, sign in _BOUNDS.items()
        if getattr(limit, bound, None) is not None
    ]
    if any(getattr(limit, "min_length", None) for limit in field.metadata):
        bounds.append("not empty")
    return ", ".join([_spelt(field.annotation), *bounds])


def _spelt(annotation: Any) -> str:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return " \\| ".join(f"`{each}`" for each in inner)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(_spelt(each) for each in inner)
    if origin in (list, tuple):
        return f"list of {_spelt(inner[0])}"
    if origin is dict:
        return f"mapping of {_spelt(inner[0])} to {_spelt(inner[1])}"
    return _NAMES.get(annotation, str(annotation))


def _shown(value: Any) -> str:
    """Return a value as YAML in one line, cut where it is long."""
    if value is None:
        return ""
    text = _flow(value)
    return f"`{text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'}`".replace("|", "\\|")


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be there"
    found = field.get_default(call_default_factory=True)
    if isinstance(found, BaseModel):
        return "its own defaults"
    return "empty" if found is None else _shown(found) or "empty"


def _anchor(place: str) -> str:
    return "".join(sign for sign in place.lower() if sign.isalnum() or sign in "_-")


if __name__ == "__main__":
    write_text(PAGE, page())
