"""One row out of JSON or a form, typed exactly as `read` types that row of a file. No pandas, no numpy."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlmodels.learning.tables.cells import BlankedCells, cells_of, number_text
from mlmodels.learning.tables.columns import Column
from mlmodels.learning.tables.dates import DateCells
from mlmodels.learning.tables.derived import Derived, reader_of
from mlmodels.learning.tables.errors import TableRefused, shown
from mlmodels.learning.tables.limits import CELL_CHARACTERS_MAX, NUMBER_MAX

_TOO_LARGE = f"is too large; numbers can be up to {NUMBER_MAX:g}"


class RowReader:
    """Reads single rows for a fixed list of columns. Make it once for a model and keep it."""

    def __init__(self, columns: Sequence[Column], derived: Sequence[Derived] = ()):
        self._cells = [(column.name, _value_reader(column)) for column in columns]
        names = [column.name for column in columns]
        self._derived = [reader_of(made, names) for made in derived]

    def read(self, values: Mapping[str, Any]) -> list[float | str]:
        """Floats (NaN for blank) and texts ("" for blank) in column order, then the derived values.

        Further keys are ignored. Raises one TableRefused that names every column that is absent or has an
        unusable value.
        """
        try:
            row = [read(values[name]) for name, read in self._cells]
        except (KeyError, ValueError, TypeError):
            self._refuse(values)
            raise
        return row + [made(row) for made in self._derived] if self._derived else row

    def _refuse(self, values: Mapping[str, Any]) -> None:
        if not isinstance(values, Mapping):
            raise TableRefused("Give the row as an object: a value for each column name.") from None
        problems: dict[str, str] = {}
        for name, read in self._cells:
            if name not in values:
                problems[name] = f"{shown(name)} is missing."
                continue
            try:
                read(values[name])
            except ValueError as error:
                problems[name] = f"{shown(name)}: {_shown_value(values[name])} {error}."
        if problems:
            raise TableRefused(" ".join(problems.values()), fields=problems) from None


def _shown_value(value: Any) -> str:
    if isinstance(value, int) and abs(value) >= 1e18:
        return "a whole number so long"
    text = repr(value) if isinstance(value, int | float) else value
    return shown(text) if isinstance(text, str) else "the value"


def _value_reader(column: Column) -> Callable[[Any], float | str]:
    cells = cells_of(column.format)
    match column.format["type"]:
        case "number":
            read = _number_reader(cells.one)
        case "date":
            read = _date_reader(cells)
        case "boolean":
            read = _boolean_reader(cells.one)
        case _:
            read = _text_reader(cells.one, column.alternatives.get("boolean"))
    return (lambda value: cells.blank_or(read(value))) if isinstance(cells, BlankedCells) else read


def _number_reader(read_text):
    def read_number(value: Any) -> float:
        kind = type(value)
        if (kind is float or kind is int) and -NUMBER_MAX <= value <= NUMBER_MAX:
            return float(value)
        number = _number(value, read_text)
        if abs(number) > NUMBER_MAX:
            raise ValueError(_TOO_LARGE)
        return number

    return read_number


def _date_reader(cells: DateCells):
    def read_date(value: Any) -> float:
        if isinstance(value, bool):
            raise ValueError("is not a date")
        number = _number(value, cells.one)
        return number if isinstance(value, str) or value is None else cells.number(number)

    return read_date


def _boolean_reader(read_text):
    def read_boolean(value: Any) -> float:
        number = _number(value, read_text)
        if number not in (0.0, 1.0) and not math.isnan(number):
            raise ValueError("is neither yes nor no")
        return number

    return read_boolean


def _number(value: Any, read_text) -> float:
    """A float from whatever JSON or a form may hold; `read_text` reads strings."""
    if value is None:
        return math.nan
    if isinstance(value, str):
        if len(value) > CELL_CHARACTERS_MAX:
            raise ValueError(f"has more than {CELL_CHARACTERS_MAX:,} characters")
        return read_text(value)
    if not isinstance(value, int | float):
        raise ValueError("is neither a number nor a text")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(_TOO_LARGE) from None
    if not math.isfinite(number):
        raise ValueError("is not a finite number")
    return number


def _text_reader(read_cell, words: dict | None):
    """`words` are how the file spells true and false, where a yes/no column was made a category."""

    def read_text(value: Any) -> str:
        if isinstance(value, str):
            if len(value) > CELL_CHARACTERS_MAX:
                raise ValueError(f"has more than {CELL_CHARACTERS_MAX:,} characters")
            return read_cell(value)
        if value is None:
            return ""
        if isinstance(value, bool):
            return words["true" if value else "false"] if words else str(value).lower()
        if isinstance(value, int) and abs(value) <= NUMBER_MAX:
            return str(value)
        return number_text(_number(value, read_cell))

    return read_text
