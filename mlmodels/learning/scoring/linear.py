"""Linear models and naive Bayes in closed form."""

import numpy as np
from scipy.special import expit

from mlmodels.learning.scoring.scorers import ClassificationKernel, RegressionKernel


class LinearKernel(RegressionKernel):
    def __init__(self, model):
        self._weights = np.ravel(model.coef_).astype(np.float64)
        self._intercept = float(np.ravel(model.intercept_)[0])

    def value(self, encoded: np.ndarray) -> float:
        return float(self._weights @ encoded) + self._intercept


class LogisticKernel(ClassificationKernel):
    """Logistic regression: one row of weights for two classes, else one for each class."""

    def __init__(self, model):
        self._weights = np.ascontiguousarray(model.coef_, dtype=np.float64)
        self._intercepts = np.asarray(model.intercept_, dtype=np.float64)

    def classify(self, encoded: np.ndarray) -> tuple[int, list[float]]:
        return classify(self.scores(encoded))

    def scores_of_many(self, rows: list) -> np.ndarray:
        return np.array([self.scores(encoded) for encoded in rows])

    def scores(self, encoded: np.ndarray) -> np.ndarray:
        return self._weights @ encoded + self._intercepts


class NaiveBayesKernel(ClassificationKernel):
    """Gaussian naive Bayes, added up as scikit-learn does."""

    def __init__(self, model):
        self._means, self._variances = model.theta_, model.var_
        self._constants = -0.5 * np.sum(np.log(2.0 * np.pi * model.var_), axis=1)
        self._priors = np.log(model.class_prior_)

    def classify(self, encoded: np.ndarray) -> tuple[int, list[float]]:
        distances = np.sum((encoded - self._means) ** 2 / self._variances, axis=1)
        logarithms = self._priors + (self._constants - 0.5 * distances)
        largest = logarithms.max()
        total = largest + np.log(np.exp(logarithms - largest).sum())
        return int(logarithms.argmax()), np.exp(logarithms - total).tolist()


def classify(scores: np.ndarray) -> tuple[int, list[float]]:
    return classify_by_score(float(scores[0])) if len(scores) == 1 else classify_by_scores(scores)


def classify_by_score(score: float) -> tuple[int, list[float]]:
    """Two classes, one score: the second class wins above zero."""
    share = float(expit(score))
    return int(score > 0), [1 - share, share]


def classify_by_scores(scores: np.ndarray) -> tuple[int, list[float]]:
    """One score per class."""
    powers = np.exp(scores - scores.max())
    return int(scores.argmax()), (powers / powers.sum()).tolist()
