"""Reads columns of a file under decisions that were made earlier. This is what training works on.

The file is cut into the same rows and cells as at inspection, a chunk at a time, and kept as flat arrays:
8 bytes for a number, one shared string for each different text. `pandas.read_csv` is not used: it would cut
the file by rules of its own and take several times the memory.
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


def read(handle: BinaryIO, dialect: dict[str, Any], columns: Sequence[Column]) -> "pandas.DataFrame":
    """The asked columns in the order asked, typed by their role.

    "number": float64, NaN where missing; dates are Unix seconds, yes/no is 1.0 and 0.0, `12 %` is 12.0.
    "category", "text": object, text without the white space around it, a blank cell is "".
    Raises TableRefused with row and column for a cell that does not fit, and for a column that is not there.
    """
    readers = [ColumnCells(column) for column in columns]
    parts: list[list[numpy.ndarray]] = [[] for _ in columns]
    with open_rows(handle, Dialect(**dialect)) as rows:
        asked = list(zip(readers, _positions(rows.header, columns), strict=True))
        for chunk in rows.chunks():
            for part, values in zip(parts, read_columns(chunk, asked), strict=True):
                part.append(values)
    return _frame(readers, parts)


def _positions(header: list[str], columns: Sequence[Column]) -> list[int]:
    where = {name: position for position, name in enumerate(header)}
    absent = [column.name for column in columns if column.name not in where]
    if absent:
        raise TableRefused(
            f"The file has no column named {', '.join(map(shown, absent))}.",
            fields=dict.fromkeys(absent, "The file has no such column."),
        )
    return [where[column.name] for column in columns]


def _frame(readers: list[ColumnCells], parts: "list[list[numpy.ndarray]]") -> "pandas.DataFrame":
    # Imported here: everything else in this package is light enough for a web process that only inspects.
    import numpy
    import pandas

    arrays = {}
    for cells, part in zip(readers, parts, strict=True):
        kind = "float64" if cells.is_number else object
        values = numpy.concatenate([numpy.asarray(chunk, dtype=kind) for chunk in part])
        part.clear()  # half of what the column takes, before the next is joined
        arrays[cells.name] = values if cells.is_number else pandas.Series(values, dtype=object, copy=False)
    return pandas.DataFrame(arrays, copy=False)
