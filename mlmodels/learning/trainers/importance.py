"""Permutation importance: how much worse a model gets on the test set when one column is shuffled."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from mlmodels.learning.trainers.limits import SEED
from mlmodels.learning.trainers.metrics import ACCURACY, choose_scoring, figure, response_values
from mlmodels.learning.trainers.prediction_cost import rows_within
from mlmodels.learning.trainers.trainer import CLASSIFICATION

SECONDS = 0.35
ROWS_MIN = 2  # R² needs them
ROWS_MAX = 1_000
ROWS_ENOUGH = 200  # rather fewer shuffles than fewer rows
REPEATS_MAX = 5
PREDICTED_CELLS_MAX = 10_000_000
STACKED_CELLS_MAX = 1_000_000


def column_importance(model, task: str, rows: pd.DataFrame, labels: np.ndarray, stored_rows: int) -> dict:
    """The loss of score per column, the largest first, with the scoring and the number of rows behind it.

    `model` is a FittedModel, so that what is derived from a column is shuffled with it. Bounded by an
    estimate of time: at most ROWS_MAX rows drawn with a fixed seed and REPEATS_MAX shuffles, then fewer
    shuffles, then fewer rows. Shuffled copies are stacked and predicted together, as a call costs more than
    a row.
    """
    if len(rows) < ROWS_MIN:
        return {"scoring": None, "rows": len(rows), "repeats": 0, "columns": []}
    predicted = min(rows_within(model, stored_rows, SECONDS), PREDICTED_CELLS_MAX // rows.shape[1])
    row_count, repeats = effort(len(rows), rows.shape[1], predicted)
    draw = np.random.default_rng(SEED)
    drawn = np.sort(draw.permutation(len(rows))[:row_count])
    rows, labels = rows.iloc[drawn], labels[drawn]
    scoring = scoring_of(model, task, labels)
    whole = figure(scoring, model, response_values(scoring, model, rows), labels)
    orders = [draw.permutation(row_count) for _ in range(repeats)]
    columns = []
    for names, stack in stacks(rows, orders):
        responses = response_values(scoring, model, stack).reshape(len(names), repeats, row_count)
        for name, of_column in zip(names, responses, strict=True):
            losses = [whole - figure(scoring, model, of_order, labels) for of_order in of_column]
            columns.append({"name": name, "mean": float(np.mean(losses)), "std": float(np.std(losses))})
    columns.sort(key=lambda column: -column["mean"])
    return {"scoring": scoring, "rows": row_count, "repeats": repeats, "columns": columns}


def effort(row_count: int, columns: int, predicted: int) -> tuple[int, int]:
    """Rows and repeats with which about so many rows are predicted; at least ROWS_MIN rows and one repeat."""
    row_count = min(row_count, ROWS_MAX)
    for repeats in range(REPEATS_MAX, 0, -1):
        affordable = predicted // (repeats * columns)
        if affordable >= min(row_count, ROWS_ENOUGH):
            break
    return min(row_count, max(ROWS_MIN, affordable)), repeats


def scoring_of(model, task: str, labels: np.ndarray) -> str:
    """What models are compared by; accuracy where these rows do not have every class that the model knows."""
    if task == CLASSIFICATION and not np.array_equal(np.unique(labels), model.classes_):
        return ACCURACY
    return choose_scoring(task, labels)


def stacks(rows: pd.DataFrame, orders: Sequence[np.ndarray]) -> Iterator[tuple[list[str], pd.DataFrame]]:
    """Names of columns, and for each of them a copy of the rows per order, shuffled in that column alone."""
    per_column = len(rows) * len(orders)
    at_once = max(1, STACKED_CELLS_MAX // (per_column * rows.shape[1]))
    for first in range(0, rows.shape[1], at_once):
        names = list(rows.columns[first : first + at_once])
        stack = {name: np.tile(rows[name].to_numpy(), len(orders) * len(names)) for name in rows}
        for number, name in enumerate(names):
            values, start = rows[name].to_numpy(), number * per_column
            stack[name][start : start + per_column] = np.concatenate([values[order] for order in orders])
        yield names, pd.DataFrame(stack)
