"""The ranks of many numbers among a few, without a search for each."""

from collections.abc import Sequence

import numpy as np

CELLS = 2048
THRESHOLDS_IN_A_CELL_MAX = 8


class Ranks:
    """Cuts the range of the thresholds into equal cells. A number is compared with those in its cell, mostly
    one at most, and a table says how many are in the cells below."""

    def __init__(self, thresholds: Sequence[float]):
        """`thresholds` are ascending, all different, and may end in infinity."""
        self._thresholds = np.array([*thresholds, np.inf])
        finite = self._thresholds[np.isfinite(self._thresholds)]
        self._low, high = finite[[0, -1]] if len(finite) else np.zeros(2)
        with np.errstate(all="ignore"):
            self._cells_per_unit = CELLS / (high - self._low)
        cells = self._cells_of(self._thresholds[:-1])
        self._below = np.searchsorted(cells, np.arange(CELLS + 1))
        self._comparisons = int(np.bincount(cells, minlength=1).max())

    def of(self, numbers: np.ndarray) -> np.ndarray:
        """How many thresholds are smaller than each number. That of NaN means nothing."""
        if self._comparisons > THRESHOLDS_IN_A_CELL_MAX:
            return np.searchsorted(self._thresholds[:-1], numbers)
        ranks = self._below.take(self._cells_of(numbers))
        for _ in range(self._comparisons):
            ranks += numbers > self._thresholds.take(ranks)
        return ranks

    def _cells_of(self, numbers: np.ndarray) -> np.ndarray:
        """Of two numbers, the smaller one never has the higher cell, however they are rounded."""
        with np.errstate(all="ignore"):
            places = (numbers - self._low) * self._cells_per_unit
        return np.fmin(np.fmax(places, 0), CELLS).astype(np.intp)
