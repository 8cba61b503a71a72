"""Which rows a model is trained on, and which are the test set that measures it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from mlmodels.learning.trainers.errors import DataRefused
from mlmodels.learning.trainers.limits import CLASSES_MAX, NUMBER_MAX, SEED, TRAINING_ROWS_MIN
from mlmodels.learning.trainers.metrics import score
from mlmodels.learning.trainers.parameters import shorten
from mlmodels.learning.trainers.plan import NUMBER, Feature
from mlmodels.learning.trainers.trainer import CLASSIFICATION


@dataclass
class Split:
    """Positions of the training rows and of the test set; `notes` are sentences for the report."""

    training: np.ndarray
    hold_out: np.ndarray
    notes: list[str] = field(default_factory=list)


def split_rows(labels: np.ndarray, task: str, train_percentage: float) -> Split:
    """scikit-learn's train_test_split on the rows in file order, stratified for classification.

    A class with one row cannot be on both sides: its row is trained on, and the other rows are split as if
    it were not there. Any other class that cannot be divided is refused.
    """
    positions = np.arange(len(labels))
    if task != CLASSIFICATION:
        check_sizes(len(positions), train_percentage)
        return Split(*train_test_split(positions, train_size=train_percentage, random_state=SEED))
    alone = rows_of_single_row_classes(labels)
    rest = np.delete(positions, alone)
    check_stratified_sizes(labels[rest], len(alone), train_percentage)
    training, hold_out = train_test_split(
        rest, train_size=train_percentage, random_state=SEED, stratify=labels[rest]
    )
    split = Split(np.concatenate([training, alone]), hold_out, notes_on_single_row_classes(labels[alone]))
    check_two_classes_learned(labels[split.training])
    return split


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


def file_row(frame: pd.DataFrame, position: int) -> int:
    """The row's number in the file, the header being 1: the index counts the file's rows of data from 0."""
    return int(frame.index[position]) + 2


def check_sizes(row_count: int, train_percentage: float) -> None:
    training = int(train_percentage * row_count)
    if training < TRAINING_ROWS_MIN or training == row_count:
        raise DataRefused(
            f"A train_percentage of {train_percentage:g} leaves {training} of {row_count} rows to train "
            f"on; at least {TRAINING_ROWS_MIN} are needed, and 1 to test on. "
            "Add more rows, or choose another train_percentage.",
            field="train_percentage",
        )


def check_stratified_sizes(labels: np.ndarray, single_rows: int, train_percentage: float) -> None:
    """Each side needs a row for each class: scikit-learn refuses less, without saying what to do."""
    row_count, classes = len(labels), len(np.unique(labels))
    if not classes:
        raise DataRefused(
            f"Each of the {single_rows} rows has a value of its own. Choose another target, or regression "
            "if it is a number.",
            field="target",
        )
    training = int(train_percentage * row_count)
    if training < classes or row_count - training < classes:
        raise DataRefused(
            f"A train_percentage of {train_percentage:g} leaves {training} rows to train on and "
            f"{row_count - training} to test on; both need at least one row for each of the "
            f"{classes} classes. Add more rows, or choose another train_percentage.",
            field="train_percentage",
        )


def check_two_classes_learned(labels: np.ndarray) -> None:
    if len(np.unique(labels)) < 2:
        raise DataRefused(
            "All training rows have the same value. Add more rows with the other one, or raise "
            "train_percentage.",
            field="train_percentage",
        )


def rows_of_single_row_classes(labels: np.ndarray) -> np.ndarray:
    _, class_of_row, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return np.flatnonzero(counts[class_of_row] == 1)


def notes_on_single_row_classes(labels: np.ndarray) -> list[str]:
    if not len(labels):
        return []
    named = ", ".join(shorten(label) for label in labels[:5].tolist()) + (", …" if len(labels) > 5 else "")
    if len(labels) == 1:
        return [
            f"The value {named} occurs in a single row, which is used for training and not in the test set."
        ]
    return [
        f"{len(labels)} values occur in a single row each ({named}): used for training, not in the test set."
    ]


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
            "There are too few rows to compare models on. Add more rows, or choose one algorithm."
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


def score_on(fold: PreparedFold, model, scoring: str) -> float:
    model.fit(fold.training, fold.training_labels)
    return score(scoring, model, fold.validation, fold.validation_labels)
