"""Targets that are learned in another scale, such as the logarithm of a price, and predicted in their own."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import skew
from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import FunctionTransformer, PowerTransformer

LOG = "log"
LOG_OF_ONE_MORE = "log1p"
YEO_JOHNSON = "yeo_johnson"
SKEWNESS_MIN = 1.0


@dataclass(frozen=True)
class Transform:
    """`there` for the labels that a model learns, `back` for what it predicts."""

    transformer: object | None = None

    def there(self, labels: np.ndarray) -> np.ndarray:
        return (
            labels if self.transformer is None else self.transformer.transform(labels[:, np.newaxis]).ravel()
        )

    def back(self, predictions: np.ndarray) -> np.ndarray:
        if self.transformer is None:
            return predictions
        return self.transformer.inverse_transform(predictions[:, np.newaxis]).ravel()


def transforms_for(labels: np.ndarray) -> list[str]:
    """Those worth trying: of a skewed target alone, and logarithms where nothing is below zero."""
    if len(labels) < 3 or abs(skew(labels)) < SKEWNESS_MIN:
        return []
    if labels.min() < 0:
        return [YEO_JOHNSON]
    return [LOG] if labels.min() > 0 else [LOG_OF_ONE_MORE]


def transformer_of(name: str | None):
    """Unfitted, or None for the target's own scale."""
    match name:
        case "log":
            return FunctionTransformer(np.log, np.exp, check_inverse=False)
        case "log1p":
            return FunctionTransformer(np.log1p, np.expm1, check_inverse=False)
        case "yeo_johnson":
            return PowerTransformer(method="yeo-johnson")
    return None


def fitted_transform(name: str | None, labels: np.ndarray) -> Transform:
    transformer = transformer_of(name)
    return Transform() if transformer is None else Transform(transformer.fit(labels[:, np.newaxis]))


def with_transform(model, name: str | None):
    """The estimator that learns in the other scale and predicts in the target's own."""
    transformer = transformer_of(name)
    if transformer is None:
        return model
    return TransformedTargetRegressor(model, transformer=transformer, check_inverse=False)
