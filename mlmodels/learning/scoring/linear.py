"""Linear models in closed form."""

import numpy as np

from mlmodels.learning.scoring.activations import classify_by_score, classify_by_scores


class LinearKernel:
    def __init__(self, model):
        self._weights = np.ravel(model.coef_).astype(np.float64)
        self._intercept = float(np.ravel(model.intercept_)[0])

    def value(self, encoded: np.ndarray) -> float:
        return float(self._weights @ encoded) + self._intercept


class LogisticKernel:
    """Logistic regression: one row of weights for two classes, else one for each class."""

    def __init__(self, model):
        self._weights = np.ascontiguousarray(model.coef_, dtype=np.float64)
        self._intercepts = np.asarray(model.intercept_, dtype=np.float64)

    def classify(self, encoded: np.ndarray) -> tuple[int, list[float]]:
        scores = self._weights @ encoded + self._intercepts
        return classify_by_score(float(scores[0])) if len(scores) == 1 else classify_by_scores(scores)
