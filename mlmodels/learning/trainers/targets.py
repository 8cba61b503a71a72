"""Targets that are learned in another scale, such as the logarithm of a price, and predicted in their own."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import skew
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
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


def transformer_for(name: str | None, labels: np.ndarray):
    """Unfitted, or None for the target's own scale.

    Predictions are kept within the range of the labels: a line in another scale leads far out.
    """
    match name:
        case "log":
            transform = FunctionTransformer(np.log, np.exp, check_inverse=False)
        case "log1p":
            transform = FunctionTransformer(np.log1p, np.expm1, check_inverse=False)
        case "yeo_johnson":
            transform = PowerTransformer(method="yeo-johnson")
        case _:
            return None
    reached = transform.fit_transform(labels[:, np.newaxis])
    ends = {"a_min": float(reached.min()), "a_max": float(reached.max())}
    within = FunctionTransformer(inverse_func=np.clip, inv_kw_args=ends, check_inverse=False)
    return make_pipeline(clone(transform), within)


def fitted_transform(name: str | None, labels: np.ndarray) -> Transform:
    transformer = transformer_for(name, labels)
    return Transform() if transformer is None else Transform(transformer.fit(labels[:, np.newaxis]))


def with_transform(model, name: str | None, labels: np.ndarray):
    """The estimator that learns in the other scale and predicts in the target's own."""
    transformer = transformer_for(name, labels)
    if transformer is None:
        return model
    return TransformedTargetRegressor(model, transformer=transformer, check_inverse=False)
