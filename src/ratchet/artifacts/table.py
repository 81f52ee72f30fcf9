"""Small tables as CSV: the data of plots, and scores for people."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.csv

from ratchet.files import atomic_write

_PLAIN = pyarrow.csv.WriteOptions(quoting_style="needed", quoting_header="needed")


def write_csv(path: Path, columns: Mapping[str, Any]) -> None:
    """Write equally long `columns` to `path`, atomically; floats with all their digits."""
    with atomic_write(path) as partial, partial.open("wb") as file:
        print_csv(file, columns)


def print_csv(file: BinaryIO, columns: Mapping[str, Any]) -> None:
    """Write equally long `columns` to an open binary file."""
    pyarrow.csv.write_csv(pa.table(dict(columns)), file, _PLAIN)
