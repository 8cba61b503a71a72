"""How far each metric could be from its value on other rows of the same kind: 95 % bootstrap intervals.

All resamples at once, as numbers of times that each row is drawn. Bounded in time: of a large test set a part
is resampled, and the widths are scaled to the whole.
"""

import numpy as np

from mlmodels.learning.trainers.figures import LEVEL, proportion_interval
from mlmodels.learning.trainers.limits import SEED
from mlmodels.learning.trainers.metrics import ACCURACY, R2, ROC_AUC, Predictions

RESAMPLES = 400
RESAMPLES_OF_MANY_CLASSES = 200
MANY_CLASSES = 10
RESAMPLED_ROWS_MAX = 1_000
ROWS_MIN = 10
LARGEST = {"f1_score": 1.0, "f1_macro": 1.0, "balanced_accuracy": 1.0, ROC_AUC: 1.0, R2: 1.0}


def metric_intervals(predictions: Predictions, metrics: dict[str, float | None]) -> dict[str, list[float]]:
    """Low and high end for each of `metrics`, as `measure` gives them, that has a value and enough rows."""
    row_count = len(predictions.actual)
    if row_count < ROWS_MIN:
        return {}
    draw = np.random.default_rng(SEED)
    rows = np.sort(draw.permutation(row_count)[:RESAMPLED_ROWS_MAX])
    is_many = predictions.classes is not None and len(predictions.classes) > MANY_CLASSES
    times = times_drawn(draw, RESAMPLES_OF_MANY_CLASSES if is_many else RESAMPLES, len(rows))
    measure = number_figures if predictions.classes is None else class_figures
    shrink = np.sqrt(len(rows) / row_count)
    found = {}
    for name, figures in measure(predictions, rows, times).items():
        if metrics.get(name) is not None and np.all(np.isfinite(figures)):
            found[name] = around(metrics[name], (figures[1:] - figures[0]) * shrink, name)
    if metrics.get(ACCURACY) is not None:
        right = int(np.sum(predictions.actual == predictions.predicted))
        found[ACCURACY] = proportion_interval(right, row_count)
    return found


def times_drawn(draw: np.random.Generator, resamples: int, row_count: int) -> np.ndarray:
    """How many times each resample has each row. The first has every row once."""
    cells = draw.integers(0, row_count, (resamples, row_count)) + np.arange(resamples)[:, None] * row_count
    drawn = np.bincount(cells.ravel(), minlength=cells.size).reshape(cells.shape)
    return np.vstack([np.ones(row_count), drawn])


def around(value: float, differences: np.ndarray, name: str) -> list[float]:
    low, high = value + np.quantile(differences, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    low = low if name == R2 else max(low, 0.0)
    return [float(min(low, value)), float(max(min(high, LARGEST.get(name, np.inf)), value))]


def number_figures(predictions: Predictions, rows: np.ndarray, times: np.ndarray) -> dict[str, np.ndarray]:
    actual = predictions.actual[rows]
    misses = actual - predictions.predicted[rows]
    centered = actual - actual.mean()
    row_count = len(rows)
    squared = times @ misses**2 / row_count
    spread = times @ centered**2 / row_count - (times @ centered / row_count) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = 1 - squared / spread
    return {
        R2: r2,
        "mean_squared_error": squared,
        "mean_absolute_error": times @ np.abs(misses) / row_count,
        "root_mean_squared_error": np.sqrt(squared),
    }


def class_figures(predictions: Predictions, rows: np.ndarray, times: np.ndarray) -> dict[str, np.ndarray]:
    classes = predictions.classes
    is_actual = (predictions.actual[rows, None] == classes).astype(float)
    is_predicted = (predictions.predicted[rows, None] == classes).astype(float)
    probabilities = predictions.probabilities[rows]
    supports, answers = times @ is_actual, times @ is_predicted
    hits = times @ (is_actual * is_predicted)
    f1 = 2 * hits / np.maximum(supports + answers, 1)
    occurring = supports + answers > 0
    of_actual = np.clip((probabilities * is_actual).sum(axis=1), np.finfo(float).eps, 1)
    return {
        "balanced_accuracy": (hits / np.maximum(supports, 1)).sum(axis=1) / (supports > 0).sum(axis=1),
        "f1_score": (f1 * supports).sum(axis=1) / len(rows),
        "f1_macro": f1.sum(axis=1) / occurring.sum(axis=1),
        ROC_AUC: roc_areas(is_actual, probabilities, times, supports),
        "log_loss": times @ -np.log(of_actual) / len(rows),
    }


def roc_areas(is_actual, probabilities, times: np.ndarray, supports: np.ndarray) -> np.ndarray:
    """Of each resample: each class against the rest, weighed by its rows; 1/2 for one with all or no rows."""
    total, row_count = np.zeros(len(times)), len(is_actual)
    columns = [1] if is_actual.shape[1] == 2 else range(is_actual.shape[1])
    for column in columns:
        is_class = is_actual[:, column] > 0
        of_class, of_others = probabilities[is_class, column, None], probabilities[~is_class, column]
        wins = (of_class > of_others) + 0.5 * (of_class == of_others)
        pairs = supports[:, column] * (row_count - supports[:, column])
        won = ((times[:, is_class] @ wins) * times[:, ~is_class]).sum(axis=1)
        area = np.where(pairs > 0, won / np.maximum(pairs, 1), 0.5)
        total += area if len(columns) == 1 else area * supports[:, column] / row_count
    return total
