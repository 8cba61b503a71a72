"""Many cells of one column at once, under the decision that was made about the column.

`ColumnCells` is what inspecting a table, reading it for training and predicting the rows of a whole file
have in common. The first two refuse the first cell that does not fit; the third says of each such row what is
wrong with it.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from mlmodels.learning.tables.cells import cells_of
from mlmodels.learning.tables.columns import Column
from mlmodels.learning.tables.dates import DateCells
from mlmodels.learning.tables.errors import TableRefused, shown
from mlmodels.learning.tables.numbers import NumberCells
from mlmodels.learning.tables.rows import Chunk

if TYPE_CHECKING:
    import numpy

    from mlmodels.learning.tables.columnar import ColumnarChunk, ColumnarTexts

_REST_SHARE_MAX = 0.25  # of the cells, which `vectors` leaves to be read one by one
_DISTINCT_SHARE_MAX = 0.5  # of the cells; beyond, looking texts up takes more memory than it saves
_KNOWN_MIN = 10_000  # texts


class TypedCells(NamedTuple):
    """`problems` say by position what is wrong with a cell that does not fit; its value is a blank."""

    values: "numpy.ndarray"
    problems: dict[int, str]


class CodedTexts(NamedTuple):
    """A column of texts: `codes` say for each cell which of the `texts` it has. Texts may be there twice."""

    texts: list[str]
    codes: "numpy.ndarray"

    def to_array(self) -> "numpy.ndarray":
        import numpy

        return numpy.array(self.texts, dtype=object)[self.codes]


def coded(texts: "Sequence[str] | ColumnarTexts") -> CodedTexts:
    """Each different text once, where that is quickly found out."""
    import numpy

    if not isinstance(texts, list | tuple) and texts.distinct is not None:
        return CodedTexts(texts.distinct.texts, texts.distinct.codes)
    positions: dict[str, int] = {}
    codes = [positions.setdefault(text, len(positions)) for text in texts]
    return CodedTexts(list(positions), numpy.array(codes, dtype=numpy.intp))


class ColumnCells:
    """Reads cells of a column as `RowReader` reads them. Make it once for a file and keep it.

    "number" columns give float64 with NaN for a blank, the others object with "" for a blank. Equal texts are
    one object, across calls as well, so that a long table stays small.
    """

    def __init__(self, column: Column):
        self.name = column.name
        self.is_number = column.role == "number"
        self._cells = cells_of(column.format)
        self._known: dict[str, str] | None = {}
        self._cells_shared = 0

    def read(self, texts: "Sequence[str] | ColumnarTexts") -> TypedCells:
        """Never refuses: see `TypedCells.problems`."""
        try:
            if isinstance(texts, list | tuple):
                return TypedCells(self._array(self._cells.many(texts), len(texts)), {})
            return TypedCells(self._read_columnar(texts), {})
        except ValueError:
            values, problems = self._one_by_one(list(texts))
            return TypedCells(self._array(values, len(texts)), problems)

    def read_coded(self, texts: "Sequence[str] | ColumnarTexts") -> CodedTexts:
        """Of a column that is no number, in which every cell is read."""
        found = coded(texts)
        return found._replace(texts=self._cells.many(found.texts))

    def read_chunk(self, chunk: "Chunk | ColumnarChunk", position: int) -> "Sequence[float | str]":
        """The column at this position: a list of a chunk of strings, an array of a chunk of columns.

        Raises TableRefused for the first cell that does not fit.
        """
        texts = chunk.column(position)
        try:
            return self._read_list(texts) if isinstance(texts, list) else self._read_columnar(texts)
        except ValueError:
            problems = self._one_by_one(list(texts))[1]
        first = min(problems)
        raise TableRefused(
            f"Row {chunk.row_numbers[first]:,}, column {shown(self.name)}: {shown(texts[first])} "
            f"{problems[first]}. Correct the cell, leave it blank, or choose another kind for the column.",
            row=chunk.row_numbers[first],
            column=self.name,
        )

    def _read_list(self, texts: list[str]) -> list[float] | list[str]:
        values = self._cells.many(texts)
        return values if self.is_number else self._shared(values, len(values))

    def _read_columnar(self, texts: "ColumnarTexts") -> "numpy.ndarray":
        values = self._read_plain(texts)
        if values is None:
            distinct = texts.distinct if self.is_number or self._known is not None else None
            if distinct is None:
                return self._array(self._cells.many(list(texts)), len(texts))
            values = self._array(self._cells.many(distinct.texts), len(texts))[distinct.codes]
        return values

    def _read_plain(self, texts: "ColumnarTexts") -> "numpy.ndarray | None":
        """None unless nearly all cells are numbers or dates as programs write them."""
        from mlmodels.learning.tables import vectors

        match self._cells:
            case DateCells():
                return vectors.plain_moments(texts)
            case NumberCells(decimal=decimal):
                found = vectors.plain_numbers(texts, decimal)
            case _:
                return None
        if found is None:
            return None
        values, is_plain = found
        rest = (~is_plain).nonzero()[0]
        if len(rest) > _REST_SHARE_MAX * len(values):
            return None
        if len(rest):
            values[rest] = self._cells.many(texts.at(rest))
        return values

    def _one_by_one(self, texts: Sequence[str]) -> tuple[list, dict[int, str]]:
        values, wrong = {}, {}
        for text in set(texts):
            try:
                values[text] = self._cells.one(text)
            except ValueError as error:
                values[text], wrong[text] = self._cells.one(""), str(error)
        problems = {position: wrong[text] for position, text in enumerate(texts) if text in wrong}
        return [values[text] for text in texts], problems

    def _array(self, values: list, cells: int) -> "numpy.ndarray":
        import numpy

        if self.is_number:
            return numpy.array(values, dtype="float64")
        return numpy.array(self._shared(values, cells), dtype=object)

    def _shared(self, texts: list[str], cells: int) -> list[str]:
        """The same texts as objects that other cells have already; given up where hardly any are equal."""
        self._cells_shared += cells
        if self._known is None:
            return texts
        shared = [self._known.setdefault(text, text) for text in texts]
        if len(self._known) > max(_DISTINCT_SHARE_MAX * self._cells_shared, _KNOWN_MIN):
            self._known = None
        return shared


def read_columns(
    chunk: "Chunk | ColumnarChunk", columns: Iterable[tuple[ColumnCells, int]]
) -> "list[Sequence[float | str]]":
    """Columns at these positions; of all cells that do not fit, the one in the first row is refused."""
    values, refused = [], []
    for cells, position in columns:
        try:
            values.append(cells.read_chunk(chunk, position))
        except TableRefused as refusal:
            refused.append(refusal)
    if refused:
        raise min(refused, key=attrgetter("row"))
    return values
