"""Reads columns of a file under decisions that were made earlier. This is what training works on.

The file is cut into the same rows and cells as at inspection, a chunk at a time, and kept as flat arrays:
8 bytes for a number, one shared string for each different text where texts repeat. `pandas.read_csv` is not
used: it would cut the file by rules of its own.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from mlmodels.learning.tables.columns import Column
from mlmodels.learning.tables.dialect import Dialect
from mlmodels.learning.tables.errors import TableRefused, shown
from mlmodels.learning.tables.rows import open_rows
from mlmodels.learning.tables.typed import ColumnCells, read_columns

if TYPE_CHECKING:
    import numpy
    import pandas


def read(
    handle: BinaryIO,
    dialect: dict[str, Any],
    columns: Sequence[Column],
    positions: "numpy.ndarray | None" = None,
) -> "pandas.DataFrame":
    """The asked columns in the order asked, typed by their role.

    "number": float64, NaN where missing; dates are Unix seconds, yes/no is 1.0 and 0.0, `12 %` is 12.0.
    "category", "text": object, text without the white space around it, a blank cell is "".
    Of all rows, which are looked at either way, or of those at `positions`, in ascending order; these are
    the labels of the rows. Raises TableRefused with row and column for a cell that does not fit, and for a
    column that is not there.
    """
    typed = [_TypedColumn(column, None if positions is None else len(positions)) for column in columns]
    start = 0
    with open_rows(handle, Dialect(**dialect)) as rows:
        where = _where(rows.header, columns)
        asked = [(column.cells, position) for column, position in zip(typed, where, strict=True)]
        for chunk in rows.chunks():
            kept = None if positions is None else _within(positions, start, start + len(chunk))
            for column, values in zip(typed, read_columns(chunk, asked), strict=True):
                column.add(values if kept is None else _at(kept, values))
            start += len(chunk)
            del chunk  # before the next one is made
    return _frame(typed, positions)


def _within(positions: "numpy.ndarray", start: int, end: int) -> "numpy.ndarray":
    """Those of the rows from `start` on, counted from there."""
    first, last = positions.searchsorted([start, end])
    return positions[first:last] - start


def _at(positions: "numpy.ndarray", values: "Sequence[float | str]") -> "Sequence[float | str]":
    return [values[position] for position in positions] if isinstance(values, list) else values[positions]


class _TypedColumn:
    """The values of one column, in an array of `length`, or as long as the column was at inspection."""

    def __init__(self, column: Column, length: int | None = None):
        import numpy

        self.cells = ColumnCells(column)
        kind = "float64" if self.cells.is_number else object
        self._values = numpy.empty(column.profile.get("rows", 0) if length is None else length, dtype=kind)
        self._count = 0

    def add(self, values: "Sequence[float | str]") -> None:
        end = self._count + len(values)
        if end > len(self._values):
            self._values.resize(max(end, 2 * len(self._values)), refcheck=False)
        self._values[self._count : end] = values
        self._count = end

    def finished(self) -> "numpy.ndarray":
        self._values.resize(self._count, refcheck=False)
        return self._values


def _where(header: list[str], columns: Sequence[Column]) -> list[int]:
    where = {name: position for position, name in enumerate(header)}
    absent = [column.name for column in columns if column.name not in where]
    if absent:
        raise TableRefused(
            f"The file has no column named {', '.join(map(shown, absent))}.",
            fields=dict.fromkeys(absent, "The file has no such column."),
        )
    return [where[column.name] for column in columns]


def _frame(typed: list[_TypedColumn], labels: "numpy.ndarray | None") -> "pandas.DataFrame":
    # Imported here: everything else in this package is light enough for a web process that only inspects.
    import pandas

    arrays = {}
    for column in typed:
        values = column.finished()
        is_number = column.cells.is_number
        arrays[column.cells.name] = (
            values if is_number else pandas.Series(values, labels, dtype=object, copy=False)
        )
    return pandas.DataFrame(arrays, labels, copy=False)
