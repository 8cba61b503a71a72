"""Many cells of one column as an array, under the decision that was made about the column.

`ColumnCells` is what reading a table for training and predicting the rows of a whole file have in common.
The one refuses the first cell that does not fit, the other says of each such row what is wrong with it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from mlmodels.learning.tables.cells import cells_of
from mlmodels.learning.tables.columns import Column

if TYPE_CHECKING:
    import numpy


class TypedCells(NamedTuple):
    """`problems` say by position what is wrong with a cell that does not fit; its value is a blank."""

    values: "numpy.ndarray"
    problems: dict[int, str]


class ColumnCells:
    """Reads cells of a column as `RowReader` reads them. Make it once for a file and keep it.

    "number" columns give float64 with NaN for a blank, the others object with "" for a blank. Equal texts are
    one object, across calls as well, so that a long table stays small.
    """

    def __init__(self, column: Column):
        self.name = column.name
        self.is_number = column.role == "number"
        self._cells = cells_of(column.format)
        self._known: dict[str, str] = {}

    def read(self, texts: Sequence[str]) -> TypedCells:
        """Never refuses: see `TypedCells.problems`."""
        try:
            values, problems = self._cells.many(texts), {}
        except ValueError:
            values, problems = self._one_by_one(texts)
        return TypedCells(self._array(values), problems)

    def _one_by_one(self, texts: Sequence[str]) -> tuple[list, dict[int, str]]:
        values, wrong = {}, {}
        for text in set(texts):
            try:
                values[text] = self._cells.one(text)
            except ValueError as error:
                values[text], wrong[text] = self._cells.one(""), str(error)
        problems = {position: wrong[text] for position, text in enumerate(texts) if text in wrong}
        return [values[text] for text in texts], problems

    def _array(self, values: list) -> "numpy.ndarray":
        import numpy

        if self.is_number:
            return numpy.array(values, dtype="float64")
        return numpy.array([self._known.setdefault(text, text) for text in values], dtype=object)
