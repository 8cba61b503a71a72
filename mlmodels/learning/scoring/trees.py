"""Trees and forests, and many trees asked in one call."""

import numpy as np

from mlmodels.learning.scoring.merged_trees import join


class JoinedTrees:
    """All trees of a model as one. The row is repeated once per tree, with the number of the tree beside it.

    `trees` are (nodes, values) pairs: scikit-learn's node records, and one row of values per node.
    """

    def __init__(self, trees: list[tuple[np.ndarray, np.ndarray]], column_count: int):
        self.count = len(trees)
        self._numbers = np.arange(self.count, dtype=np.float32)
        self._column_count = column_count
        self._tree = join(trees, column_count)

    def leaf_values(self, encoded: np.ndarray) -> np.ndarray:
        """What each tree says about the row, shape (trees, values)."""
        rows = np.empty((self._column_count + 1, self.count), dtype=np.float32)
        rows[:-1] = encoded[:, np.newaxis]
        rows[-1] = self._numbers
        return self._tree.predict(rows.T)


class TreeRegressionKernel:
    """A tree or a forest: the mean of what its trees say."""

    def __init__(self, model):
        self._trees = _trees_of(model)

    def value(self, encoded: np.ndarray) -> float:
        return sum(self._trees.leaf_values(encoded)[:, 0].tolist()) / self._trees.count


class TreeClassificationKernel:
    """A tree or a forest: the mean of its trees' class shares."""

    def __init__(self, model):
        self._trees = _trees_of(model)

    def classify(self, encoded: np.ndarray) -> tuple[int, list[float]]:
        shares = self._trees.leaf_values(encoded).sum(axis=0) / self._trees.count
        return int(shares.argmax()), shares.tolist()


def _trees_of(model) -> JoinedTrees:
    trees = [tree.tree_ for tree in getattr(model, "estimators_", [model])]
    states = [tree.__getstate__() for tree in trees]
    return JoinedTrees([(state["nodes"], state["values"][:, 0, :]) for state in states], model.n_features_in_)
