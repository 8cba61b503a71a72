"""The columns of a model in the rows of a file, typed; a cell means what it means to `RowReader`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmodels.learning.batches.raw_rows import RawChunk
from mlmodels.learning.tables.columns import Column
from mlmodels.learning.tables.errors import shown
from mlmodels.learning.tables.limits import NUMBER_MAX
from mlmodels.learning.tables.typed import ColumnCells

if TYPE_CHECKING:
    import numpy

_JSON_NUMBERS = b"0123456789.,-+eE"
_DIGITS_AS_ZERO = bytes.maketrans(b"123456789", b"0" * 9)
_TOO_MANY_DIGITS = b"0" * 31  # for NumberCells


@dataclass(frozen=True)
class TypedChunk:
    """`values` are the columns of a model by name. `faults` say by position why a row is not to be predicted.

    What `values` hold in such a row, and in blank ones, means nothing. In columns of the file at the
    positions `plain` all cells are blank or numbers as JSON writes them.
    """

    raw: RawChunk
    values: "dict[str, numpy.ndarray]"
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

    def read(self, raw: RawChunk, with_texts: bool = True) -> TypedChunk:
        values, faults, plain = {}, {}, set()
        for column, at in self._columns:
            if column.role != "number" and not with_texts:
                continue  # a text is never wrong
            is_number = column.format["type"] == "number"
            numbers = numbers_as_in_json(raw.texts(at), column.format) if is_number else None
            if numbers is not None:
                values[column.name] = numbers
                plain.add(at)
                continue
            texts = raw.columns[at]
            values[column.name], problems = self._read(column, texts)
            for position, problem in problems.items():
                sentence = f"{shown(column.name)}: {shown(texts[position])} {problem}."
                faults.setdefault(position, []).append(sentence)
        said = {at: " ".join(sentences) for at, sentences in faults.items() if at not in raw.blanks}
        return TypedChunk(raw, values, {**said, **raw.faults}, plain)

    def _read(self, column: Column, texts: Sequence[str]) -> "tuple[numpy.ndarray, dict[int, str]]":
        import numpy

        cells = ColumnCells(column)  # anew for each chunk, since it keeps the texts that it has seen
        values, problems = cells.read(texts)
        if cells.is_number:
            for at in numpy.flatnonzero(numpy.abs(values) > NUMBER_MAX).tolist():
                problems[at], values[at] = f"is too large; numbers can be up to {NUMBER_MAX:g}", numpy.nan
        return values, problems


def numbers_as_in_json(texts: Sequence[str], number_format: dict) -> "numpy.ndarray | None":
    """What `NumberCells` reads, where every cell is blank or a number as JSON writes it; None elsewhere.

    `tables.vectors` would leave numbers of more than 15 digits, of which such files are full, to Python.
    """
    if number_format.get("blanks"):
        return None
    joined = ",".join(texts)
    if number_format["decimal"] == ",":
        if number_format["thousands"] == "." and "." in joined:
            return None
        joined = "\n".join(texts).replace(",", ".").replace("\n", ",")
    data = joined.encode()
    if data.translate(None, _JSON_NUMBERS) or _TOO_MANY_DIGITS in data.translate(_DIGITS_AS_ZERO):
        return None
    values = _parsed(data)
    return values if values is not None and len(values) == len(texts) else None


def _parsed(data: bytes) -> "numpy.ndarray | None":
    import numpy
    import orjson

    data = b",%s," % data
    if b",," in data:
        data = data.replace(b",,", b",null,").replace(b",,", b",null,")
    try:
        numbers = numpy.array(orjson.loads(b"[" + data[1:-1] + b"]"), dtype="float64")
    except ValueError:
        return None
    return None if (numpy.abs(numbers) > NUMBER_MAX).any() else numbers
