"""The one figure by which candidates are compared, higher being better, and when two of them are equal."""

import math

import numpy as np
from sklearn.metrics import r2_score, roc_auc_score

from mlmodels.learning.trainers.trainer import REGRESSION

R2 = "r2_score"
ACCURACY = "accuracy"
ROC_AUC = "roc_auc"
LOG_LOSS = "neg_log_loss"  # as scikit-learn calls it: higher is better here as well
PROBABILITY_MIN = float(np.finfo(np.float64).eps)


def scoring_for(task: str, labels: np.ndarray) -> str:
    """R², the ROC AUC of two classes, or the log loss of more."""
    if task == REGRESSION:
        return R2
    return ROC_AUC if len(np.unique(labels)) == 2 else LOG_LOSS


def score(scoring: str, actual: np.ndarray, predictions: np.ndarray, classes: np.ndarray | None) -> float:
    """Of predictions: numbers, or a column of probabilities for each of the `classes`."""
    match scoring:
        case "r2_score":
            return float(r2_score(actual, predictions))
        case "roc_auc":
            return float(roc_auc_score(actual == classes[1], predictions[:, 1]))
        case "accuracy":
            return float(np.mean(classes[predictions.argmax(axis=1)] == actual))
    return -loss(actual, predictions, classes)


def loss(actual: np.ndarray, predictions: np.ndarray, classes: np.ndarray | None) -> float:
    """What early stopping and weights of ensembles go by: the mean squared error, or the log loss."""
    if classes is None:
        return float(np.mean((actual - predictions) ** 2))
    return float(-np.mean(np.log(probability_of_actual(actual, predictions, classes))))


def probability_of_actual(actual: np.ndarray, probabilities: np.ndarray, classes: np.ndarray) -> np.ndarray:
    chosen = probabilities[np.arange(len(actual)), np.searchsorted(classes, actual)]
    return np.clip(chosen, PROBABILITY_MIN, 1.0)


def standard_error(values) -> float:
    """Of the mean of the values of the folds."""
    return float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf


def is_better(scores, others) -> bool:
    """Whether the first is better on the same folds by more than one standard error of the differences."""
    differences = np.asarray(scores) - np.asarray(others)
    return bool(differences.mean() > standard_error(differences))
