"""Scoring a file: the scores of the stage, or a refusal that names the column."""

import csv
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas
import pyarrow.csv
import pyarrow.parquet
import pytest
from shop import Row, Shop, rows_of, write_rows

from ratchet import predict
from ratchet.artifacts.card import read_card
from ratchet.artifacts.scored import read_scored
from ratchet.errors import DataError, EvidenceError


def scores(path: Path) -> list[float]:
    with path.open() as file:
        return [float(row["score"]) for row in csv.DictReader(file)]


def scored_with(
    shop: Shop, rows: list[Row], folder: Path, columns: Iterable[str] = ()
) -> list[float]:
    file = write_rows(folder / "new.csv", rows, columns)
    assert predict.run(shop.model, file, to=folder / "scores.csv") == len(rows)
    return scores(folder / "scores.csv")


def refusal(shop: Shop, rows: list[Row], folder: Path) -> list[str]:
    """Return the reasons why rows are refused."""
    file = write_rows(folder / "new.csv", rows)
    with pytest.raises(DataError) as caught:
        predict.run(shop.model, file, to=folder / "scores.csv")
    text = str(caught.value)
    about = f"{file}: isn't input that {shop.model} was built for:"
    assert text.startswith(about)
    reasons = text.removeprefix(about).strip().splitlines()
    # One fault is told in one line.
    assert len(text.splitlines()) == (1 if len(reasons) == 1 else 1 + len(reasons))
    assert not (folder / "scores.csv").exists()
    return [reason.strip() for reason in reasons]


FEATURES = ("channel", "amount", "items", "member", "rating")


def features_of(batch: str) -> list[Row]:
    """Return rows as a person has them who doesn't know the outcome yet."""
    return [{name: row[name] for name in FEATURES} for row in rows_of(batch)]


def test_the_scores_are_those_that_the_stage_gave(evaluated: Shop, tmp_path: Path) -> None:
    scored = read_scored(evaluated.scored)
    expected = scored.score[scored.batch == "day-06"]
    np.testing.assert_array_equal(scored_with(evaluated, features_of("day-06"), tmp_path), expected)


def test_columns_may_come_in_any_order_and_with_others(evaluated: Shop, tmp_path: Path) -> None:
    plain = scored_with(evaluated, features_of("day-06"), tmp_path)
    rows = [{**row, "colour": "red"} for row in rows_of("day-06")]
    assert scored_with(evaluated, rows, tmp_path, sorted(rows[0])) == plain


def test_the_rows_keep_their_order(evaluated: Shop, tmp_path: Path) -> None:
    rows = features_of("day-06")
    forwards = scored_with(evaluated, rows, tmp_path)
    assert scored_with(evaluated, rows[::-1], tmp_path) == forwards[::-1]


def columns_of(path: Path) -> dict[str, list[str]]:
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def test_the_key_stands_before_the_score_as_it_does_in_the_file(
    evaluated: Shop, tmp_path: Path
) -> None:
    rows = rows_of("day-06")[::-1]
    rows[0]["order_no"] = "00060"
    scored_with(evaluated, rows, tmp_path)
    found = columns_of(tmp_path / "scores.csv")
    assert list(found) == ["order_no", "score"]
    assert found["order_no"] == [row["order_no"] for row in rows]


def test_without_the_key_the_row_s_number_stands_there(evaluated: Shop, tmp_path: Path) -> None:
    scored_with(evaluated, features_of("day-06"), tmp_path)
    found = columns_of(tmp_path / "scores.csv")
    assert list(found) == ["row", "score"]
    assert found["row"] == [str(number) for number in range(1, 61)]


class Uniform:
    """A model of three classes that knows nothing."""

    classes_ = np.arange(3)

    def predict_proba(self, rows: pandas.DataFrame) -> np.ndarray:
        return np.full((len(rows), 3), 1 / 3)


@pytest.mark.parametrize("key", ["class", "score_b"])
def test_a_key_that_is_called_as_an_answer_gives_way_to_it(
    evaluated: Shop, tmp_path: Path, key: str
) -> None:
    card = read_card(evaluated.card).model_copy(
        update={"task": "multiclass", "classes": ("a", "b", "c"), "key": (key,)}
    )
    file = write_rows(tmp_path / "new.csv", [{**row, key: "x"} for row in features_of("day-06")])
    to = tmp_path / "scores.csv"
    predict.score_file(Uniform(), card, file, called="it", to=to)
    found = columns_of(to)
    assert list(found) == ["row", "class", "score_a", "score_b", "score_c"]
    assert set(found[key]) == {"a" if key == "class" else str(1 / 3)}


def test_a_card_from_before_there_were_keys_on_it_still_serves(
    shipped: Shop, tmp_path: Path
) -> None:
    card = json.loads(shipped.card.read_text())
    assert card.pop("key") == ["order_no"]
    shipped.card.write_text(json.dumps(card))
    file = write_rows(tmp_path / "new.csv", rows_of("day-06"))
    predict.run(shipped.model, file, to=tmp_path / "scores.csv")
    assert list(columns_of(tmp_path / "scores.csv")) == ["row", "score"]


def test_one_row_is_enough_and_may_lack_what_training_rows_lacked(
    evaluated: Shop, tmp_path: Path
) -> None:
    [score] = scored_with(evaluated, [{**features_of("day-06")[0], "rating": ""}], tmp_path)
    assert 0 < score < 1


def test_parquet_and_compressed_files_are_scored_as_well(evaluated: Shop, tmp_path: Path) -> None:
    plain = scored_with(evaluated, features_of("day-06"), tmp_path)
    table = pyarrow.csv.read_csv(tmp_path / "new.csv")
    pyarrow.parquet.write_table(table, tmp_path / "new.parquet")
    with pyarrow.CompressedOutputStream(str(tmp_path / "new.csv.gz"), "gzip") as stream:
        stream.write((tmp_path / "new.csv").read_bytes())
    for name in ("new.parquet", "new.csv.gz"):
        predict.run(evaluated.model, tmp_path / name, to=tmp_path / "scores.csv")
        assert scores(tmp_path / "scores.csv") == plain


def test_without_a_file_to_write_to_the_scores_are_printed(
    evaluated: Shop, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    plain = scored_with(evaluated, features_of("day-06"), tmp_path)
    predict.run(evaluated.model, tmp_path / "new.csv")
    (tmp_path / "printed.csv").write_bytes(capsysbinary.readouterr().out)
    assert scores(tmp_path / "printed.csv") == plain


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("channel", "fax", "value channel: not among the values (1 row; row 3: fax)"),
        ("amount", "-0.01", "range amount: below 0 (1 row; row 3: -0.01)"),
        ("amount", "much", "type amount: holds values that aren't of type number (1 row; row 3: "),
        ("items", "1.5", "type items: holds values that aren't of type integer (1 row; row 3: 1."),
        ("member", "perhaps", "type member: holds values that aren't of type boolean (1 row;"),
        ("items", "", "null items: has no value (1 row; row 3)"),
    ],
)
def test_a_value_that_the_model_was_not_built_for_is_refused_with_its_row(
    evaluated: Shop, tmp_path: Path, column: str, value: str, says: str
) -> None:
    rows = features_of("day-06")
    rows[2][column] = value
    [reason] = refusal(evaluated, rows, tmp_path)
    assert reason.startswith(says)


@pytest.mark.parametrize("column", FEATURES)
def test_a_missing_feature_is_named(evaluated: Shop, tmp_path: Path, column: str) -> None:
    rows = features_of("day-06")
    for row in rows:
        del row[column]
    assert refusal(evaluated, rows, tmp_path) == [f"missing_column {column}: is not in the file"]


def test_all_reasons_are_told(evaluated: Shop, tmp_path: Path) -> None:
    rows = features_of("day-06")
    rows[0] |= {"amount": "-1", "items": "x"}
    for row in rows:
        del row["member"]
    assert {reason.split(":")[0] for reason in refusal(evaluated, rows, tmp_path)} == {
        "range amount",
        "type items",
        "missing_column member",
    }


@pytest.mark.parametrize("content", [b"", b"channel,amount\n", b"\x89PNG\xff\0"])
def test_a_file_that_is_no_table_is_refused(
    evaluated: Shop, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "new.csv").write_bytes(content)
    with pytest.raises(DataError, match="isn't input that"):
        predict.run(evaluated.model, tmp_path / "new.csv")


def test_a_missing_file_is_named(evaluated: Shop, tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"new\.csv: no such file"):
        predict.run(evaluated.model, tmp_path / "new.csv")


@pytest.fixture
def shipped(evaluated: Shop, tmp_path: Path) -> Shop:
    """A model with its card somewhere else, and a file to score."""
    shop = Shop(tmp_path)
    shutil.copytree(evaluated.model.parent, shop.model.parent)
    write_rows(tmp_path / "new.csv", features_of("day-06"))
    return shop


def test_a_model_and_its_card_are_all_it_takes(shipped: Shop, tmp_path: Path) -> None:
    assert predict.run(shipped.model, tmp_path / "new.csv", to=tmp_path / "scores.csv") == 60


def test_a_model_that_is_not_the_one_on_its_card_is_refused(shipped: Shop, tmp_path: Path) -> None:
    shipped.model.write_bytes(shipped.model.read_bytes() + b"\0")
    with pytest.raises(EvidenceError, match="is not the recorded model"):
        predict.run(shipped.model, tmp_path / "new.csv")


def test_the_card_may_lie_elsewhere(shipped: Shop, tmp_path: Path) -> None:
    card = shipped.card.rename(tmp_path / "other.json")
    with pytest.raises(EvidenceError, match=r"card\.json: no such file; run in the top folder"):
        predict.run(shipped.model, tmp_path / "new.csv")
    assert predict.run(shipped.model, tmp_path / "new.csv", card=card, to=tmp_path / "s.csv") == 60


def test_a_missing_model_is_named(shipped: Shop, tmp_path: Path) -> None:
    shipped.model.unlink()
    with pytest.raises(EvidenceError, match=r"model\.skops: cannot be read"):
        predict.run(shipped.model, tmp_path / "new.csv")
