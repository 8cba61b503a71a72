"""How good a model is and what it goes by, as plain JSON data: what is stored and shown with it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mlmodels.learning.trainers.conformal import reliability_of
from mlmodels.learning.trainers.evaluation import evaluate
from mlmodels.learning.trainers.importance import column_importance
from mlmodels.learning.trainers.metric_intervals import metric_intervals
from mlmodels.learning.trainers.metrics import Predictions, baseline_metrics, measure
from mlmodels.learning.trainers.partial_dependence import partial_dependence
from mlmodels.learning.trainers.plan import Feature
from mlmodels.learning.trainers.trainer import CLASSIFICATION, REGRESSION
from mlmodels.learning.trainers.verdict import verdict


def describe_quality(
    predictions: Predictions,
    rows: pd.DataFrame,
    training_labels: np.ndarray,
    apart: Predictions | None = None,
) -> dict:
    """Of predictions for `rows`, which the model was not trained on. `rows` have the columns of the file.

    `apart` are further such predictions, made out of fold; intervals come from them where they are there.
    """
    task = REGRESSION if predictions.classes is None else CLASSIFICATION
    metrics = measure(predictions)
    return {
        "metrics": metrics,
        "baseline": baseline_metrics(task, training_labels, predictions.actual),
        "metric_intervals": metric_intervals(predictions, metrics),
        "verdict": verdict(predictions, training_labels),
        "reliability": reliability_of(predictions) if apart is None else reliability_of(apart, predictions),
        **evaluate(predictions, rows),
    }


def describe_drivers(
    model, task: str, features: Sequence[Feature], rows: pd.DataFrame, labels: np.ndarray, stored_rows: int
) -> dict:
    """Which columns a FittedModel goes by, and how. `stored_rows` is how many it was trained on."""
    importance = column_importance(model, task, rows, labels, stored_rows)
    dependence = partial_dependence(model, rows, features, importance, stored_rows)
    return {"importance": importance, "partial_dependence": dependence}
