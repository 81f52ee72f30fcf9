"""The classic job: read all CSV files of a folder, fit a random forest on one thread, dump it.

python naive.py FOLDER MODEL [HOLDOUT]
"""

import sys
from pathlib import Path

import joblib
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, roc_auc_score


def main(folder: Path, model: Path, holdout: int = 7) -> None:
    """Keep the `holdout` newest days out, as the pipeline does; say how good the forest is."""
    rows = pd.concat([pd.read_csv(path) for path in sorted(folder.glob("*.csv"))])
    judges = rows["date"].isin(sorted(rows["date"].unique())[-holdout:])
    date = pd.to_datetime(rows.pop("date"))
    y = rows.pop("late")
    X = pd.get_dummies(rows.assign(month=date.dt.month, day=date.dt.day))
    forest = RandomForestClassifier(n_estimators=100, n_jobs=1, random_state=0)
    forest.fit(X[~judges], y[~judges])
    p = forest.predict_proba(X[judges])[:, 1]
    auc, accuracy = roc_auc_score(y[judges], p), accuracy_score(y[judges], p > 0.5)
    print(f"AUC {auc:.3f}, accuracy {accuracy:.3f}")
    joblib.dump(forest, model)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
