"""The columns of a model in the rows of a file, typed; a cell means what it means to `RowReader`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmodels.learning.batches.raw_rows import RawChunk
from mlmodels.learning.tables.columns import Column
from mlmodels.learning.tables.errors import shown
from mlmodels.learning.tables.limits import NUMBER_MAX
from mlmodels.learning.tables.typed import CodedTexts, ColumnCells

if TYPE_CHECKING:
    import numpy

DIGITS_MAX = 30  # in a row, for NumberCells
_JSON_NUMBERS = b"0123456789.,-+eE"
_DIGITS_AS_ZERO = bytes.maketrans(b"123456789", b"0" * 9)
_TOO_MANY_DIGITS = b"0" * (DIGITS_MAX + 1)
_DECIMAL_COMMAS = bytes.maketrans(b",\n", b".,")


@dataclass(frozen=True)
class TypedChunk:
    """`values` are the columns of a model by name, numbers or texts.

    `faults` say by position why a row is not to be predicted. What `values` hold in such a row, and in blank
    ones, means nothing. In columns of the file at the positions `plain` all cells are blank or numbers as
    JSON writes them.
    """

    raw: RawChunk
    values: "dict[str, numpy.ndarray | CodedTexts]"
    faults: dict[int, str]
    plain: set[int]


class ColumnReader:
    """Reads the columns of a model in a file with these names.

    `header_names` say how the file calls a column, where it does not say its name.
    """

    def __init__(self, columns: Sequence[Column], names: Sequence[str], header_names: Mapping[str, str]):
        self._columns = [
            (column, names.index(header_names.get(column.name, column.name))) for column in columns
        ]
        self._numbers: dict[tuple[str, str], list[int]] = {}  # positions by decimal and thousands mark
        for column, at in self._columns:
            if column.format["type"] == "number" and not column.format.get("blanks"):
                marks = column.format["decimal"], column.format["thousands"]
                self._numbers.setdefault(marks, []).append(at)

    def read(self, raw: RawChunk, with_texts: bool = True) -> TypedChunk:
        values, faults = {}, {}
        plain = self._plain_numbers(raw)
        for column, at in self._columns:
            if at in plain:
                values[column.name] = plain[at]
            elif column.role == "number":
                texts = raw.columns[at]
                values[column.name], problems = self._read(column, texts)
                for position, problem in problems.items():
                    sentence = f"{shown(column.name)}: {shown(texts[position])} {problem}."
                    faults.setdefault(position, []).append(sentence)
            elif with_texts:  # which are never wrong
                values[column.name] = ColumnCells(column).read_coded(raw.columns[at])
        said = {at: " ".join(sentences) for at, sentences in faults.items() if at not in raw.blanks}
        return TypedChunk(raw, values, {**said, **raw.faults}, set(plain))

    def _plain_numbers(self, raw: RawChunk) -> "dict[int, numpy.ndarray]":
        """By position, the columns in which all cells are blank or numbers as JSON writes them."""
        found: dict[int, numpy.ndarray] = {}
        for marks, positions in self._numbers.items():
            together = numbers_as_in_json(raw, positions, *marks)
            if together is not None:
                found |= together
            elif len(positions) > 1:
                for position in positions:
                    found |= numbers_as_in_json(raw, [position], *marks) or {}
        return found

    def _read(self, column: Column, texts: Sequence[str]) -> "tuple[numpy.ndarray, dict[int, str]]":
        import numpy

        values, problems = ColumnCells(column).read(texts)
        for at in numpy.flatnonzero(numpy.abs(values) > NUMBER_MAX).tolist():
            problems[at], values[at] = f"is too large; numbers can be up to {NUMBER_MAX:g}", numpy.nan
        return values, problems


def numbers_as_in_json(
    raw: RawChunk, positions: Sequence[int], decimal: str, thousands: str
) -> "dict[int, numpy.ndarray] | None":
    """What `NumberCells` reads, where every cell is blank or a number as JSON writes it; None elsewhere.

    `tables.vectors` would leave numbers of more than 15 digits, of which such files are full, to Python.
    """
    import numpy

    data, sizes = raw.joined(positions, "," if decimal == "." else "\n")
    if decimal == ",":
        if thousands == "." and b"." in data:
            return None
        data = data.translate(_DECIMAL_COMMAS)
    if data.translate(None, _JSON_NUMBERS):
        return None
    if sizes.max(initial=0) > DIGITS_MAX and _TOO_MANY_DIGITS in data.translate(_DIGITS_AS_ZERO):
        return None
    numbers, is_number = _parsed(data), sizes > 0
    if numbers is None or len(numbers) != numpy.count_nonzero(is_number):
        return None
    values = numpy.full(sizes.shape, numpy.nan)
    values[is_number] = numbers
    return dict(zip(positions, numpy.ascontiguousarray(values.T), strict=True))


def _parsed(data: bytes) -> "numpy.ndarray | None":
    import numpy
    import orjson

    try:
        parsed = orjson.loads(b"[%s]" % data[:-1])
    except ValueError:
        return None
    numbers = numpy.fromiter(parsed, dtype="float64", count=len(parsed))
    return None if (numpy.abs(numbers) > NUMBER_MAX).any() else numbers
