"""What a model has to beat: always answering the mean, or the most frequent class."""

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor

from mlmodels.learning.trainers.metrics import ask, measure
from mlmodels.learning.trainers.trainer import REGRESSION


def make_baseline(task: str):
    """Unfitted. "prior" answers the most frequent class, with the shares of all classes as probabilities."""
    return DummyRegressor(strategy="mean") if task == REGRESSION else DummyClassifier(strategy="prior")


def baseline_metrics(task: str, training_labels: np.ndarray, hold_out_labels: np.ndarray) -> dict:
    baseline = make_baseline(task).fit(no_columns(training_labels), training_labels)
    return measure(ask(baseline, task, no_columns(hold_out_labels), hold_out_labels))


def no_columns(labels: np.ndarray) -> np.ndarray:
    return np.zeros((len(labels), 1))
