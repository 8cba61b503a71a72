"""Numbers as people write them: which marks a column uses, and text to float under that decision.

A number format is plain data: `{"type": "number", "decimal": ",", "thousands": ".", "currency": "€",
"percent": False}`. `12 %` reads as 12.0, the figure that is written. `blank_words`, if there, holds words
that are read as blanks.
"""

import math
import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from mlmodels.learning.tables.missing import is_missing_word

NUMBER_CHARACTERS_MAX = 100
_SPACES = " \u00a0\u2009\u202f"
_APOSTROPHES = "'\u2019"
_CURRENCY = (
    r"US\$|R\$|\$|€|£|¥|₹|₩|₽|₺|₪|฿|USD|EUR|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK|PLN|CZK|AUD|CAD|NZD|BRL|MXN|ZAR"
    r"|Fr\.|kr|zł"
)
# At most 30 digits before the mark and an exponent below 270: every match is a finite float.
_EXPONENT = "(?:[eE][-+]?(?:2[0-6][0-9]|1[0-9]{2}|0?[0-9]{1,2}))?"
# One sign at most: parentheses, in front, behind a currency, or at the end
_OPENING = r"(?P<open>\()?(?(open)|(?P<sign>[-+\u2212])?)"
_SIGN_AFTER = r"(?(open)|(?(sign)|(?P<sign_after>[-+\u2212])?))"
_CLOSING = r"(?(open)\)|(?(sign)|(?(sign_after)|(?P<sign_at_end>[-\u2212])?)))"
_CHARACTERS_OF = {",": ",", ".": ".", "'": _APOSTROPHES, " ": _SPACES}


class NumberShape(NamedTuple):
    """How one number is written. Few shapes exist, so a column of a million numbers has a handful.

    `mark_in_doubt` is the comma of `1,234` or the dot of `1.234`: thousands or decimal, the column decides.
    `is_code`: a leading zero or more digits than a float can hold, so the text itself must be kept.
    """

    decimal: str = ""
    thousands: str = ""
    mark_in_doubt: str = ""
    currency: str = ""
    percent: bool = False
    is_code: bool = False
    digits: int = 0  # of a whole number without sign and marks, else 0


_ANY_NUMBER = re.compile(
    rf"{_OPENING}(?P<before>{_CURRENCY})?[{_SPACES}]?{_SIGN_AFTER}"
    rf"(?P<body>[0-9][0-9.,{_APOSTROPHES}{_SPACES}]*(?<![{_SPACES}])|[.,][0-9]+)(?P<exponent>{_EXPONENT})"
    rf"[{_SPACES}]?(?P<percent>%)?(?P<after>{_CURRENCY})?{_CLOSING}"
)
_GROUPED = re.compile(
    r"(?P<head>[0-9]{1,3})(?P<mark>[,.' ])[0-9]{3}(?P<more>(?:(?P=mark)[0-9]{3}){0,8})"
    r"(?P<rest>[.,][0-9]{0,30})?"
)
_SIMPLE = re.compile(r"[0-9]{0,30}(?P<decimal>[.,])[0-9]{0,30}")
_TO_PLAIN_MARKS = str.maketrans({**dict.fromkeys(_SPACES, " "), **dict.fromkeys(_APOSTROPHES, "'")})


def number_shape(text: str) -> NumberShape | None:
    """The shape of one stripped cell, None when it is not a number."""
    match = _ANY_NUMBER.fullmatch(text) if len(text) <= NUMBER_CHARACTERS_MAX else None
    if match is None or (match["before"] and match["after"]):
        return None
    marks = _shape_of_marks(match["body"].translate(_TO_PLAIN_MARKS))
    if marks is None:
        return None
    if match["exponent"] and marks.thousands:
        return None
    if match["exponent"] and not marks.decimal:
        marks = marks._replace(decimal=marks.mark_in_doubt or ".", mark_in_doubt="", digits=0)
    is_bare = len(match["body"]) == len(text)
    return marks._replace(
        currency=match["before"] or match["after"] or "",
        percent=bool(match["percent"]),
        digits=marks.digits if is_bare else 0,
    )


def _shape_of_marks(body: str) -> NumberShape | None:
    if body.isdigit():
        return NumberShape(is_code=means_code(len(body), body[0] == "0"), digits=len(body))
    grouped = _GROUPED.fullmatch(body)
    if grouped and grouped["rest"]:
        if grouped["rest"][0] == grouped["mark"]:
            return None
        return NumberShape(decimal=grouped["rest"][0], thousands=grouped["mark"])
    if grouped and grouped["head"][0] != "0":
        if grouped["more"] or grouped["mark"] in "' ":
            return NumberShape(thousands=grouped["mark"])
        return NumberShape(mark_in_doubt=grouped["mark"])
    simple = _SIMPLE.fullmatch(body)
    if simple is None:
        return None
    is_code = len(body) > 1 and body[0] == "0" and body[1].isdigit()
    return NumberShape(decimal=simple["decimal"], is_code=is_code)


_PLAIN_MANY = re.compile(rf"(?:-?(?:0|[1-9][0-9]{{0,14}})(?:\.[0-9]{{1,30}})?{_EXPONENT}\n)*+")
_PROVES_POINT = re.compile(r"\b0\.|\.[0-9]{1,2}\n|\.[0-9]{4}|[0-9]{4}\.|[eE]")


def plain_shapes(texts: Collection[str]) -> set[NumberShape] | None:
    """The shapes of many cells at once when programs wrote them all and none is in doubt, else None."""
    if (together := "".join(texts)).isascii() and together.isdigit() and "" not in texts:
        return _shapes_of_digits(texts)
    joined = "\n".join(texts) + "\n"
    if not _PLAIN_MANY.fullmatch(joined) or joined.count("\n") > len(texts):
        return None
    if "." not in joined and "e" not in joined and "E" not in joined:
        lengths = {0 if text[0] == "-" else len(text) for text in texts}
        return {NumberShape(digits=digits) for digits in lengths}
    if _PROVES_POINT.search(joined):
        return {NumberShape(decimal=".")}
    return None


def _shapes_of_digits(texts: Collection[str]) -> set[NumberShape] | None:
    found = {(len(text), text[0] == "0") for text in texts}
    if max(found)[0] > NUMBER_CHARACTERS_MAX:
        return None
    return {NumberShape(is_code=means_code(size, zero), digits=size) for size, zero in found}


def means_code(digits: int, starts_with_zero: bool) -> bool:
    return (starts_with_zero and digits > 1) or digits > 15


class FileHints(NamedTuple):
    """What the rest of the file says where one column alone leaves a doubt.

    `proven_decimal` is the mark that is certainly decimal in another column, "" when there is none.
    """

    proven_decimal: str = ""
    separator: str = ","
    day_first: bool = True


def number_format(shapes: Iterable[NumberShape], hints: FileHints = FileHints()) -> dict | None:  # noqa: B008
    """The one format that all shapes agree on, None when they contradict each other."""
    shapes = set(shapes)
    decimals = {shape.decimal for shape in shapes} - {""}
    thousands = {shape.thousands for shape in shapes} - {""}
    for mark in marks_in_doubt(shapes):
        if decimals or thousands:
            is_decimal = mark in decimals or bool(thousands - {mark})
        else:
            is_decimal = _is_probably_decimal(mark, shapes, hints)
        (decimals if is_decimal else thousands).add(mark)
    currencies = {shape.currency for shape in shapes} - {""}
    percents = {shape.percent for shape in shapes}
    if max(len(decimals), len(thousands), len(currencies), len(percents)) > 1 or decimals & thousands:
        return None
    thousands_mark = next(iter(thousands), "")
    return {
        "type": "number",
        "decimal": next(iter(decimals), "") or _decimal_to_come(thousands_mark, hints),
        "thousands": thousands_mark,
        "currency": next(iter(currencies), ""),
        "percent": percents == {True},
    }


def marks_in_doubt(shapes: Iterable[NumberShape]) -> list[str]:
    return sorted({shape.mark_in_doubt for shape in shapes} - {""})


def _decimal_to_come(thousands_mark: str, hints: FileHints) -> str:
    """How a column of whole numbers would write 120.5, as a prediction may ask it to: like its file."""
    if thousands_mark in (".", ","):
        return "," if thousands_mark == "." else "."
    return hints.proven_decimal or "."


def _is_probably_decimal(mark: str, shapes: set[NumberShape], hints: FileHints) -> bool:
    """Another column decides; else a comma is decimal where semicolons separate, and a dot is decimal.

    But for a dot among short whole numbers in a file with semicolons: 950 and 1.050 are written by hand.
    """
    if hints.proven_decimal:
        return mark == hints.proven_decimal
    if mark == ",":
        return hints.separator == ";"
    digits = {shape.digits for shape in shapes} - {0}
    return not (hints.separator == ";" and digits and max(digits) <= 3)


class NumberCells:
    """Text to float under one number format; blank cells and missing words are NaN."""

    def __init__(self, number_format: dict):
        self.decimal = number_format["decimal"]
        marks = self.decimal, number_format["thousands"]
        self._to_plain = _plain_table(*marks)
        self._one = _pattern_of_one(*marks, number_format["currency"], number_format["percent"])
        self._many = _pattern_of_many(*marks)
        self._blank_words = number_format.get("blank_words", {})

    def one(self, text: str) -> float:
        """Raises ValueError with words for the user when `text` is no number of this column."""
        text = text.strip()
        if len(text) > NUMBER_CHARACTERS_MAX:
            raise ValueError("is not a number")
        if match := self._one.fullmatch(text):
            value = float(match["body"].translate(self._to_plain))
            signs = (match["sign"], match["sign_after"], match["sign_at_end"])
            return -value if match["open"] or not _MINUS_SIGNS.isdisjoint(signs) else value
        if _PLAIN_ONE.fullmatch(text):  # programs and number inputs of forms write so, whatever the file does
            return float(text)
        if is_missing_word(text) or text in self._blank_words:
            return math.nan
        raise ValueError("is not a number")

    def many(self, texts: Sequence[str]) -> list[float]:
        """The same for a whole chunk; several times faster where the cells are written simply."""
        if self._blank_words:
            texts = ["" if text.strip() in self._blank_words else text for text in texts]
        joined = "\n".join(texts) + "\n"
        if self._many.fullmatch(joined):
            numbers = joined.translate(self._to_plain).split("\n") if self._to_plain else joined.split("\n")
            numbers.pop()
            if len(numbers) == len(texts):  # else a cell holds a line break
                if "" in numbers:
                    return [float(number) if number else math.nan for number in numbers]
                return list(map(float, numbers))
        return list(map(self.one, texts))


_MINUS_SIGNS = frozenset("-\u2212")
_PLAIN_ONE = re.compile(rf"[-+]?(?:[0-9]{{1,30}}(?:\.[0-9]{{0,30}})?|\.[0-9]{{1,30}}){_EXPONENT}")


def _plain_table(decimal: str, thousands: str) -> dict:
    """What `str.translate` needs to turn a matching number into one that `float` reads."""
    table: dict[int, str | None] = dict.fromkeys(map(ord, _CHARACTERS_OF.get(thousands, "")))
    if decimal == ",":
        table[ord(",")] = "."
    return table


def _pattern_of_body(decimal: str, thousands: str) -> str:
    mark = re.escape(decimal)
    whole = "[0-9]{1,30}"
    if thousands:
        whole = f"(?:[0-9]{{1,3}}(?:[{_CHARACTERS_OF[thousands]}][0-9]{{3}}){{1,9}}(?![0-9])|{whole})"
    return f"(?:{whole}(?:{mark}[0-9]{{0,30}})?|{mark}[0-9]{{1,30}}){_EXPONENT}"


@lru_cache(maxsize=64)
def _pattern_of_one(decimal: str, thousands: str, currency: str, percent: bool) -> re.Pattern:
    money = f"(?:{re.escape(currency)})?" if currency else ""
    return re.compile(
        rf"{_OPENING}{money}[{_SPACES}]?{_SIGN_AFTER}(?P<body>{_pattern_of_body(decimal, thousands)})"
        rf"[{_SPACES}]?{'%?' if percent else ''}{money}{_CLOSING}"
    )


@lru_cache(maxsize=64)
def _pattern_of_many(decimal: str, thousands: str) -> re.Pattern:
    """Cells one a line, blank lines among them. Possessive: millions of cells and no backtracking."""
    return re.compile(rf"(?:(?:[-+]?{_pattern_of_body(decimal, thousands)})?\n)*+")
