"""The report that is stored with a model, as plain JSON data."""

import math

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from mlmodels.learning.trainers.curves import calibration, precision_recall_curves, roc_curves, thresholds
from mlmodels.learning.trainers.figures import proportion_interval
from mlmodels.learning.trainers.histogram import histogram
from mlmodels.learning.trainers.limits import SEED
from mlmodels.learning.trainers.metrics import Predictions
from mlmodels.learning.trainers.splits import file_row
from mlmodels.learning.trainers.weak_groups import weak_groups

SAMPLE_ROWS = 1_000
MISSES_SHOWN = 10


def evaluate(predictions: Predictions, rows: pd.DataFrame) -> dict:
    """The parts of the report that depend on the task. `rows` are those predicted, before preparation."""
    if predictions.classes is None:
        residuals = predictions.actual - predictions.predicted
        return {
            "sample": sample(predictions, rows),
            "residuals": histogram(residuals),
            "largest_misses": largest_misses(predictions, rows, np.abs(residuals)),
            "weak_groups": weak_groups(predictions, rows),
        }
    return {
        "sample": sample(predictions, rows),
        "largest_misses": largest_misses(predictions, rows, surprise(predictions)),
        "confusion_matrix": confusion(predictions),
        "classes": per_class(predictions),
        "roc": roc_curves(predictions),
        "precision_recall": precision_recall_curves(predictions),
        "calibration": calibration(predictions),
        "thresholds": thresholds(predictions),
        "weak_groups": weak_groups(predictions, rows),
    }


def sample(predictions: Predictions, rows: pd.DataFrame) -> dict:
    """Actual against predicted, for at most SAMPLE_ROWS rows drawn with a fixed seed.

    For classification also the probability of the class that came.
    """
    drawn = np.sort(np.random.default_rng(SEED).permutation(len(rows))[:SAMPLE_ROWS])
    drawn_rows = {
        "rows": [file_row(rows, position) for position in drawn],
        "actual": predictions.actual[drawn].tolist(),
        "predicted": predictions.predicted[drawn].tolist(),
    }
    if predictions.classes is not None:
        probabilities = probability_of(predictions.actual, predictions)[drawn]
        drawn_rows["probability_of_actual"] = probabilities.round(6).tolist()
    return drawn_rows


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
    gap = probability_of(predictions.predicted, predictions) - probability_of(predictions.actual, predictions)
    is_wrong = predictions.actual != predictions.predicted
    return np.where(is_wrong, np.maximum(gap, np.finfo(float).tiny), 0.0)


def probability_of(labels: np.ndarray, predictions: Predictions) -> np.ndarray:
    """Of one label per row."""
    columns = np.searchsorted(predictions.classes, labels)
    return predictions.probabilities[np.arange(len(labels)), columns]


def confusion(predictions: Predictions) -> dict:
    """`counts[i][j]`: rows of class i predicted as class j."""
    counts = confusion_matrix(predictions.actual, predictions.predicted, labels=predictions.classes)
    return {"labels": predictions.classes.tolist(), "counts": counts.tolist()}


def per_class(predictions: Predictions) -> list[dict]:
    """`found` of `support` rows were answered rightly, among `answers` with this label; 95 % intervals."""
    figures = precision_recall_fscore_support(
        predictions.actual, predictions.predicted, labels=predictions.classes, zero_division=0
    )
    names = ("label", "precision", "recall", "f1_score", "support")
    columns = [predictions.classes.tolist(), *(figure.tolist() for figure in figures)]
    described = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
    for of_class, label in zip(described, predictions.classes, strict=True):
        is_answer = predictions.predicted == label
        found, answers = int(np.sum(is_answer & (predictions.actual == label))), int(is_answer.sum())
        of_class |= {
            "found": found,
            "answers": answers,
            "recall_interval": proportion_interval(found, of_class["support"])
            if of_class["support"]
            else None,
            "precision_interval": proportion_interval(found, answers) if answers else None,
        }
    return described


def plain(value: object) -> object:
    """A cell as JSON knows it: a blank number is null."""
    if isinstance(value, str):
        return value
    return None if math.isnan(value) else float(value)
