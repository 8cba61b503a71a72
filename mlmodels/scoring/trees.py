"""Many trees asked in one call.

All trees of a model are put into one of scikit-learn's own, under a small selector that branches on an extra
feature, the number of the tree. The row is repeated once per tree with that number beside it, so that a
single call of compiled code walks the whole ensemble.
"""

import numpy as np
from sklearn.tree._tree import Tree


class JoinedTrees:
    """`trees` are (nodes, values) pairs: scikit-learn's node records, and one row of values per node."""

    def __init__(self, trees: list[tuple[np.ndarray, np.ndarray]], column_count: int):
        self._numbers = np.arange(len(trees), dtype=np.float32)
        self._column_count = column_count
        self._tree = _join(trees, column_count)

    def leaf_values(self, encoded: np.ndarray) -> np.ndarray:
        """What each tree says about the row, shape (trees, values)."""
        rows = np.empty((self._column_count + 1, len(self._numbers)), dtype=np.float32)
        rows[:-1] = encoded[:, np.newaxis]
        rows[-1] = self._numbers
        return self._tree.predict(rows.T)


class TreeRegressionKernel:
    """A tree or a forest: the mean of what its trees say."""

    def __init__(self, model):
        self._trees = _trees_of(model)
        self._count = len(getattr(model, "estimators_", [model]))

    def value(self, encoded: np.ndarray) -> float:
        return sum(self._trees.leaf_values(encoded)[:, 0].tolist()) / self._count


class TreeClassificationKernel:
    """A tree or a forest: the mean of its trees' class shares."""

    def __init__(self, model):
        self._trees = _trees_of(model)
        self._count = len(getattr(model, "estimators_", [model]))

    def classify(self, encoded: np.ndarray) -> tuple[int, list[float]]:
        shares = self._trees.leaf_values(encoded).sum(axis=0) / self._count
        return int(shares.argmax()), shares.tolist()


def node_dtype() -> np.dtype:
    """The layout of a node in the installed scikit-learn."""
    return _empty_tree(1, 1).__getstate__()["nodes"].dtype


def _trees_of(model) -> JoinedTrees:
    trees = [tree.tree_ for tree in getattr(model, "estimators_", [model])]
    states = [tree.__getstate__() for tree in trees]
    return JoinedTrees([(state["nodes"], state["values"][:, 0, :]) for state in states], model.n_features_in_)


def _join(trees, column_count: int) -> Tree:
    selector, roots = _selector([len(nodes) for nodes, _ in trees], column_count)
    node_count, value_width = roots[-1] + len(trees[-1][0]), trees[0][1].shape[1]
    all_nodes = np.zeros(node_count, dtype=selector.dtype)
    all_values = np.zeros((node_count, 1, value_width))
    all_nodes[: len(selector)] = selector
    for root, (nodes, values) in zip(roots, trees, strict=True):
        place = slice(root, root + len(nodes))
        all_nodes[place] = nodes
        all_values[place, 0] = values
        for child in ("left_child", "right_child"):
            all_nodes[child][place][nodes[child] >= 0] += root
    joined = _empty_tree(column_count + 1, value_width)
    # The depth is only told to whoever asks; walking a tree does not need it.
    state = {"max_depth": 0, "node_count": node_count, "nodes": all_nodes, "values": all_values}
    joined.__setstate__(joined.__getstate__() | state)
    return joined


def _empty_tree(column_count: int, value_width: int) -> Tree:
    return Tree(column_count, np.array([value_width], dtype=np.intp), 1)


def _selector(tree_sizes: list[int], number_column: int) -> tuple[np.ndarray, list[int]]:
    """Branches that lead from node 0 to the tree whose number the row carries, and where each tree starts."""
    selector = np.zeros(max(len(tree_sizes) - 1, 1), dtype=node_dtype())
    roots = np.cumsum([len(selector), *tree_sizes[:-1]]).tolist()
    selector["feature"] = number_column
    free = iter(range(len(selector)))

    def branch(first: int, last: int) -> int:
        if first == last:
            return roots[first]
        node, middle = next(free), (first + last) // 2
        selector["threshold"][node] = middle + 0.5
        selector["left_child"][node] = branch(first, middle)
        selector["right_child"][node] = branch(middle + 1, last)
        return node

    if branch(0, len(tree_sizes) - 1) != 0:  # a lone tree: both ways lead to it
        selector["left_child"], selector["right_child"] = roots[0], roots[0]
    return selector, roots
