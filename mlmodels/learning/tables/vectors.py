"""Numbers and dates out of the bytes of many cells at once, where programs wrote them.

Equal to the bit to what `NumberCells` and `DateCells` read, to which other ways of writing are left.
"""

from typing import NamedTuple

import numpy as np

from mlmodels.learning.tables.columnar import ColumnarTexts
from mlmodels.learning.tables.numbers import NumberShape, means_code

_DIGITS_MAX = 15  # a whole number of so many digits is exact as a float, and so are powers of ten up to 22
_POWERS = 10.0 ** np.arange(_DIGITS_MAX + 1)
_LOW_BITS = np.uint64(0x7F7F7F7F7F7F7F7F)  # of each byte all but the highest
_ABOVE_NINE = np.uint64(0x7676767676767676)  # brings numbers from 10 on to the highest bit
_DATE_MARKS = {4: b"-", 7: b"-"}
_MOMENT_MARKS = _DATE_MARKS | {10: b"T ", 13: b":", 16: b":"}
_MARKS_BY_SIZE = {10: _DATE_MARKS, 19: _MOMENT_MARKS}


class _Written(NamedTuple):
    """How cells are written that are digits with at most one mark in them and a minus in front."""

    characters: np.ndarray
    digits: np.ndarray
    is_digit: np.ndarray
    is_negative: np.ndarray
    has_mark: np.ndarray
    digit_count: np.ndarray
    decimals: np.ndarray
    is_plain: np.ndarray  # whether a cell is of this form, and has a digit


def _written(texts: ColumnarTexts, mark: str) -> _Written:
    characters = _characters(texts.words)
    digits = characters - ord("0")  # of unsigned bytes: all others are above 9
    is_digit, is_mark = digits < 10, characters == ord(mark)
    is_negative = characters[0] == ord("-")
    digit_count, mark_count = (found.sum(axis=0, dtype=np.intp) for found in (is_digit, is_mark))
    has_mark = mark_count == 1
    decimals = np.where(has_mark, texts.sizes - 1 - is_mark.argmax(axis=0), 0)
    is_plain = (digit_count + has_mark + is_negative == texts.sizes) & (digit_count > 0)
    return _Written(characters, digits, is_digit, is_negative, has_mark, digit_count, decimals, is_plain)


def plain_numbers(texts: ColumnarTexts, decimal: str) -> tuple[np.ndarray, np.ndarray] | None:
    """The values of cells such as `-12.50`, or blank for NaN, and whether each cell is one of these.

    None where cells are too long to look at all of them together.
    """
    if texts.words is None:
        return None
    written = _written(texts, decimal)
    whole = np.zeros(len(texts), dtype=np.int64)
    for digit, counts in zip(written.digits, written.is_digit, strict=True):
        np.copyto(whole, whole * 10 + digit, where=counts)
    values = whole / _POWERS[np.clip(written.decimals, 0, _DIGITS_MAX)]
    values = np.where(written.is_negative, -values, values)
    is_blank = texts.sizes == 0
    values[is_blank] = np.nan
    return values, is_blank | (written.is_plain & (written.digit_count <= _DIGITS_MAX))


def are_plain_numbers(texts: ColumnarTexts, decimal: str) -> np.ndarray | None:
    """Which cells are blank, or have up to 30 digits with at most one mark in them and a minus in front.

    None where some are long. Eight bytes are looked at in one word.
    """
    if texts.words is None:
        return None
    others = marks = np.uint8(0)
    for word in texts.words:
        digits = word ^ _in_each_byte("0")
        others += np.bitwise_count((((digits & _LOW_BITS) + _ABOVE_NINE) | digits) & ~_LOW_BITS)
        mark = word ^ _in_each_byte(decimal)
        marks += np.bitwise_count(~(((mark & _LOW_BITS) + _LOW_BITS) | mark | _LOW_BITS))
    sizes = texts.sizes
    others = others - (8 * len(texts.words) - sizes)  # without the zeros behind the cells
    digit_count = sizes - others
    is_negative = texts.words[0] & np.uint64(0xFF) == ord("-")
    is_number = (others == marks + is_negative) & (marks <= 1) & (digit_count >= 1) & (digit_count <= 30)
    return is_number | (sizes == 0)


def _in_each_byte(character: str) -> np.uint64:
    return np.uint64(int.from_bytes(character.encode() * 8))


def plain_shapes(texts: ColumnarTexts, decimal: str) -> set[NumberShape] | None:
    """Of cells that are whole numbers or have this decimal mark, certainly; None for others and in doubt."""
    if not len(texts) or texts.words is None:
        return None if len(texts) else set()
    written = _written(texts, decimal)
    whole_digits = written.digit_count - written.decimals
    starts_with_zero = written.characters[0] == ord("0")
    if (written.digit_count == texts.sizes).all():
        found = np.flatnonzero(np.bincount(texts.sizes * 2 + starts_with_zero)).tolist()
        return {NumberShape(is_code=means_code(n // 2, n % 2 == 1), digits=n // 2) for n in found}
    first_digit = np.where(written.is_negative, written.characters[1], written.characters[0])
    is_zero = first_digit == ord("0")
    fits = written.is_plain & (whole_digits >= 1) & (whole_digits <= _DIGITS_MAX)
    fits &= ~is_zero | (whole_digits == 1)
    fits &= ~written.has_mark | ((written.decimals >= 1) & (written.decimals <= 30))
    if not fits.all():
        return None
    if not written.has_mark.any():
        return {
            NumberShape(digits=size) for size in set(np.where(written.is_negative, 0, texts.sizes).tolist())
        }
    proves_point = (written.decimals != 3) | (whole_digits >= 4) | is_zero
    return {NumberShape(decimal=decimal)} if (proves_point & written.has_mark).any() else None


def plain_moments(texts: ColumnarTexts) -> np.ndarray | None:
    """Unix seconds, where all cells are written like 2024-05-31 or all like 2024-05-31T14:30:00."""
    size = int(texts.sizes.max(initial=0))
    marks = _MARKS_BY_SIZE.get(size)
    if marks is None or (texts.sizes != size).any():
        return None
    characters = _characters(texts.words)[:size]
    digits = characters - ord("0")
    for at in range(size):
        fits = [characters[at] == mark for mark in marks[at]] if at in marks else [digits[at] < 10]
        if not np.logical_or.reduce(fits).all():
            return None
    year = _number(digits[0:4])
    month, day = _number(digits[5:7]), _number(digits[8:10])
    if (year < 1).any() or (month < 1).any() or (month > 12).any() or (day < 1).any():
        return None
    months = (year - 1970) * 12 + month - 1
    first_month = months.min()
    calendar = np.arange(first_month, months.max() + 2).astype("datetime64[M]")
    month_starts = calendar.astype("datetime64[D]").astype(np.int64)
    days, next_days = month_starts[months - first_month], month_starts[months - first_month + 1]
    if (days + day > next_days).any():
        return None
    seconds = (days + day - 1) * 86_400
    if size == 19:
        hour, minute, second = _number(digits[11:13]), _number(digits[14:16]), _number(digits[17:19])
        if (hour > 23).any() or (minute > 59).any() or (second > 59).any():
            return None
        seconds += hour * 3600 + minute * 60 + second
    return seconds.astype(np.float64)


def _characters(words: list[np.ndarray]) -> np.ndarray:
    """The bytes of cells by their place in the cell: one row for all first bytes, and so on."""
    bytes_of_cells = np.stack(words).view(np.uint8).reshape(len(words), -1, 8)
    return np.ascontiguousarray(bytes_of_cells.transpose(0, 2, 1)).reshape(len(words) * 8, -1)


def _number(digits: np.ndarray) -> np.ndarray:
    number = np.zeros(digits.shape[1], dtype=np.int64)
    for digit in digits:
        number = number * 10 + digit
    return number
