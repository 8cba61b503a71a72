"""Small tables with one difficulty each, and the trainings made on them, each made once per test run."""

import functools
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlmodels.learning import trainers
from mlmodels.learning.trainers import REGRESSION, TRAINERS, Evaluation, Feature, FitResult, TrainingPlan

QUICK = {
    "random_forest": {"n_estimators": 10},
    "extra_trees": {"n_estimators": 10},
    "gradient_boosting": {"max_iter": 10},
}
ALGORITHMS = [name for name in TRAINERS if name != "auto"]
PAIRS = [(name, task) for name in ALGORITHMS for task in TRAINERS[name].tasks]


@dataclass(frozen=True)
class Table:
    frame: pd.DataFrame
    truth: np.ndarray

    @property
    def features(self) -> tuple[Feature, ...]:
        roles = {
            name: "number" if column.dtype == float else "category" for name, column in self.frame.items()
        }
        return tuple(Feature(name, role) for name, role in roles.items())

    def labels(self, task: str) -> np.ndarray:
        """The truth itself, or which third of it a row is in."""
        return self.truth if task == REGRESSION else thirds(self.truth)


def thirds(truth: np.ndarray) -> np.ndarray:
    return np.array(["high", "low", "middle"], dtype=object)[
        np.digitize(truth, np.quantile(truth, [1 / 3, 2 / 3]))
    ]


def numbers(rows: int = 120, columns: int = 3) -> Table:
    draw = np.random.default_rng(1)
    frame = pd.DataFrame({f"n{i}": draw.normal(size=rows) for i in range(columns)})
    return Table(frame, frame.to_numpy() @ np.arange(1, columns + 1) + draw.normal(size=rows) / 10)


def mixed() -> Table:
    """Numbers with blanks, one of them a Unix time, and categories with blanks."""
    draw = np.random.default_rng(2)
    table = numbers(rows=160)
    frame = table.frame.assign(
        seen_at=1.7e9 + draw.integers(0, 10**7, 160).astype(float),
        colour=texts(draw.choice(["red", "green", "blue", ""], 160)),
    )
    frame.loc[::9, "n1"] = np.nan
    frame.loc[4::11, "seen_at"] = np.nan
    return Table(frame, table.truth + 3.0 * (frame["colour"] == "red").to_numpy())


def many_categories() -> Table:
    draw = np.random.default_rng(3)
    codes = np.concatenate([np.arange(1000), draw.integers(0, 1000, 400)])
    frame = pd.DataFrame({"code": texts([f"code {c}" for c in codes]), "n": draw.normal(size=1400)})
    return Table(frame, codes % 7 + frame["n"].to_numpy())


def single_number() -> Table:
    table = numbers()
    return Table(table.frame[["n2"]], table.truth)


def single_category() -> Table:
    table = mixed()
    return Table(table.frame[["colour"]], table.truth)


def useless_columns() -> Table:
    """Beside a useful column: one value in every row, blanks alone, and a value in a single row."""
    table = numbers()
    lone = np.full(len(table.frame), np.nan)
    lone[7] = 1.0
    useless = {"constant": 5.0, "blank": np.nan, "lone": lone, "word": texts(["same"] * len(lone))}
    return Table(table.frame[["n2"]].assign(**useless), table.truth)


def awkward_names() -> Table:
    """Names and values that mean something to Python, SQL, HTML or scikit-learn, and none of it here."""
    table = mixed()
    names = ["a b", "model__max_depth", "x0", "<b>'\"", "größe 大"]
    frame = table.frame.set_axis(names, axis=1)
    frame[names[-1]] = texts(frame[names[-1]].replace({"red": "<script>", "green": "nan", "blue": "None"}))
    return Table(frame, table.truth)


def texts(values) -> pd.Series:
    return pd.Series(list(values), dtype=object)


TABLES = {
    table.__name__: table
    for table in (
        numbers,
        mixed,
        many_categories,
        single_number,
        single_category,
        useless_columns,
        awkward_names,
    )
}


def plan_for(table: Table, algorithm: str, task: str, **changes) -> TrainingPlan:
    settings = {"parameters": QUICK.get(algorithm, {}), **changes}
    if "train_percentage" in settings:
        settings["evaluation"] = Evaluation(train_percentage=settings.pop("train_percentage"))
    return TrainingPlan(algorithm, task, table.features, "truth", **settings)


def train(table: Table, algorithm: str, task: str, **changes) -> FitResult:
    return trainers.train(table.frame, table.labels(task), plan_for(table, algorithm, task, **changes))


@functools.cache
def trained(algorithm: str, task: str, table: str = "mixed") -> FitResult:
    """Read-only: all tests of a run share it."""
    return train(TABLES[table](), algorithm, task)
