"""The report that is stored with a model, as plain JSON data."""

import math

import numpy as np
import pandas as pd
from sklearn.metrics import auc, confusion_matrix, precision_recall_fscore_support, roc_curve

from mlmodels.learning.trainers.limits import SEED
from mlmodels.learning.trainers.metrics import Predictions
from mlmodels.learning.trainers.splits import file_row

SAMPLE_ROWS = 1_000
RESIDUAL_BINS = 20
MISSES_SHOWN = 10
ROC_CURVES = 10
ROC_POINTS = 100


def evaluate(predictions: Predictions, rows: pd.DataFrame) -> dict:
    """The parts of the report that depend on the task. `rows` are those predicted, before preparation."""
    if predictions.classes is None:
        residuals = predictions.actual - predictions.predicted
        return {
            "sample": sample(predictions, rows),
            "residuals": residual_histogram(residuals),
            "largest_misses": largest_misses(predictions, rows, np.abs(residuals)),
        }
    return {
        "sample": sample(predictions, rows),
        "largest_misses": largest_misses(predictions, rows, surprise(predictions)),
        "confusion_matrix": confusion(predictions),
        "classes": per_class(predictions),
        "roc": roc_curves(predictions),
    }


def sample(predictions: Predictions, rows: pd.DataFrame) -> dict:
    """Actual against predicted, for at most SAMPLE_ROWS rows drawn with a fixed seed."""
    drawn = np.sort(np.random.default_rng(SEED).permutation(len(rows))[:SAMPLE_ROWS])
    return {
        "rows": [file_row(rows, position) for position in drawn],
        "actual": predictions.actual[drawn].tolist(),
        "predicted": predictions.predicted[drawn].tolist(),
    }


def residual_histogram(residuals: np.ndarray) -> dict:
    """Actual minus predicted. One bin where floating point cannot tell twenty apart."""
    smallest, largest = float(residuals.min()), float(residuals.max())
    resolution = np.spacing(max(abs(smallest), abs(largest)))
    if largest - smallest <= resolution * RESIDUAL_BINS * 4:
        return {"edges": [smallest, largest], "counts": [len(residuals)]}
    counts, edges = np.histogram(residuals, bins=RESIDUAL_BINS)
    return {"edges": edges.tolist(), "counts": counts.tolist()}


def largest_misses(predictions: Predictions, rows: pd.DataFrame, misses: np.ndarray) -> list[dict]:
    """The rows with the largest misses above zero, with their row in the file and their inputs."""
    worst = [
        position for position in np.argsort(-misses, kind="stable")[:MISSES_SHOWN] if misses[position] > 0
    ]
    return [
        {
            "row": file_row(rows, position),
            "actual": predictions.actual[position : position + 1].tolist()[0],
            "predicted": predictions.predicted[position : position + 1].tolist()[0],
            "miss": float(misses[position]),
            "inputs": {name: plain(value) for name, value in rows.iloc[position].items()},
        }
        for position in worst
    ]


def surprise(predictions: Predictions) -> np.ndarray:
    """How much more probable the wrong class was to the model than the right one; zero where it was right."""
    rows = np.arange(len(predictions.actual))
    actual = predictions.probabilities[rows, np.searchsorted(predictions.classes, predictions.actual)]
    predicted = predictions.probabilities[rows, np.searchsorted(predictions.classes, predictions.predicted)]
    is_wrong = predictions.actual != predictions.predicted
    return np.where(is_wrong, np.maximum(predicted - actual, np.finfo(float).tiny), 0.0)


def confusion(predictions: Predictions) -> dict:
    """`counts[i][j]`: rows of class i predicted as class j."""
    counts = confusion_matrix(predictions.actual, predictions.predicted, labels=predictions.classes)
    return {"labels": predictions.classes.tolist(), "counts": counts.tolist()}


def per_class(predictions: Predictions) -> list[dict]:
    figures = precision_recall_fscore_support(
        predictions.actual, predictions.predicted, labels=predictions.classes, zero_division=0
    )
    names = ("label", "precision", "recall", "f1_score", "support")
    columns = [predictions.classes.tolist(), *(figure.tolist() for figure in figures)]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def roc_curves(predictions: Predictions) -> list[dict]:
    """One curve for two classes (of the second one), else one per class of the most frequent ones."""
    supports = [int(np.sum(predictions.actual == label)) for label in predictions.classes]
    drawable = [column for column, support in enumerate(supports) if 0 < support < len(predictions.actual)]
    if len(predictions.classes) == 2:
        return [roc_of(predictions, column) for column in drawable[1:]]
    ranked = sorted(drawable, key=lambda column: -supports[column])
    return [roc_of(predictions, column) for column in ranked[:ROC_CURVES]]


def roc_of(predictions: Predictions, column: int) -> dict:
    """False and true positive rates, thinned to at most ROC_POINTS; the area is of the full curve."""
    label = predictions.classes[column : column + 1].tolist()[0]
    false_rates, true_rates, _ = roc_curve(predictions.actual == label, predictions.probabilities[:, column])
    kept = np.unique(np.linspace(0, len(false_rates) - 1, ROC_POINTS).round().astype(int))
    points = np.column_stack([false_rates[kept], true_rates[kept]]).round(6)
    return {"label": label, "area": float(auc(false_rates, true_rates)), "points": points.tolist()}


def plain(value: object) -> object:
    """A cell as JSON knows it: a blank number is null."""
    if isinstance(value, str):
        return value
    return None if math.isnan(value) else float(value)
