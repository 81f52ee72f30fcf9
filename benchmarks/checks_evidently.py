"""Time Evidently's drift report, in an environment of its own: 0.7 doesn't import with pandas 3.

    python checks_evidently.py REFERENCE CURRENT RUNS CATEGORIES

Two Parquet files; the columns named in CATEGORIES, with commas, are categories, the others
numbers. Prints the median processor seconds of a report as JSON. Loading, imports and a first run
don't count.
"""

import json
import statistics
import sys
import time

import pandas as pd
from evidently import DataDefinition, Dataset, Report  # type: ignore[import-not-found]
from evidently.presets import DataDriftPreset  # type: ignore[import-not-found]


def main(reference: str, current: str, runs: int, categories: list[str]) -> None:
    old, new = pd.read_parquet(reference), pd.read_parquet(current)
    numbers = [name for name in old if name not in categories]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=categories)
    seconds = []
    for _ in range(runs + 1):
        began = time.process_time()
        sets = [Dataset.from_pandas(frame, definition) for frame in (new, old)]
        Report([DataDriftPreset()]).run(*sets)
        seconds.append(time.process_time() - began)
    print(json.dumps(statistics.median(seconds[1:])))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4].split(","))
