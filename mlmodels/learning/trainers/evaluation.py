"""The report that is kept with a model: everything a page or a reader asks about it, as plain JSON data."""

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


def evaluate(answers: Predictions, rows: pd.DataFrame) -> dict:
    """The task's own parts of the report. `rows` are those of the answers, before preparation."""
    if answers.classes is None:
        return {
            "sample": sample(answers, rows),
            "residuals": residual_histogram(answers.actual - answers.predicted),
            "largest_misses": largest_misses(answers, rows, np.abs(answers.actual - answers.predicted)),
        }
    return {
        "sample": sample(answers, rows),
        "largest_misses": largest_misses(answers, rows, surprise(answers)),
        "confusion_matrix": confusion(answers),
        "classes": per_class(answers),
        "roc": roc_curves(answers),
    }


def sample(answers: Predictions, rows: pd.DataFrame) -> dict:
    """Actual against predicted, for at most SAMPLE_ROWS rows drawn with a fixed seed."""
    drawn = np.sort(np.random.default_rng(SEED).permutation(len(rows))[:SAMPLE_ROWS])
    return {
        "rows": [file_row(rows, position) for position in drawn],
        "actual": answers.actual[drawn].tolist(),
        "predicted": answers.predicted[drawn].tolist(),
    }


def residual_histogram(residuals: np.ndarray) -> dict:
    """Actual minus predicted. One bin where floating point cannot tell twenty apart."""
    smallest, largest = float(residuals.min()), float(residuals.max())
    resolution = np.spacing(max(abs(smallest), abs(largest)))
    if largest - smallest <= resolution * RESIDUAL_BINS * 4:
        return {"edges": [smallest, largest], "counts": [len(residuals)]}
    counts, edges = np.histogram(residuals, bins=RESIDUAL_BINS)
    return {"edges": edges.tolist(), "counts": counts.tolist()}


def largest_misses(answers: Predictions, rows: pd.DataFrame, misses: np.ndarray) -> list[dict]:
    """The rows with the largest misses above zero, with their place in the file and their inputs."""
    worst = [
        position for position in np.argsort(-misses, kind="stable")[:MISSES_SHOWN] if misses[position] > 0
    ]
    return [
        {
            "row": file_row(rows, position),
            "actual": answers.actual[position : position + 1].tolist()[0],
            "predicted": answers.predicted[position : position + 1].tolist()[0],
            "miss": float(misses[position]),
            "inputs": {name: plain(value) for name, value in rows.iloc[position].items()},
        }
        for position in worst
    ]


def surprise(answers: Predictions) -> np.ndarray:
    """How much likelier the model held its wrong answer than the right one; zero where it was right."""
    everyone = np.arange(len(answers.actual))
    actual = answers.probabilities[everyone, np.searchsorted(answers.classes, answers.actual)]
    predicted = answers.probabilities[everyone, np.searchsorted(answers.classes, answers.predicted)]
    is_wrong = answers.actual != answers.predicted
    return np.where(is_wrong, np.maximum(predicted - actual, np.finfo(float).tiny), 0.0)


def confusion(answers: Predictions) -> dict:
    """`counts[i][j]`: rows of class i that were taken for class j."""
    counts = confusion_matrix(answers.actual, answers.predicted, labels=answers.classes)
    return {"labels": answers.classes.tolist(), "counts": counts.tolist()}


def per_class(answers: Predictions) -> list[dict]:
    figures = precision_recall_fscore_support(
        answers.actual, answers.predicted, labels=answers.classes, zero_division=0
    )
    names = ("label", "precision", "recall", "f1_score", "support")
    columns = [answers.classes.tolist(), *(figure.tolist() for figure in figures)]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def roc_curves(answers: Predictions) -> list[dict]:
    """One curve for two classes (of the second one), else one per class of the most frequent ones."""
    supports = [int(np.sum(answers.actual == label)) for label in answers.classes]
    drawable = [column for column, support in enumerate(supports) if 0 < support < len(answers.actual)]
    if len(answers.classes) == 2:
        return [roc_of(answers, column) for column in drawable[1:]]
    ranked = sorted(drawable, key=lambda column: -supports[column])
    return [roc_of(answers, column) for column in ranked[:ROC_CURVES]]


def roc_of(answers: Predictions, column: int) -> dict:
    """False and true positive rates, thinned to at most ROC_POINTS; the area is of the full curve."""
    label = answers.classes[column : column + 1].tolist()[0]
    false_rates, true_rates, _ = roc_curve(answers.actual == label, answers.probabilities[:, column])
    kept = np.unique(np.linspace(0, len(false_rates) - 1, ROC_POINTS).round().astype(int))
    points = np.column_stack([false_rates[kept], true_rates[kept]]).round(6)
    return {"label": label, "area": float(auc(false_rates, true_rates)), "points": points.tolist()}


def plain(value: object) -> object:
    """A cell as JSON knows it: a blank number is null."""
    if isinstance(value, str):
        return value
    return None if math.isnan(value) else float(value)
