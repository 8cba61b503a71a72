"""Cuts a regular stretch of a file into columns with numpy, without a Python string for each cell.

`cut` alone decides what is regular: text that the csv module certainly cuts into the same cells, in rows as
wide as the header of which none is blank or may repeat the header. The rest is left to the csv module, which
also finds the words for what is wrong.
"""

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import chain

import numpy as np

from mlmodels.learning.tables.dialect import SEPARATORS
from mlmodels.learning.tables.distinct import Distinct, first_equal
from mlmodels.learning.tables.limits import CELL_CHARACTERS_MAX

_PADDING = 72  # behind the text, for words that begin in its last cell
_SHORT_BYTES = 64  # up to here cells are compared as 64-bit words
_LINE_END, _QUOTE = b'\n"'
_MAY_BE_SPACE = np.zeros(256, dtype=bool)
_MAY_BE_SPACE[[*range(33), 0xC2, 0xE1, 0xE2, 0xE3]] = True  # first bytes of all white space in UTF-8
_BESIDE_QUOTES = {separator: np.zeros(256, dtype=bool) for separator in SEPARATORS}
for _separator, _allowed in _BESIDE_QUOTES.items():
    _allowed[[ord(_separator), _LINE_END, _QUOTE]] = True
_IS_IN_CELL = np.arange(_SHORT_BYTES) < np.arange(_SHORT_BYTES + 1)[:, np.newaxis]  # by its size
_KEPT = np.where(_IS_IN_CELL, 0xFF, 0).astype(np.uint8).view("<u8")
_SPACES = np.where(_IS_IN_CELL, 0, ord(" ")).astype(np.uint8).view("<u8")
_SLOTS_PER_TEXT = 16
_MAY_START_FORMULA = _MAY_BE_SPACE.copy()
_MAY_START_FORMULA[[*b"=+-@'\"", 0xEF]] = True  # 0xEF begins the full-width signs


def _hash_factors(seed: int | None = None) -> np.ndarray:
    """Odd ones, so that the product with a word is different for each word."""
    return np.random.default_rng(seed).integers(1 << 63, size=_SHORT_BYTES // 8, dtype=np.uint64) * 2 + 1


_HASH_FACTORS = _hash_factors(seed=0)


def cut(text: str, separator: str, header: Sequence[str], first_row: int) -> "ColumnarChunk | None":
    """The rows in whole lines of text, numbered from `first_row`; None where the text is not regular."""
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if "\r" in text or "\0" in text:
        return None
    text = text if text.endswith("\n") else text + "\n"
    data = text.encode() + bytes(_PADDING)
    characters = np.frombuffer(data, dtype=np.uint8)[:-_PADDING]
    quotes = np.flatnonzero(characters == _QUOTE) if '"' in text else np.empty(0, dtype=np.intp)
    if not _are_regular(characters, quotes, separator):
        return None
    ends = _cell_ends(characters, separator, quotes)
    if not _is_grid(characters[ends] == _LINE_END, len(header)):
        return None
    doubled_quotes = quotes[1::2][characters[quotes[1::2] + 1] == _QUOTE]
    doubled = set((np.searchsorted(ends, doubled_quotes) % len(header)).tolist())
    ends = np.ascontiguousarray(ends.reshape(-1, len(header)).T)
    starts = np.empty_like(ends)
    starts[1:] = ends[:-1] + 1
    starts[0, 0], starts[0, 1:] = 0, ends[-1, :-1] + 1
    if len(quotes):
        quoted = characters[starts] == _QUOTE
        starts, ends = starts + quoted, ends - quoted
    chunk = ColumnarChunk(text, data, starts, ends, range(first_row, first_row + ends.shape[1]))
    chunk.doubled = doubled
    is_usual = chunk.longest < CELL_CHARACTERS_MAX and not chunk.may_have_blank_row()
    return chunk if is_usual and not chunk.may_have_row(header) else None


def of_rows(rows: list[list[str]], row_numbers: Sequence[int]) -> "ColumnarChunk":
    """The same for rows that the csv module has cut, all of one width."""
    cells = list(chain.from_iterable(rows))
    text = "".join(cells)
    sizes = map(len, cells) if text.isascii() else map(len, map(str.encode, cells))
    ends = np.cumsum(np.fromiter(sizes, dtype=np.intp, count=len(cells)))
    starts = np.concatenate([[0], ends[:-1]])
    starts, ends = (np.ascontiguousarray(places.reshape(len(rows), -1).T) for places in (starts, ends))
    return ColumnarChunk(text, text.encode() + bytes(_PADDING), starts, ends, row_numbers)


def _cell_ends(characters: np.ndarray, separator: str, quotes: np.ndarray) -> np.ndarray:
    """Where the separators stand that end cells, and all line ends."""
    ends = np.flatnonzero((characters == ord(separator)) | (characters == _LINE_END))
    if not len(quotes):
        return ends
    quotes_before = np.cumsum(np.bincount(np.searchsorted(ends, quotes), minlength=len(ends)))
    return ends[(quotes_before % 2 == 0) | (characters[ends] == _LINE_END)]


def _are_regular(characters: np.ndarray, quotes: np.ndarray, separator: str) -> bool:
    """Whether each quotation mark opens, closes or is doubled in a cell. The text ends in a line end."""
    if len(quotes) % 2:
        return False
    beside = np.concatenate([characters[quotes[::2] - 1], characters[quotes[1::2] + 1]])
    return bool(_BESIDE_QUOTES[separator][beside].all())


def _is_grid(is_line_end: np.ndarray, width: int) -> bool:
    """Whether every row has as many cells as the header, and no cell a line end."""
    if len(is_line_end) % width:
        return False
    rows = is_line_end.reshape(-1, width)
    return bool(rows[:, -1].all()) and not rows[:, :-1].any()


class ColumnarChunk:
    """Rows as places in a text; what `rows.Chunk` is for rows of strings.

    `starts` and `ends` have the shape (columns, rows). `doubled` are the positions of the columns in which
    quotation marks are doubled.
    """

    def __init__(
        self,
        text: str,
        data: bytes,
        starts: np.ndarray,
        ends: np.ndarray,
        row_numbers: Sequence[int],
    ):
        self.row_numbers = row_numbers
        self.doubled: set[int] = set()
        self._data = data
        self._text = text
        self._starts, self._ends = starts, ends
        self.longest = int((ends - starts).max(initial=0))

    def __len__(self) -> int:
        return len(self.row_numbers)

    def column(self, position: int) -> "ColumnarTexts | list[str]":
        source = self._text if len(self._text) + _PADDING == len(self._data) else self._data
        texts = ColumnarTexts(source, self._data, self._starts[position], self._ends[position])
        if position in self.doubled:
            return [text.replace('""', '"') for text in texts]
        return texts

    def counts(self, position: int) -> dict[str, int]:
        column = self.column(position)
        return Counter(map(str.strip, column)) if isinstance(column, list) else column.counts()

    def spaced(self, positions: Sequence[int]) -> tuple[np.ndarray, np.ndarray] | None:
        """The bytes of the cells of these columns, filled up with spaces to one size, with a space at least;
        shape (columns, rows, size). And the sizes of the cells. None where some are long."""
        starts = self._starts[positions]
        sizes = self._ends[positions] - starts
        longest = int(sizes.max(initial=0))
        if longest >= _SHORT_BYTES:
            return None
        words = _words_from(self._data, starts, longest // 8 + 1)
        words &= _KEPT[:, : words.shape[-1]].take(sizes, axis=0)
        words |= _SPACES[:, : words.shape[-1]].take(sizes, axis=0)
        return words.view(np.uint8), sizes

    @property
    def rows(self) -> list[list[str]]:
        return self.rows_at(range(len(self)))

    def rows_at(self, positions: Sequence[int]) -> list[list[str]]:
        rows = np.asarray(positions, dtype=np.intp)
        cells = [_cells_at(self.column(position), rows) for position in range(len(self._starts))]
        return list(map(list, zip(*cells, strict=True)))

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


class ColumnarTexts(Sequence):
    """The cells of a column, as a sequence of texts that are made when they are asked for."""

    def __init__(self, source: str | bytes, data: bytes, starts: np.ndarray, ends: np.ndarray):
        self._source = source  # in a text of ASCII alone, places of bytes are those of characters
        self._data = data
        self._starts = starts
        self._ends = ends

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, position: int | slice) -> str | list[str]:
        return self.at(position) if isinstance(position, slice) else self.at([position])[0]

    def __iter__(self):
        return iter(self.at(slice(None)))

    def at(self, positions: "np.ndarray | slice | list[int]") -> list[str]:
        source = self._source
        places = zip(self._starts[positions].tolist(), self._ends[positions].tolist(), strict=True)
        if isinstance(source, str):
            return [source[start:end] for start, end in places]
        return [source[start:end].decode() for start, end in places]

    def part(self, positions: np.ndarray) -> "ColumnarTexts":
        return ColumnarTexts(self._source, self._data, self._starts[positions], self._ends[positions])

    def counts(self) -> dict[str, int]:
        """As `rows.Chunk.counts`."""
        if self.distinct is None:
            return Counter(map(str.strip, self))
        texts, counts = self.distinct.texts, self.distinct.counts.tolist()
        stripped = list(map(str.strip, texts))
        if stripped == texts:
            return dict(zip(texts, counts, strict=True))
        found: Counter[str] = Counter()
        for text, cells in zip(stripped, counts, strict=True):
            found[text] += cells
        return found

    @cached_property
    def sizes(self) -> np.ndarray:
        """In bytes."""
        return self._ends - self._starts

    @property
    def _characters(self) -> np.ndarray:
        return np.frombuffer(self._data, dtype=np.uint8)

    @cached_property
    def words(self) -> list[np.ndarray] | None:
        """The bytes of each cell, eight in a word, zeros behind its end. None where cells are long."""
        longest = int(self.sizes.max(initial=0))
        if longest > _SHORT_BYTES:
            return None
        words = _words_from(self._data, self._starts, -(-max(longest, 1) // 8))
        return [words[:, at] & _KEPT[:, at].take(self.sizes) for at in range(words.shape[1])]

    @cached_property
    def hashes(self) -> np.ndarray:
        """Of short cells; equal for cells of one word if and only if they are equal."""
        return _hashes(self.words, _HASH_FACTORS)

    @cached_property
    def distinct(self) -> Distinct | None:
        """None where cells are long, or different ones have the same hash."""
        first = None if self.words is None else first_equal(self.words, self.hashes)
        return None if first is None else Distinct(self, first)

    @property
    def may_start_formulas(self) -> np.ndarray:
        """Which cells a spreadsheet could run, or have white space or quotation marks in front."""
        return _MAY_START_FORMULA[self._characters[self._starts]] & (self.sizes > 0)

    @property
    def may_have_spaces(self) -> bool:
        """Whether white space may stand around a text."""
        shorter = self.sizes.nonzero()[0]
        starts, ends = self._starts[shorter], self._ends[shorter]
        first, last = self._characters[starts], self._characters[ends - 1]
        return bool(_MAY_BE_SPACE[first].any() or (last <= 32).any() or (last >= 128).any())


def _words_from(data: bytes, starts: np.ndarray, count: int) -> np.ndarray:
    """So many 64-bit words from each start on, shape (..., count)."""
    size = 8 * count
    records = np.ndarray(len(data) - size + 1, dtype=f"V{size}", buffer=data, strides=1)
    return records[starts].view("<u8").reshape(*starts.shape, count)


def _hashes(words: list[np.ndarray], factors: np.ndarray) -> np.ndarray:
    return sum((word * factor for word, factor in zip(words, factors, strict=False)), np.uint64(0))


def encoded(texts: Sequence[str]) -> ColumnarTexts:
    """The same texts, as if they had been cut out of a file."""
    cells = list(map(str.encode, texts))
    ends = np.cumsum(list(map(len, cells)), dtype=np.intp)
    data = b"".join(cells) + bytes(_PADDING)
    return ColumnarTexts(data, data, np.concatenate([[0], ends[:-1]]).astype(np.intp), ends)


def fingerprints(texts: ColumnarTexts | list[str]) -> np.ndarray:
    """32 bits for each cell, the same for equal texts wherever they stand."""
    cells = encoded(texts) if isinstance(texts, list) else texts
    if cells.words is not None:
        return cells.hashes >> np.uint64(32)
    is_short = cells.sizes <= _SHORT_BYTES
    found = np.empty(len(cells), dtype=np.uint64)
    found[is_short] = cells.part(is_short.nonzero()[0]).hashes >> np.uint64(32)
    found[~is_short] = [zlib.crc32(text.encode()) for text in cells.at((~is_short).nonzero()[0])]
    return found


class KnownTexts:
    """Counts cells that have one of many short texts, without a string for each cell.

    A hash table with open addressing; texts are compared by their words, not by their hashes alone. Every
    table has other hashes, so that nobody can make a file of texts that all want the same slot.
    """

    def __init__(self, texts_max: int):
        bits = (_SLOTS_PER_TEXT * (texts_max + 1)).bit_length()
        self._shift, self._last_slot = np.uint64(64 - bits), (1 << bits) - 1
        self._factors = _hash_factors()
        self._in_slot = np.full(1 << bits, -1, dtype=np.int32)
        self._texts: list[str] = []
        self._words = np.zeros((_SHORT_BYTES // 8, texts_max), dtype=np.uint64)
        self._longest = 0  # in words
        self._cells = np.zeros(texts_max, dtype=np.int64)

    def add(self, texts: Iterable[str]) -> None:
        """Those that are not long, and must not be known yet."""
        first, short = len(self._texts), [text for text in texts if len(text.encode()) <= _SHORT_BYTES]
        if not short:
            return
        self._texts += short
        cells = encoded(short)
        for row, words in enumerate(cells.words):
            self._words[row, first : len(self._texts)] = words
        self._longest = max(self._longest, len(cells.words))
        for number, slot in enumerate(self._slots_of(cells).tolist(), first):
            while self._in_slot[slot] >= 0:
                slot = (slot + 1) & self._last_slot
            self._in_slot[slot] = number

    def count(self, cells: ColumnarTexts) -> np.ndarray:
        """Which of these short cells have a known text; they are counted."""
        slots = self._slots_of(cells)
        candidates = self._in_slot[slots]
        is_known = self._are_equal(candidates, cells.words)
        others = ((candidates >= 0) & ~is_known).nonzero()[0]  # whose slot has another text
        while len(others):
            slots[others] = (slots[others] + 1) & self._last_slot
            candidates[others] = self._in_slot[slots[others]]
            is_known[others] = self._are_equal(candidates[others], [words[others] for words in cells.words])
            others = others[(candidates[others] >= 0) & ~is_known[others]]
        self._cells += np.bincount(candidates[is_known], minlength=len(self._cells))
        return is_known

    def _slots_of(self, cells: ColumnarTexts) -> np.ndarray:
        return (_hashes(cells.words, self._factors) >> self._shift).astype(np.intp)

    def _are_equal(self, candidates: np.ndarray, words: list[np.ndarray]) -> np.ndarray:
        """Whether cells of these words have the text of their candidate. Of -1, which is none, never."""
        equal = candidates >= 0
        for row in range(max(len(words), self._longest)):
            equal &= self._words[row, candidates] == (words[row] if row < len(words) else 0)
        return equal

    def take_counts(self) -> dict[str, int]:
        """The cells of each text since the last time."""
        found = self._cells.nonzero()[0].tolist()
        counts = {self._texts[at]: int(self._cells[at]) for at in found}
        self._cells[:] = 0
        return counts
