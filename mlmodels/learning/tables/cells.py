"""What reads the cells of a column, in a file and in a single row alike.

Every reader has `one(text)` and `many(texts)`; both raise ValueError with words for the user. A number, date
or yes/no is a float with NaN for missing; anything else is text.
"""

import math
from collections.abc import Sequence
from typing import Any

from mlmodels.learning.tables.booleans import BooleanCells
from mlmodels.learning.tables.dates import DateCells
from mlmodels.learning.tables.missing import each_once
from mlmodels.learning.tables.numbers import NumberCells


class TextCells:
    """Text as it stands, without the white space around it; a blank cell is the empty string."""

    one = staticmethod(str.strip)

    def many(self, texts: Sequence[str]) -> list[str]:
        return list(map(str.strip, texts))


class NumberedTextCells(TextCells):
    """Numbers that name categories: `3`, `3.0` and a 3 out of JSON are one category."""

    def __init__(self, number_format: dict[str, Any]):
        self._numbers = NumberCells(number_format)

    def one(self, text: str) -> str:
        text = text.strip()
        try:
            number = self._numbers.one(text)
        except ValueError:
            return text
        return text if math.isnan(number) else number_text(number)

    def many(self, texts: Sequence[str]) -> list[str]:
        return each_once(self.one, texts)


def number_text(value: float) -> str:
    """A number as a category: a whole one without a decimal point."""
    return str(int(value)) if abs(value) < 1e15 and value == int(value) else repr(value)


def cells_of(column_format: dict[str, Any]) -> NumberCells | DateCells | BooleanCells | TextCells:
    match column_format:
        case {"type": "number"}:
            return NumberCells(column_format)
        case {"type": "date"}:
            return DateCells(column_format)
        case {"type": "boolean"}:
            return BooleanCells()
        case {"type": "text", "numbers": number_format}:
            return NumberedTextCells(number_format)
        case _:
            return TextCells()
