"""An even sample of a table's rows, as the numbers and codes that the checks work on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from operator import itemgetter
from typing import BinaryIO

import numpy as np

from mlmodels.learning.tables import Column
from mlmodels.learning.tables.cells import cells_of
from mlmodels.learning.tables.columnar import ColumnarChunk, fingerprints
from mlmodels.learning.tables.dialect import Dialect
from mlmodels.learning.tables.rows import Chunk, open_rows

ROWS_MAX = 10_000
CELLS_MAX = 1_000_000
ROWS_COMPARED_MAX = 100_000  # of a larger file, rows are compared whose most distinctive cell is drawn


@dataclass
class Sample:
    """Every `stride`-th row of the file, and its `last` row. `copies` of the `compared` rows are equal to an
    earlier one.
    """

    columns: dict[str, Column]
    stride: int
    texts: dict[str, list[str]]
    last: dict[str, str]
    compared: int
    copies: int
    _values: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return len(next(iter(self.texts.values())))

    def numbers(self, name: str) -> np.ndarray:
        """The cells of a column of numbers, dates or yes/no; NaN where blank or unreadable."""
        if name not in self._values:
            self._values[name] = np.array(_read_all(self.columns[name], self.texts[name]), dtype=float)
        return self._values[name]

    def codes(self, name: str) -> np.ndarray:
        """A number for each different value, counted by first appearance; a blank is a value of its own."""
        column = self.columns[name]
        known: dict = {}
        if column.role == "number":
            values = np.where(np.isnan(self.numbers(name)), np.inf, self.numbers(name)).tolist()
        else:
            values = cells_of(column.format).many(self.texts[name])
        return np.array([known.setdefault(value, len(known)) for value in values], dtype=np.intp)


def _read_all(column: Column, texts: list[str]) -> list[float]:
    cells = cells_of(column.format)
    try:
        return cells.many(texts)
    except ValueError:
        return list(map(_or_blank(cells.one), texts))


def _or_blank(read: Callable[[str], float]) -> Callable[[str], float]:
    @cache
    def read_or_blank(text: str) -> float:
        try:
            return read(text)
        except ValueError:
            return np.nan

    return read_or_blank


def draw_sample(
    handle: BinaryIO, dialect: dict, columns: Sequence[Column], row_count: int, compared: Sequence[str]
) -> Sample:
    """Reads the file once; cells are looked at in the rows of the sample alone.

    `compared` names the columns in which two rows have to agree to be copies.
    """
    rows_max = min(ROWS_MAX, max(CELLS_MAX // len(columns), 1))
    stride = -(-row_count // rows_max)
    copies = _Copies(columns, row_count, compared)
    kept: list[list[str]] = []
    last: list[str] = []
    row = 0
    with open_rows(handle, Dialect(**dialect)) as rows:
        for chunk in rows.chunks():
            kept += chunk.rows_at(range(-row % stride, len(chunk), stride))
            last = chunk.rows_at([len(chunk) - 1])[0]
            row += len(chunk)
            copies.count_in(chunk)
    names = [column.name for column in columns]
    texts = dict(zip(names, map(list, zip(*kept, strict=True)), strict=True))
    by_name, last_texts = dict(zip(names, columns, strict=True)), dict(zip(names, last, strict=True))
    repeated = copies.compared - len(copies.seen)
    return Sample(by_name, stride, texts, last_texts, copies.compared, repeated)


class _Copies:
    """Compares rows by the hash of their cells.

    In a large file it draws rows by the text of one cell, so that the copies of a row are drawn together.
    """

    def __init__(self, columns: Sequence[Column], row_count: int, compared: Sequence[str]):
        self.compared = 0
        self.seen: set[int] = set()
        wanted = [(at, column) for at, column in enumerate(columns) if column.name in compared]
        self._of_row = itemgetter(*(at for at, _ in wanted)) if wanted else None
        self._one_in = -(-row_count // ROWS_COMPARED_MAX)
        self._drawn_by = max(wanted, key=lambda each: each[1].profile["distinct"])[0] if wanted else 0

    def count_in(self, chunk: Chunk | ColumnarChunk) -> None:
        if self._of_row is None:
            return
        rows = chunk.rows_at(self._drawn(chunk))
        self.compared += len(rows)
        self.seen.update(map(hash, map(self._of_row, rows)))

    def _drawn(self, chunk: Chunk | ColumnarChunk) -> Sequence[int]:
        """Positions in the chunk."""
        if self._one_in == 1:
            return range(len(chunk))
        return (fingerprints(chunk.column(self._drawn_by)) % self._one_in == 0).nonzero()[0]
