"""How good a model is, in numbers. Every figure is a plain float, or None where the rows do not define it."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata
from sklearn import metrics as measures
from sklearn.dummy import DummyClassifier, DummyRegressor

from mlmodels.learning.trainers.trainer import REGRESSION

R2 = "r2_score"
ACCURACY = "accuracy"
ROC_AUC = "roc_auc"

RARE_CLASS_SHARE_MAX = 1 / 3


@dataclass(frozen=True)
class Predictions:
    """What a model predicts for rows whose target is known.

    For classification `classes` name the columns of `probabilities`, including those that only `actual` has.
    """

    actual: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray | None = None
    classes: np.ndarray | None = None


def predict(model, task: str, rows, actual: np.ndarray) -> Predictions:
    """By a fitted estimator or pipeline."""
    if task == REGRESSION:
        return Predictions(actual, model.predict(rows))
    classes, probabilities = with_unseen_classes(actual, model.predict_proba(rows), model.classes_)
    return Predictions(actual, model.predict(rows), probabilities, classes)


def measure(predictions: Predictions) -> dict[str, float | None]:
    """All metrics of the task. `f1_score` weighs classes by their rows, `f1_macro` equally."""
    return measure_numbers(predictions) if predictions.classes is None else measure_classes(predictions)


def measure_numbers(predictions: Predictions) -> dict[str, float | None]:
    truth = predictions.actual, predictions.predicted
    return {
        R2: float(measures.r2_score(*truth)) if len(predictions.actual) > 1 else None,
        "mean_squared_error": float(measures.mean_squared_error(*truth)),
        "mean_absolute_error": float(measures.mean_absolute_error(*truth)),
        "root_mean_squared_error": float(measures.root_mean_squared_error(*truth)),
    }


def measure_classes(predictions: Predictions) -> dict[str, float | None]:
    truth = predictions.actual, predictions.predicted
    occurring = np.unique(predictions.actual)
    return {
        ACCURACY: float(measures.accuracy_score(*truth)),
        # scikit-learn's balanced accuracy, without its warning about predicted classes that have no rows
        "balanced_accuracy": float(measures.recall_score(*truth, labels=occurring, average="macro")),
        "f1_score": float(measures.f1_score(*truth, average="weighted", zero_division=0)),
        "f1_macro": float(measures.f1_score(*truth, average="macro", zero_division=0)),
        ROC_AUC: roc_auc(predictions),
        "log_loss": float(
            measures.log_loss(predictions.actual, predictions.probabilities, labels=predictions.classes)
        ),
    }


def roc_auc(predictions: Predictions) -> float | None:
    """The area under the ROC curve, each class against the rest and weighed by its rows.

    With two classes both areas are the same, so this is the usual figure. Classes without a row are left out;
    None where only one class has rows.
    """
    columns = [
        column for column, label in enumerate(predictions.classes) if np.any(predictions.actual == label)
    ]
    if len(columns) < 2:
        return None
    is_class = [predictions.actual == predictions.classes[column] for column in columns]
    areas = [
        area_under_roc(truth, predictions.probabilities[:, column])
        for truth, column in zip(is_class, columns, strict=True)
    ]
    return float(np.average(areas, weights=[truth.sum() for truth in is_class]))


def positive_column(predictions: Predictions) -> int:
    """Which of two classes is looked for: a rare one, else the second, as "yes" comes after "no"."""
    share = float(np.mean(predictions.actual == predictions.classes[1]))
    return 0 if share > 1 - RARE_CLASS_SHARE_MAX else 1


def area_under_roc(is_class: np.ndarray, probabilities: np.ndarray) -> float:
    """From ranks, which is the same as scikit-learn's area and many times quicker."""
    inside = int(is_class.sum())
    ranks = rankdata(probabilities)
    won = ranks[is_class].sum() - inside * (inside + 1) / 2
    return float(won / (inside * (len(is_class) - inside)))


def with_unseen_classes(actual: np.ndarray, probabilities: np.ndarray, classes: np.ndarray):
    """Classes and probabilities, with a column of zeros for each class that only `actual` has.

    There may be more of `actual` than rows of probabilities.
    """
    known = np.union1d(classes, actual)
    if len(known) == len(classes):
        return classes, probabilities
    widened = np.zeros((len(probabilities), len(known)))
    widened[:, np.searchsorted(known, classes)] = probabilities
    return known, widened


def choose_scoring(task: str, labels: np.ndarray, folds: int = 1) -> str:
    """The one figure by which models are compared: R², the ROC AUC of two classes, or accuracy.

    The ROC AUC sees a better order even where no prediction changes, but needs both classes in every fold.
    """
    if task == REGRESSION:
        return R2
    counts = np.unique(labels, return_counts=True)[1]
    return ROC_AUC if len(counts) == 2 and counts.min() >= folds else ACCURACY


def score(scoring: str, model, rows, actual: np.ndarray) -> float:
    """The figure of this name, higher being better, of a fitted classifier or regressor."""
    return figure(scoring, model, response_values(scoring, model, rows), actual)


def response_values(scoring: str, model, rows) -> np.ndarray:
    """One value per row: the probability of the second class, or the prediction."""
    return model.predict_proba(rows)[:, 1] if scoring == ROC_AUC else model.predict(rows)


def figure(scoring: str, model, responses: np.ndarray, actual: np.ndarray) -> float:
    if scoring == ROC_AUC:
        return area_under_roc(actual == model.classes_[1], responses)
    return float(measures.r2_score(actual, responses) if scoring == R2 else np.mean(actual == responses))


def make_baseline(task: str):
    """Unfitted. "prior" predicts the most frequent class, with the class frequencies as probabilities."""
    return DummyRegressor(strategy="mean") if task == REGRESSION else DummyClassifier(strategy="prior")


def baseline_metrics(task: str, training_labels: np.ndarray, hold_out_labels: np.ndarray) -> dict:
    """Of the best answer without columns: of numbers the mean, and for absolute errors the median."""
    baseline = make_baseline(task).fit(no_columns(training_labels), training_labels)
    found = measure(predict(baseline, task, no_columns(hold_out_labels), hold_out_labels))
    if task == REGRESSION:
        found["mean_absolute_error"] = float(np.abs(hold_out_labels - typical_number(training_labels)).mean())
    return found


def typical_number(training_labels: np.ndarray) -> float:
    """From which the absolute errors are smallest."""
    return float(np.median(training_labels))


def no_columns(labels: np.ndarray) -> np.ndarray:
    return np.zeros((len(labels), 1))
