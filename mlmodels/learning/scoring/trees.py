"""Trees and forests: all trees of a model walked in one call."""

from collections.abc import Iterator

import numpy as np
from sklearn.tree._tree import TREE_LEAF, TREE_UNDEFINED, Tree

from mlmodels.learning.scoring.scorers import ClassificationKernel, NoExactKernel, RegressionKernel

REPEATED_CELLS_MAX = 2_000_000  # 8 MB


class MergedTrees:
    """All trees of a model as one. The row is repeated once per tree, with the number of the tree beside it.

    `trees` are (nodes, values) pairs: scikit-learn's node records, and one row of values per node.
    """

    def __init__(self, trees: list[tuple[np.ndarray, np.ndarray]], column_count: int):
        self.count = len(trees)
        self._numbers = np.arange(self.count, dtype=np.float32)
        self._column_count = column_count
        self._tree = join(trees, column_count)

    def leaf_values(self, encoded: np.ndarray) -> np.ndarray:
        """The leaf values of each tree for the row, shape (trees, values)."""
        rows = np.empty((self._column_count + 1, self.count), dtype=np.float32)
        rows[:-1] = encoded[:, np.newaxis]
        rows[-1] = self._numbers
        return self._tree.predict(rows.T)

    def leaf_values_of_many(self, encoded: np.ndarray) -> np.ndarray:
        """Shape (trees, rows, values). Each tree takes all rows in turn, while it is in the cache."""
        rows = np.empty((self._column_count + 1, self.count, len(encoded)), dtype=np.float32)
        rows[:-1] = encoded.T[:, np.newaxis]
        rows[-1] = self._numbers[:, np.newaxis]
        leaves = self._tree.predict(rows.reshape(self._column_count + 1, -1).T)
        return leaves.reshape(self.count, len(encoded), -1)

    def chunks(self, rows: list) -> Iterator[np.ndarray]:
        """The rows as matrices of which the repeated cells fit into little memory."""
        at_once = max(1, REPEATED_CELLS_MAX // (self.count * (self._column_count + 1)))
        for first in range(0, len(rows), at_once):
            yield np.array(rows[first : first + at_once])


class TreeRegressionKernel(RegressionKernel):
    """A tree or a forest: the mean of its trees' predictions."""

    def __init__(self, model):
        self._trees = _trees_of(model)

    def value(self, encoded: np.ndarray) -> float:
        # In scikit-learn's order and without compensation, which the builtin sum has from Python 3.12 on
        return float(np.add.accumulate(self._trees.leaf_values(encoded)[:, 0])[-1]) / self._trees.count

    def values(self, rows: list) -> np.ndarray:
        leaves = [self._trees.leaf_values_of_many(chunk)[:, :, 0] for chunk in self._trees.chunks(rows)]
        return np.add.accumulate(np.concatenate(leaves, axis=1))[-1] / self._trees.count


class TreeClassificationKernel(ClassificationKernel):
    """A tree or a forest: the mean of its trees' class probabilities."""

    def __init__(self, model):
        self._trees = _trees_of(model)

    def classify(self, encoded: np.ndarray) -> tuple[int, list[float]]:
        shares = self._trees.leaf_values(encoded).sum(axis=0) / self._trees.count
        return int(shares.argmax()), shares.tolist()

    def probabilities(self, rows: list) -> np.ndarray:
        sums = [self._trees.leaf_values_of_many(chunk).sum(axis=0) for chunk in self._trees.chunks(rows)]
        return np.concatenate(sums) / self._trees.count


def _trees_of(model) -> MergedTrees:
    trees = [tree.tree_ for tree in getattr(model, "estimators_", [model])]
    states = [tree.__getstate__() for tree in trees]
    return MergedTrees([(state["nodes"], state["values"][:, 0, :]) for state in states], model.n_features_in_)


def join(trees: list[tuple[np.ndarray, np.ndarray]], column_count: int) -> Tree:
    """One tree over `column_count` columns and the number of the tree, from (nodes, values) of each tree."""
    selector_size = max(len(trees) - 1, 1)
    leaf_values, leaf_numbers = _distinct_leaves(trees)
    start = selector_size + len(leaf_values)
    roots, branches = [], []
    for (nodes, _), numbers in zip(trees, leaf_numbers, strict=True):
        root, moved = _moved(nodes, start, selector_size + numbers)
        roots.append(root)
        branches.append(moved)
        start += len(moved)
    joined = np.concatenate([_selector(roots, column_count), _leaves(len(leaf_values)), *branches])
    values = np.zeros((len(joined), 1, leaf_values.shape[1]))
    values[selector_size : selector_size + len(leaf_values), 0] = leaf_values
    return _tree_of(joined, values, column_count + 1)


def node_dtype() -> np.dtype:
    """The layout of a node in the installed scikit-learn."""
    return _empty_tree(1, 1).__getstate__()["nodes"].dtype


def _distinct_leaves(trees) -> tuple[np.ndarray, list[np.ndarray]]:
    """The distinct rows of leaf values, and for each tree which of them its leaves have, in their order."""
    of_trees = [values[_is_leaf(nodes)] for nodes, values in trees]
    factors = _factors(of_trees[0].shape[1])
    checksums = np.concatenate([_checksums(values, factors) for values in of_trees])
    _, first, numbers = np.unique(checksums, return_index=True, return_inverse=True)
    starts = np.cumsum([0, *map(len, of_trees)])
    tree_of_first = np.searchsorted(starts, first, side="right") - 1
    distinct = np.array(
        [
            of_trees[tree][leaf]
            for tree, leaf in zip(tree_of_first, first - starts[tree_of_first], strict=True)
        ]
    )
    leaf_numbers = np.split(numbers, starts[1:-1])
    for values, own in zip(of_trees, leaf_numbers, strict=True):
        if not np.array_equal(distinct[own], values):
            raise NoExactKernel("different leaves with the same checksum")
    return distinct, leaf_numbers


def _checksums(values: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Far quicker to sort than rows of values."""
    words = values.view(np.uint64)
    words = words ^ words >> 47  # the low bits of shares such as 1/2 are all zero
    return (words * factors).sum(axis=1, dtype=np.uint64)


def _factors(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(1, 2**64, count, dtype=np.uint64, endpoint=False)


def _moved(nodes: np.ndarray, start: int, leaf_places: np.ndarray) -> tuple[int, np.ndarray]:
    """The new place of the root, and the tree's branches renumbered from `start` on."""
    is_leaf = _is_leaf(nodes)
    branches = nodes[~is_leaf]
    places = np.empty(len(nodes), dtype=np.intp)
    places[is_leaf] = leaf_places
    places[~is_leaf] = np.arange(start, start + len(branches))
    for child in ("left_child", "right_child"):
        branches[child] = places[branches[child]]
    return int(places[0]), branches


def _selector(roots: list[int], number_column: int) -> np.ndarray:
    """Branches from node 0 to the root of the tree whose number the row carries."""
    nodes = np.zeros(max(len(roots) - 1, 1), dtype=node_dtype())
    nodes["feature"] = number_column
    nodes["left_child"] = nodes["right_child"] = roots[0]  # a single tree needs no selection
    free = iter(range(len(nodes)))

    def branch(first: int, last: int) -> int:
        if first == last:
            return roots[first]
        node, middle = next(free), (first + last) // 2
        nodes["threshold"][node] = middle + 0.5
        nodes["left_child"][node] = branch(first, middle)
        nodes["right_child"][node] = branch(middle + 1, last)
        return node

    branch(0, len(roots) - 1)
    return nodes


def _leaves(count: int) -> np.ndarray:
    nodes = np.zeros(count, dtype=node_dtype())
    nodes["left_child"] = nodes["right_child"] = TREE_LEAF
    nodes["feature"] = nodes["threshold"] = TREE_UNDEFINED
    return nodes


def _is_leaf(nodes: np.ndarray) -> np.ndarray:
    return nodes["left_child"] == TREE_LEAF


def _tree_of(nodes: np.ndarray, values: np.ndarray, column_count: int) -> Tree:
    tree = _empty_tree(column_count, values.shape[2])
    # Walking a tree does not need its depth.
    state = {"max_depth": 0, "node_count": len(nodes), "nodes": nodes, "values": values}
    tree.__setstate__(tree.__getstate__() | state)
    return tree


def _empty_tree(column_count: int, value_width: int) -> Tree:
    return Tree(column_count, np.array([value_width], dtype=np.intp), 1)
