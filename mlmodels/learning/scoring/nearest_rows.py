"""Nearest neighbors of many rows at once, where the model has no tree.

A float32 product gives all distances to within its rounding. The smallest of each group of rows bounds the
distance of the furthest neighbor, so few rows remain whose distances are then taken exactly. Where two rows
are equally far except for rounding, scikit-learn's model decides, as for single rows (see `neighbors`).

Flags are columns of two values, such as those of categories. Rows that are asked for and have the same flags
share what these add to the distances: their product takes the other columns alone, and leaves out rows of the
model whose flags are further away than neighbors usually are.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from mlmodels.learning.scoring.neighbors import MAGNITUDE_MAX, NEAR_TOLERANCE, TIE_TOLERANCE
from mlmodels.learning.scoring.scorers import NoExactKernel

ROWS_PER_GROUP = 32
DISTANCES_AT_ONCE = 1_000_000  # that stay in the cache
ROWS_AT_ONCE_MIN = 8
ROWS_ALIKE_MIN = 64  # that get a product of their own
FLAGS_MAX = 64  # the bits of a word
SAMPLED_ROWS = 256
USUAL_SHARE = 0.9  # of the rows, whose neighbors are within the usual radius


class Search(NamedTuple):
    """Squared distances in `columns` to rows of the model, to which `added` is added, by row.

    `factors` give them in one product, and `places` say of which rows. All other rows are beyond the squared
    radius.
    """

    columns: np.ndarray
    rows: np.ndarray
    added: np.ndarray
    factors: np.ndarray
    places: np.ndarray
    radius: float = np.inf


class Pairs(NamedTuple):
    """Positions of rows that are asked for and of rows of the model. Those of a row follow each other."""

    asked: np.ndarray
    rows: np.ndarray
    squares: np.ndarray


class NearestRows:
    """Of a KNeighborsRegressor or KNeighborsClassifier with dense rows and Euclidean distances."""

    def __init__(self, model):
        if model._tree is not None or issparse(model._fit_X) or model.effective_metric_ != "euclidean":
            raise NoExactKernel(f"neighbors by {model.effective_metric_}")
        self._model = model
        self._count = model.n_neighbors
        self._is_weighted = model.weights == "distance"
        self._is_classifier = hasattr(model, "classes_")
        self._answers = np.eye(len(model.classes_))[model._y] if self._is_classifier else np.ravel(model._y)
        rows = np.asarray(model._fit_X, dtype=np.float64)
        if not self._are_enough(len(rows)):
            raise NoExactKernel("few rows, for which the model is quick itself")
        self._center = rows.mean(axis=0)
        rows = rows - self._center
        self._longest = float(np.einsum("ij,ij->i", rows, rows).max())
        self._rounding = np.finfo(np.float32).eps * (rows.shape[1] + 8)
        low, high = rows.min(axis=0), rows.max(axis=0)
        self._flags = np.flatnonzero(((rows == low) | (rows == high)).all(axis=0))[:FLAGS_MAX]
        self._low, self._high = low[self._flags], high[self._flags]
        flags, every = rows.take(self._flags, axis=1), np.arange(rows.shape[1])
        _, first, self._kind_of = np.unique(self._words(flags), return_index=True, return_inverse=True)
        self._kinds = flags[first]
        numbers = np.setdiff1d(every, self._flags)
        self._by_all, self._by_numbers = _search(rows, every), _search(rows.take(numbers, axis=1), numbers)
        self._radius = self._usual_radius()

    def _are_enough(self, rows: int) -> bool:
        """For each neighbor to be in a group of its own."""
        return rows > ROWS_PER_GROUP * self._count

    def _usual_radius(self) -> float:
        """The squared distance within which most rows have their neighbors."""
        sample = self._model._fit_X[:: -(-len(self._answers) // SAMPLED_ROWS)]
        distances, _ = self._model.kneighbors(sample, self._count + 1)  # the nearest is the row itself
        return float(np.quantile(distances[:, -1], USUAL_SHARE)) ** 2

    def outputs(self, matrix: np.ndarray) -> np.ndarray:
        """Predictions, or probabilities by class."""
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
        asked, rows, squares = map(np.concatenate, zip(*self._candidates(centered, magnitude), strict=True))
        nearest = np.empty((len(matrix), self._count), dtype=np.intp)
        of_nearest, following = np.empty(nearest.shape), np.full(len(matrix), np.inf)
        starts = np.flatnonzero(np.diff(asked, prepend=-1))
        sizes = np.diff(starts, append=len(asked))
        for size in np.unique(sizes).tolist():  # of nearly all rows, as many as neighbors
            inside = starts[sizes == size][:, np.newaxis] + np.arange(size)
            inside = np.take_along_axis(inside, squares[inside].argsort(axis=1, kind="stable"), axis=1)
            which = asked[inside[:, 0]]
            nearest[which], of_nearest[which] = (found[inside[:, : self._count]] for found in (rows, squares))
            if size > self._count:
                following[which] = squares[inside[:, self._count]]
        is_certain = is_usable & (following - of_nearest[:, -1] > TIE_TOLERANCE * magnitude)
        if self._is_weighted:
            is_certain &= of_nearest[:, 0] > NEAR_TOLERANCE * magnitude
        return nearest, of_nearest, is_certain

    def _candidates(self, centered: np.ndarray, magnitude: np.ndarray) -> Iterator[Pairs]:
        """Among them are the nearest rows and all others as near."""
        others, alike = self._grouped(centered[:, self._flags])
        yield from self._found(self._by_all, centered, magnitude, others)[0]
        for asked in alike:
            for search in self._searches(centered[asked[0], self._flags]):
                pairs, asked = self._found(search, centered, magnitude, asked)
                yield from pairs

    def _grouped(self, flags: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """Positions of many rows with the same flags, and those of all other rows."""
        is_known = ((flags == self._low) | (flags == self._high)).all(axis=1)
        words, known = self._words(flags), np.flatnonzero(is_known)
        order = known[np.argsort(words[known], kind="stable")]
        groups = np.split(order, np.flatnonzero(np.diff(words[order])) + 1)
        few = [group for group in groups if len(group) < ROWS_ALIKE_MIN]
        others = np.concatenate([np.flatnonzero(~is_known), *few])
        return others, [group for group in groups if len(group) >= ROWS_ALIKE_MIN]

    def _words(self, flags: np.ndarray) -> np.ndarray:
        """A bit for each flag."""
        bits = np.zeros((len(flags), FLAGS_MAX), dtype=bool)
        bits[:, : flags.shape[1]] = flags == self._high
        return np.packbits(bits, axis=1).view(np.uint64)[:, 0]

    def _searches(self, flags: np.ndarray) -> Iterator[Search]:
        """For rows with these flags: first among few rows of the model, then among all of them."""
        differences = self._kinds - flags
        added = np.einsum("ij,ij->i", differences, differences)[self._kind_of]
        every = self._by_numbers.places
        near = np.flatnonzero(added <= self._radius)
        if self._are_enough(len(near)):
            filling = np.full(-len(near) % ROWS_PER_GROUP, every[-1])
            yield self._by_numbers_and(added, np.append(near, filling), self._radius)
        yield self._by_numbers_and(added, every, np.inf)

    def _by_numbers_and(self, added: np.ndarray, places: np.ndarray, radius: float) -> Search:
        factors = self._by_numbers.factors[places]
        factors[:, -1] += added.take(places, mode="clip")
        return self._by_numbers._replace(added=added, factors=factors, places=places, radius=radius)

    def _found(
        self, search: Search, centered: np.ndarray, magnitude: np.ndarray, asked: np.ndarray
    ) -> tuple[list[Pairs], np.ndarray]:
        """The pairs of the rows asked for, but for rows that may have neighbors beyond the radius: these."""
        step = max(ROWS_AT_ONCE_MIN, DISTANCES_AT_ONCE // len(search.factors))
        pairs, left = [], [asked[:0]]
        for first in range(0, len(asked), step):
            rows = asked[first : first + step]
            coordinates = centered[rows][:, search.columns]
            which, places, bound = self._near(search, coordinates, 4 * self._rounding * magnitude[rows])
            is_within = bound + np.einsum("ij,ij->i", coordinates, coordinates) < search.radius
            if not is_within.all():
                is_kept = is_within[which]
                which, places = which[is_kept], places[is_kept]
                left.append(rows[~is_within])
            differences = coordinates[which] - search.rows[places]
            squares = np.einsum("ij,ij->i", differences, differences) + search.added[places]
            pairs.append(Pairs(rows[which], places, squares))
        return pairs, np.concatenate(left)

    def _near(
        self, search: Search, coordinates: np.ndarray, tolerance: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """By row, as many rows of the model as there are neighbors and all that may be as near, and a bound
        of their squared distances, without what is the same for all of them."""
        with_one = np.ones((len(coordinates), coordinates.shape[1] + 1), dtype=np.float32)
        with_one[:, :-1] = coordinates
        squares = (search.factors @ with_one.T).reshape(ROWS_PER_GROUP, -1, len(coordinates))
        smallest = np.ascontiguousarray(squares.min(axis=0).T)
        bound = np.partition(smallest, self._count - 1, axis=1)[:, self._count - 1]
        bound = (bound + tolerance).astype(np.float32)
        which, groups = np.divmod(np.flatnonzero(smallest <= bound[:, np.newaxis]), smallest.shape[1])
        of_groups = squares[:, groups, which].T
        is_near = of_groups <= bound[which, np.newaxis]
        group, place = np.divmod(np.flatnonzero(is_near), ROWS_PER_GROUP)
        return which[group], search.places[place * smallest.shape[1] + groups[group]], bound


def _search(rows: np.ndarray, columns: np.ndarray) -> Search:
    """Among all rows, of which these are the columns: |a - b|² without |a|², which is the same for all rows,
    is -2ab + |b|².

    The last factors fill the groups up, and are far away.
    """
    factors = np.zeros(((len(rows) // ROWS_PER_GROUP + 1) * ROWS_PER_GROUP, len(columns) + 1), np.float32)
    factors[: len(rows), :-1] = -2.0 * rows
    factors[:, -1] = np.inf
    factors[: len(rows), -1] = np.einsum("ij,ij->i", rows, rows)
    return Search(columns, rows, np.zeros(len(rows)), factors, np.arange(len(factors)))
