"""Nearest neighbors of many rows at once, where the model has no tree.

One float32 product gives all distances to within its rounding. The smallest of each group of rows bounds the
distance of the furthest neighbor, so few rows remain whose distances are then taken exactly. Where two rows
are equally far except for rounding, scikit-learn's model decides, as for single rows (see `neighbors`).
"""

import numpy as np
from scipy.sparse import issparse

from mlmodels.learning.scoring.neighbors import MAGNITUDE_MAX, NEAR_TOLERANCE, TIE_TOLERANCE
from mlmodels.learning.scoring.scorers import NoExactKernel

ROWS_PER_GROUP = 32
DISTANCES_AT_ONCE = 640_000  # that stay in the cache
ROWS_AT_ONCE_MIN = 8


class NearestRows:
    """Of a KNeighborsRegressor or KNeighborsClassifier with dense rows and Euclidean distances."""

    def __init__(self, model):
        if model._tree is not None or issparse(model._fit_X) or model.effective_metric_ != "euclidean":
            raise NoExactKernel(f"neighbors by {model.effective_metric_}")
        self._model = model
        self._rows = np.asarray(model._fit_X, dtype=np.float64)
        self._count = model.n_neighbors
        self._is_weighted = model.weights == "distance"
        self._is_classifier = hasattr(model, "classes_")
        self._answers = np.eye(len(model.classes_))[model._y] if self._is_classifier else np.ravel(model._y)
        groups = -(-len(self._rows) // ROWS_PER_GROUP)
        if groups <= self._count:
            raise NoExactKernel("few rows, for which the model is quick itself")
        self._center = self._rows.mean(axis=0)
        centered = self._rows - self._center
        lengths = np.einsum("ij,ij->i", centered, centered)
        self._longest = float(lengths.max())
        self._rounding = np.finfo(np.float32).eps * (self._rows.shape[1] + 8)
        # |a - b|² without |a|², which is the same for all rows: -2ab + |b|². Rows that fill up are far away
        self._product = np.zeros((self._rows.shape[1] + 1, groups * ROWS_PER_GROUP), dtype=np.float32)
        self._product[:-1, : len(lengths)] = -2.0 * centered.T
        self._product[-1] = np.inf
        self._product[-1, : len(lengths)] = lengths

    def outputs(self, matrix: np.ndarray) -> np.ndarray:
        """Predictions, or probabilities by class."""
        step = max(ROWS_AT_ONCE_MIN, DISTANCES_AT_ONCE // self._product.shape[1])
        parts = [self._outputs(matrix[first : first + step]) for first in range(0, len(matrix), step)]
        return np.concatenate(parts)

    def _outputs(self, matrix: np.ndarray) -> np.ndarray:
        neighbors, squares, is_certain = self._nearest(matrix)
        answers = self._answers[neighbors]
        if self._is_weighted:
            with np.errstate(divide="ignore", invalid="ignore"):  # equal rows are not certain
                weights = 1.0 / np.sqrt(squares)
                shaped = weights[..., np.newaxis] if self._is_classifier else weights
                outputs = (answers * shaped).sum(axis=1) / shaped.sum(axis=1)
        else:
            outputs = answers.mean(axis=1)
        if not is_certain.all():
            predict = self._model.predict_proba if self._is_classifier else self._model.predict
            outputs[~is_certain] = predict(matrix[~is_certain])
        return outputs

    def _nearest(self, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The nearest rows, their squared distances, and of which rows that is certain."""
        centered = matrix - self._center
        magnitude = np.einsum("ij,ij->i", centered, centered) + self._longest
        is_usable = magnitude < MAGNITUDE_MAX
        centered[~is_usable] = 0.0
        magnitude[~is_usable] = self._longest
        which, rows = self._candidates(centered, magnitude)
        differences = matrix[which] - self._rows[rows]
        squares = np.einsum("ij,ij->i", differences, differences)
        order = np.lexsort((squares, which))
        squares, rows = squares[order], rows[order]
        starts = np.searchsorted(which, np.arange(len(matrix)))
        inside = starts[:, np.newaxis] + np.arange(self._count)
        nearest, of_nearest = rows[inside], squares[inside]
        counts = np.diff(np.append(starts, len(which)))
        following = np.where(
            counts > self._count, squares[np.minimum(starts + self._count, len(squares) - 1)], np.inf
        )
        is_certain = is_usable & (following - of_nearest[:, -1] > TIE_TOLERANCE * magnitude)
        if self._is_weighted:
            is_certain &= of_nearest[:, 0] > NEAR_TOLERANCE * magnitude
        return nearest, of_nearest, is_certain

    def _candidates(self, centered: np.ndarray, magnitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of positions by the first; among them are the nearest rows and all others as near."""
        with_one = np.ones((len(centered), centered.shape[1] + 1), dtype=np.float32)
        with_one[:, :-1] = centered
        squares = (with_one @ self._product).reshape(len(centered), ROWS_PER_GROUP, -1)
        smallest = squares.min(axis=1)
        bound = np.partition(smallest, self._count - 1, axis=1)[:, self._count - 1]
        bound = (bound + 4 * self._rounding * magnitude).astype(np.float32)[:, np.newaxis]
        which, groups = np.nonzero(smallest <= bound)
        is_near = squares[which, :, groups] <= bound[which]
        pairs, places = np.nonzero(is_near)
        return which[pairs], places * squares.shape[2] + groups[pairs]
