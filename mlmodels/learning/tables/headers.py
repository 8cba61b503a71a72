"""Checks the header: usable, unique names, and not a row of data."""

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

from mlmodels.learning.tables.dates import date_shape
from mlmodels.learning.tables.errors import TableRefused, shown
from mlmodels.learning.tables.evidence import ColumnEvidence
from mlmodels.learning.tables.limits import COLUMNS_MAX, HEADER_CHARACTERS_MAX
from mlmodels.learning.tables.numbers import number_shape

_PLAIN = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?")
_SCALE_COLUMNS_MIN = 5  # fewer cells of a row of data rise by chance


def checked_names(cells: list[str], row: int) -> list[str]:
    """The column names out of the header row, white space tidied. Raises TableRefused for unusable ones."""
    names = [" ".join(cell.split()) for cell in cells]
    while names and not names[-1]:
        names.pop()  # separators at the end of every line
    if len(names) > COLUMNS_MAX:
        raise TableRefused(
            f"The header (row {row}) has {len(names):,} columns; the limit is {COLUMNS_MAX:,}. "
            "Remove columns that are not needed.",
            row=row,
        )
    for position, name in enumerate(names, 1):
        _check_name(name, position, row)
    _refuse_duplicates(names, row)
    return names


def _check_name(name: str, position: int, row: int) -> None:
    if not any(map(str.isprintable, name)):
        raise TableRefused(
            f"Column {position} has no name in the header (row {row}). Name it or remove the column; "
            "pandas leaves the index out with to_csv(…, index=False).",
            row=row,
        )
    if len(name) > HEADER_CHARACTERS_MAX:
        raise TableRefused(
            f"The name of column {position}, {shown(name)}, has {len(name):,} characters; the limit is "
            f"{HEADER_CHARACTERS_MAX}. Shorten it in row {row}.",
            row=row,
        )
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise TableRefused(
            f"The name of column {position}, {shown(name)}, contains control characters, so this may not be "
            "a text file. Save the table as CSV in UTF-8.",
            row=row,
        )


def _refuse_duplicates(names: list[str], row: int) -> None:
    positions: dict[str, int] = {}
    for position, name in enumerate(names, 1):
        if name in positions:
            raise TableRefused(
                f"Columns {positions[name]} and {position} are both named {shown(name)} (row {row}). "
                "Give every column a unique name.",
                row=row,
                column=name,
            )
        positions[name] = position


def refuse_missing_header(evidence: Sequence[ColumnEvidence]) -> None:
    """Raises TableRefused when the first row looks like one more row of data.

    A name is suspicious when it is a number or a date (a year may be a name), or when it comes again as a
    value in its own column.
    """
    names = [column.name for column in evidence]
    if _name_a_scale(names):
        return
    values = [column for column in evidence if _is_value(column.name)]
    repeated = [column for column in evidence if column.name in column.counts]
    mostly_values = len(values) * 2 >= len(names)
    all_explained = len({column.name for column in values + repeated}) == len(names)
    if mostly_values or all_explained:
        first = (values or repeated)[0].name
        raise TableRefused(
            f"The first row looks like data, not like column names ({shown(first)} is not a name). "
            "Add a row with a name for each column at the top.",
            row=1,
        )


def _name_a_scale(names: list[str]) -> bool:
    """0, 1, 2… as programs number columns that nobody named; or wavelengths, quantiles, years that rise."""
    if names in ([str(n) for n in range(len(names))], [str(n + 1) for n in range(len(names))]):
        return True
    numbers = [float(name) for name in names if _PLAIN.fullmatch(name)]
    return len(numbers) >= _SCALE_COLUMNS_MIN and all(low < high for low, high in pairwise(numbers))


def _is_value(name: str) -> bool:
    is_year = len(name) == 4 and name[:2] in ("18", "19", "20", "21") and name.isdigit()
    return not is_year and (number_shape(name) is not None or date_shape(name) is not None)
