"""Linear models in closed form."""

import numpy as np
from scipy.special import expit


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


def classify_by_score(score: float) -> tuple[int, list[float]]:
    """Two classes, one score: the second class wins above zero."""
    share = float(expit(score))
    return int(score > 0), [1 - share, share]


def classify_by_scores(scores: np.ndarray) -> tuple[int, list[float]]:
    """One score per class."""
    powers = np.exp(scores - scores.max())
    return int(scores.argmax()), (powers / powers.sum()).tolist()
