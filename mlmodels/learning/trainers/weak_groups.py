"""Where a model is clearly weaker: the rows of one category, or of one band of a number.

Groups are compared by the ranks of their errors (Mann-Whitney), which no single miss can decide, and the bar
is raised by the number of groups that were looked at, so that chance rarely passes it.
"""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import rankdata

from mlmodels.learning.trainers.metrics import Predictions
from mlmodels.learning.trainers.verdict import is_told_in_percent

GROUP_ROWS_MIN = 20
BANDS = 4
ROWS_MAX = 20_000
WORSE_BY_MIN = 1.25
CHANCE = 0.05  # of naming any group where there is none
GROUPS_SHOWN = 5


def weak_groups(predictions: Predictions, rows: pd.DataFrame) -> list[dict]:
    """The weakest first: `column`, `value` of a category or `low` and `high` of a band, and its error.

    Errors are shares of wrong answers, median misses in shares of the value where that is how the model is
    judged, else mean misses. `is_share` says which. Blanks are a group of their own: an empty text, or a band
    without ends.
    """
    predictions, rows = part_of(predictions, rows)
    errors, is_share, average = errors_of(predictions)
    ranks = rankdata(errors)
    groups = [group for group in groups_of(rows) if GROUP_ROWS_MIN <= group[1].sum() <= len(errors) / 2]
    if not groups:
        return []
    barrier = float(ndtri(1 - CHANCE / len(groups)))
    error_of_all = float(average(errors))
    found = []
    for named, is_inside in groups:
        error = float(average(errors[is_inside]))
        if error >= WORSE_BY_MIN * error_of_all and deviations(ranks, is_inside) > barrier:
            size = {"rows": int(is_inside.sum()), "error": error}
            found.append({**named, **size, "error_of_all": error_of_all, "is_share": is_share})
    return sorted(found, key=lambda group: -group["error"])[:GROUPS_SHOWN]


def part_of(predictions: Predictions, rows: pd.DataFrame) -> tuple[Predictions, pd.DataFrame]:
    """The first rows, which the split left in random order."""
    kept = slice(ROWS_MAX)
    part = Predictions(predictions.actual[kept], predictions.predicted[kept], classes=predictions.classes)
    return part, rows.iloc[kept]


def errors_of(predictions: Predictions) -> tuple[np.ndarray, bool, object]:
    """Per row; whether they are shares; and how they are averaged."""
    if predictions.classes is not None:
        return (predictions.actual != predictions.predicted).astype(float), True, np.mean
    misses = np.abs(predictions.actual - predictions.predicted)
    if is_told_in_percent(predictions.actual):
        return misses / predictions.actual, True, np.median
    return misses, False, np.mean


def groups_of(rows: pd.DataFrame) -> Iterator[tuple[dict, np.ndarray]]:
    for name, column in rows.items():
        split = bands_of if column.dtype == float else categories_of
        for named, is_inside in split(column):
            yield {"column": name, **named}, is_inside


def bands_of(column: pd.Series) -> Iterator[tuple[dict, np.ndarray]]:
    values = column.to_numpy()
    is_blank = np.isnan(values)
    yield {"value": None, "low": None, "high": None}, is_blank
    observed = values[~is_blank]
    if not len(observed):
        return
    inner = np.unique(np.quantile(observed, np.linspace(0, 1, BANDS + 1)[1:-1], method="lower"))
    band = np.where(is_blank, -1, np.searchsorted(inner, values, side="left"))
    for number in range(len(inner) + 1):
        is_inside = band == number
        if is_inside.any():
            ends = {"low": float(values[is_inside].min()), "high": float(values[is_inside].max())}
            yield {"value": None, **ends}, is_inside


def categories_of(column: pd.Series) -> Iterator[tuple[dict, np.ndarray]]:
    values = column.to_numpy()
    counts = column.value_counts()
    for category in counts.index[counts >= GROUP_ROWS_MIN]:
        yield {"value": category, "low": None, "high": None}, values == category


def deviations(ranks: np.ndarray, is_inside: np.ndarray) -> float:
    """How far the group's mean rank is above that of all rows, in its standard errors."""
    inside, rows = int(is_inside.sum()), len(ranks)
    spread = float(ranks.std())
    if spread == 0:
        return 0.0
    error_of_mean = spread * math.sqrt((rows - inside) / (inside * (rows - 1)))
    return float(ranks[is_inside].mean() - ranks.mean()) / error_of_mean
