"""Which rows a model is trained on, and which measure it: the test set, and the folds of a comparison.

Rows that belong together stay on one side: equal rows, those of one group, those of one point in time.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    train_test_split,
)

from mlmodels.learning.trainers.errors import DataRefused
from mlmodels.learning.trainers.limits import SEED, TRAINING_ROWS_MIN
from mlmodels.learning.trainers.parameters import shorten
from mlmodels.learning.trainers.plan import GROUP, TIME, TrainingPlan
from mlmodels.learning.trainers.trainer import CLASSIFICATION
from mlplatform.core.text import plural

EQUAL_ROWS = "equal rows"
COINCIDENCES_MAX = 0.01  # of the equal pairs of rows, if these are to count as the same thing recorded twice
STRATIFIED_GROUPS_MAX = 5_000  # beyond it scikit-learn takes longer than the training

Fold = tuple[np.ndarray, np.ndarray]


@dataclass
class Split:
    """Positions of the training rows and of the test set; `notes` are sentences for the report."""

    training: np.ndarray
    hold_out: np.ndarray
    notes: list[str] = field(default_factory=list)


class Splitter:
    """Divides the rows of one training. `kept_together` says what keeps rows on one side: for the report."""

    def __init__(self, plan: TrainingPlan, frame: pd.DataFrame, labels: np.ndarray, split_values=None):
        self.task, self.evaluation, self.labels = plan.task, plan.evaluation, labels
        self.times = self.groups = self.kept_together = None
        self.notes: list[str] = []
        if self.evaluation.kind == TIME:
            self.times = np.nan_to_num(np.asarray(split_values, dtype=float), nan=-np.inf)
        elif self.evaluation.kind == GROUP:
            self.groups = pd.factorize(np.asarray(split_values), use_na_sentinel=False)[0]
            self.kept_together = self.evaluation.by
        elif not plan.is_classic:
            self.groups = equal_row_groups(frame[plan.feature_names], labels)
            if self.groups is not None:
                self.kept_together = EQUAL_ROWS
                repeated = len(labels) - len(np.unique(self.groups))
                self.notes.append(
                    f"{plural(repeated, 'row')} {'repeats' if repeated == 1 else 'repeat'} another one. "
                    "Equal rows are kept together, on one side of the split."
                )

    def hold_out(self) -> Split:
        """As scikit-learn's train_test_split divides the rows in file order, stratified by class."""
        share = self.evaluation.train_percentage
        if self.evaluation.kind == TIME:
            split = self._split_by_time(share)
        elif self.evaluation.kind == GROUP:
            split = self._split_by_group(share)
        else:
            units, members = self._units(np.arange(len(self.labels)))
            split = split_rows(self.labels[units], self.task, share)
            split.training, split.hold_out = members(split.training), members(split.hold_out)
        split.notes = self.notes + split.notes
        return split

    def folds(self, rows: np.ndarray, count: int, repeats: int = 1, shuffle: bool = False) -> list[Fold]:
        """Positions within `rows`, to train on and to validate on; each repeat divides them anew.

        Fewer than `count` on small tables, and by time each fold is validated on what follows it.
        """
        labels = self.labels[rows]
        if self.times is not None:
            folds = time_folds(self.times[rows], count)
        elif self.evaluation.kind == GROUP:
            folds = group_folds(labels, self.groups[rows], self.task, count, repeats)
        else:
            units, members = self._units(rows)
            folds = [
                (members(training), members(validation))
                for repeat in range(repeats)
                for training, validation in make_folds(
                    labels[units], self.task, count, SEED + repeat if shuffle or repeat else None
                )
            ]
        folds = [fold for fold in folds if self.task != CLASSIFICATION or len(np.unique(labels[fold[0]])) > 1]
        if not folds or (len(folds) < 2 and self.times is None):
            raise too_few_rows()
        return folds

    def _units(self, rows: np.ndarray):
        """The first row of every set of equal ones, and a function from positions among these to all rows."""
        if self.groups is None:
            return np.arange(len(rows)), lambda positions: positions
        _, first, group = np.unique(self.groups[rows], return_index=True, return_inverse=True)
        by_group = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1])
        order = np.argsort(first)  # as they come, which is at random once they have been split
        return first[order], lambda positions: np.concatenate([by_group[order[at]] for at in positions])

    def _split_by_time(self, share: float) -> Split:
        order = np.argsort(self.times, kind="stable")
        times = self.times[order]
        cut = int(share * len(times))
        cut = int(np.searchsorted(times, times[min(cut, len(times) - 1)])) or int(
            np.searchsorted(times, times[0], side="right")
        )
        return self._checked(Split(order[:cut], order[cut:]), "point in time")

    def _split_by_group(self, share: float) -> Split:
        splitter = GroupShuffleSplit(1, train_size=share, random_state=SEED)
        distinct = len(np.unique(self.groups))
        if distinct < 2:
            raise DataRefused(
                f"All rows belong to one {self.evaluation.by}. Choose another evaluation.", field="evaluation"
            )
        if int(share * distinct) < 1:
            raise undividable(f"value of {self.evaluation.by}")
        training, hold_out = next(splitter.split(self.labels, groups=self.groups))
        draw = np.random.default_rng(SEED)
        return self._checked(Split(draw.permutation(training), hold_out), f"value of {self.evaluation.by}")

    def _checked(self, split: Split, what: str) -> Split:
        if len(split.training) < TRAINING_ROWS_MIN or not len(split.hold_out):
            raise undividable(what)
        if self.task == CLASSIFICATION:
            check_two_classes_learned(self.labels[split.training])
        return split


def equal_row_groups(frame: pd.DataFrame, labels: np.ndarray) -> np.ndarray | None:
    """A number for each row, the same for equal ones; None where there are none, or only by coincidence.

    Rows of a few categories are often equal. So their number is compared with what the shares of the values
    alone would lead to, were the columns independent.
    """
    columns = [pd.util.hash_array(frame[name].to_numpy()) for name in frame] + [
        pd.util.hash_array(labels.astype(str) if labels.dtype == object else labels)
    ]
    combined = np.zeros(len(labels), dtype=np.uint64)
    for column in columns:
        combined = combined * np.uint64(0x100000001B3) ^ column
    _, group, sizes = np.unique(combined, return_inverse=True, return_counts=True)
    equal_pairs = float(np.sum(sizes * (sizes - 1)) / 2)
    if not equal_pairs or len(sizes) < 2:
        return None
    chance = 1.0
    for column in columns:
        chance *= float(np.sum((np.unique(column, return_counts=True)[1] / len(labels)) ** 2))
    by_coincidence = chance * len(labels) * (len(labels) - 1) / 2
    return group if by_coincidence <= COINCIDENCES_MAX * equal_pairs else None


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


def make_folds(labels: np.ndarray, task: str, count: int, seed: int | None = None) -> list[Fold]:
    """As scikit-learn's searches make them from a number; with a `seed` in another order of the rows.

    Fewer than `count` on small tables: each fold validates on two rows at least (R² needs them), and has a
    row of the most frequent class. A class with fewer rows than folds is missing from some of them.
    """
    most = np.unique(labels, return_counts=True)[1].max() if task == CLASSIFICATION else len(labels) // 2
    count = min(count, int(most))
    if count < 2:
        raise too_few_rows()
    splitter = StratifiedKFold if task == CLASSIFICATION else KFold
    return list(
        splitter(count, shuffle=seed is not None, random_state=seed).split(np.zeros(len(labels)), labels)
    )


def group_folds(labels: np.ndarray, groups: np.ndarray, task: str, count: int, repeats: int) -> list[Fold]:
    distinct = len(np.unique(groups))
    is_stratified = task == CLASSIFICATION and distinct <= STRATIFIED_GROUPS_MAX
    most = np.unique(labels, return_counts=True)[1].max() if is_stratified else distinct
    count = min(count, distinct, int(most))
    if count < 2:
        raise too_few_rows()
    splitter = StratifiedGroupKFold if is_stratified else GroupKFold
    return [
        fold
        for repeat in range(repeats)
        for fold in splitter(count, shuffle=True, random_state=SEED + repeat).split(labels, labels, groups)
    ]


def time_folds(times: np.ndarray, count: int) -> list[Fold]:
    """Each fold is trained on all that came before it; rows of one time are not divided."""
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    cuts = [
        int(np.searchsorted(ordered, ordered[len(times) * n // (count + 1)])) for n in range(1, count + 1)
    ]
    cuts = [*dict.fromkeys(cuts), len(times)]
    return [
        (order[:start], order[start:end])
        for start, end in zip(cuts[:-1], cuts[1:], strict=True)
        if start >= TRAINING_ROWS_MIN and end - start >= 2
    ]


def too_few_rows() -> DataRefused:
    return DataRefused(
        "There are too few rows to compare models on parts of them. Add more rows, or choose a decision "
        "tree, tested on one part of the rows (hold_out)."
    )


def undividable(what: str) -> DataRefused:
    return DataRefused(
        f"These rows cannot be divided without dividing a {what}. Choose another evaluation, or another "
        "train_percentage.",
        field="evaluation",
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
