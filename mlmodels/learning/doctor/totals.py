"""A last row that holds the totals of the rows above it, as spreadsheets are often saved with one."""

import math
import re
from collections.abc import Iterator

from mlmodels.learning.doctor.findings import WARNING, finding, named
from mlmodels.learning.doctor.sample import Sample
from mlmodels.learning.tables import Column
from mlmodels.learning.tables.cells import cells_of, folded
from mlmodels.learning.tables.errors import shown

ROWS_MIN = 4
FILLED_SHARE_MAX = 0.2  # of the cells beside the word, where none is a sum: a number and blanks
SUM_TOLERANCE = 1e-5  # totals are added up before they are rounded
LABEL_CHARACTERS_MAX = 40
_WORDS = """
    total totals totale totales totali totaal totalt sum sums summe summen summa somme soma suma
    gesamt gesamtsumme gesamtbetrag gesamtergebnis insgesamt ukupno razem celkem итого всего
"""
WORDS = frozenset(_WORDS.split())
OPENINGS = re.compile(r"(?:grand|overall|gran|in) ")  # in front of one of them


def totals(columns: list[Column], sample: Sample) -> Iterator[dict]:
    """The last row, where it begins with such a word or holds sums, and has hardly another value."""
    if columns[0].profile["rows"] < ROWS_MIN:
        return
    filled = [column for column in columns if sample.last[column.name].strip()]
    sums = [column.name for column in filled if _is_sum(column, sample.last[column.name])]
    label = filled[0].name if filled and _is_word(sample.last[filled[0].name]) else None
    beside = len(filled) - (label is not None)
    if label is None:
        is_total = sums and beside == len(sums) < len(columns)
    else:
        is_nearly_blank = (
            beside <= max(1, FILLED_SHARE_MAX * (len(columns) - 1)) and beside < len(columns) - 1
        )
        is_total = sums or is_nearly_blank
    if not is_total:
        return
    signs = [f"begins with {shown(sample.last[label].strip())}"] if label else []
    if sums:
        signs.append(f"holds the sum of {named(sums)}")
    yield finding(
        "totals",
        sums or [label],
        f"The last row {' and '.join(signs)}: it looks like a total of the rows above it.",
        "Read like any other row, which spoils figures and models. Delete it in the file, and upload that.",
        severity=WARNING,
    )


def _is_word(text: str) -> bool:
    """Such a word alone, or with others behind it, as in "Total 2024"."""
    plain = OPENINGS.sub("", folded(text))
    first = re.split(r"[\s:(]", plain, maxsplit=1)[0]
    return len(plain) <= LABEL_CHARACTERS_MAX and first in WORDS


def _is_sum(column: Column, text: str) -> bool:
    if column.kind != "number" or "mean" not in column.profile:
        return False
    try:
        value = cells_of(column.format).one(text.strip())
    except ValueError:
        return False
    profile = column.profile
    above = profile["mean"] * (profile["rows"] - profile["missing"]) - value
    return value != 0 and math.isclose(value, above, rel_tol=SUM_TOLERANCE)
