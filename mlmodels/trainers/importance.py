"""What drives a model: how much worse it gets on the rows kept aside when one column is shuffled."""

import numpy as np
import pandas as pd
from sklearn.inspection import permutation_importance
from sklearn.pipeline import Pipeline

from mlmodels.trainers.limits import SEED
from mlmodels.trainers.metrics import choose_scoring, score

ROWS_MIN = 2  # R² needs them
ROWS_MAX = 1_000
REPEATS_MAX = 5
PREDICTED_ROWS_MAX = 100_000
COMPARED_ROWS_MAX = (
    500_000_000  # predicted rows times stored rows, for models that compare with each of these
)


def column_importance(
    pipeline: Pipeline, task: str, rows: pd.DataFrame, labels: np.ndarray, stored_rows: int
) -> dict:
    """The loss of score per column, the largest first, with the scoring and the number of rows behind it.

    Bounded by the number of predictions, whatever the table: at most ROWS_MAX rows drawn with a fixed seed
    and REPEATS_MAX shuffles, then fewer shuffles, then fewer rows, until PREDICTED_ROWS_MAX predictions
    suffice. `stored_rows` bounds nearest neighbours further, which compare with all of them each time.
    """
    if len(rows) < ROWS_MIN:
        return {"scoring": None, "rows": len(rows), "repeats": 0, "columns": []}
    row_count, repeats = effort(len(rows), rows.shape[1], pipeline, stored_rows)
    drawn = np.sort(np.random.default_rng(SEED).permutation(len(rows))[:row_count])
    rows, labels = rows.iloc[drawn], labels[drawn]
    scoring = choose_scoring(task, labels)
    found = permutation_importance(
        pipeline,
        rows,
        labels,
        scoring=lambda model, shuffled, actual: score(scoring, model, shuffled, actual),
        n_repeats=repeats,
        random_state=SEED,
    )
    columns = [
        {"name": name, "mean": float(mean), "spread": float(spread)}
        for name, mean, spread in zip(
            rows.columns, found.importances_mean, found.importances_std, strict=True
        )
    ]
    columns.sort(key=lambda column: -column["mean"])
    return {"scoring": scoring, "rows": row_count, "repeats": repeats, "columns": columns}


def effort(row_count: int, columns: int, pipeline: Pipeline, stored_rows: int) -> tuple[int, int]:
    """Rows and repeats that keep within the bounds; at least ROWS_MIN rows and one repeat."""
    predictions = PREDICTED_ROWS_MAX
    if hasattr(pipeline["model"], "kneighbors"):
        predictions = min(predictions, COMPARED_ROWS_MAX // stored_rows)
    row_count = min(row_count, ROWS_MAX)
    repeats = min(REPEATS_MAX, max(1, predictions // (row_count * columns)))
    return min(row_count, max(ROWS_MIN, predictions // (repeats * columns))), repeats
