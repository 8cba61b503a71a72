"""The formats that the cells of a column allow: marks of numbers, order of dates, words for yes and no.

Where one column alone leaves a doubt, the rest of the file settles it.
"""

from collections.abc import Sequence

from mlmodels.learning.tables.booleans import word_pair
from mlmodels.learning.tables.columns import ZERO_ONE_FORMAT
from mlmodels.learning.tables.dates import UNIX_FORMAT, DateCells, day_orders
from mlmodels.learning.tables.evidence import ColumnEvidence
from mlmodels.learning.tables.missing import is_missing_word
from mlmodels.learning.tables.names import names_a_claim, names_a_time, names_an_identifier
from mlmodels.learning.tables.numbers import FileHints, number_format

_COMPACT = {"type": "date", "style": "compact", "day_first": True}
# Seconds from 1973 to 2100; without a name that says time only from 2001 to 2033: phone numbers lie above.
_NAMED_RANGE = (100_000_000, 4_102_444_800)
_BARE_RANGE = (1_000_000_000, 2_000_000_000)
_SPELLINGS_MAX = 20  # of yes, no and missing words in one column


def file_hints(evidence: Sequence[ColumnEvidence], separator: str) -> FileHints:
    """Marks and day order that are certain in some column hold for the doubtful columns of the same file."""
    number_columns = [column for column in evidence if column.blank_words(column.not_numbers) is not None]
    decimals = {shape.decimal for column in number_columns for shape in column.number_shapes} - {""}
    decimal = decimals.pop() if len(decimals) == 1 else ""
    date_columns = [column for column in evidence if column.blank_words(column.not_dates) is not None]
    orders = [day_orders(column.date_shapes) for column in date_columns]
    proven = {order.pop() for order in orders if len(order) == 1}
    day_first = proven.pop() if len(proven) == 1 else decimal == "," or separator == ";"
    return FileHints(decimal, separator, day_first)


def possible_formats(evidence: ColumnEvidence, hints: FileHints) -> dict[str, dict]:
    """A format for each kind that at least some cells have; whether all have it is decided elsewhere."""
    found = {
        "number": number_format(evidence.number_shapes, hints) if evidence.number_shapes else None,
        "date": _date_format(evidence, hints),
        "boolean": _boolean_format(evidence),
    }
    return {kind: described for kind, described in found.items() if described is not None}


def _boolean_format(evidence: ColumnEvidence) -> dict | None:
    if evidence.is_capped or len(evidence.counts) > _SPELLINGS_MAX:
        return None
    spelled: dict[str, str] = {}
    for text, _ in evidence.counts.most_common():
        if not is_missing_word(text):
            spelled.setdefault(text.casefold(), text)
    if set(spelled) == {"0", "1"} and names_a_claim(evidence.name):
        return ZERO_ONE_FORMAT
    pair = word_pair(spelled)
    return pair and {"type": "boolean", "true": spelled[pair[0]], "false": spelled[pair[1]]}


def _date_format(evidence: ColumnEvidence, hints: FileHints) -> dict | None:
    if not evidence.date_shapes:
        return _compact_dates(evidence) or _unix_dates(evidence)
    orders = day_orders(evidence.date_shapes)
    if not orders:
        return None
    day_first = orders.pop() if len(orders) == 1 else _likely_day_first(evidence, hints)
    styles = {shape.style for shape in evidence.date_shapes}
    style = next(style for style in ("numeric", "named", "iso") if style in styles)
    return {"type": "date", "style": style, "day_first": day_first}


def _likely_day_first(evidence: ColumnEvidence, hints: FileHints) -> bool:
    """No day is above 12. What is 1 in every row is the day of a monthly table; else the file decides."""
    numeric = [shape for shape in evidence.date_shapes if shape.style == "numeric"]
    if not numeric:
        return True
    mark = numeric[0].mark
    parts = [text.split(mark) for text in evidence.counts if text.count(mark) >= 2]
    first = {int(part[0]) for part in parts if part[0].isdigit()}
    second = {int(part[1]) for part in parts if part[1].strip().isdigit()}
    if (first == {1}) != (second == {1}):
        return first == {1}
    return mark in ".-" or hints.day_first


def _unix_dates(evidence: ColumnEvidence) -> dict | None:
    """The date format of a column of Unix timestamps, None when it is not one."""
    digits = _digits(evidence)
    if digits not in ({9}, {10}, {9, 10}, {12}, {13}, {12, 13}) or names_an_identifier(evidence.name):
        return None
    low, high = _NAMED_RANGE if names_a_time(evidence.name) else _BARE_RANGE
    scale = 1000 if max(digits) > 10 else 1
    return UNIX_FORMAT if all(low <= number / scale <= high for number in _whole_numbers(evidence)) else None


def _compact_dates(evidence: ColumnEvidence) -> dict | None:
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
