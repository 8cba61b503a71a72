"""Yes/no columns: which pairs of words count, and text to 1.0 and 0.0."""

import math
from collections.abc import Iterable, Sequence

from mlmodels.learning.tables.missing import each_once, is_missing_word

_PAIRS = """
    true/false yes/no t/f y/n on/off ja/nein j/n wahr/falsch oui/non vrai/faux sí/no si/no ja/nee sim/não
"""
WORD_PAIRS = tuple(tuple(pair.split("/")) for pair in _PAIRS.split())
_VALUES = {word: value for pair in WORD_PAIRS for word, value in zip(pair, (1.0, 0.0), strict=True)}
_VALUES |= {"1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}


def word_pair(words: Iterable[str]) -> tuple[str, str] | None:
    """The pair that exactly these words make (any case), none when they are not a yes/no pair."""
    folded = {word.casefold() for word in words}
    return next((pair for pair in WORD_PAIRS if folded == set(pair)), None)


class BooleanCells:
    """Text to 1.0 and 0.0; blank cells and missing words are NaN. Every known pair is understood."""

    def one(self, text: str) -> float:
        """Raises ValueError with words for the user when `text` is neither yes nor no."""
        word = text.strip().casefold()
        value = _VALUES.get(word)
        if value is not None:
            return value
        if is_missing_word(word):
            return math.nan
        raise ValueError("is neither yes nor no")

    def many(self, texts: Sequence[str]) -> list[float]:
        return each_once(self.one, texts)
