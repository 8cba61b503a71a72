"""Histogram gradient boosting: all its trees walked as one joined tree.

Its trees know float64 thresholds and sets of categories, the joined tree float32 numbers. So a row is coded
first, and the trees are rewritten for these codes: small whole numbers, which float32 keeps exactly.
"""

from bisect import bisect_left

import numpy as np
from sklearn._loss.link import IdentityLink, LogLink

from mlmodels.learning.scoring.activations import classify_by_score, classify_by_scores
from mlmodels.learning.scoring.boosting_trees import rewritten
from mlmodels.learning.scoring.errors import NoExactKernel
from mlmodels.learning.scoring.trees import JoinedTrees


class BoostedTrees:
    """The raw scores of a boosting model, one per class (a single one for regression and for two classes)."""

    def __init__(self, model):
        columns = _columns(model)
        trees = [tree for iteration in model._predictors for tree in iteration]
        self._columns = columns
        self._trees = JoinedTrees([rewritten(tree, columns) for tree in trees], len(columns))
        self._start = np.ravel(model._baseline_prediction).astype(np.float64)

    def scores(self, encoded: np.ndarray) -> np.ndarray:
        row = encoded.tolist()
        codes = np.array([column.code(row[column.position]) for column in self._columns])
        steps = self._trees.leaf_values(codes).reshape(-1, len(self._start))
        steps[0] += self._start  # the order in which scikit-learn adds
        return np.add.accumulate(steps)[-1]


class BoostingRegressionKernel:
    def __init__(self, model):
        if not isinstance(model._loss.link, IdentityLink | LogLink):
            raise NoExactKernel(f"link {model._loss.link}")
        self._trees = BoostedTrees(model)
        self._is_logarithmic = isinstance(model._loss.link, LogLink)

    def value(self, encoded: np.ndarray) -> float:
        score = self._trees.scores(encoded)[0]
        return float(np.exp(score) if self._is_logarithmic else score)


class BoostingClassificationKernel:
    def __init__(self, model):
        self._trees = BoostedTrees(model)

    def classify(self, encoded: np.ndarray) -> tuple[int, list[float]]:
        scores = self._trees.scores(encoded)
        return classify_by_score(float(scores[0])) if len(scores) == 1 else classify_by_scores(scores)


class NumberColumn:
    """A number is coded as its rank among the thresholds; a missing one stays missing."""

    def __init__(self, position: int, thresholds: list[float]):
        self.position = position
        self._thresholds = thresholds

    def code(self, value: float) -> float:
        return value if value != value else bisect_left(self._thresholds, value)


class CategoryColumn:
    """A category is coded by its place among the known ones; missing and unknown come after the last."""

    def __init__(self, position: int, categories: list[float]):
        self.position = position
        self.unknown = len(categories)
        self._codes = {category: code for code, category in enumerate(categories)}

    def code(self, value: float) -> int:
        return self._codes.get(value, self.unknown)


def _columns(model) -> list:
    """The model's columns in the order of its trees, which have the categories first."""
    is_category = np.zeros(model.n_features_in_, dtype=bool)
    known = []
    if model.is_categorical_ is not None:
        is_category = np.asarray(model.is_categorical_)
        known = model._preprocessor.named_transformers_["encoder"].categories_
    positions = np.flatnonzero(is_category).tolist()
    columns = [
        CategoryColumn(position, categories[~np.isnan(categories)].tolist())
        for position, categories in zip(positions, known, strict=True)
    ]
    thresholds = _thresholds(model)
    for position in np.flatnonzero(~is_category).tolist():
        columns.append(NumberColumn(position, thresholds.get(len(columns), [])))
    return columns


def _thresholds(model) -> dict[int, list[float]]:
    """The thresholds of each of the trees' columns, ascending and without repetition."""
    nodes = np.concatenate([tree.nodes for iteration in model._predictors for tree in iteration])
    splits = nodes[(nodes["is_leaf"] == 0) & (nodes["is_categorical"] == 0)]
    used = np.unique(splits["feature_idx"]).tolist()
    return {
        column: np.unique(splits["num_threshold"][splits["feature_idx"] == column]).tolist()
        for column in used
    }
