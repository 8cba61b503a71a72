"""How the average prediction changes with one column, all others staying as they are."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mlmodels.learning.trainers.limits import SEED
from mlmodels.learning.trainers.metrics import RARE_CLASS_SHARE_MAX
from mlmodels.learning.trainers.plan import CATEGORY, NUMBER, Feature
from mlmodels.learning.trainers.prediction_cost import rows_within

SECONDS = 0.15
COLUMNS_MAX = 5
NUMBER_POINTS = 12
CATEGORY_POINTS = 10
ROWS_MAX = 200
ROWS_MIN = 10
ENDS = (0.025, 0.975)  # beyond them there are few rows to learn from


def partial_dependence(
    model, rows: pd.DataFrame, features: Sequence[Feature], importance: dict, stored_rows: int
) -> list[dict]:
    """`name`, `kind`, `points` of x and the mean prediction, for the strongest columns of `importance`.

    For classification the prediction is the probability of `label`: of two classes the one that is looked for
    (see `positive_column`), else the most frequent one. Texts, and columns without effect, are left out.
    """
    kinds = {feature.name: feature.role for feature in features if feature.role in (NUMBER, CATEGORY)}
    strongest = [column["name"] for column in importance["columns"] if column["mean"] > 0]
    points = {name: points_of(rows[name], kinds[name]) for name in strongest if name in kinds}
    points = dict([(name, found) for name, found in points.items() if len(found) > 1][:COLUMNS_MAX])
    if not points:
        return []
    asked = sum(map(len, points.values()))
    row_count = int(np.clip(rows_within(model, stored_rows, SECONDS) // asked, ROWS_MIN, ROWS_MAX))
    drawn = np.random.default_rng(SEED).permutation(len(rows))[:row_count]
    label, responses = responses_of(model, stacked(rows.iloc[np.sort(drawn)], points))
    means = iter(responses.reshape(asked, -1).mean(axis=1).tolist())
    described = [
        {"name": name, "kind": kinds[name], "points": [[x, next(means)] for x in found]}
        for name, found in points.items()
    ]
    return described if label is None else [{**column, "label": label} for column in described]


def points_of(column: pd.Series, kind: str) -> list:
    """Numbers that occur, in even steps of rank; the most frequent categories."""
    if kind == CATEGORY:
        counts = column[column != ""].value_counts()
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return [category for category, _ in ranked[:CATEGORY_POINTS]]
    observed = column.dropna().to_numpy()
    if not len(observed):
        return []
    return np.unique(np.quantile(observed, np.linspace(*ENDS, NUMBER_POINTS), method="nearest")).tolist()


def stacked(rows: pd.DataFrame, points: dict[str, list]) -> pd.DataFrame:
    """A copy of the rows for each point, with that value in every one of them."""
    count, copies = len(rows), sum(map(len, points.values()))
    stack = {name: np.tile(rows[name].to_numpy(), copies) for name in rows}
    start = 0
    for name, found in points.items():
        stack[name][start : start + count * len(found)] = np.repeat(np.array(found, stack[name].dtype), count)
        start += count * len(found)
    return pd.DataFrame(stack)


def responses_of(model, rows: pd.DataFrame) -> tuple[object, np.ndarray]:
    if not hasattr(model, "classes_"):
        return None, model.predict(rows)
    probabilities = model.predict_proba(rows)
    shares = probabilities.mean(axis=0)
    column = int(shares.argmax())
    if len(shares) == 2:
        column = int(shares[1] <= 1 - RARE_CLASS_SHARE_MAX)
    return model.classes_[column : column + 1].tolist()[0], probabilities[:, column]
