"""Whole numbers that are dates: Unix timestamps and YYYYMMDD. The name of the column or the size decides."""

from mlmodels.learning.tables.dates import UNIX_FORMAT, DateCells
from mlmodels.learning.tables.evidence import ColumnEvidence
from mlmodels.learning.tables.names import names_a_time, names_an_identifier

_COMPACT = {"type": "date", "style": "compact", "day_first": True}
# Seconds from 1973 to 2100; without a name that says time only from 2001 to 2033: phone numbers lie above.
_NAMED_RANGE = (100_000_000, 4_102_444_800)
_BARE_RANGE = (1_000_000_000, 2_000_000_000)


def unix_dates(evidence: ColumnEvidence) -> dict | None:
    """The date format of a column of Unix timestamps, None when it is not one."""
    digits = _digits(evidence)
    if digits not in ({9}, {10}, {9, 10}, {12}, {13}, {12, 13}) or names_an_identifier(evidence.name):
        return None
    low, high = _NAMED_RANGE if names_a_time(evidence.name) else _BARE_RANGE
    scale = 1000 if max(digits) > 10 else 1
    return UNIX_FORMAT if all(low <= number / scale <= high for number in _whole_numbers(evidence)) else None


def compact_dates(evidence: ColumnEvidence) -> dict | None:
    """The date format of a column of YYYYMMDD under a name that says time, None when it is not one."""
    if _digits(evidence) != {8} or evidence.is_capped or not names_a_time(evidence.name):
        return None
    try:
        DateCells({**_COMPACT, "blank_words": evidence.not_numbers.cells}).many(list(evidence.counts))
    except ValueError:
        return None
    return _COMPACT


def _digits(evidence: ColumnEvidence) -> set[int]:
    """How many digits the numbers have; empty unless every readable cell is digits alone."""
    is_whole = all(shape.digits and not shape.is_code for shape in evidence.number_shapes)
    if not is_whole or evidence.blank_words(evidence.not_numbers) is None:
        return set()
    return {shape.digits for shape in evidence.number_shapes}


def _whole_numbers(evidence: ColumnEvidence) -> list[int]:
    words = evidence.missing_words | evidence.not_numbers.cells.keys()
    return [int(text) for text in evidence.counts if text not in words]
