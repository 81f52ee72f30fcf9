"""A producer who spells everything otherwise: the same rows, model, answers and drill come out."""

import csv
import io
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from shop import Row, Shop, rows_of

from ratchet import predict
from ratchet.config import load_params
from ratchet.data.validated import read_window
from ratchet.drill import run as drill
from ratchet.drill.faults import CATALOGUE
from ratchet.errors import DataError

GERMAN = {
    "encoding": "cp1252",
    "delimiter": ";",
    "decimal": ",",
    "thousands": ".",
    "nulls": ["-"],
    "true": ["wahr"],
    "false": ["falsch"],
    "date": "%d.%m.%Y %H:%M:%S",
}


def german(rows: list[Row]) -> bytes:
    """Write rows as a German export would."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=";", lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        when = datetime.fromisoformat(row["ordered_at"])
        writer.writerow(
            row
            | {
                "order_no": f"{int(row['order_no']):,}".replace(",", "."),
                "ordered_at": when.strftime("%d.%m.%Y %H:%M:%S"),
                "amount": row["amount"].replace(".", ","),
                "rating": row["rating"].replace(".", ",") or "-",
                "member": {"true": "WAHR", "false": "falsch"}[row["member"]],
                "note": row["note"].replace("gift", "für dich"),
            }
        )
    return text.getvalue().encode("cp1252")


def plain(batch: str) -> list[Row]:
    return [{**row, "order_no": f"{1000 + int(row['order_no'])}"} for row in rows_of(batch)]


def shop_of(root: Path, *, spelt_in_german: bool) -> Shop:
    root.mkdir()
    shop = Shop(root)
    shop.schema["columns"]["note"] |= {"feature": False}
    for number in range(1, 7):
        rows = plain(f"day-{number:02}")
        if spelt_in_german:
            shop.deliver_bytes(number, german(rows))
        else:
            shop.deliver_rows(number, rows)
    shop.schema |= {"format": GERMAN} if spelt_in_german else {}
    shop.night()
    shop.train()
    return shop


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, Shop]:
    folder = tmp_path_factory.mktemp("shops")
    return shop_of(folder / "plain", spelt_in_german=False), shop_of(
        folder / "german", spelt_in_german=True
    )


def test_the_rows_are_the_same(shops: tuple[Shop, Shop]) -> None:
    one, other = (read_window(shop.validated)[0].drop_columns(["note"]) for shop in shops)
    assert one.equals(other)
    notes = read_window(shops[1].validated)[0]["note"].to_pylist()
    assert "für dich, wrapped" in notes


def test_the_model_and_its_answers_are_the_same(shops: tuple[Shop, Shop]) -> None:
    one, other = shops
    assert one.model.read_bytes() == other.model.read_bytes()
    assert pq.read_table(one.scored)["_score"] == pq.read_table(other.scored)["_score"]
    answers = []
    for shop in shops:
        to = shop.root / "scores.csv"
        predict.run(shop.model, shop.raw_file(6), to=to)
        answers.append([line.split(",")[-1] for line in to.read_text().splitlines()])
    assert answers[0] == answers[1]


def test_a_change_of_the_spelling_is_refused(shops: tuple[Shop, Shop]) -> None:
    shop = shops[1]
    with pytest.raises(DataError, match=r"isn't input that .* was built for"):
        predict.run(shop.model, shops[0].raw_file(6))


@pytest.mark.slow
def test_the_drill_speaks_the_language_of_the_producer(shops: tuple[Shop, Shop]) -> None:
    found = [
        {
            finding.fault.name: finding
            for finding in drill.run(
                load_params(shop.params_file),
                list(CATALOGUE.values()),
                manifest=shop.manifest,
                raw=shop.raw,
                schema=shop.schema_file,
                validated=shop.validated,
                profiles=shop.profiles,
                records=shop.records,
            ).findings
        }
        for shop in shops
    ]
    differ = {name for name in CATALOGUE if found[0][name].outcome != found[1][name].outcome}
    assert differ == {"decimal-commas", "latin-1", "nulls-as-dash"}
    assert all(found[1][name].outcome == "not applicable" for name in differ)
