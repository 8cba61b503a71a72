"""The different texts of a column of many cells, without a string for each cell and without sorting them."""

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mlmodels.learning.tables.columnar import ColumnarTexts

_SLOTS_PER_CELL = 4
_ROUNDS = np.random.default_rng(1).integers(1 << 63, size=8, dtype=np.uint64) * 2 + 1  # odd factors


def first_equal(words: list[np.ndarray], hashes: np.ndarray) -> np.ndarray | None:
    """For each cell the first one with the same words. None where different ones have the same hash.

    Cells of which the hashes have one slot in a table are compared with the first of them; those that differ
    get another slot in the next round.
    """
    bits = (_SLOTS_PER_CELL * len(hashes)).bit_length()
    table = np.empty(1 << bits, dtype=np.intp)
    first, rest = np.empty(len(hashes), dtype=np.intp), np.arange(len(hashes))
    for factor in _ROUNDS:
        slots = ((hashes[rest] * factor) >> np.uint64(64 - bits)).astype(np.intp)
        table[slots[::-1]] = rest[::-1]  # of several cells in a slot, the first is written last
        found = table[slots]
        is_equal = np.logical_and.reduce([of_cells[found] == of_cells[rest] for of_cells in words])
        first[rest[is_equal]] = found[is_equal]
        rest = rest[~is_equal]
        if not len(rest):
            return first
    return None


class Distinct:
    """The different texts of a column in the order of their first cells."""

    def __init__(self, column: "ColumnarTexts", first: np.ndarray):
        """`first` says for each cell which is the first one with its text."""
        self._first = first
        self._is_first = first == np.arange(len(first))
        self.cells = column.part(np.flatnonzero(self._is_first))

    @cached_property
    def texts(self) -> list[str]:
        return list(self.cells)

    @cached_property
    def counts(self) -> np.ndarray:
        """How many cells have each text."""
        return np.bincount(self.codes, minlength=len(self.cells))

    @cached_property
    def codes(self) -> np.ndarray:
        """The position in `texts` for each cell."""
        return (np.cumsum(self._is_first) - 1)[self._first]
