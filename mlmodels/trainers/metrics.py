"""How good a model is, in numbers. Every figure is a plain float, or None where the rows do not define it."""

import numpy as np
from sklearn import metrics as measure

from mlmodels.trainers.trainer import REGRESSION

R2 = "r2_score"
ACCURACY = "accuracy"
ROC_AUC = "roc_auc"


def regression_metrics(actual: np.ndarray, predicted: np.ndarray) -> dict:
    return {
        R2: float(measure.r2_score(actual, predicted)) if len(actual) > 1 else None,
        "mean_squared_error": float(measure.mean_squared_error(actual, predicted)),
        "mean_absolute_error": float(measure.mean_absolute_error(actual, predicted)),
        "root_mean_squared_error": float(measure.root_mean_squared_error(actual, predicted)),
    }


def classification_metrics(
    actual: np.ndarray, predicted: np.ndarray, probabilities: np.ndarray, classes: np.ndarray
) -> dict:
    """`f1_score` weighs classes by their rows, `f1_macro` equally.

    `classes` name the columns of `probabilities`.
    """
    known, probabilities = with_unseen_classes(actual, probabilities, classes)
    return {
        ACCURACY: float(measure.accuracy_score(actual, predicted)),
        "balanced_accuracy": float(
            measure.recall_score(
                actual, predicted, labels=np.unique(actual), average="macro", zero_division=0
            )
        ),
        "f1_score": float(measure.f1_score(actual, predicted, average="weighted", zero_division=0)),
        "f1_macro": float(measure.f1_score(actual, predicted, average="macro", zero_division=0)),
        ROC_AUC: roc_auc(actual, probabilities, known),
        "log_loss": float(measure.log_loss(actual, probabilities, labels=known)),
    }


def roc_auc(actual: np.ndarray, probabilities: np.ndarray, classes: np.ndarray) -> float | None:
    """The area under the ROC curve, each class against the rest and weighed by its rows.

    With two classes both areas are the same, so this is the usual figure. Classes without a row are left out;
    None where only one class has rows.
    """
    present = [(column, label) for column, label in enumerate(classes) if np.any(actual == label)]
    if len(present) < 2:
        return None
    areas = [measure.roc_auc_score(actual == label, probabilities[:, column]) for column, label in present]
    return float(np.average(areas, weights=[np.sum(actual == label) for _, label in present]))


def with_unseen_classes(actual: np.ndarray, probabilities: np.ndarray, classes: np.ndarray):
    """Classes and probabilities, with a column of zeros for each class that only the hold-out has."""
    known = np.union1d(classes, actual)
    if len(known) == len(classes):
        return classes, probabilities
    widened = np.zeros((len(actual), len(known)))
    widened[:, np.searchsorted(known, classes)] = probabilities
    return known, widened


def score(scoring: str, model, rows, actual: np.ndarray) -> float:
    """One figure by its name, higher being better, of a fitted classifier or regressor on prepared rows."""
    if scoring == ROC_AUC:
        return roc_auc(actual, model.predict_proba(rows), model.classes_)
    predicted = model.predict(rows)
    return float((measure.r2_score if scoring == R2 else measure.accuracy_score)(actual, predicted))


def measure_model(model, task: str, rows, actual: np.ndarray) -> dict:
    """All metrics of the task for a fitted estimator or pipeline."""
    if task == REGRESSION:
        return regression_metrics(actual, model.predict(rows))
    return classification_metrics(actual, model.predict(rows), model.predict_proba(rows), model.classes_)
