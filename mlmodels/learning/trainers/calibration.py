"""Probabilities that mean what they say: a calibrator behind a classifier, from out-of-fold predictions.

scikit-learn's CalibratedClassifierCV would fit the classifier again for that; this makes the same object from
predictions that are there already.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV, _fit_calibrator
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils._array_api import get_namespace

from mlmodels.learning.trainers.scores import PROBABILITY_MIN, is_better, loss

SIGMOID, ISOTONIC, TEMPERATURE = "sigmoid", "isotonic", "temperature"
ISOTONIC_ROWS_MIN = 1_000
ROWS_MIN = 50


def choose_method(
    actual: Sequence[np.ndarray], predictions: Sequence[np.ndarray], classes: np.ndarray, is_weighted: bool
) -> str | None:
    """The method that lowers the log loss beyond one standard error, each fold calibrated by the others.

    Where classes were weighted the probabilities are off by construction, and any gain counts.
    """
    rows = sum(map(len, actual))
    if rows < ROWS_MIN or len(actual) < 2:
        return None
    best, scores = None, [-loss(*fold, classes) for fold in zip(actual, predictions, strict=True)]
    for method in methods_for(len(classes), rows):
        calibrated = crossed(method, actual, predictions, classes)
        if calibrated is None:
            continue
        found = [-loss(*fold, classes) for fold in zip(actual, calibrated, strict=True)]
        is_gain = (
            np.mean(found) > np.mean(scores) if is_weighted and best is None else is_better(found, scores)
        )
        if is_gain:
            best, scores = method, found
    return best


def methods_for(classes: int, rows: int) -> list[str]:
    """Of more than two classes only the temperature keeps their order."""
    if classes > 2:
        return [TEMPERATURE]
    return [SIGMOID] + ([ISOTONIC] if rows >= ISOTONIC_ROWS_MIN else [])


def crossed(method: str, actual, predictions, classes: np.ndarray) -> list[np.ndarray] | None:
    """The predictions of each fold, calibrated by those of the others; None where these lack a class."""
    calibrated = []
    for number, given in enumerate(predictions):
        labels = np.concatenate([part for at, part in enumerate(actual) if at != number])
        others = np.concatenate([part for at, part in enumerate(predictions) if at != number])
        if len(np.unique(labels)) < len(classes):
            return None
        fitted = fit_calibrator(KnownProbabilities(classes), method, labels, others, classes)
        calibrated.append(fitted.predict_proba(given))
    return calibrated


class KnownProbabilities(ClassifierMixin, BaseEstimator):
    """Stands in for a classifier whose probabilities are the rows themselves."""

    def __init__(self, classes):
        self.classes = classes

    @property
    def classes_(self) -> np.ndarray:
        return self.classes

    def predict_proba(self, probabilities: np.ndarray) -> np.ndarray:
        return probabilities


def fit_calibrator(
    classifier, method: str, actual: np.ndarray, probabilities: np.ndarray, classes: np.ndarray
):
    """scikit-learn's own calibrator of `classifier`, whose answers to rows with these labels are known."""
    answers = probabilities[:, 1:] if len(classes) == 2 else probabilities
    if hasattr(classifier, "decision_function"):
        answers = logits(answers)
    labels = np.searchsorted(classes, actual) if method == TEMPERATURE else actual
    namespace, _ = get_namespace(answers)
    return _fit_calibrator(classifier, answers, labels, classes, method, xp=namespace)


def logits(probabilities: np.ndarray) -> np.ndarray:
    """What a classifier's decision function says that has these probabilities, up to a constant per row."""
    clipped = np.clip(probabilities, PROBABILITY_MIN, 1 - PROBABILITY_MIN)
    return np.log(clipped / (1 - clipped)) if clipped.shape[1] == 1 else np.log(clipped)


def calibrated(pipeline: Pipeline, method: str, actual: np.ndarray, probabilities: np.ndarray) -> Pipeline:
    """The fitted pipeline with a calibrator behind it."""
    model = CalibratedClassifierCV(FrozenEstimator(pipeline), method=method, ensemble=False)
    model.classes_ = pipeline.classes_
    model.calibrated_classifiers_ = [
        fit_calibrator(pipeline, method, actual, probabilities, pipeline.classes_)
    ]
    return Pipeline([("model", model)])
