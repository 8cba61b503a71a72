"""The rows of a file, a chunk at a time, with the header and the shape checked before anything else is done.

Every consumer goes through here, so that a cell means the same when it is inspected and when it is read.
Stretches of a large file that are regular are cut by `columnar`, all others by the csv module.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from operator import itemgetter
from typing import TYPE_CHECKING, BinaryIO

from mlmodels.learning.tables.dialect import Dialect
from mlmodels.learning.tables.encoding import EMPTY
from mlmodels.learning.tables.errors import TableRefused
from mlmodels.learning.tables.headers import checked_names
from mlmodels.learning.tables.limits import CELL_CHARACTERS_MAX, ROWS_MAX
from mlplatform.core.text import plural

if TYPE_CHECKING:
    from mlmodels.learning.tables.columnar import ColumnarChunk

COLUMNAR_BYTES_MIN = 200_000  # in a smaller file the import of numpy costs more than it saves
_BLOCK_CHARACTERS = 1 << 20
_BLOCK_CHARACTERS_PER_COLUMN = 4_000
_BATCH_ROWS = 250
_CHUNK_CELLS = 50_000
_CHUNK_BYTES = 2 << 20


@dataclass(frozen=True)
class Chunk:
    """Some rows as lists of text, all as wide as the header, and the row number of each in the file."""

    rows: list[list[str]]
    row_numbers: Sequence[int]

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, position: int) -> list[str]:
        return list(map(itemgetter(position), self.rows))

    def counts(self, position: int) -> dict[str, int]:
        """The texts of a column, without white space around them, in order of appearance; and their cells."""
        return Counter(map(str.strip, self.column(position)))

    def rows_at(self, positions: Iterable[int]) -> list[list[str]]:
        return [self.rows[position] for position in positions]


class Lines:
    """The lines of a text file, one by one or many at once."""

    def __init__(self, file: io.TextIOWrapper):
        self._file = file
        self.take_back("")

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self._some_lines())

    def _some_lines(self) -> Iterator[Iterable[str]]:
        while self.has_taken_back or (line := self._file.readline()):
            yield self._taken_back if self.has_taken_back else (line,)

    def take(self, characters: int) -> str:
        """Whole lines of about so many characters."""
        assert not self.has_taken_back
        return self._file.read(characters) + self._file.readline()

    def take_back(self, text: str) -> None:
        """The next lines are those of this text again."""
        self._taken_back = io.StringIO(text, newline="")
        self._characters = len(text)

    @property
    def has_taken_back(self) -> bool:
        return self._taken_back.tell() < self._characters


class Rows:
    """An open table: the names in `header` are checked already, `chunks` streams the data rows once."""

    def __init__(self, handle: BinaryIO, lines: Lines, dialect: Dialect):
        self._handle = handle
        self._lines = lines
        self._separator = dialect.separator
        self._reader = dialect.reader(islice(lines, dialect.skip_lines, None))
        self._row = dialect.skip_lines  # how many records have been taken out of the file
        self._broken: TableRefused | None = None
        self.header, self._unnamed = self._read_header()
        self._is_large = _size(handle) >= COLUMNAR_BYTES_MIN
        self._may_be_regular = self._is_large and not self._unnamed and not dialect.skip_initial_space

    def chunks(self) -> "Iterator[Chunk | ColumnarChunk]":
        """Blank rows are left out. Raises TableRefused for a ragged row, a broken quote, or no rows."""
        row_count = 0
        while (chunk := self._next_regular_chunk() or self._next_chunk()) is not None:
            row_count += len(chunk)
            if row_count > ROWS_MAX:
                raise TableRefused(
                    f"The table has more than {ROWS_MAX:,} rows. Upload a part of it.", row=self._row
                )
            if len(chunk):
                yield chunk
            del chunk  # before the next one is made
        if not row_count:
            raise TableRefused("The file has a header but no rows. Add at least one row of data below it.")

    def _next_regular_chunk(self) -> "ColumnarChunk | None":
        """None where the csv module has to look at the next lines; it gets all that were tried."""
        if not self._may_be_regular or self._lines.has_taken_back:
            return None
        from mlmodels.learning.tables import columnar  # numpy, which a small file does not need

        text = self._lines.take(max(_BLOCK_CHARACTERS, _BLOCK_CHARACTERS_PER_COLUMN * len(self.header)))
        chunk = columnar.cut(text, self._separator, self.header, self._row + 1) if text else None
        if chunk is None:
            self._lines.take_back(text)
        else:
            self._row += len(chunk)
        return chunk

    def _next_chunk(self) -> "Chunk | ColumnarChunk | None":
        """Limited in cells and in bytes; None at the end."""
        first_row = self._row + 1
        rows_max = max(_CHUNK_CELLS // len(self.header), 1)
        bytes_max = self._handle.tell() + _CHUNK_BYTES
        records: list[list[str]] = []
        while len(records) < rows_max and self._handle.tell() <= bytes_max:
            batch = self._take(min(_BATCH_ROWS, rows_max))
            records += batch
            if not batch or self._broken:
                break
        if self._broken and not records:
            raise self._broken
        return self._shaped(records, first_row) if records else None

    def _take(self, count: int) -> list[list[str]]:
        """Fewer where a record is `_broken`: those before it may have to be refused first."""
        records: list[list[str]] = []
        if self._broken:  # the lines after it would be read as something else than they are
            return records
        try:
            records.extend(islice(self._reader, count))
        except csv.Error as error:
            self._broken = unreadable_row(error, self._row + len(records) + 1)
        self._row += len(records)
        return records

    def _shaped(self, records: list[list[str]], first_row: int) -> "Chunk | ColumnarChunk":
        is_even = set(map(len, records)) == {len(self.header)}
        if is_even and self.header not in records and not any(map(_is_blank, records)):
            return self._chunk(records, range(first_row, first_row + len(records)))
        rows, row_numbers = [], []
        for row, cells in enumerate(records, first_row):
            if not _is_blank(cells):
                rows.append(self._fitted(cells, row))
                row_numbers.append(row)
        return self._chunk(rows, row_numbers)

    def _chunk(self, rows: list[list[str]], row_numbers: Sequence[int]) -> "Chunk | ColumnarChunk":
        if not self._is_large or not rows:
            return Chunk(rows, row_numbers)
        from mlmodels.learning.tables import columnar

        return columnar.of_rows(rows, row_numbers)

    def _fitted(self, cells: list[str], row: int) -> list[str]:
        """The cells of one row as wide as the header: blank cells past its end are dropped."""
        width = len(self.header)
        sizes = f"Row {row:,} has {plural(len(cells), 'cell')} and the header has {width}."
        if len(cells) < width:
            raise TableRefused(
                f"{sizes} Add the missing cells; leave a cell blank where there is no value.", row=row
            )
        if any(map(str.strip, cells[width:])):
            if width < len(cells) <= width + self._unnamed:
                raise TableRefused(
                    f"Row {row:,} has a value in column {width + 1}, which has no name in the header. Name "
                    "the column or remove it.",
                    row=row,
                )
            raise TableRefused(
                f"{sizes} Remove the extra cells, or put quotation marks around a cell that contains the "
                "separator.",
                row=row,
            )
        if cells[:width] == self.header:
            raise TableRefused(
                f"Row {row:,} repeats the header. Two files were probably joined; remove this row.", row=row
            )
        return cells[:width]

    def _read_header(self) -> tuple[list[str], int]:
        """The names, and how many blank cells follow them where every line ends in separators."""
        while batch := self._take(1):
            if not _is_blank(batch[0]):
                names = checked_names(batch[0], self._row)
                return names, len(batch[0]) - len(names)
        if self._broken:
            raise self._broken
        raise TableRefused(EMPTY)


@contextmanager
def open_rows(handle: BinaryIO, dialect: Dialect) -> Iterator[Rows]:
    """The table in an open binary file, from its start. The file stays open."""
    with open_lines(handle, dialect) as lines:
        yield Rows(handle, lines, dialect)


@contextmanager
def open_lines(handle: BinaryIO, dialect: Dialect) -> Iterator[Lines]:
    handle.seek(0)
    file = io.TextIOWrapper(handle, encoding=dialect.encoding, newline="")
    try:
        yield Lines(file)
    except UnicodeDecodeError:
        raise TableRefused(f"The file is no longer valid {dialect.encoding}. Upload it again.") from None
    finally:
        file.detach()


def _is_blank(cells: list[str]) -> bool:
    return not any(map(str.strip, cells))


def _size(handle: BinaryIO) -> int:
    position = handle.tell()
    size = handle.seek(0, io.SEEK_END)
    handle.seek(position)
    return size


def unreadable_row(error: csv.Error, row: int) -> TableRefused:
    return TableRefused(f"Row {row:,} cannot be read: {_advice(str(error))}", row=row)


def _advice(reason: str) -> str:
    if "field limit" in reason:
        return (
            f"a cell has more than {CELL_CHARACTERS_MAX:,} characters. Shorten it, or close the quotation "
            "mark that opened before it."
        )
    if "unexpected end" in reason:
        return "a quotation mark is opened and never closed. Close it or remove it."
    return (
        "there is text after a closing quotation mark. Write a quotation mark inside a quoted cell twice, "
        "or remove the quotation marks."
    )
