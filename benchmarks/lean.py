"""The night's work in one process, without pipeline: the least that the same model can cost.

    python lean.py WINDOW PARAMS SCHEMA MODEL

WINDOW is one Parquet file with the typed rows of all batches. Reads it, fits the model of
params.yaml, scores the holdout, puts intervals around the metrics, dumps the model with joblib.
"""

import sys
from pathlib import Path

import joblib
import pyarrow.compute as pc
import pyarrow.parquet as pq
from threadpoolctl import threadpool_limits

from ratchet.config import load_params
from ratchet.data.features import feature_frame
from ratchet.data.schema import load_schema
from ratchet.model import build_estimator
from ratchet.scoring.bootstrap import intervals


def main(window: Path, params_file: Path, schema_file: Path, model: Path) -> None:
    params, schema = load_params(params_file), load_schema(schema_file)
    rows = pq.read_table(window)
    newest = rows["batch"].unique().sort()[-params.window.holdout :]
    judges = pc.is_in(rows["batch"], newest)
    teaching, judging = rows.filter(pc.invert(judges)), rows.filter(judges)
    target = schema.target
    y_train, y = (
        pc.equal(part[target.column], target.positive).to_numpy() for part in (teaching, judging)
    )
    with threadpool_limits(limits=1):
        estimator = build_estimator(params.train, schema.features, "binary")
        estimator.fit(feature_frame(teaching, schema.features), y_train)
        p = estimator.predict_proba(feature_frame(judging, schema.features))[:, 1]
    draws = params.evaluate.bootstrap
    found = intervals(
        y, p, judging["batch"].to_pylist(), seed=draws.seed, replicates=draws.replicates
    )
    print({name: interval.value for name, interval in found.items()})
    joblib.dump(estimator, model)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
