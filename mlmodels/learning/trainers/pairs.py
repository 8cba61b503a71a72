"""Differences, ratios and products of two number columns that say more about the target than both apart."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mlmodels.learning.tables.derived import PAIR_OPERATIONS, Derived, derive, pair
from mlmodels.learning.trainers.limits import SEED
from mlmodels.learning.trainers.plan import NUMBER, Feature
from mlmodels.learning.trainers.trainer import REGRESSION

COLUMNS_MAX = 6  # the most important ones are paired
PAIRS_MAX = 8
ROWS_MAX = 12_000
ROWS_MIN = 50
LEAVES = 8
LEAF_ROWS = 10
GAIN_MIN = 0.02  # of the loss of guessing, by which a pair has to be better than its two columns in one tree
ALIKE_MIN = 0.98  # correlation with a better pair


def find_pairs(
    features: Sequence[Feature], frame: pd.DataFrame, labels: np.ndarray, task: str
) -> list[Derived]:
    """The best few, judged by a small tree on one half of the rows that was grown on the other half."""
    names = [feature.name for feature in features if feature.role == NUMBER and feature.name in frame]
    rows = np.random.default_rng(SEED).permutation(len(frame))[:ROWS_MAX]
    if len(names) < 2 or len(rows) < ROWS_MIN:
        return []
    sample, labels = frame.iloc[rows], labels[rows]
    strongest = strongest_columns(sample[names], labels, task)
    guessing = guessing_loss(labels, task)
    found = []
    for first, second in combinations(strongest, 2):
        together = min(guessing, tree_loss(sample[[first, second]].to_numpy(), labels, task))
        for operation, *sources in arithmetic(first, second):
            made = pair(operation, *sources, frame.columns)
            values = derive(sample[sources], [made])[made.name].to_numpy()
            gain = together - tree_loss(values[:, np.newaxis], labels, task)
            if gain > GAIN_MIN * guessing:
                found.append((gain, made, np.nan_to_num(values)))
    return unlike(sorted(found, key=lambda candidate: -candidate[0]))


def arithmetic(first: str, second: str):
    for operation in PAIR_OPERATIONS:
        yield operation, first, second
        if operation == "ratio":
            yield operation, second, first


def strongest_columns(frame: pd.DataFrame, labels: np.ndarray, task: str) -> list[str]:
    if frame.shape[1] <= COLUMNS_MAX:
        return list(frame)
    forest = ExtraTreesRegressor if task == REGRESSION else ExtraTreesClassifier
    model = forest(30, min_samples_leaf=LEAF_ROWS // 2, random_state=SEED).fit(frame.to_numpy(), labels)
    return list(frame.columns[np.argsort(-model.feature_importances_, kind="stable")[:COLUMNS_MAX]])


def tree_loss(values: np.ndarray, labels: np.ndarray, task: str) -> float:
    """Mean squared error, of the probabilities for classes: a small tree is often sure and wrong."""
    half = len(labels) // 2
    grown = DecisionTreeRegressor if task == REGRESSION else DecisionTreeClassifier
    tree = grown(max_leaf_nodes=LEAVES, min_samples_leaf=LEAF_ROWS, random_state=SEED)
    tree.fit(values[:half], labels[:half])
    if task == REGRESSION:
        return float(np.mean((labels[half:] - tree.predict(values[half:])) ** 2))
    is_actual = labels[half:, np.newaxis] == tree.classes_
    return float(np.mean(((is_actual - tree.predict_proba(values[half:])) ** 2).sum(axis=1)))


def guessing_loss(labels: np.ndarray, task: str) -> float:
    if task == REGRESSION:
        return float(np.var(labels))
    return float(1 - np.sum((np.unique(labels, return_counts=True)[1] / len(labels)) ** 2))


def unlike(ranked: list[tuple]) -> list[Derived]:
    """The first of those that say nearly the same."""
    kept: list[tuple] = []
    for _, made, values in ranked:
        ranks = np.argsort(np.argsort(values))
        if all(abs(np.corrcoef(ranks, other)[0, 1]) < ALIKE_MIN for _, other in kept):
            kept.append((made, ranks))
        if len(kept) == PAIRS_MAX:
            break
    return [made for made, _ in kept]
