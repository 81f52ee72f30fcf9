"""The holdout's rows with labels and scores."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ratchet.artifacts.scored import read_scored, write_scored
from ratchet.errors import EvidenceError

ROWS = pa.table({"batch": ["a", "a", "b"], "channel": ["web", None, "web"], "label": [7, 8, 9]})
LABEL = np.array([1, 0, 1], dtype=np.int8)
SCORE = np.array([0.1 + 0.2, 1e-300, 1.0])


def test_scores_are_read_to_the_last_bit(tmp_path: Path) -> None:
    write_scored(tmp_path / "scored.parquet", ROWS, LABEL, SCORE)
    found = read_scored(tmp_path / "scored.parquet")
    assert found.score.tobytes() == SCORE.tobytes()
    assert found.label.tolist() == [1, 0, 1]
    assert found.batch.tolist() == ["a", "a", "b"]
    # A column of the data may have any name but `batch`.
    assert found.columns.to_pydict() == {"channel": ["web", None, "web"], "label": [7, 8, 9]}


def test_the_same_scores_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("1", "2"):
        write_scored(tmp_path / name, ROWS, LABEL, SCORE)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_missing_scores_ask_for_train(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"scored\.parquet: no scored rows .*`dvc repro train`"):
        read_scored(tmp_path / "scored.parquet")


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("x")
    pq.write_table(ROWS, tmp_path / "unscored")
    for name in ("text", "unscored"):
        with pytest.raises(EvidenceError, match="no scored rows"):
            read_scored(tmp_path / name)
