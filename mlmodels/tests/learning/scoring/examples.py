"""Tables and fitted pipelines to score: every kind of column, small, and always the same."""

import functools

import numpy as np
import pandas as pd

from mlmodels.learning import trainers
from mlmodels.learning.trainers import CATEGORY, NUMBER, Feature, TrainingPlan
from mlmodels.learning.trainers.preparation import build_pipeline

REGRESSION, TWO_CLASSES, THREE_CLASSES = "regression", "two classes", "three classes"
TARGETS = (REGRESSION, TWO_CLASSES, THREE_CLASSES)
ALGORITHMS = [name for name in trainers.TRAINERS if name != "auto"]
CASES = [
    (algorithm, target)
    for algorithm in ALGORITHMS
    for target in TARGETS
    if (REGRESSION if target == REGRESSION else trainers.CLASSIFICATION) in trainers.TRAINERS[algorithm].tasks
] + [
    ("ridge clipped", REGRESSION),  # with its parameter `numbers`
    ("lasso spline", REGRESSION),
    ("logistic spline", TWO_CLASSES),
    ("logistic clipped", THREE_CLASSES),
    ("logistic spline", THREE_CLASSES),
]
# Few enough trees that all cases fit and agree within seconds.
QUICK = {
    "random_forest": {"n_estimators": 12},
    "extra_trees": {"n_estimators": 12},
    "gradient_boosting": {"max_iter": 25, "min_samples_leaf": 5},
}


def mixed_table(rows: int = 400, seed: int = 0) -> pd.DataFrame:
    """Numbers with blanks and ties, a date, a constant, a nearly empty column, few and many categories."""
    draw = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "area": draw.normal(80, 25, rows),
            "rooms": draw.integers(1, 7, rows).astype(float),
            "sold_on": draw.integers(1_600_000_000, 1_750_000_000, rows).astype(float),
            "floor": np.full(rows, 3.0),
            "income": draw.lognormal(10, 2, rows),
            "city": texts(draw.choice(["Oslo", "Rome", "Lima", "Bern", ""], rows)),
            "heating": texts(draw.choice([f"type {number}" for number in range(30)], rows)),
            "street": texts(draw.choice([f"street {number}" for number in range(300)], rows)),
        }
    )
    for column in ("area", "rooms", "income"):
        table.loc[draw.random(rows) < 0.1, column] = np.nan
    return table


def texts(values) -> pd.Series:
    return pd.Series([str(value) for value in values], dtype=object)


def features_of(table: pd.DataFrame) -> list[Feature]:
    return [Feature(name, NUMBER if table[name].dtype == float else CATEGORY) for name in table]


def labels_for(table: pd.DataFrame, target: str, seed: int = 1):
    """A target that depends on numbers, on categories and on whether something is blank."""
    draw = np.random.default_rng(seed)
    price = draw.normal(0, 10, len(table))
    for name in table:
        if table[name].dtype == float:
            spread = table[name].std() or 1.0
            price += np.nan_to_num(20 * (table[name] - table[name].mean()) / spread, nan=30.0)
        else:
            price += table[name].map(lambda text: 7.0 * (sum(map(ord, text)) % 5))
    if target == REGRESSION:
        return np.asarray(price)
    if target == TWO_CLASSES:
        return np.where(price > np.median(price), "high", "low").astype(object)
    return np.digitize(price, np.quantile(price, [0.4, 0.7])) * 10


def fitted(algorithm: str, target: str, table: pd.DataFrame, labels=None, **parameters):
    """`algorithm` may be followed by its parameter `numbers`."""
    algorithm, *numbers = algorithm.split()
    parameters |= {"numbers": numbers[0]} if numbers else {}
    task = trainers.REGRESSION if target == REGRESSION else trainers.CLASSIFICATION
    labels = labels_for(table, target) if labels is None else labels
    trainer = trainers.TRAINERS[algorithm]
    found = {trainer.penalty: 1.0} if trainer.penalty else {}
    chosen = trainer.check_parameters({**found, **QUICK.get(algorithm, {}), **parameters}, task)
    plan = TrainingPlan(algorithm, task, tuple(features_of(table)), "price", chosen)
    return build_pipeline(plan, table, labels).fit(table, labels)


@functools.cache
def fitted_to_mixed_table(algorithm: str, target: str):
    """Shared by the tests, which do not change it."""
    return fitted(algorithm, target, mixed_table())


def rows_of(table: pd.DataFrame) -> list[list]:
    return [list(row) for row in table.itertuples(index=False, name=None)]


def made_worse(table: pd.DataFrame, seed: int = 2) -> pd.DataFrame:
    """The rows with a third of their cells blank, never seen, or far out."""
    draw = np.random.default_rng(seed)
    worse = table.copy()
    for name in table:
        strange = (np.nan, 0.0, -1e12, 1e12) if table[name].dtype == float else ("", "never seen", "Größe")
        hit = draw.random(len(table)) < 0.33
        worse.loc[hit, name] = [strange[number] for number in draw.integers(0, len(strange), hit.sum())]
    return worse
