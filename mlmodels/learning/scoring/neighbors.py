"""Nearest neighbors: scikit-learn's own tree where the model has one, else one matrix product.

The product finds the neighbors for certain unless two rows are equally far to within rounding. In such a tie
scikit-learn's model predicts, so that its choice among equals counts.
"""

import numpy as np
from scipy.sparse import csr_matrix, issparse

from mlmodels.learning.scoring.scorers import ClassificationKernel, NoExactKernel, RegressionKernel

# Squared distances this close, relative to the squared lengths of the rows, may be equal; so may votes.
TIE_TOLERANCE = 1e-11
# scikit-learn takes its distances from such a product too, so the weights of rows this near are rounding.
NEAR_TOLERANCE = 1e-5
MAGNITUDE_MAX = 1e30  # far below where float32 ends


class Tie(Exception):
    """Two rows are equally near, or two classes have equal votes, to within rounding."""


class NeighborsRegressionKernel(RegressionKernel):
    def __init__(self, model):
        self._model = model
        self._search = _search_of(model)
        self._targets = np.ravel(model._y).astype(np.float64)

    def value(self, encoded: np.ndarray) -> float:
        try:
            weights, rows = self._search.find(encoded)
        except Tie:
            return self._model.predict(_as_matrix(encoded, self._model)).item()
        targets = self._targets[rows]
        return float(targets.mean() if weights is None else (targets * weights).sum() / weights.sum())


class NeighborsClassificationKernel(ClassificationKernel):
    def __init__(self, model):
        self._model = model
        self._search = _search_of(model)
        self._class_count = len(model.classes_)

    def classify(self, encoded: np.ndarray) -> tuple[int, list[float]]:
        try:
            weights, rows = self._search.find(encoded)
            votes = np.bincount(self._model._y[rows], weights, minlength=self._class_count)
            if weights is not None:
                _refuse_close_winner(votes)
        except Tie:
            matrix = _as_matrix(encoded, self._model)
            winner = int(np.flatnonzero(self._model.classes_ == self._model.predict(matrix))[0])
            return winner, self._model.predict_proba(matrix)[0].tolist()
        return int(votes.argmax()), (votes / votes.sum()).tolist()


class TreeSearch:
    """The model's own tree: the same code on the same data, so the same choice among equals."""

    def __init__(self, model):
        self._tree = model._tree
        self._count = model.n_neighbors
        self._is_weighted = model.weights == "distance"

    def find(self, encoded: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
        distances, rows = self._tree.query(encoded[np.newaxis], self._count)
        return (_weights(distances[0]) if self._is_weighted else None), rows[0]


class MatrixSearch:
    """Squared distances by one product, |a - b|² = |a|² - 2ab + |b|², then exactly for the nearest rows.

    The product is taken in float32, which is twice as quick; its candidates include everything that its
    rounding could hide.
    """

    def __init__(self, model):
        self._rows = model._fit_X
        self._count = model.n_neighbors
        self._is_weighted = model.weights == "distance"
        squares = self._rows.multiply(self._rows) if issparse(self._rows) else self._rows**2
        lengths = np.ravel(squares.sum(axis=1))
        self._longest = float(lengths.max())
        self._rounded_rows = self._rows.astype(np.float32)
        self._rounded_lengths = lengths.astype(np.float32)
        self._rounding = np.finfo(np.float32).eps * (self._rows.shape[1] + 8)

    def find(self, encoded: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
        magnitude = float(encoded @ encoded) + self._longest
        if not magnitude < MAGNITUDE_MAX:
            raise Tie
        candidates = self._candidates(encoded, magnitude)
        squares = _squared_distances(self._rows[candidates], encoded)
        order = squares.argsort(kind="stable")
        inside, others = order[: self._count], order[self._count :]
        if len(others) and squares[others[0]] - squares[inside[-1]] <= TIE_TOLERANCE * magnitude:
            raise Tie
        if not self._is_weighted:
            return None, candidates[inside]
        if squares[inside[0]] <= NEAR_TOLERANCE * magnitude:
            raise Tie
        return 1.0 / np.sqrt(squares[inside]), candidates[inside]

    def _candidates(self, encoded: np.ndarray, magnitude: float) -> np.ndarray:
        """Every row that may be among the nearest, and the next one, in the order of the table."""
        if self._count == len(self._rounded_lengths):
            return np.arange(self._count)
        squares = self._rounded_rows @ encoded.astype(np.float32)
        squares *= -2.0
        squares += self._rounded_lengths  # |a|² is the same for all rows and left out
        next_one = np.partition(squares, self._count)[self._count]
        return np.flatnonzero(squares <= next_one + 2 * self._rounding * magnitude)


def _squared_distances(rows, encoded: np.ndarray) -> np.ndarray:
    differences = (rows.toarray() if issparse(rows) else rows) - encoded
    return np.einsum("ij,ij->i", differences, differences)


def _search_of(model) -> TreeSearch | MatrixSearch:
    if model._tree is not None:
        return TreeSearch(model)
    if model.effective_metric_ != "euclidean":
        raise NoExactKernel(f"distances by {model.effective_metric_}")
    return MatrixSearch(model)


def _weights(distances: np.ndarray) -> np.ndarray:
    """One over the distance; where rows are equal to this one, only they count."""
    is_equal = distances == 0
    return is_equal.astype(np.float64) if is_equal.any() else 1.0 / distances


def _refuse_close_winner(votes: np.ndarray) -> None:
    second, first = np.partition(votes, -2)[-2:]
    if first - second <= TIE_TOLERANCE * first:
        raise Tie


def _as_matrix(encoded: np.ndarray, model):
    matrix = encoded[np.newaxis]
    return csr_matrix(matrix) if issparse(model._fit_X) else matrix
