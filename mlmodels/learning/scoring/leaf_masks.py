"""Boosted trees for many rows: the leaves that a row can still reach, as bits, and no walk through each tree.

For each column and each of its codes (see `boosting`), a table holds one word per tree: the leaves that are
left when all splits on this column are decided. The words of all columns together leave one leaf, the one
that the walk would reach. (Lucchese et al. 2015, QuickScorer; here all trees of a row are one numpy call.)
"""

import numpy as np

from mlmodels.learning.scoring.boosting import columns_of
from mlmodels.learning.scoring.scorers import NoExactKernel

WORDS_AT_ONCE = 50_000  # words that stay in the cache
ROWS_AT_ONCE_MIN = 2  # see `_sums`
TREES_AT_ONCE = 200  # while the tables are made
# By the size of a word: a factor by which each single bit gets different highest bits (de Bruijn)
DE_BRUIJN = {32: (0x077CB531, 27), 64: (0x03F79D71B4CB0A89, 58)}


class LeafMasks:
    """The raw scores of a HistGradientBoosting model, shape (rows, scores)."""

    def __init__(self, model):
        trees = [tree for iteration in model._predictors for tree in iteration]
        leaves_max = max(int(tree.nodes["is_leaf"].sum()) for tree in trees)
        if leaves_max > max(DE_BRUIJN):
            raise NoExactKernel(f"trees of {leaves_max} leaves")
        self._bits = min(bits for bits in DE_BRUIJN if leaves_max <= bits)
        self._word = np.dtype(f"uint{self._bits}")
        self._start = np.ravel(model._baseline_prediction).astype(np.float64)
        self._columns = columns_of(model)
        parts = [
            self._made(trees[first : first + TREES_AT_ONCE]) for first in range(0, len(trees), TREES_AT_ONCE)
        ]
        tables = zip(*(part_tables for part_tables, _ in parts), strict=True)
        self._tables = [np.concatenate(part, axis=1) for part in tables]
        self._leaf_values = np.concatenate([values for _, values in parts])
        self._first_leaves = np.arange(len(trees), dtype=np.intp) * self._bits

    def scores(self, matrix: np.ndarray) -> np.ndarray:
        codes = [column.codes(matrix[:, column.position]) for column in self._columns]
        rows, trees = len(matrix), len(self._first_leaves)
        step = max(ROWS_AT_ONCE_MIN, WORDS_AT_ONCE // trees)
        mask, other = np.zeros((2, step, trees), dtype=self._word)
        scores = np.empty((rows, len(self._start)))
        for first in range(0, rows, step):
            count = min(step, rows - first)
            mask[:] = ~self._word.type(0)
            for table, of_column in zip(self._tables, codes, strict=True):
                of_rows = of_column[first : first + count]
                np.take(table, of_rows, axis=0, out=other[:count], mode="clip")
                mask[:count] &= other[:count]
            scores[first : first + count] = self._sums(mask, other)[:count]
        return scores

    def _sums(self, mask: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Of the values of the first leaf that each mask leaves, one tree after the other as scikit-learn
        does: numpy adds rows up in their order, and only a single column in another one."""
        np.negative(mask, out=other)
        mask &= other
        leaves = _places(mask, self._bits).T + self._first_leaves[:, np.newaxis]
        steps = self._leaf_values.take(leaves, mode="clip").reshape(-1, len(self._start), len(mask))
        steps[0] += self._start[:, np.newaxis]
        return np.add.reduce(steps, axis=0).T

    def _made(self, trees: list) -> tuple[list[np.ndarray], np.ndarray]:
        """A table for each column, shape (codes, trees), and the leaf values, shape (trees, bits)."""
        nodes = np.concatenate([tree.nodes for tree in trees])
        sizes = [len(tree.nodes) for tree in trees]
        tree_of = np.repeat(np.arange(len(trees)), sizes)
        leaf_number, kept_left, kept_right = self._leaf_ranges(trees)
        values = np.zeros((len(trees), self._bits))
        leaves = np.flatnonzero(nodes["is_leaf"])
        places = _places(self._word.type(1) << leaf_number[leaves].astype(self._word), self._bits)
        values[tree_of[leaves], places] = nodes["value"][leaves]
        tables = []
        for at, column in enumerate(self._columns):
            table = np.full((column.code_count, len(trees)), ~self._word.type(0))
            of_column = np.flatnonzero((nodes["is_leaf"] == 0) & (nodes["feature_idx"] == at))
            if len(of_column):
                goes_left = column.goes_left(nodes[of_column], tree_of[of_column], trees)
                masks = np.where(goes_left, kept_left[of_column][:, None], kept_right[of_column][:, None])
                with_splits, starts = np.unique(tree_of[of_column], return_index=True)
                table[:, with_splits] = np.bitwise_and.reduceat(masks, starts, axis=0).T
            tables.append(table)
        return tables, values

    def _leaf_ranges(self, trees: list) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of each node: how many leaves are before it in its tree, and of a split the leaves that are kept by
        a row that goes left, and right."""
        numbers, kept_left, kept_right = [], [], []
        for tree in trees:
            left, right, is_leaf = (tree.nodes[field].tolist() for field in ("left", "right", "is_leaf"))
            number, last, count = [0] * len(left), [0] * len(left), 0
            for node in range(len(left)):  # parents come before their children, left ones first
                number[node] = count
                count += is_leaf[node]
            for node in reversed(range(len(left))):
                last[node] = number[node] + 1 if is_leaf[node] else last[right[node]]
            everything = (1 << self._bits) - 1
            for node in range(len(left)):
                if is_leaf[node]:
                    kept_left.append(everything)
                    kept_right.append(everything)
                    continue
                first, middle, end = number[node], number[right[node]], last[node]
                if left[node] != node + 1 or last[left[node]] != middle:
                    raise NoExactKernel("trees in another order")
                kept_left.append(everything ^ ((1 << end) - (1 << middle)))
                kept_right.append(everything ^ ((1 << middle) - (1 << first)))
            numbers += number
        return np.array(numbers), np.array(kept_left, self._word), np.array(kept_right, self._word)


def _places(single_bits: np.ndarray, bits: int) -> np.ndarray:
    """A different place below `bits` for each word of one bit."""
    factor, shift = DE_BRUIJN[bits]
    word = single_bits.dtype.type
    return ((single_bits * word(factor)) >> word(shift)).astype(np.intp)
