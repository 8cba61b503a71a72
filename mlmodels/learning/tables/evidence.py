"""What the texts of a column say about it, gathered a chunk at a time and kept small.

Evidence is about unique texts, never about single cells. Nothing is decided here: `kinds.decide` does
that when all rows have been seen.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from mlmodels.learning.tables.dates import PLAIN_DATE, DateShape, are_plain_dates, date_shape
from mlmodels.learning.tables.limits import (
    BLANK_WORDS_CELLS_MIN,
    BLANK_WORDS_SHARE_MAX,
    DISTINCT_COUNTED_MAX,
    KEPT_CHARACTERS_MAX,
    SHOWN_CHARACTERS_MAX,
)
from mlmodels.learning.tables.missing import is_missing_word
from mlmodels.learning.tables.numbers import NumberShape, number_shape, plain_shapes

if TYPE_CHECKING:
    from mlmodels.learning.tables.columnar import ColumnarChunk, ColumnarTexts, KnownTexts
    from mlmodels.learning.tables.rows import Chunk

_LOOKED_AT_TOGETHER = 1_000  # texts; often programs wrote them all
_MISFITS_LOOKED_AT = 500  # after so many texts that do not fit, the column is not of the kind


@dataclass
class Misfits:
    """Texts that are not of a kind, the first of them with its row, and how often each occurs while few."""

    texts: int = 0
    first_text: str = ""
    first_row: int = 0
    cells: Counter = field(default_factory=Counter)

    def add(self, text: str, count: int, row_of: Callable[[str], int]) -> None:
        if not self.texts:
            self.first_text, self.first_row = text, row_of(text)
        text = text[: SHOWN_CHARACTERS_MAX + 1]
        self.texts += text not in self.cells
        if self.is_settled:
            self.cells.clear()
        else:
            self.cells[text] += count

    @property
    def is_settled(self) -> bool:
        return self.texts >= _MISFITS_LOOKED_AT


@dataclass
class ColumnEvidence:
    """`counts` holds every different text with its number of cells, up to `distinct_max` texts.

    Past that (`is_capped`) new texts are no longer added, while those that are kept are counted on.
    """

    name: str
    distinct_max: int = DISTINCT_COUNTED_MAX
    characters_max: int = KEPT_CHARACTERS_MAX
    rows: int = 0
    blanks: int = 0
    counts: Counter = field(default_factory=Counter)
    is_capped: bool = False
    characters_kept: int = 0
    missing_words: set[str] = field(default_factory=set)
    number_shapes: set[NumberShape] = field(default_factory=set)
    not_numbers: Misfits = field(default_factory=Misfits)
    date_shapes: set[DateShape] = field(default_factory=set)
    not_dates: Misfits = field(default_factory=Misfits)
    _known: "KnownTexts | None" = None  # those of `counts`, whose cells it has counted since

    @property
    def present(self) -> int:
        """Cells that are not blank."""
        return self.rows - self.blanks

    @property
    def has_repeats(self) -> bool:
        """Whether one of the texts in `counts` occurs in more than one row."""
        return any(cells > 1 for cells in self.counts.values())

    def add(self, chunk: "Chunk | ColumnarChunk", position: int) -> None:
        """The cells of the column at this position. It does not matter how the rows are divided in chunks."""
        self.rows += len(chunk)
        row_of = partial(_first_row, chunk, position)
        cells = chunk.column(position)
        if isinstance(cells, list) or not self._add_short(cells, row_of):
            self._add_counted(chunk.counts(position), row_of)

    def add_up(self) -> None:
        """Completes `counts`, once all rows have been added."""
        if self._known is not None:
            self.counts.update(self._known.take_counts())

    def _add_counted(self, found: dict[str, int], row_of: Callable[[str], int]) -> None:
        self.blanks += found.pop("", 0)
        known = found.keys() & self.counts.keys()
        for text in known:
            self.counts[text] += found[text]
        if self.is_capped and self._is_settled:
            return
        new = [text for text in found if text not in known] if known else list(found)
        self._count(new, found)
        self._look_at_all(new, found, row_of)

    def _add_short(self, cells: "ColumnarTexts", row_of: Callable[[str], int]) -> bool:
        """Makes strings of new texts alone, and only where it has to. False where it cannot."""
        if cells.words is None or cells.may_have_spaces:
            return False
        is_blank = cells.sizes == 0
        unknown = (~(self._known_texts.count(cells) | is_blank)).nonzero()[0]
        self.blanks += int(is_blank.sum())
        rest = cells.part(unknown)
        if not len(rest) or (self.is_capped and (self._is_settled or self._look_at_plain(rest))):
            return True
        self._add_counted(rest.counts(), row_of)
        return True

    @property
    def _known_texts(self) -> "KnownTexts":
        from mlmodels.learning.tables.columnar import KnownTexts

        if self._known is None:
            self._known = KnownTexts(self.distinct_max)
            self._known.add(list(self.counts))
        return self._known

    def _look_at_plain(self, cells: "ColumnarTexts") -> bool:
        from mlmodels.learning.tables import vectors

        if not self.not_numbers.is_settled:
            shapes = vectors.plain_shapes(cells, ".") or vectors.plain_shapes(cells, ",")
            self.number_shapes |= shapes or set()
            return shapes is not None
        if vectors.plain_moments(cells) is None:
            return False
        self._add_plain_dates(len(cells))
        return True

    def _count(self, new: list[str], found: dict[str, int]) -> None:
        for place, text in enumerate(new):
            has_room = len(self.counts) < self.distinct_max and self.characters_kept <= self.characters_max
            self.is_capped = self.is_capped or not has_room
            if self.is_capped:
                new = new[:place]
                break
            self.counts[text] = found[text]
            self.characters_kept += len(text)
        if self._known is not None and new:
            self._known.add(new)

    def blank_words(self, misfits: Misfits) -> dict[str, int] | None:
        """The misfits and their cells if they are few enough to be read as blanks, else None."""
        if not misfits.texts:
            return {}
        # A text that is counted is counted on; one that came when no more were counted is looked at again
        words = {text: self.counts.get(text, cells) for text, cells in misfits.cells.items()}
        readable = self.present - sum(self.counts[word] for word in self.missing_words)
        is_few = sum(words.values()) <= BLANK_WORDS_SHARE_MAX * readable
        is_short = max(map(len, words), default=0) <= SHOWN_CHARACTERS_MAX
        return words if words and is_few and is_short and readable >= BLANK_WORDS_CELLS_MIN else None

    def _look_at_all(self, texts: Sequence[str], found: dict[str, int], row_of: Callable[[str], int]) -> None:
        for start in range(0, len(texts), _LOOKED_AT_TOGETHER):
            self._look_at(texts[start : start + _LOOKED_AT_TOGETHER], found, row_of)

    def _look_at(self, texts: Sequence[str], found: dict[str, int], row_of: Callable[[str], int]) -> None:
        if self._is_settled:
            return
        if self.not_numbers.is_settled and are_plain_dates(texts):
            self._add_plain_dates(len(texts))
            return
        shapes = None if self.not_numbers.is_settled else plain_shapes(texts)
        if shapes is not None:
            self.number_shapes |= shapes
            return
        for text in texts:
            if is_missing_word(text):
                self.missing_words.add(text)
            elif not self._is_number(text):
                self.not_numbers.add(text, found[text], row_of)
                if not self._is_date(text):
                    self.not_dates.add(text, found[text], row_of)

    def _add_plain_dates(self, texts: int) -> None:
        self.not_numbers.texts += texts
        self.date_shapes.add(PLAIN_DATE)

    @property
    def _is_settled(self) -> bool:
        return self.not_numbers.is_settled and self.not_dates.is_settled

    def _is_number(self, text: str) -> bool:
        shape = None if self.not_numbers.is_settled else number_shape(text)
        if shape is not None:
            self.number_shapes.add(shape)
        return shape is not None

    def _is_date(self, text: str) -> bool:
        shape = None if self.not_dates.is_settled else date_shape(text)
        if shape is not None:
            self.date_shapes.add(shape)
        return shape is not None


def _first_row(chunk: "Chunk | ColumnarChunk", position: int, text: str) -> int:
    """The row number of the first cell of this text."""
    cells = zip(chunk.column(position), chunk.row_numbers, strict=True)
    return next(row for cell, row in cells if cell.strip() == text)
