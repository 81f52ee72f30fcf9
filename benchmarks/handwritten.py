"""What `ratchet validate` checks, as one would write it by hand in pandas: a column at a time.

    python handwritten.py FOLDER SCHEMA NAME

Reads all CSV files of FOLDER and holds them against SCHEMA. Writes the ids of the bad batches to
NAME.json and the rows of the others to NAME.parquet.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML


def main(folder: Path, schema_file: Path, name: Path) -> None:
    schema = YAML(typ="safe").load(schema_file.read_text())
    columns = schema["columns"]
    parts = {path.stem: pd.read_csv(path) for path in sorted(folder.glob("*.csv"))}
    bad = {batch for batch, part in parts.items() if set(part.columns) != set(columns)}
    bad |= {
        batch
        for batch, part in parts.items()
        if not schema["rows"]["min"] <= len(part) <= schema["rows"]["max"]
    }
    rows = pd.concat([part.assign(batch=batch) for batch, part in parts.items()], ignore_index=True)
    for column, rules in columns.items():
        null = rows[column].isna()
        share = null.groupby(rows["batch"]).mean()
        bad |= set(share.index[share > rules.get("max_null", 0)])
        rows[column] = typed(rows[column], rules["type"])
        wrong = rows[column].isna() & ~null
        if "min" in rules:
            wrong |= rows[column] < rules["min"]
        if "max" in rules:
            wrong |= rows[column] > rules["max"]
        allowed = rules.get("categories") or rules.get("values")
        if allowed:
            wrong |= ~rows[column].isin(allowed) & ~null
        bad |= set(rows["batch"][wrong])
    bad |= set(rows["batch"][rows.duplicated(["batch", *schema["key"]], keep=False)])
    good = rows[~rows["batch"].isin(bad)]
    good.to_parquet(name.with_suffix(".parquet"), compression="zstd", index=False)
    name.with_suffix(".json").write_text(json.dumps(sorted(bad)))


def typed(values: Any, kind: str) -> Any:
    """Give a column its type; a value that can't be read becomes null."""
    if kind == "category":
        return values.astype("str")
    if kind == "date":
        return pd.to_datetime(values, errors="coerce", format="ISO8601")
    numbers = pd.to_numeric(values, errors="coerce")
    return numbers.where(np.isfinite(numbers) & ((kind != "integer") | (numbers % 1 == 0)))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
