"""Permutation importance: how much worse a model gets on the test set when one column is shuffled."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from mlmodels.learning.trainers.limits import SEED
from mlmodels.learning.trainers.metrics import ACCURACY, choose_scoring, figure, response_values
from mlmodels.learning.trainers.trainer import CLASSIFICATION

ROWS_MIN = 2  # R² needs them
ROWS_MAX = 1_000
REPEATS_MAX = 5
PREDICTED_ROWS_MAX = 100_000
PREDICTED_CELLS_MAX = 50_000_000
COMPARED_ROWS_MAX = (
    500_000_000  # predicted rows times stored rows, for models that compare with each of these
)
STACKED_CELLS_MAX = 1_000_000


def column_importance(
    pipeline: Pipeline, task: str, rows: pd.DataFrame, labels: np.ndarray, stored_rows: int
) -> dict:
    """The loss of score per column, the largest first, with the scoring and the number of rows behind it.

    Bounded by the number of predictions, whatever the table: at most ROWS_MAX rows drawn with a fixed seed
    and REPEATS_MAX shuffles, then fewer shuffles, then fewer rows. `stored_rows` bounds nearest neighbors
    further, which compare with all of them each time. Shuffled copies are stacked and predicted together,
    as a call costs more than a row.
    """
    if len(rows) < ROWS_MIN:
        return {"scoring": None, "rows": len(rows), "repeats": 0, "columns": []}
    row_count, repeats = effort(len(rows), rows.shape[1], predictions_max(pipeline, stored_rows))
    draw = np.random.default_rng(SEED)
    drawn = np.sort(draw.permutation(len(rows))[:row_count])
    rows, labels = rows.iloc[drawn], labels[drawn]
    scoring = scoring_of(pipeline, task, labels)
    whole = figure(scoring, pipeline, response_values(scoring, pipeline, rows), labels)
    orders = [draw.permutation(row_count) for _ in range(repeats)]
    columns = []
    for names, stack in stacks(rows, orders):
        responses = response_values(scoring, pipeline, stack).reshape(len(names), repeats, row_count)
        for name, of_column in zip(names, responses, strict=True):
            losses = [whole - figure(scoring, pipeline, of_order, labels) for of_order in of_column]
            columns.append({"name": name, "mean": float(np.mean(losses)), "std": float(np.std(losses))})
    columns.sort(key=lambda column: -column["mean"])
    return {"scoring": scoring, "rows": row_count, "repeats": repeats, "columns": columns}


def scoring_of(pipeline: Pipeline, task: str, labels: np.ndarray) -> str:
    """What models are compared by; accuracy where these rows do not have every class that the model knows."""
    if task == CLASSIFICATION and not np.array_equal(np.unique(labels), pipeline.classes_):
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


def predictions_max(pipeline: Pipeline, stored_rows: int) -> int:
    if not hasattr(pipeline["model"], "kneighbors"):
        return PREDICTED_ROWS_MAX
    return min(PREDICTED_ROWS_MAX, COMPARED_ROWS_MAX // stored_rows)


def effort(row_count: int, columns: int, predictions: int) -> tuple[int, int]:
    """Rows and repeats that keep within the bounds; at least ROWS_MIN rows and one repeat."""
    predictions = min(predictions, PREDICTED_CELLS_MAX // columns)
    row_count = min(row_count, ROWS_MAX)
    repeats = min(REPEATS_MAX, max(1, predictions // (row_count * columns)))
    return min(row_count, max(ROWS_MIN, predictions // (repeats * columns))), repeats
