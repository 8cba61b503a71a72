"""What a file holds for a model: which columns it has, and which of its rows can be read."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import BinaryIO

from mlmodels.learning.tables.chunks import ColumnReader, RawRows, open_raw_rows
from mlmodels.learning.tables.columns import Column
from mlmodels.learning.tables.dialect import sniff_dialect
from mlmodels.learning.tables.errors import TableRefused, shown
from mlmodels.learning.tables.limits import FIRST_ROWS, SHOWN_CHARACTERS_MAX

FAULTS_SHOWN = 20


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
        reader = reading.reader(rows)
        count, faults, first_rows, unreadable = 0, [], [], 0
        for raw in rows.chunks():
            chunk = reader.read(raw, with_texts=False)
            count += len(raw) - len(raw.blanks)
            unreadable += len(chunk.faults)
            for at in sorted(chunk.faults)[: FAULTS_SHOWN - len(faults)]:
                faults.append({"row": raw.first_row + at, "reason": chunk.faults[at]})
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
        raise TableRefused(
            f"The file has no column named {', '.join(map(shown, missing))}. The model needs it.",
            fields=dict.fromkeys(missing, "The file has no such column."),
        )
    return found


def plain_name(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())
