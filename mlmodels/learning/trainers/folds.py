"""Parts of the training rows, each in turn left out and asked about: the same for every candidate."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import KFold, StratifiedKFold

from mlmodels.learning.trainers.errors import DataRefused
from mlmodels.learning.trainers.trainer import CLASSIFICATION


@dataclass(frozen=True)
class PreparedFold:
    """One fold with its columns prepared by its own training rows alone."""

    training: object
    training_labels: np.ndarray
    validation: object
    validation_labels: np.ndarray


def make_folds(labels: np.ndarray, task: str, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Positions to train on and to validate on, as scikit-learn's searches make them from a number.

    Fewer than `count` on small tables: each fold validates on two rows at least (R² needs them), and has a
    row of the most frequent class. A class with fewer rows than folds is missing from some of them.
    """
    most = np.unique(labels, return_counts=True)[1].max() if task == CLASSIFICATION else len(labels) // 2
    count = min(count, int(most))
    if count < 2:
        raise DataRefused(
            "There are too few rows to compare models on. Bring more rows, or choose one algorithm."
        )
    splitter = StratifiedKFold(count) if task == CLASSIFICATION else KFold(count)
    return list(splitter.split(np.zeros(len(labels)), labels))


def prepare_folds(
    preparation: ColumnTransformer, frame: pd.DataFrame, labels: np.ndarray, folds
) -> Iterator[PreparedFold]:
    """Prepares each fold once, for all candidates to share; one at a time, as they can be large."""
    for training, validation in folds:
        prepare = clone(preparation)
        yield PreparedFold(
            training=prepare.fit_transform(frame.iloc[training], labels[training]),
            training_labels=labels[training],
            validation=prepare.transform(frame.iloc[validation]),
            validation_labels=labels[validation],
        )
