"""What a file holds for a model: which columns it has, and which of its rows can be read."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import BinaryIO

from mlmodels.learning.batches.raw_rows import RawChunk, RawRows, open_raw_rows
from mlmodels.learning.batches.typed_rows import ColumnReader
from mlmodels.learning.tables.columns import Column
from mlmodels.learning.tables.dialect import sniff_dialect
from mlmodels.learning.tables.errors import TableRefused, shown
from mlmodels.learning.tables.limits import FIRST_ROWS, SHOWN_CHARACTERS_MAX
from mlmodels.learning.tables.numbers import FileHints, NumberShape, number_format, number_shape, plain_shapes

FAULTS_SHOWN = 20
SAMPLED_ROWS = 1_000  # whose numbers say which marks a file uses


@dataclass(frozen=True)
class Reading:
    """How a file is read for a model; plain data.

    `header_names` are the file's names of columns that it calls otherwise than the model. `decimal` is the
    mark in its numbers.
    """

    dialect: dict
    columns: list[dict]
    header_names: dict[str, str] = field(default_factory=dict)
    decimal: str = "."

    def to_dict(self) -> dict:
        return asdict(self)

    def reader(self, rows: RawRows) -> ColumnReader:
        columns = [Column.from_dict(column) for column in self.columns]
        return ColumnReader(columns, rows.names, self.header_names)


@dataclass(frozen=True)
class Inspection:
    """`faults` are the first rows that cannot be read: the number of the row and why not."""

    reading: Reading
    rows: int
    unreadable_rows: int
    faults: list[dict]
    header: list[str]
    first_rows: list[list[str]]

    @property
    def readable_rows(self) -> int:
        return self.rows - self.unreadable_rows


def inspect(handle: BinaryIO, columns: Sequence[dict]) -> Inspection:
    """`columns` are those of the model. A file without one of them is refused, and one without rows."""
    dialect = sniff_dialect(handle)
    with open_raw_rows(handle, dialect) as rows:
        reading = Reading(dialect.to_dict(), list(columns), matched_names(rows.names, columns))
        count, faults, first_rows, unreadable = 0, [], [], 0
        reader = None
        for raw in rows.chunks():
            if reader is None:
                reading = with_marks_of(raw, rows.names, reading)
                reader = reading.reader(rows)
            found = reader.faults(raw)
            count += len(raw) - len(raw.blanks)
            unreadable += len(found)
            for at in sorted(found)[: FAULTS_SHOWN - len(faults)]:
                faults.append({"row": raw.first_row + at, "reason": found[at]})
            if len(first_rows) < FIRST_ROWS:
                wanted = range(min(len(raw), FIRST_ROWS - len(first_rows)))
                first_rows += [[column[at][:SHOWN_CHARACTERS_MAX] for column in raw.columns] for at in wanted]
        if not count:
            raise TableRefused("The file has a header but no rows. Add at least one row of data below it.")
        return Inspection(reading, count, unreadable, faults, rows.names, first_rows)


def matched_names(names: Sequence[str], columns: Sequence[dict]) -> dict[str, str]:
    """Names of the file for columns that it spells otherwise: `Energy class` is `energy_class`.

    Refuses a file in which a column of the model is missing.
    """
    spelled: dict[str, list[str]] = {}
    for name in names:
        spelled.setdefault(plain_name(name), []).append(name)
    wanted = [column["name"] for column in columns if column["name"] not in names]
    taken = {column["name"] for column in columns}
    found = {}
    for name in wanted:
        like = [other for other in spelled.get(plain_name(name), ()) if other not in taken]
        if len(like) == 1:
            found[name] = like[0]
    if missing := [name for name in wanted if name not in found]:
        noun, it = ("column", "it") if len(missing) == 1 else ("columns", "them")
        raise TableRefused(
            f"The file has no {noun} named {', '.join(map(shown, missing))}. The model needs {it}.",
            fields=dict.fromkeys(missing, "The file has no such column."),
        )
    return found


def with_marks_of(raw: RawChunk, names: Sequence[str], reading: Reading) -> Reading:
    """The reading with the marks in which this file writes numbers, such as decimal commas."""
    separator, decimals, columns = reading.dialect["separator"], set(), []
    for column in reading.columns:
        if column["format"]["type"] == "number":
            position = names.index(reading.header_names.get(column["name"], column["name"]))
            shapes = number_shapes(raw.columns[position])
            decimals |= {shape.decimal for shape in shapes}
            column = {**column, "format": number_format_of(shapes, column["format"], separator)}
        columns.append(column)
    usual = "," if separator == ";" else "."
    decimal = next((mark for mark in (",", ".") if mark in decimals), usual)
    return replace(reading, columns=columns, decimal=decimal)


def number_shapes(texts: Sequence[str]) -> set[NumberShape]:
    sample = [stripped for text in texts[:SAMPLED_ROWS] if (stripped := text.strip())]
    return plain_shapes(sample) or {shape for text in sample if (shape := number_shape(text))}


def number_format_of(shapes: set[NumberShape], known: dict, separator: str) -> dict:
    """The format of training, unless the file certainly uses another decimal mark."""
    decimals = {shape.decimal for shape in shapes} - {""}
    if not decimals or decimals == {known["decimal"]}:
        return known
    found = number_format(shapes, FileHints(separator=separator))
    return {**known, **found} if found else known


def plain_name(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())
