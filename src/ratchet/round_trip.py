"""A person's YAML file, changed by code: comments, order, quotes and long lines stay."""

import io
from typing import Any

from ruamel.yaml import YAML


def load(text: str) -> Any:
    """Return the content of a YAML file, which knows how it was spelt.

    Raises YAMLError when it isn't YAML.
    """
    return _yaml().load(text)


def dump(content: Any) -> str:
    """Return the text of what `load` has returned, as it was spelt but for what has changed."""
    written = io.StringIO()
    _yaml().dump(content, written)
    return written.getvalue()


def _yaml() -> YAML:
    yaml = YAML()
    yaml.width = 4096  # lines stay as long as they are
    yaml.preserve_quotes = True
    return yaml
