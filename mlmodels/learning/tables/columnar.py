"""Cuts a regular stretch of a file into columns with numpy, without a Python string for each cell.

`cut` alone decides what is regular: text that the csv module certainly cuts into the same cells, in rows as
wide as the header of which none is blank or may repeat the header. The rest is left to the csv module, which
also finds the words for what is wrong.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from mlmodels.learning.tables.limits import CELL_CHARACTERS_MAX

_PADDING = 72  # behind the text, for words that begin in its last cell
_SHORT_BYTES = 64  # up to here cells are compared as 64-bit words
_WORTH_SORTING = 64  # cells
_LINE_END, _QUOTE = b'\n"'
_MAY_BE_SPACE = np.zeros(256, dtype=bool)
_MAY_BE_SPACE[[*range(33), 0xC2, 0xE1, 0xE2, 0xE3]] = True  # first bytes of all white space in UTF-8
_MASKS = np.array([(1 << 8 * size) - 1 for size in range(9)], dtype=np.uint64)
_MIXER = np.uint64(0x9E3779B97F4A7C15)


def cut(text: str, separator: str, header: Sequence[str], first_row: int) -> "ColumnarChunk | None":
    """The rows in whole lines of text, numbered from `first_row`; None where the text is not regular."""
    text = text.replace("\r\n", "\n")
    if "\r" in text or "\0" in text:
        return None
    text = text if text.endswith("\n") else text + "\n"
    data = text.encode() + bytes(_PADDING)
    characters = np.frombuffer(data, dtype=np.uint8)[:-_PADDING]
    quotes = np.flatnonzero(characters == _QUOTE) if '"' in text else np.empty(0, dtype=np.intp)
    ends = _cell_ends(characters, ord(separator), quotes)
    if ends is None or not _is_grid(characters, ends, len(header)):
        return None
    starts = np.concatenate([[0], ends[:-1] + 1])
    if len(quotes):
        quoted = characters[starts] == _QUOTE
        starts, ends = starts + quoted, ends - quoted
    doubled = quotes[1::2][characters[quotes[1::2] + 1] == _QUOTE]
    chunk = ColumnarChunk(text, data, starts, ends, len(header), first_row)
    chunk.doubled = set((np.searchsorted(ends, doubled) % len(header)).tolist())
    is_usual = chunk.longest < CELL_CHARACTERS_MAX and not chunk.may_have_blank_row()
    return chunk if is_usual and not chunk.may_have_row(header) else None


def _cell_ends(characters: np.ndarray, separator: int, quotes: np.ndarray) -> np.ndarray | None:
    """Where the separators and line ends stand that end cells; None for marks that are not used regularly."""
    line_ends = characters == _LINE_END
    ends = (characters == separator) | line_ends
    if len(quotes):
        inside = np.bitwise_xor.accumulate(characters == _QUOTE)
        if not _are_regular(characters, quotes, separator) or (line_ends & inside).any():
            return None
        ends &= ~inside
    return np.flatnonzero(ends)


def _are_regular(characters: np.ndarray, quotes: np.ndarray, separator: int) -> bool:
    """Whether each opens a cell, closes one, or is doubled within one. The text ends in a line end."""
    if len(quotes) % 2:
        return False
    beside = np.concatenate([characters[quotes[::2] - 1], characters[quotes[1::2] + 1]])
    return bool(np.isin(beside, [separator, _LINE_END, _QUOTE]).all())


def _is_grid(characters: np.ndarray, ends: np.ndarray, width: int) -> bool:
    if len(ends) % width:
        return False
    is_line_end = (characters[ends] == _LINE_END).reshape(-1, width)
    return bool(is_line_end[:, -1].all()) and not is_line_end[:, :-1].any()


class ColumnarChunk:
    """Rows as places in a text; what `rows.Chunk` is for rows of strings.

    `doubled` are the positions of the columns in which quotation marks are doubled.
    """

    def __init__(
        self, text: str, data: bytes, starts: np.ndarray, ends: np.ndarray, width: int, first_row: int
    ):
        self.row_numbers = range(first_row, first_row + len(ends) // width)
        self.doubled: set[int] = set()
        self._data = data
        self._text_of = _cutter(text, data)
        self._words = np.ndarray(len(data) - 7, dtype="<u8", buffer=data, strides=1)
        self._starts, self._ends = (
            np.ascontiguousarray(places.reshape(-1, width).T) for places in (starts, ends)
        )

    def __len__(self) -> int:
        return len(self.row_numbers)

    def column(self, position: int) -> "ColumnarTexts | list[str]":
        starts, ends = self._starts[position], self._ends[position]
        texts = ColumnarTexts(self._text_of, self._words, starts, ends)
        if position in self.doubled:
            return [text.replace('""', '"') for text in texts]
        return texts

    def counts(self, position: int) -> Counter[str]:
        column = self.column(position)
        if isinstance(column, list):
            return Counter(map(str.strip, column))
        texts, counts, _ = column.distinct
        stripped = list(map(str.strip, texts))
        if stripped == texts:
            return Counter(dict(zip(texts, counts, strict=True)))
        found: Counter[str] = Counter()
        for text, cells in zip(stripped, counts, strict=True):
            found[text] += cells
        return found

    def rows_at(self, positions: Sequence[int]) -> list[list[str]]:
        rows = np.asarray(positions, dtype=np.intp)
        cells = [_cells_at(self.column(position), rows) for position in range(len(self._starts))]
        return list(map(list, zip(*cells, strict=True)))

    @property
    def longest(self) -> int:
        return int((self._ends - self._starts).max(initial=0))

    def may_have_blank_row(self) -> bool:
        return self._may_have_row(lambda column, first, sizes: (sizes == 0) | _MAY_BE_SPACE[first])

    def may_have_row(self, cells: Sequence[str]) -> bool:
        known = [(len(cell.encode()), (cell.encode() or b"\n")[0]) for cell in cells]
        return self._may_have_row(
            lambda column, first, sizes: (sizes == known[column][0]) & (first == known[column][1])
        )

    def _may_have_row(self, fits: Callable[[int, np.ndarray, np.ndarray], np.ndarray]) -> bool:
        """Whether all cells of some row fit, by their first bytes and sizes."""
        characters = np.frombuffer(self._data, dtype=np.uint8)
        rows = np.arange(len(self))
        for column, (starts, ends) in enumerate(zip(self._starts, self._ends, strict=True)):
            starts, ends = starts[rows], ends[rows]
            rows = rows[fits(column, characters[starts], ends - starts)]
            if not len(rows):
                return False
        return True


def _cells_at(texts: "ColumnarTexts | list[str]", rows: np.ndarray) -> list[str]:
    return [texts[row] for row in rows] if isinstance(texts, list) else texts.at(rows)


def _cutter(text: str, data: bytes) -> Callable[[int, int], str]:
    if text.isascii():
        return lambda start, end: text[start:end]
    return lambda start, end: data[start:end].decode()


class Distinct(NamedTuple):
    """The different texts of a column in the order of their first cells. `codes` say which one a cell has."""

    texts: list[str]
    counts: list[int]
    codes: np.ndarray


class ColumnarTexts(Sequence):
    """The cells of a column, as a sequence of texts that are made when they are asked for."""

    def __init__(self, text_of: Callable, words: np.ndarray, starts: np.ndarray, ends: np.ndarray):
        self._text_of = text_of
        self._all_words = words
        self._starts = starts
        self._ends = ends

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, position: int) -> str:
        return self._text_of(int(self._starts[position]), int(self._ends[position]))

    def __iter__(self):
        return map(self._text_of, self._starts.tolist(), self._ends.tolist())

    def at(self, positions: np.ndarray) -> list[str]:
        return list(map(self._text_of, self._starts[positions].tolist(), self._ends[positions].tolist()))

    @cached_property
    def sizes(self) -> np.ndarray:
        """In bytes."""
        return self._ends - self._starts

    @cached_property
    def words(self) -> list[np.ndarray] | None:
        """The bytes of each cell, eight in a word, zeros behind its end. None where cells are long."""
        longest = int(self.sizes.max(initial=0))
        if longest > _SHORT_BYTES:
            return None
        return [
            self._all_words[self._starts + first] & _MASKS[np.clip(self.sizes - first, 0, 8)]
            for first in range(0, max(longest, 1), 8)
        ]

    @cached_property
    def distinct(self) -> Distinct:
        if len(self) >= _WORTH_SORTING and self.words is not None:
            return self._sorted() or distinct_of(list(self))
        return distinct_of(list(self))

    def _sorted(self) -> Distinct | None:
        """None where different texts have the same hash, so that equal ones may not stand together."""
        hashes = _hashes(self.words)
        order = np.argsort(hashes)
        differs, hash_differs = _steps(self.words, order), _steps([hashes], order)
        if (differs & ~hash_differs).any():
            return None
        groups = np.flatnonzero(np.append(True, differs))
        firsts = np.minimum.reduceat(order, groups)
        by_appearance = np.argsort(firsts)
        rank = np.empty_like(by_appearance)
        rank[by_appearance] = np.arange(len(rank))
        counts = np.diff(np.append(groups, len(order)))
        codes = np.empty_like(order)
        codes[order] = np.repeat(rank, counts)
        return Distinct(self.at(firsts[by_appearance]), counts[by_appearance].tolist(), codes)


def _hashes(words: list[np.ndarray]) -> np.ndarray:
    """One word for each cell: itself where one is all there is."""
    mixed = words[0]
    for more in words[1:]:
        mixed = (mixed ^ (mixed >> np.uint64(29))) * _MIXER ^ more
    return mixed


def _steps(columns: list[np.ndarray], order: np.ndarray) -> np.ndarray:
    """Whether each cell in this order differs from the one before it."""
    differs = np.zeros(len(order) - 1, dtype=bool)
    for words in columns:
        words = words[order]
        differs |= words[1:] != words[:-1]
    return differs


def distinct_of(texts: list[str]) -> Distinct:
    known: dict[str, int] = {}
    codes = np.array([known.setdefault(text, len(known)) for text in texts], dtype=np.intp)
    return Distinct(list(known), np.bincount(codes, minlength=len(known)).tolist(), codes)
