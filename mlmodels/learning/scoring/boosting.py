"""Histogram gradient boosting: all its trees walked as one joined tree.

Its trees know float64 thresholds and sets of categories, the joined tree float32 numbers. So a row is coded
first, and the trees are rewritten for these codes: small whole numbers, which float32 keeps exactly.
"""

import functools
from bisect import bisect_left

import numpy as np
from sklearn._loss.link import IdentityLink, LogLink

from mlmodels.learning.scoring.linear import classify
from mlmodels.learning.scoring.ranks import Ranks
from mlmodels.learning.scoring.scorers import ClassificationKernel, NoExactKernel, RegressionKernel
from mlmodels.learning.scoring.trees import MergedTrees, node_dtype


class BoostedTrees:
    """The raw scores of a boosting model, one per class (a single one for regression and for two classes)."""

    def __init__(self, model):
        columns = columns_of(model)
        trees = [tree for iteration in model._predictors for tree in iteration]
        self._columns = columns
        self._trees = MergedTrees([rewritten(tree, columns) for tree in trees], len(columns))
        self._start = np.ravel(model._baseline_prediction).astype(np.float64)

    def scores(self, encoded: np.ndarray) -> np.ndarray:
        codes = self._codes(encoded)
        steps = self._trees.leaf_values(codes).reshape(-1, len(self._start))
        steps[0] += self._start  # the order in which scikit-learn adds
        return np.add.accumulate(steps)[-1]

    def scores_of_many(self, rows: list) -> np.ndarray:
        """Shape (rows, scores)."""
        coded = [self._codes(encoded) for encoded in rows]
        return np.concatenate([self._scores_of_chunk(chunk) for chunk in self._trees.chunks(coded)])

    def _scores_of_chunk(self, codes: np.ndarray) -> np.ndarray:
        steps = self._trees.leaf_values_of_many(codes).reshape(-1, len(self._start), len(codes))
        steps[0] += self._start[:, np.newaxis]
        return np.add.accumulate(steps)[-1].T

    def _codes(self, encoded: np.ndarray) -> np.ndarray:
        row = encoded.tolist()
        return np.array([column.code(row[column.position]) for column in self._columns])


class BoostingRegressionKernel(RegressionKernel):
    def __init__(self, model):
        if not isinstance(model._loss.link, IdentityLink | LogLink):
            raise NoExactKernel(f"link {model._loss.link}")
        self._trees = BoostedTrees(model)
        self._is_logarithmic = isinstance(model._loss.link, LogLink)

    def value(self, encoded: np.ndarray) -> float:
        score = self._trees.scores(encoded)[0]
        return float(np.exp(score) if self._is_logarithmic else score)

    def values(self, rows: list) -> np.ndarray:
        scores = self._trees.scores_of_many(rows)[:, 0]
        return np.exp(scores) if self._is_logarithmic else scores


class BoostingClassificationKernel(ClassificationKernel):
    def __init__(self, model):
        self._trees = BoostedTrees(model)

    def scores(self, encoded: np.ndarray) -> np.ndarray:
        return self._trees.scores(encoded)

    def classify(self, encoded: np.ndarray) -> tuple[int, list[float]]:
        return classify(self.scores(encoded))

    def scores_of_many(self, rows: list) -> np.ndarray:
        return self._trees.scores_of_many(rows)

    def probabilities(self, rows: list) -> np.ndarray:
        return np.array([classify(scores)[1] for scores in self.scores_of_many(rows)])


class NumberColumn:
    """A number is coded as its rank among the thresholds; a missing one stays missing."""

    def __init__(self, position: int, thresholds: list[float]):
        self.position = position
        self._thresholds = thresholds
        self.code_count = len(thresholds) + 2

    def code(self, value: float) -> float:
        return value if value != value else bisect_left(self._thresholds, value)

    def codes(self, values: np.ndarray) -> np.ndarray:
        """Of many; the last code is that of missing ones."""
        codes = self._ranks.of(values)
        codes[np.isnan(values)] = self.code_count - 1
        return codes

    @functools.cached_property
    def _ranks(self) -> Ranks:
        return Ranks(self._thresholds)

    def goes_left(self, nodes: np.ndarray, tree_of: np.ndarray, trees: list) -> np.ndarray:
        """For each node and code whether it goes left."""
        last_left = np.searchsorted(self._thresholds, nodes["num_threshold"])
        is_left = np.arange(self.code_count) <= last_left[:, np.newaxis]
        is_left[:, -1] = nodes["missing_go_to_left"]
        return is_left


class CategoryColumn:
    """A category is coded by its index among the known ones; missing and unknown ones come after the last."""

    def __init__(self, position: int, categories: list[float]):
        self.position = position
        self.unknown = len(categories)
        self.code_count = self.unknown + 1
        self._codes = {category: code for code, category in enumerate(categories)}

    def code(self, value: float) -> int:
        return self._codes.get(value, self.unknown)

    def codes(self, values: np.ndarray) -> np.ndarray:
        different, which = np.unique(values, return_inverse=True)
        return np.array([self.code(value) for value in different.tolist()], dtype=np.intp)[which]

    def goes_left(self, nodes: np.ndarray, tree_of: np.ndarray, trees: list) -> np.ndarray:
        return np.array(
            [
                codes_going_left(trees[tree].raw_left_cat_bitsets[bitset], self, blank_left)
                for tree, bitset, blank_left in zip(
                    tree_of.tolist(),
                    nodes["bitset_idx"].tolist(),
                    nodes["missing_go_to_left"].tolist(),
                    strict=True,
                )
            ]
        )


def columns_of(model) -> list:
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


SPLIT_FIELDS = (
    "left",
    "right",
    "feature_idx",
    "num_threshold",
    "missing_go_to_left",
    "is_categorical",
    "bitset_idx",
)
# left child, right child, column, threshold, whether a missing value goes left
LEAF = (-1, -1, -2, -2.0, 0)


def rewritten(tree, columns: list) -> tuple[np.ndarray, np.ndarray]:
    """The tree in scikit-learn's other node layout: node n stays node n, searches over codes follow."""
    nodes = [LEAF] * len(tree.nodes)
    splits = np.flatnonzero(tree.nodes["is_leaf"] == 0)
    fields = (tree.nodes[field][splits].tolist() for field in SPLIT_FIELDS)
    for number, left, right, column, threshold, blank_left, is_categorical, bitset in zip(
        splits.tolist(), *fields, strict=True
    ):
        if is_categorical:
            goes_left = codes_going_left(tree.raw_left_cat_bitsets[bitset], columns[column], blank_left)
            _search(nodes, number, column, goes_left, (left, right))
        else:
            nodes[number] = (left, right, column, columns[column].code(threshold), blank_left)
    values = np.zeros((len(nodes), 1))
    values[: len(tree.nodes), 0] = tree.nodes["value"]
    return _node_records(nodes), values


def codes_going_left(bitset: np.ndarray, column, blank_left: int) -> np.ndarray:
    """For every code of the column whether it goes left; the last code is that of unknown categories."""
    known = np.unpackbits(bitset.view(np.uint8), bitorder="little")[: column.unknown]
    return np.append(known, blank_left).astype(bool)


def _search(
    nodes: list[tuple], number: int, column: int, goes_left: np.ndarray, ways: tuple[int, int]
) -> None:
    """Write a balanced search over the runs of codes that go the same way, with its root at node `number`."""
    starts = np.flatnonzero(np.diff(goes_left, prepend=~goes_left[:1]))
    left, right = ways
    target_of_run = np.where(goes_left[starts], left, right)
    middles, children = _search_shape(len(starts))
    places = np.concatenate([[number], np.arange(len(nodes), len(nodes) + len(middles) - 1)])
    targets = np.concatenate([target_of_run, places])[children].tolist()
    thresholds = (starts[middles] - 0.5).tolist()
    searched = [(*pair, column, threshold, 0) for pair, threshold in zip(targets, thresholds, strict=True)]
    nodes[number] = searched[0]
    nodes.extend(searched[1:])


@functools.cache
def _search_shape(runs: int) -> tuple[np.ndarray, np.ndarray]:
    """Of each node of a balanced search over so many runs: the first run on the right, and its children.

    Children below `runs` are runs, the others are nodes, counted from `runs` on. A single run has one too.
    """
    middles, children = [], []

    def branch(first: int, last: int) -> int:
        node, middle = len(middles), (first + last) // 2
        middles.append(middle)
        children.append(None)
        halves = [(first, middle), (middle, last)] if middle > first else [(first, last)] * 2
        children[node] = [start if end - start == 1 else branch(start, end) for start, end in halves]
        return runs + node

    branch(0, runs)
    return np.array(middles), np.array(children)


def _node_records(nodes: list[tuple]) -> np.ndarray:
    records = np.zeros(len(nodes), dtype=node_dtype())
    fields = ("left_child", "right_child", "feature", "threshold", "missing_go_to_left")
    for field, column in zip(fields, zip(*nodes, strict=True), strict=True):
        records[field] = column
    return records
