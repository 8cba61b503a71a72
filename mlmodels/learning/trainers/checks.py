"""Refuses rows that no model can learn from, once they are read, and gives labels their types."""

import numpy as np
import pandas as pd

from mlmodels.learning.trainers.errors import DataRefused
from mlmodels.learning.trainers.limits import CLASSES_MAX, NUMBER_MAX
from mlmodels.learning.trainers.plan import NUMBER, Feature
from mlmodels.learning.trainers.splits import file_row
from mlmodels.learning.trainers.trainer import CLASSIFICATION, REGRESSION


def clean_labels(target_labels, task: str) -> np.ndarray:
    """Floats for regression; whole numbers or texts (as objects) for classification."""
    labels = np.asarray(target_labels)
    if task == REGRESSION:
        return labels.astype(float)
    return labels if labels.dtype.kind in "iu" else labels.astype(str).astype(object)


def check_target(labels: np.ndarray, task: str, target: str) -> None:
    """Refuses a target from which nothing can be learned, whatever the columns."""
    if len(labels) == 0:
        raise DataRefused(f"No row has a value in {target}. Choose another target.", field="target")
    distinct = len(np.unique(labels))
    if distinct < 2:
        raise DataRefused(
            f"Every row has the same value in {target}. A model needs at least two different values to "
            "learn from. Choose another target, or upload rows with other values.",
            field="target",
        )
    if task == CLASSIFICATION and distinct > CLASSES_MAX:
        raise DataRefused(
            f"{target} has {distinct} different values, and a model can have at most {CLASSES_MAX} classes. "
            "Choose regression if it is a number, or another target.",
            field="target",
        )
    if task != CLASSIFICATION and not np.all(np.abs(labels) <= NUMBER_MAX):
        raise DataRefused(
            f"{target} holds a number beyond {NUMBER_MAX:g}. Correct it, or choose another target.",
            field="target",
        )


def check_features(frame: pd.DataFrame, features: tuple[Feature, ...]) -> None:
    """Refuses numbers that overflow within the algorithms, naming the first column and row."""
    for name in (feature.name for feature in features if feature.role == NUMBER):
        too_large = np.flatnonzero(np.abs(frame[name].to_numpy()) > NUMBER_MAX)
        if len(too_large):
            raise DataRefused(
                f"{name} holds a number beyond {NUMBER_MAX:g} in row {file_row(frame, too_large[0])}. "
                "Correct it, or leave the column out.",
                field=name,
            )
