"""Reports the progress of a forest's fit, which scikit-learn can continue part by part."""

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.pipeline import Pipeline

PARTS = 10


def fit(
    pipeline: Pipeline, frame: pd.DataFrame, labels: np.ndarray, on_share: Callable[[float], None]
) -> Pipeline:
    """`pipeline.fit`, calling `on_share` with the share done after each part of a forest."""
    if not isinstance(pipeline["model"], RandomForestClassifier | RandomForestRegressor):
        return pipeline.fit(frame, labels)
    grow(pipeline["model"], pipeline["prepare"].fit_transform(frame, labels), labels, on_share)
    return pipeline


def grow(forest, rows, labels: np.ndarray, on_share: Callable[[float], None]) -> None:
    """Adds trees part by part: those of a single fit, as scikit-learn goes on where the seed has got to."""
    trees = forest.n_estimators
    with warnings.catch_warnings():
        # The advice not to balance classes when a forest is continued is for other rows than the first ones
        warnings.filterwarnings("ignore", message='class_weight presets "balanced"')
        for part in range(1, PARTS + 1):
            forest.set_params(n_estimators=trees * part // PARTS, warm_start=True).fit(rows, labels)
            on_share(part / PARTS)
    forest.set_params(n_estimators=trees, warm_start=False)
