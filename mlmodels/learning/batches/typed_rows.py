"""The columns of a model in the rows of a file, typed; a cell means what it means to `RowReader`."""

import re
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

    from mlmodels.learning.tables.columnar import ColumnarTexts

DIGITS_MAX = 30  # in a row, for NumberCells
_NOT_IN_NUMBERS = b'"tfn[{\t\r\n'  # what else JSON may hold, and white space that is not ours
_DIGITS_AS_ZERO = bytes.maketrans(b"123456789", b"0" * 9)
_TOO_MANY_DIGITS = b"0" * (DIGITS_MAX + 1)
_DECIMAL_COMMAS = bytes.maketrans(b",\n", b".,")
_LONG_EXPONENT = re.compile(rb"[-+]?[0-9]{3}")


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

    def read(self, raw: RawChunk) -> TypedChunk:
        values, problems = {}, []
        plain = self._plain_numbers(raw)
        for column, at in self._columns:
            if at in plain:
                values[column.name] = plain[at]
            elif column.role == "number":
                values[column.name], found = self._read(column, raw.columns[at])
                problems.append((column.name, at, found))
            else:  # texts, which are never wrong
                values[column.name] = ColumnCells(column).read_coded(raw.columns[at])
        return TypedChunk(raw, values, faults_of(raw, problems), set(plain))

    def faults(self, raw: RawChunk) -> dict[int, str]:
        """Those of `read`, but sooner: cells that are clearly numbers are not read."""
        numbers = [(column, at) for column, at in self._columns if column.role == "number"]
        problems = [(column.name, at, self._problems(column, at, raw.columns[at])) for column, at in numbers]
        return faults_of(raw, problems)

    def _problems(self, column: Column, at: int, texts: "Sequence[str] | ColumnarTexts") -> dict[int, str]:
        is_usual = any(at in positions for positions in self._numbers.values())
        if not is_usual or isinstance(texts, list | tuple):
            return self._read(column, texts)[1]
        from mlmodels.learning.tables import vectors

        is_plain = vectors.are_plain_numbers(texts, column.format["decimal"])
        if is_plain is None:
            return self._read(column, texts)[1]
        rest = (~is_plain).nonzero()[0].tolist()
        problems = self._read(column, texts.at(rest))[1] if rest else {}
        return {rest[place]: problem for place, problem in problems.items()}

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

    def _read(
        self, column: Column, texts: "Sequence[str] | ColumnarTexts"
    ) -> "tuple[numpy.ndarray, dict[int, str]]":
        import numpy

        values, problems = ColumnCells(column).read(texts)
        for at in numpy.flatnonzero(numpy.abs(values) > NUMBER_MAX).tolist():
            problems[at], values[at] = f"is too large; numbers can be up to {NUMBER_MAX:g}", numpy.nan
        return values, problems


def faults_of(raw: RawChunk, problems: Sequence[tuple[str, int, dict[int, str]]]) -> dict[int, str]:
    """In a sentence for each row; `problems` are by the name and the place of a column, and by row."""
    faults: dict[int, list[str]] = {}
    for name, at, found in problems:
        for row, problem in found.items():
            sentence = f"{shown(name)}: {shown(raw.columns[at][row])} {problem}."
            faults.setdefault(row, []).append(sentence)
    said = {row: " ".join(sentences) for row, sentences in faults.items() if row not in raw.blanks}
    return {**said, **raw.faults}


def numbers_as_in_json(
    raw: RawChunk, positions: Sequence[int], decimal: str, thousands: str
) -> "dict[int, numpy.ndarray] | None":
    """What `NumberCells` reads, where every cell is blank or a number as JSON writes it; None elsewhere.

    `tables.vectors` would leave numbers of more than 15 digits, of which such files are full, to Python.
    """
    import numpy

    spaced = raw.spaced(positions)
    if spaced is None:
        return None
    cells, sizes = spaced
    is_blank = sizes == 0
    cells[is_blank, 0] = ord("0")
    spaces = numpy.count_nonzero(cells == ord(" "))
    cells[..., -1] = ord("," if decimal == "." else "\n")
    data = cells.tobytes()
    if decimal == ",":
        if thousands == "." and b"." in data:
            return None
        data = data.translate(_DECIMAL_COMMAS)
    has_own_spaces = spaces != cells.size - int(numpy.maximum(sizes, 1).sum())
    if has_own_spaces or any(byte in data for byte in _NOT_IN_NUMBERS) or has_long_exponent(data):
        return None
    if sizes.max(initial=0) > DIGITS_MAX and _TOO_MANY_DIGITS in data.translate(_DIGITS_AS_ZERO):
        return None
    numbers = _parsed(data)
    if numbers is None or len(numbers) != sizes.size:
        return None
    values = numbers.reshape(sizes.shape)
    values[is_blank] = numpy.nan
    return dict(zip(positions, values, strict=True))


def has_long_exponent(data: bytes) -> bool:
    """Of three digits; `NumberCells` takes some of them for no numbers."""
    for mark in (b"e", b"E"):
        at = data.find(mark)
        while at >= 0:
            if _LONG_EXPONENT.match(data, at + 1):
                return True
            at = data.find(mark, at + 1)
    return False


def _parsed(data: bytes) -> "numpy.ndarray | None":
    import numpy
    import orjson

    try:
        parsed = orjson.loads(b"[%s]" % data[:-1])
    except ValueError:
        return None
    numbers = numpy.fromiter(parsed, dtype="float64", count=len(parsed))
    return None if (numpy.abs(numbers) > NUMBER_MAX).any() else numbers
