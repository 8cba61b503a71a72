"""Rows of a file for a model that exists already: read by column, a chunk at a time, beside their text.

What `read` refuses is said of the row here: the other rows are read all the same. A cell means what it means
to `RowReader`.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, BinaryIO

from mlmodels.learning.tables.columns import Column
from mlmodels.learning.tables.dialect import Dialect
from mlmodels.learning.tables.encoding import EMPTY
from mlmodels.learning.tables.errors import TableRefused, shown
from mlmodels.learning.tables.headers import checked_names
from mlmodels.learning.tables.limits import NUMBER_MAX, ROWS_MAX
from mlmodels.learning.tables.rows import Lines, csv_advice
from mlmodels.learning.tables.typed import ColumnCells
from mlplatform.core.text import plural

if TYPE_CHECKING:
    import numpy

CHUNK_CHARACTERS = 2 << 20
_JSON_NUMBERS = b"0123456789.,-+eE"
_DIGITS_AS_ZERO = bytes.maketrans(b"123456789", b"0" * 9)
_TOO_MANY_DIGITS = b"0" * 31  # for NumberCells


@dataclass
class RawChunk:
    """Rows as they stand in the file, without line ends, and their cells by column.

    `faults` say by position why a row is not one of the table. Rows that are `refitted` have another number
    of cells in `lines` than the header; in `columns` they are filled up or joined. `blanks` have no value.
    """

    lines: list[str]
    columns: Sequence[Sequence[str]]
    first_row: int
    faults: dict[int, str] = field(default_factory=dict)
    blanks: set[int] = field(default_factory=set)
    refitted: set[int] = field(default_factory=set)
    separator: str = ""  # where no cell is quoted

    def __len__(self) -> int:
        return len(self.lines)

    def texts(self, position: int) -> Sequence[str]:
        """The column at this position, with all of its cells as strings."""
        if not self.separator:
            column = self.columns[position]
            return column if isinstance(column, tuple) else list(column)
        return self._cells[position :: len(self.columns)]

    @cached_property
    def _cells(self) -> list[str]:
        return self.separator.join(self.lines).split(self.separator)


class RawRows:
    """An open file. `header` has all cells of its first row, `names` those that are names of columns."""

    def __init__(self, lines: Lines, dialect: Dialect):
        self._lines = lines
        self._dialect = dialect
        self.preamble = list(islice(lines, dialect.skip_lines))
        self._row = dialect.skip_lines
        self._read_header()

    def _read_header(self) -> None:
        taken = _Taken(self._lines)
        for cells in self._reader(taken):
            text = "".join(taken.take())
            self._row += 1
            if any(map(str.strip, cells)):
                self.line, self.line_end = _cut(text)
                self.header = cells
                self.names = checked_names(cells, self._row)
                return
            self.preamble.append(text)
        raise TableRefused(EMPTY)

    def chunks(self) -> Iterator[RawChunk]:
        row_count = 0
        while text := self._lines.take(CHUNK_CHARACTERS):
            chunk = self._regular(text) or self._irregular(text)
            self._row += len(chunk)
            row_count += len(chunk) - len(chunk.blanks)
            if row_count > ROWS_MAX:
                raise TableRefused(f"The file has more than {ROWS_MAX:,} rows. Split it.")
            yield chunk

    def _regular(self, text: str) -> RawChunk | None:
        if self._dialect.skip_initial_space:
            return None
        from mlmodels.learning.tables import columnar

        text = text.replace("\r\n", "\n")
        cut = columnar.cut(text, self._dialect.separator, self.header, self._row + 1)
        if cut is None:
            return None
        lines = text.removesuffix("\n").split("\n")
        columns = [cut.column(position) for position in range(len(self.header))]
        separator = "" if '"' in text else self._dialect.separator
        return RawChunk(lines, columns, self._row + 1, separator=separator)

    def _irregular(self, text: str) -> RawChunk:
        """By the csv module, which may take more lines, to the end of a record."""
        lines = io.StringIO(text, newline="").readlines()
        taken = _Taken(chain(lines, self._lines))
        reader, texts, records = self._reader(taken), [], []
        while taken.count < len(lines):
            try:
                record = next(reader, None)
            except csv.Error as error:
                row = self._row + len(records) + 1
                raise TableRefused(f"Row {row:,} cannot be read: {csv_advice(error)}", row=row) from None
            if record is None:
                break
            records.append(record)
            texts.append(_cut("".join(taken.take()))[0])
        return self._shaped(texts, records)

    def _shaped(self, lines: list[str], records: list[list[str]]) -> RawChunk:
        width, faults, blanks, refitted = len(self.header), {}, set(), set()
        if set(map(len, records)) != {width} or [""] * width in records:
            for at, cells in enumerate(records):
                if not any(map(str.strip, cells)):
                    blanks.add(at)
                    records[at] = [""] * width
                elif len(cells) != width:
                    refitted.add(at)
                    records[at] = self._fitted(at, cells, faults)
        columns = list(zip(*records, strict=True))
        chunk = RawChunk(lines, columns, self._row + 1, faults, blanks, refitted)
        return self._without_headers(chunk)

    def _fitted(self, at: int, cells: list[str], faults: dict[int, str]) -> list[str]:
        width, names = len(self.header), len(self.names)
        if names <= len(cells) < width:  # blank cells at the end of the header alone
            return cells + [""] * (width - len(cells))
        if len(cells) > width and not any(map(str.strip, cells[width:])):
            return cells[:width]
        faults[at] = f"The row has {plural(len(cells), 'cell')} and the header has {width}."
        if len(cells) < width:
            return cells + [""] * (width - len(cells))
        return [*cells[: width - 1], self._dialect.separator.join(cells[width - 1 :])]

    def _without_headers(self, chunk: RawChunk) -> RawChunk:
        """Marks rows that repeat the header, as where files were joined."""
        if self.header[0] in chunk.columns[0]:
            header = tuple(self.header)
            for at, cells in enumerate(zip(*chunk.columns, strict=True)):
                if cells == header:
                    chunk.faults[at] = "The row repeats the header."
        return chunk

    def _reader(self, lines: Iterable[str]):
        dialect = self._dialect
        return csv.reader(
            lines, delimiter=dialect.separator, skipinitialspace=dialect.skip_initial_space, strict=True
        )


@contextmanager
def open_raw_rows(handle: BinaryIO, dialect: Dialect) -> Iterator[RawRows]:
    """The table in an open binary file, from its start. The file stays open."""
    handle.seek(0)
    lines = io.TextIOWrapper(handle, encoding=dialect.encoding, newline="")
    try:
        yield RawRows(Lines(lines), dialect)
    except UnicodeDecodeError:
        raise TableRefused(f"The file is no longer valid {dialect.encoding}. Upload it again.") from None
    finally:
        lines.detach()


@dataclass(frozen=True)
class TypedChunk:
    """`values` are the columns of a model by name. `faults` say by position why a row is not to be predicted.

    What `values` hold in such a row, and in blank ones, means nothing. In columns of the file at the
    positions `plain` all cells are numbers as programs write them.
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
            numbers = numbers_of_programs(raw.texts(at), column.format)
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


def numbers_of_programs(texts: Sequence[str], column_format: dict) -> "numpy.ndarray | None":
    """What `NumberCells` reads, where every cell is blank or a number as JSON writes it; None elsewhere."""
    if column_format["type"] != "number" or column_format.get("blanks"):
        return None
    joined = ",".join(texts)
    if column_format["decimal"] == ",":
        if column_format["thousands"] == "." and "." in joined:
            return None
        joined = "\n".join(texts).replace(",", ".").replace("\n", ",")
    data = joined.encode()
    if data.translate(None, _JSON_NUMBERS) or _TOO_MANY_DIGITS in data.translate(_DIGITS_AS_ZERO):
        return None
    values = _json_numbers(data)
    return values if values is not None and len(values) == len(texts) else None


def _json_numbers(data: bytes) -> "numpy.ndarray | None":
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


class _Taken:
    """Hands lines on and remembers those since the last `take`."""

    def __init__(self, lines: Iterator[str]):
        self._lines = iter(lines)
        self._since: list[str] = []
        self.count = 0

    def __iter__(self):
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._since.append(line)
        self.count += 1
        return line

    def take(self) -> list[str]:
        since, self._since = self._since, []
        return since


def _cut(line: str) -> tuple[str, str]:
    """The line and its end."""
    text = line.rstrip("\r\n")
    return text, line[len(text) :]
