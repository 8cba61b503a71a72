"""A tree of histogram gradient boosting in the node layout of scikit-learn's other trees.

A number is compared by its rank among the thresholds of its column, since `x <= t` holds exactly when
`rank(x) <= rank(t)`. A split on a set of categories becomes a small search over the category's code, in which
every run of codes that go the same way ends at the same child.
"""

import numpy as np

from mlmodels.learning.scoring.merged_trees import node_dtype

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
    for number, left, right, column, threshold, blank_goes_left, is_categorical, bitset in zip(
        splits.tolist(), *fields, strict=True
    ):
        if is_categorical:
            goes_left = _codes_going_left(tree.raw_left_cat_bitsets[bitset], columns[column], blank_goes_left)
            _search(nodes, number, column, _runs(goes_left, left, right))
        else:
            nodes[number] = (left, right, column, columns[column].code(threshold), blank_goes_left)
    values = np.zeros((len(nodes), 1))
    values[: len(tree.nodes), 0] = tree.nodes["value"]
    return _node_records(nodes), values


def _codes_going_left(bitset: np.ndarray, column, blank_goes_left: int) -> np.ndarray:
    """For every code of the column whether it goes left; the last one stands for all that is not known."""
    known = np.unpackbits(bitset.view(np.uint8), bitorder="little")[: column.unknown]
    return np.append(known, blank_goes_left).astype(bool)


def _runs(goes_left: np.ndarray, left: int, right: int) -> list[tuple[int, int]]:
    """(first code, child) of each run of codes that go to the same child."""
    starts = [0, *(np.flatnonzero(np.diff(goes_left)) + 1).tolist()]
    return [(start, left if goes_left[start] else right) for start in starts]


def _search(nodes: list[tuple], number: int, column: int, runs: list[tuple[int, int]]) -> None:
    """Write a balanced search over the runs, with its root at node `number`."""
    middle = len(runs) // 2
    ways = []
    for half in (runs[:middle] or runs, runs[middle:]):
        if len(half) == 1:
            ways.append(half[0][1])
        else:
            nodes.append(LEAF)
            ways.append(len(nodes) - 1)
            _search(nodes, len(nodes) - 1, column, half)
    nodes[number] = (*ways, column, runs[middle][0] - 0.5, 0)


def _node_records(nodes: list[tuple]) -> np.ndarray:
    records = np.zeros(len(nodes), dtype=node_dtype())
    fields = ("left_child", "right_child", "feature", "threshold", "missing_go_to_left")
    for field, column in zip(fields, zip(*nodes, strict=True), strict=True):
        records[field] = column
    return records
