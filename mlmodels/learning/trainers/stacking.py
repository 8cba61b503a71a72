"""Boosting stacked on a random forest: the predictions of the forest are columns behind the prepared ones.

A row that is learned from gets the predictions of the trees that were grown without it, any other row those
of all trees.
"""

import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from mlmodels.learning.trainers.limits import SEED
from mlmodels.learning.trainers.trainer import REGRESSION

SETTINGS = {"n_estimators": 100, "min_samples_leaf": 2, "max_features": 1 / 3}


def grow(task: str, rows: np.ndarray, labels: np.ndarray) -> tuple[object, np.ndarray]:
    """The forest, and its out-of-bag predictions for the same rows, as `predicted` has them."""
    kind = RandomForestRegressor if task == REGRESSION else RandomForestClassifier
    forest = kind(oob_score=True, random_state=SEED, **SETTINGS).fit(rows, labels)
    if task == REGRESSION:
        return forest, vars(forest).pop("oob_prediction_")[:, np.newaxis]
    return forest, vars(forest).pop("oob_decision_function_")


def predicted(forest, rows: np.ndarray) -> np.ndarray:
    """One column of predicted numbers, or one column of probabilities per class."""
    return forest.predict_proba(rows) if hasattr(forest, "classes_") else forest.predict(rows)[:, np.newaxis]
