"""From raw scores to probabilities, by the steps that scikit-learn takes."""

import numpy as np
from scipy.special import expit


def classify_by_score(score: float) -> tuple[int, list[float]]:
    """Two classes, one score: the second class wins above zero."""
    share = float(expit(score))
    return int(score > 0), [1 - share, share]


def classify_by_scores(scores: np.ndarray) -> tuple[int, list[float]]:
    """One score per class."""
    powers = np.exp(scores - scores.max())
    return int(scores.argmax()), (powers / powers.sum()).tolist()
