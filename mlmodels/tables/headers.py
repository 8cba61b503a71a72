"""Does the first row hold names or data? Tables without a header are refused, not misread."""

from collections.abc import Sequence

from mlmodels.tables.dates import date_shape
from mlmodels.tables.errors import TableRefused, shown
from mlmodels.tables.evidence import ColumnEvidence
from mlmodels.tables.numbers import number_shape


def refuse_missing_header(evidence: Sequence[ColumnEvidence]) -> None:
    """Raises TableRefused when the first row looks like one more row of data.

    A name is suspicious when it is a number or a date (a year may be a name), or when it comes again as a
    value in its own column.
    """
    names = [column.name for column in evidence]
    if _count_up(names):
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


def _count_up(names: list[str]) -> bool:
    """0, 1, 2… or 1, 2, 3…, as programs number columns that nobody named."""
    return names in ([str(n) for n in range(len(names))], [str(n + 1) for n in range(len(names))])


def _is_value(name: str) -> bool:
    shape = number_shape(name)
    if shape is None:
        return date_shape(name) is not None
    is_year = name.isdigit() and 1800 <= int(name[:4]) <= 2200 and len(name) == 4
    return not is_year
