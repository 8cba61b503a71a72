"""What reads the cells of a column, in a file and in a single row alike.

Every reader has `one(text)` and `many(texts)`; both raise ValueError with words for the user. A number, date
or yes/no is a float with NaN for missing; anything else is text.
"""

import math
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
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


class MergedTextCells:
    """Texts that differ in case or spaces alone become one; `spellings` has it by their `folded` text."""

    def __init__(self, cells: TextCells, spellings: dict[str, str]):
        self._cells = cells
        self._spellings = spellings

    def one(self, text: str) -> str:
        text = self._cells.one(text)
        return self._spellings.get(folded(text), text)

    def many(self, texts: Sequence[str]) -> list[str]:
        return each_once(self.one, texts)


def folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def spellings_of(texts: Counter) -> dict[str, str]:
    """Of texts that differ in case or spaces alone the most frequent one, by their folded text."""
    found: dict[str, list[str]] = {}
    for text, _ in texts.most_common():
        found.setdefault(folded(text), []).append(text)
    return {fold: spelled[0] for fold, spelled in found.items() if len(spelled) > 1}


class BlankedCells:
    """Cells in which the user said that some texts and values, such as -1, stand for a blank."""

    def __init__(self, cells, blanks: Sequence[str]):
        self._cells = cells
        self._texts = frozenset(blanks)
        self._blank = cells.one("")
        self._values = set()
        for text in blanks:
            with suppress(ValueError):  # a word among numbers is no value
                self._values.add(cells.one(text))

    def one(self, text: str) -> float | str:
        return self.blank_or(self._cells.one(self._without_blank(text)))

    def many(self, texts: Sequence[str]) -> list:
        return list(map(self.blank_or, self._cells.many(list(map(self._without_blank, texts)))))

    def number(self, number: float) -> float:
        """See DateCells."""
        return self.blank_or(self._cells.number(number))

    def blank_or(self, value: float | str) -> float | str:
        return self._blank if value in self._values else value

    def _without_blank(self, text: str) -> str:
        return "" if text.strip() in self._texts else text


def cells_of(column_format: dict[str, Any]) -> NumberCells | DateCells | BooleanCells | TextCells:
    cells = _cells_of(column_format)
    if spellings := column_format.get("spellings"):
        cells = MergedTextCells(cells, spellings)
    if blanks := column_format.get("blanks"):
        cells = BlankedCells(cells, blanks)
    return cells


def _cells_of(column_format: dict[str, Any]) -> NumberCells | DateCells | BooleanCells | TextCells:
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
