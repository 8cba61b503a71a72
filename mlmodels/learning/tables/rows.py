"""The rows of a file, a chunk at a time, with the header and the shape checked before anything else is done.

Every consumer goes through here, so that a cell means the same when it is inspected and when it is read.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from mlmodels.learning.tables.dialect import Dialect
from mlmodels.learning.tables.encoding import EMPTY
from mlmodels.learning.tables.errors import TableRefused
from mlmodels.learning.tables.headers import checked_names
from mlmodels.learning.tables.limits import CELL_CHARACTERS_MAX, ROWS_MAX
from mlplatform.core.text import plural

_BATCH_ROWS = 250
_CHUNK_CELLS = 50_000
_CHUNK_BYTES = 2 << 20


@dataclass(frozen=True)
class Chunk:
    """Some rows as lists of text, all as wide as the header, and the row number of each in the file."""

    rows: list[list[str]]
    row_numbers: Sequence[int]

    def columns(self) -> list[tuple[str, ...]]:
        return list(zip(*self.rows, strict=True))


class Rows:
    """An open table: the names in `header` are checked already, `chunks` streams the data rows once."""

    def __init__(self, handle: BinaryIO, lines: Iterator[str], dialect: Dialect):
        self._handle = handle
        self._reader = csv.reader(
            lines, delimiter=dialect.separator, skipinitialspace=dialect.skip_initial_space, strict=True
        )
        self._row = dialect.skip_lines  # how many records have been taken out of the file
        self.header, self._unnamed = self._read_header()

    def chunks(self) -> Iterator[Chunk]:
        """Blank rows are left out. Raises TableRefused for a ragged row, a broken quote, or no rows."""
        row_count = 0
        while chunk := self._next_chunk():
            row_count += len(chunk.rows)
            if row_count > ROWS_MAX:
                raise TableRefused(
                    f"The table has more than {ROWS_MAX:,} rows. Upload a part of it.", row=self._row
                )
            if chunk.rows:
                yield chunk
        if not row_count:
            raise TableRefused("The file has a header but no rows. Add at least one row of data below it.")

    def _next_chunk(self) -> Chunk | None:
        """Limited in cells and in bytes; None at the end."""
        first_row = self._row + 1
        rows_max = max(_CHUNK_CELLS // len(self.header), 1)
        bytes_max = self._handle.tell() + _CHUNK_BYTES
        records: list[list[str]] = []
        while len(records) < rows_max and self._handle.tell() <= bytes_max:
            batch = self._take(min(_BATCH_ROWS, rows_max))
            records += batch
            if not batch:
                break
        return self._shaped(records, first_row) if records else None

    def _take(self, count: int) -> list[list[str]]:
        records: list[list[str]] = []
        try:
            records.extend(islice(self._reader, count))
        except csv.Error as error:
            row = self._row + len(records) + 1
            raise TableRefused(f"Row {row:,} cannot be read: {_csv_advice(error)}", row=row) from None
        self._row += len(records)
        return records

    def _shaped(self, records: list[list[str]], first_row: int) -> Chunk:
        width = len(self.header)
        blank = [""] * width
        if set(map(len, records)) == {width} and blank not in records and self.header not in records:
            return Chunk(records, range(first_row, first_row + len(records)))
        rows, row_numbers = [], []
        for row, cells in enumerate(records, first_row):
            if any(map(str.strip, cells)):
                rows.append(self._fitted(cells, row))
                row_numbers.append(row)
        return Chunk(rows, row_numbers)

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
            if any(map(str.strip, batch[0])):
                names = checked_names(batch[0], self._row)
                return names, len(batch[0]) - len(names)
        raise TableRefused(EMPTY)


@contextmanager
def open_rows(handle: BinaryIO, dialect: Dialect) -> Iterator[Rows]:
    """The table in an open binary file, from its start. The file stays open."""
    handle.seek(0)
    lines = io.TextIOWrapper(handle, encoding=dialect.encoding, newline="")
    try:
        for _ in range(dialect.skip_lines):
            lines.readline()
        yield Rows(handle, lines, dialect)
    except UnicodeDecodeError:
        raise TableRefused(f"The file is no longer valid {dialect.encoding}. Upload it again.") from None
    finally:
        lines.detach()


def _csv_advice(error: csv.Error) -> str:
    reason = str(error)
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
