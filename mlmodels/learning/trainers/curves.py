"""What the probabilities of a classifier are worth: ROC, precision and recall, calibration, thresholds."""

from collections.abc import Callable

import numpy as np
from sklearn.metrics import auc, precision_recall_curve, roc_curve

from mlmodels.learning.trainers.figures import proportion_interval
from mlmodels.learning.trainers.metrics import Predictions, positive_column

CURVES_MAX = 10
POINTS_MAX = 100
CALIBRATION_BINS_MAX = 10
CALIBRATION_ROWS_MIN = 20
DEFAULT_THRESHOLD = 0.5


def roc_curves(predictions: Predictions) -> list[dict]:
    return curves_of(predictions, roc_of)


def precision_recall_curves(predictions: Predictions) -> list[dict]:
    return curves_of(predictions, precision_recall_of)


def curves_of(predictions: Predictions, curve_of: Callable) -> list[dict]:
    """Of two classes the one that is looked for, else one curve for each of the most frequent ones."""
    supports = [int(np.sum(predictions.actual == label)) for label in predictions.classes]
    drawable = [column for column, support in enumerate(supports) if 0 < support < len(predictions.actual)]
    if len(predictions.classes) == 2:
        drawable = [column for column in drawable if column == positive_column(predictions)]
    ranked = sorted(drawable, key=lambda column: -supports[column])
    return [
        {"label": label_of(predictions, column)}
        | curve_of(predictions.actual == predictions.classes[column], predictions.probabilities[:, column])
        for column in ranked[:CURVES_MAX]
    ]


def roc_of(is_class: np.ndarray, probabilities: np.ndarray) -> dict:
    """False and true positive rates, thinned; the area is of the full curve."""
    false_rates, true_rates, _ = roc_curve(is_class, probabilities)
    return {"area": float(auc(false_rates, true_rates)), "points": thinned(false_rates, true_rates)}


def precision_recall_of(is_class: np.ndarray, probabilities: np.ndarray) -> dict:
    """Recall and precision from the highest threshold to the lowest, thinned."""
    precisions, recalls, _ = precision_recall_curve(is_class, probabilities)
    return {
        "average_precision": float(np.sum(-np.diff(recalls) * precisions[:-1])),
        "points": thinned(recalls[::-1], precisions[::-1]),
    }


def thinned(x: np.ndarray, y: np.ndarray) -> list[list[float]]:
    kept = np.unique(np.linspace(0, len(x) - 1, POINTS_MAX).round().astype(int))
    return np.column_stack([x[kept], y[kept]]).round(6).tolist()


def calibration(predictions: Predictions) -> dict:
    """How far probabilities are from what happened: expected calibration error and the bins behind it.

    Of two classes the probability of the one looked for, else that of the answer and whether it was right.
    Each bin has about as many rows as any other. `low` and `high` are where `observed` would lie in 95 of 100
    such tests.
    """
    if len(predictions.classes) == 2:
        column = positive_column(predictions)
        probabilities = predictions.probabilities[:, column]
        happened = predictions.actual == predictions.classes[column]
    else:
        probabilities = predictions.probabilities.max(axis=1)
        happened = predictions.actual == predictions.predicted
    bins = [calibration_bin(probabilities[rows], happened[rows]) for rows in equal_parts(probabilities)]
    error = sum(abs(part["predicted"] - part["observed"]) * part["rows"] for part in bins) / len(happened)
    return {"error": float(error), "method": None, "bins": bins}


def equal_parts(values: np.ndarray) -> list[np.ndarray]:
    """Positions in about equal parts from low to high; equal values stay together."""
    count = int(np.clip(len(values) // CALIBRATION_ROWS_MIN, 1, CALIBRATION_BINS_MAX))
    edges = np.unique(np.quantile(values, np.linspace(0, 1, count + 1)[1:-1]))
    part = np.searchsorted(edges, values, side="left")
    parts = [np.flatnonzero(part == number) for number in range(len(edges) + 1)]
    return [rows for rows in parts if len(rows)]


def calibration_bin(probabilities: np.ndarray, happened: np.ndarray) -> dict:
    low, high = proportion_interval(int(happened.sum()), len(happened))
    return {
        "predicted": float(probabilities.mean()),
        "observed": float(happened.mean()),
        "low": low,
        "high": high,
        "rows": len(happened),
    }


def thresholds(predictions: Predictions) -> dict | None:
    """Of two classes: what is found and what is warned of in vain, for each whole percent."""
    if len(predictions.classes) != 2:
        return None
    column = positive_column(predictions)
    is_positive = predictions.actual == predictions.classes[column]
    asked = np.arange(1, 100) / 100
    found = rows_at_least(predictions.probabilities[is_positive, column], asked)
    in_vain = rows_at_least(predictions.probabilities[~is_positive, column], asked)
    positives, negatives = int(is_positive.sum()), int((~is_positive).sum())
    return {
        "label": label_of(predictions, column),
        "default": DEFAULT_THRESHOLD,
        "rows": [
            {
                "threshold": threshold,
                "true_positives": true_positives,
                "false_positives": false_positives,
                "false_negatives": positives - true_positives,
                "true_negatives": negatives - false_positives,
            }
            for threshold, true_positives, false_positives in zip(
                asked.tolist(), found.tolist(), in_vain.tolist(), strict=True
            )
        ],
    }


def rows_at_least(probabilities: np.ndarray, asked: np.ndarray) -> np.ndarray:
    return len(probabilities) - np.searchsorted(np.sort(probabilities), asked, side="left")


def label_of(predictions: Predictions, column: int) -> object:
    """As JSON knows it."""
    return predictions.classes[column : column + 1].tolist()[0]
