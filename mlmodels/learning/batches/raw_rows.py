"""Rows of a file as they stand in it, a chunk at a time, with their cells by column.

What `tables.rows` refuses is a fault of the row here: the other rows are predicted all the same.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, BinaryIO

from mlmodels.learning.tables.dialect import Dialect
from mlmodels.learning.tables.encoding import EMPTY
from mlmodels.learning.tables.errors import TableRefused
from mlmodels.learning.tables.headers import checked_names
from mlmodels.learning.tables.limits import ROWS_MAX
from mlmodels.learning.tables.rows import Lines, open_lines, unreadable_row
from mlplatform.core.csv_export import harmless
from mlplatform.core.text import plural

if TYPE_CHECKING:
    import numpy

    from mlmodels.learning.tables.columnar import ColumnarChunk, ColumnarTexts

CHUNK_CHARACTERS = 2 << 20


@dataclass
class RawChunk:
    """Rows as they stand in the file, and their cells by column.

    `source` is their text, or their lines where a cell may hold a line end. `faults` say by position why a
    row is not one of the table. Rows that are `refitted` have another number of cells in `lines` than the
    header; in `columns` they are filled up or joined. `blanks` have no value. Of a regular stretch of the
    file there is the `cut` by column.
    """

    source: str | list[str]
    columns: "Sequence[Sequence[str] | ColumnarTexts]"
    first_row: int
    faults: dict[int, str] = field(default_factory=dict)
    blanks: set[int] = field(default_factory=set)
    refitted: set[int] = field(default_factory=set)
    cut: "ColumnarChunk | None" = None

    def __len__(self) -> int:
        return len(self.columns[0])

    @cached_property
    def lines(self) -> list[str]:
        """The rows without line ends."""
        return self.source.split("\n") if isinstance(self.source, str) else self.source

    def spaced(self, positions: Sequence[int]) -> "tuple[numpy.ndarray, numpy.ndarray] | None":
        """See `ColumnarChunk.spaced`."""
        if self.cut is not None:
            return self.cut.spaced(positions)
        from mlmodels.learning.tables import columnar

        rows = list(zip(*(self.columns[position] for position in positions), strict=True))
        return columnar.of_rows(rows, range(len(rows))).spaced(range(len(positions)))

    def formulas(self, position: int) -> list[int]:
        """The rows in which the cell of this column is one that a spreadsheet could run."""
        column = self.columns[position]
        rows = range(len(column))
        if not isinstance(column, list | tuple):
            rows = column.may_start_formulas.nonzero()[0].tolist()
        return [row for row in rows if harmless(column[row]) != column[row]]


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
        for cells in self._dialect.reader(taken):
            text = "".join(taken.take())
            self._row += 1
            if any(map(str.strip, cells)):
                self.line, self.line_end = _text_and_end(text)
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

        if "\r" in text:
            text = text.replace("\r\n", "\n")
        cut = columnar.cut(text, self._dialect.separator, self.header, self._row + 1)
        if cut is None:
            return None
        columns = [cut.column(position) for position in range(len(self.header))]
        return RawChunk(text.removesuffix("\n"), columns, self._row + 1, cut=cut)

    def _irregular(self, text: str) -> RawChunk:
        """By the csv module, which may take more lines, to the end of a record."""
        lines = io.StringIO(text, newline="").readlines()
        taken = _Taken(chain(lines, self._lines))
        reader, texts, records = self._dialect.reader(taken), [], []
        while taken.count < len(lines):
            try:
                record = next(reader, None)
            except csv.Error as error:
                raise unreadable_row(error, self._row + len(records) + 1) from None
            if record is None:
                break
            records.append(record)
            texts.append(_text_and_end("".join(taken.take()))[0])
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


@contextmanager
def open_raw_rows(handle: BinaryIO, dialect: Dialect) -> Iterator[RawRows]:
    """The table in an open binary file, from its start. The file stays open."""
    with open_lines(handle, dialect) as lines:
        yield RawRows(lines, dialect)


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


def _text_and_end(line: str) -> tuple[str, str]:
    """Of a line."""
    text = line.rstrip("\r\n")
    return text, line[len(text) :]
